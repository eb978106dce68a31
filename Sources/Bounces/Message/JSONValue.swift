/// A JSON text (RFC 8259) as values; what is not JSON is `nil`.
///
/// Bounded in depth and in values.
indirect enum JSONValue {
    case object([String: JSONValue])
    case array([JSONValue])
    case string(String)
    /// Numbers, truth values and null: nothing of ours.
    case other

    /// Reads the value that a text starts with; what follows it is left alone.
    static func read(_ bytes: [UInt8]) -> JSONValue? {
        var scanner = Scanner(bytes: bytes)
        return scanner.value(depth: 0)
    }

    subscript(_ key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    var items: [JSONValue] {
        if case .array(let items) = self { items } else { [] }
    }

    private struct Scanner {
        let bytes: [UInt8]
        var index = 0
        var left = 20_000

        mutating func skipSpace() {
            while index < bytes.count, Lines.isSpace(bytes[index]) { index += 1 }
        }

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            skipSpace()
            guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
            index += 1
            return true
        }

        mutating func value(depth: Int) -> JSONValue? {
            left -= 1
            guard depth < 16, left > 0 else { return nil }
            skipSpace()
            guard index < bytes.count else { return nil }
            switch bytes[index] {
            case UInt8(ascii: "{"): return object(depth: depth)
            case UInt8(ascii: "["): return array(depth: depth)
            case UInt8(ascii: "\""): return string().map { .string($0) }
            default: return word()
            }
        }

        private mutating func object(depth: Int) -> JSONValue? {
            index += 1
            var members: [String: JSONValue] = [:]
            if skip("}") { return .object(members) }
            repeat {
                skipSpace()
                guard let key = string(), skip(":"), let value = value(depth: depth + 1) else { return nil }
                members[key] = value
            } while skip(",")
            return skip("}") ? .object(members) : nil
        }

        private mutating func array(depth: Int) -> JSONValue? {
            index += 1
            var items: [JSONValue] = []
            if skip("]") { return .array(items) }
            repeat {
                guard let value = value(depth: depth + 1) else { return nil }
                items.append(value)
            } while skip(",")
            return skip("]") ? .array(items) : nil
        }

        private mutating func string() -> String? {
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { return nil }
            index += 1
            var text: [UInt8] = []
            while index < bytes.count {
                let byte = bytes[index]
                index += 1
                if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
                guard byte == UInt8(ascii: "\\") else {
                    text.append(byte)
                    continue
                }
                guard index < bytes.count else { return nil }
                let escape = bytes[index]
                index += 1
                switch escape {
                case UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"): text.append(0x20)
                case UInt8(ascii: "b"), UInt8(ascii: "f"): break
                case UInt8(ascii: "u"):
                    guard let scalar = hexadecimal() else { return nil }
                    text.append(contentsOf: Array(String(Character(scalar)).utf8))
                default: text.append(escape)
                }
            }
            return nil
        }

        /// Four digits; half of a surrogate pair becomes the sign for what cannot be shown.
        private mutating func hexadecimal() -> Unicode.Scalar? {
            guard index + 4 <= bytes.count else { return nil }
            let digits = String(decoding: bytes[index..<(index + 4)], as: UTF8.self)
            guard let value = UInt32(digits, radix: 16) else { return nil }
            index += 4
            return Unicode.Scalar(value) ?? "\u{FFFD}"
        }

        private mutating func word() -> JSONValue? {
            let start = index
            while index < bytes.count, isWord(bytes[index]) { index += 1 }
            return index > start ? .other : nil
        }

        private func isWord(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || "+-.".utf8.contains(byte)
        }
    }
}
