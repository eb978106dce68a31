/// The fields of an `application/x-www-form-urlencoded` body, as a browser or a mail program sends it.
struct FormFields: Sendable {
    /// More fields than this are not looked at.
    static let maximumCount = 1_000

    private var fields: [String: String] = [:]

    /// Reads a body; of a name that stands twice the first value counts, and what is no text is left out.
    init(_ body: some Collection<UInt8>) {
        for pair in body.split(separator: UInt8(ascii: "&")).prefix(Self.maximumCount) {
            let name = pair.prefix { $0 != UInt8(ascii: "=") }
            guard let key = Self.decoded(name), let value = Self.decoded(pair.dropFirst(name.count + 1)) else {
                continue
            }
            if fields[key] == nil { fields[key] = value }
        }
    }

    subscript(name: String) -> String? {
        fields[name]
    }

    private static func decoded(_ text: some Collection<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard let high = digit(rest.popFirst()), let low = digit(rest.popFirst()) else { return nil }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        guard let byte else { return nil }
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): return byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): return byte - UInt8(ascii: "A") + 10
        default: return nil
        }
    }
}
