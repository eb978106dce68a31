import Core

/// A value as JSON has it; members keep their order.
indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case text(String)
    case list([JSONValue])
    case object([Member])

    /// A name and its value.
    struct Member: Equatable, Sendable {
        var name: String
        var value: JSONValue
    }

    /// An object whose members come as pairs.
    static func members(_ pairs: [(String, JSONValue)]) -> JSONValue {
        .object(pairs.map { Member(name: $0.0, value: $0.1) })
    }

    /// A text, or null.
    static func optional(_ text: String?) -> JSONValue {
        text.map { .text($0) } ?? .null
    }

    /// A number, or null.
    static func optional(_ number: Int?) -> JSONValue {
        number.map { .int($0) } ?? .null
    }

    /// The member of a name, for those who look into a document.
    subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The text, on one line.
    var bytes: [UInt8] {
        var output: [UInt8] = []
        append(to: &output)
        output.append(UInt8(ascii: "\n"))
        return output
    }

    private func append(to output: inout [UInt8]) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .int(let value): output.append(contentsOf: String(value).utf8)
        case .text(let text): Self.append(text, to: &output)
        case .list(let values):
            output.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                value.append(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                Self.append(member.name, to: &output)
                output.append(UInt8(ascii: ":"))
                member.value.append(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    private static func append(_ text: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                output.append(UInt8(ascii: "\\"))
                output.append(UInt8(truncatingIfNeeded: scalar.value))
            // What ends a line in JavaScript, and what would turn the reading direction in a terminal, is written as a number.
            case _
            where scalar.value < 0x20 || scalar.value == 0x7F || scalar.properties.generalCategory == .format
                || (0x2028...0x2029).contains(scalar.value):
                for unit in String(scalar).utf16 {
                    output.append(contentsOf: "\\u".utf8)
                    output.append(contentsOf: Hex.encode([UInt8(unit >> 8), UInt8(unit & 0xFF)]).utf8)
                }
            default: output.append(contentsOf: String(scalar).utf8)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
