/// Writes one flat JSON object: members with texts and whole numbers, no spaces.
struct JSONLine {
    private(set) var bytes: [UInt8]
    private var isFirst: Bool

    private static let digits = Array("0123456789abcdef".utf8)

    /// Begins an object.
    init() {
        bytes = [UInt8(ascii: "{")]
        isFirst = true
    }

    /// Goes on behind bytes that hold an object's beginning, or lines of such members: a comma comes first.
    init(continuing bytes: [UInt8]) {
        self.bytes = bytes
        isFirst = false
    }

    mutating func append(_ name: StaticString, _ text: String) {
        append(name: name)
        bytes.append(UInt8(ascii: "\""))
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        // Nearly all texts stand as they are.
        if bytes[start...].contains(where: Self.mustEscape) { escape(from: start) }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func append(_ name: StaticString, _ number: Int) {
        append(name: name)
        append(number)
    }

    /// The bytes, which the caller has alone from now on.
    mutating func takeBytes() -> [UInt8] {
        let taken = bytes
        bytes = []
        return taken
    }

    private static func mustEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func escape(from start: Int) {
        let text = Array(bytes[start...])
        bytes.removeLast(text.count)
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20, 0x7F:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(Self.digits[Int(byte >> 4)])
                bytes.append(Self.digits[Int(byte & 15)])
            default:
                bytes.append(byte)
            }
        }
    }

    private mutating func append(_ number: Int) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        var rest = number.magnitude
        repeat {
            bytes.append(0x30 + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    private mutating func append(name: StaticString) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        bytes.append(UInt8(ascii: "\""))
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }
}

/// Reads what ``JSONLine`` writes, and nothing else: a flat object, texts and whole numbers, no spaces, no name twice.
struct JSONObject {
    private enum Value {
        case text(String)
        case number(Int)
    }

    private var members: [(name: String, value: Value)] = []

    /// Reads an object that fills the whole slice; `nil` for anything else.
    init?(_ line: ArraySlice<UInt8>) {
        var rest = line
        guard rest.popFirst() == UInt8(ascii: "{") else { return nil }
        members.reserveCapacity(16)
        if rest.first == UInt8(ascii: "}"), rest.count == 1 { return }
        while true {
            guard let name = Self.text(&rest), rest.popFirst() == UInt8(ascii: ":"), let value = Self.value(&rest),
                !members.contains(where: { $0.name == name })
            else { return nil }
            members.append((name, value))
            switch rest.popFirst() {
            case UInt8(ascii: ","): continue
            case UInt8(ascii: "}"):
                guard rest.isEmpty else { return nil }
                return
            default: return nil
            }
        }
    }

    func text(_ name: String) -> String? {
        for member in members where member.name == name {
            if case .text(let text) = member.value { return text }
        }
        return nil
    }

    func number(_ name: String) -> Int? {
        for member in members where member.name == name {
            if case .number(let number) = member.value { return number }
        }
        return nil
    }

    private static func value(_ rest: inout ArraySlice<UInt8>) -> Value? {
        if rest.first == UInt8(ascii: "\"") { return text(&rest).map(Value.text) }
        let digits = rest.prefix { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }
        rest = rest[digits.endIndex...]
        let written = String(decoding: digits, as: UTF8.self)
        guard let number = Int(written), String(number) == written else { return nil }
        return .number(number)
    }

    private static func text(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
        guard let end = rest.firstIndex(where: { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") || $0 < 0x20 })
        else { return nil }
        if rest[end] == UInt8(ascii: "\"") {
            defer { rest = rest[(end + 1)...] }
            return String(validating: rest[..<end], as: UTF8.self)
        }
        return escapedText(&rest)
    }

    private static func escapedText(_ rest: inout ArraySlice<UInt8>) -> String? {
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""):
                return String(validating: bytes, as: UTF8.self)
            case 0..<0x20:
                return nil
            case UInt8(ascii: "\\"):
                guard let escape = rest.popFirst() else { return nil }
                switch escape {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                    bytes.append(escape)
                case UInt8(ascii: "u"):
                    let digits = rest.prefix(4)
                    guard digits.count == 4,
                        let scalar = UInt32(String(decoding: digits, as: UTF8.self), radix: 16), scalar < 0x80
                    else { return nil }
                    bytes.append(UInt8(scalar))
                    rest = rest.dropFirst(4)
                default:
                    return nil
                }
            default:
                bytes.append(byte)
            }
        }
        return nil
    }
}
