/// A text made ready for being searched for many phrases: lower case, white space as single spaces, and a map of which
/// three bytes follow each other anywhere in it, so that most phrases are ruled out by a look at the map.
struct SearchText: Sendable {
    /// The most that is looked at.
    static let maximum = 4 * 1_024

    let bytes: [UInt8]
    private var map = [UInt64](repeating: 0, count: 1_024)

    init(_ text: String) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(text.utf8.count, Self.maximum))
        for byte in Self.lowered(text).utf8 {
            if bytes.count == Self.maximum { break }
            if Lines.isSpace(byte) {
                if bytes.last != 0x20 { bytes.append(0x20) }
            } else {
                bytes.append(byte)
            }
        }
        if bytes.last == 0x20 { bytes.removeLast() }
        self.bytes = bytes
        for index in bytes.indices.dropLast(2) {
            let slot = Self.slot(bytes[index], bytes[index + 1], bytes[index + 2])
            map[slot >> 6] |= 1 << UInt64(slot & 63)
        }
    }

    /// A text's beginning in lower case, in any script.
    private static func lowered(_ text: String) -> String {
        String(decoding: text.utf8.prefix(4 * maximum), as: UTF8.self).lowercased()
    }

    var isEmpty: Bool {
        bytes.isEmpty
    }

    func contains(_ phrase: Phrase) -> Bool {
        var from = bytes.startIndex
        for segment in phrase.segments {
            guard segment.slots.allSatisfy({ map[$0 >> 6] & (1 << UInt64($0 & 63)) != 0 }),
                let found = find(segment.bytes, from: from)
            else { return false }
            from = found + segment.bytes.count
        }
        return true
    }

    /// Where a text stands, from an index on.
    private func find(_ needle: [UInt8], from start: Int) -> Int? {
        guard let first = needle.first, bytes.count - start >= needle.count else { return nil }
        for index in start...(bytes.count - needle.count)
        where bytes[index] == first && bytes[index..<(index + needle.count)].elementsEqual(needle) {
            return index
        }
        return nil
    }

    fileprivate static func slot(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> Int {
        (Int(first) &* 961 &+ Int(second) &* 31 &+ Int(third)) & 0xFFFF
    }

    /// A phrase of the rules: texts that follow each other, with anything between.
    struct Phrase: Sendable {
        fileprivate struct Segment: Sendable {
            var bytes: [UInt8]
            var slots: [Int]
        }

        fileprivate var segments: [Segment]

        /// Reads a phrase; `*` stands for anything between.
        ///
        /// `nil` if nothing is left to look for.
        init?(_ text: String) {
            segments = text.lowercased().utf8.split(separator: UInt8(ascii: "*")).compactMap { part in
                let lower = Array(part)
                let slots = lower.indices.dropLast(2).map { SearchText.slot(lower[$0], lower[$0 + 1], lower[$0 + 2]) }
                return Segment(bytes: lower, slots: slots)
            }
            if segments.isEmpty { return nil }
        }
    }
}
