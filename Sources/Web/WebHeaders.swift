/// The header fields of a request.
///
/// One object for all requests of a connection that say the same, so that what was found out about them once
/// (``note``) is there the next time. Belongs to one event loop.
package final class WebHeaders {
    /// What whoever answers found out about these fields, and wants to keep for the next request that has the same.
    package var note: AnyObject?

    /// Names and values one behind the other.
    private let bytes: [UInt8]
    private let fields: [(name: Range<Int>, value: Range<Int>)]

    init(_ bytes: [UInt8], _ fields: [(name: Range<Int>, value: Range<Int>)]) {
        self.bytes = bytes
        self.fields = fields
    }

    /// Collects fields from texts.
    package convenience init(_ fields: [(name: String, value: String)]) {
        var bytes: [UInt8] = []
        var ranges: [(name: Range<Int>, value: Range<Int>)] = []
        for field in fields {
            let start = bytes.count
            bytes.append(contentsOf: field.name.utf8)
            let middle = bytes.count
            bytes.append(contentsOf: field.value.utf8)
            ranges.append((start..<middle, middle..<bytes.count))
        }
        self.init(bytes, ranges)
    }

    /// The first value of a field, by its name in lower case.
    package subscript(name: String) -> String? {
        self.bytes(of: name).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The first value's bytes of a field, by its name in lower case.
    package func bytes(of name: String) -> ArraySlice<UInt8>? {
        fields.first { isNamed(name, $0.name) }.map { bytes[$0.value] }
    }

    /// How many values a field has.
    func count(of name: String) -> Int {
        fields.count { isNamed(name, $0.name) }
    }

    /// All fields, their names in lower case.
    package var all: [(name: String, value: String)] {
        fields.map { field in
            (
                String(decoding: bytes[field.name].map(lowercase), as: UTF8.self),
                String(decoding: bytes[field.value], as: UTF8.self)
            )
        }
    }

    /// What the client calls itself.
    package private(set) lazy var agent = self["user-agent"] ?? ""

    /// The host that the request names, in lower case without port.
    package private(set) lazy var host = WebHeaders.hostName(bytes(of: "host") ?? [])

    /// A host without its port, in lower case.
    static func hostName(_ text: ArraySlice<UInt8>) -> String {
        var end = text.endIndex
        if text.first == UInt8(ascii: "[") {
            end = text.firstIndex(of: UInt8(ascii: "]")).map { $0 + 1 } ?? text.endIndex
        } else if let colon = text.firstIndex(of: UInt8(ascii: ":")) {
            end = colon
        }
        return String(decoding: text[..<end], as: UTF8.self).lowercased()
    }

    private func isNamed(_ name: String, _ range: Range<Int>) -> Bool {
        guard range.count == name.utf8.count else { return false }
        var index = range.lowerBound
        for byte in name.utf8 {
            if lowercase(bytes[index]) != byte { return false }
            index += 1
        }
        return true
    }
}

@inline(__always)
func lowercase(_ byte: UInt8) -> UInt8 {
    byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
}
