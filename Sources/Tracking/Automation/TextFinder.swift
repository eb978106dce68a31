/// Finds which of many short texts stand in another, in one pass over it.
struct TextFinder: Sendable {
    private struct Needle: Sendable {
        var bytes: [UInt8]
        var id: Int
    }

    /// The texts by their first byte.
    private var needles: [[Needle]] = Array(repeating: [], count: 256)

    /// Takes texts, none of them empty, each with a number.
    init(_ texts: some Sequence<(text: String, id: Int)>) {
        for (text, id) in texts {
            let bytes = Array(text.utf8)
            guard let first = bytes.first else { continue }
            needles[Int(first)].append(Needle(bytes: bytes, id: id))
        }
    }

    /// Hands over the number of each text that stands in these bytes, some more than once.
    func find(in bytes: [UInt8], _ body: (Int) -> Void) {
        for start in bytes.indices {
            for needle in needles[Int(bytes[start])] where start + needle.bytes.count <= bytes.count {
                if bytes[start..<(start + needle.bytes.count)].elementsEqual(needle.bytes) { body(needle.id) }
            }
        }
    }
}

extension [UInt8] {
    /// A text's bytes with its capital letters of ASCII made small.
    init(lowercasing text: String) {
        self = text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }
}
