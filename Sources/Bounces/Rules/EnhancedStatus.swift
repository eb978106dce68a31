/// An enhanced status code (RFC 3463).
struct EnhancedStatus: Hashable, Sendable {
    var level: Int
    var subject: Int
    var detail: Int

    var text: String {
        "\(level).\(subject).\(detail)"
    }

    /// Whether it says no more than its class: `5.0.0`.
    var isGeneral: Bool {
        subject == 0 && detail == 0
    }

    /// The code that a text starts with, white space and `#` aside.
    init?(startOf text: String) {
        var bytes = Array(text.utf8.prefix(32))[...]
        bytes = bytes.drop { Lines.isSpace($0) || $0 == UInt8(ascii: "#") }
        guard let found = Self.read(bytes) else { return nil }
        self = found
    }

    /// The first code anywhere in a server's words.
    init?(in text: SearchText) {
        let bytes = text.bytes
        for index in bytes.indices.dropLast(4) where bytes[index + 1] == UInt8(ascii: ".") {
            // `192.0.2.1` and `8.14.4` hold none: a code stands by itself.
            if index > 0, Self.isPartOfWord(bytes[index - 1]) { continue }
            if let found = Self.read(bytes[index...]) {
                self = found
                return
            }
        }
        return nil
    }

    private init(_ level: Int, _ subject: Int, _ detail: Int) {
        self.level = level
        self.subject = subject
        self.detail = detail
    }

    private static func read(_ bytes: ArraySlice<UInt8>) -> EnhancedStatus? {
        var rest = bytes
        var numbers: [Int] = []
        for place in 0..<3 {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard (1...(place == 0 ? 1 : 3)).contains(digits.count) else { return nil }
            numbers.append(digits.reduce(0) { $0 * 10 + Int($1 - 0x30) })
            rest = rest.dropFirst(digits.count)
            if place < 2 {
                guard rest.first == UInt8(ascii: ".") else { return nil }
                rest = rest.dropFirst()
            }
        }
        guard [2, 4, 5].contains(numbers[0]) else { return nil }
        if let next = rest.first {
            if next == UInt8(ascii: "-") || (0x61...0x7A).contains(next | 0x20) { return nil }
            if next == UInt8(ascii: "."), let after = rest.dropFirst().first, (0x30...0x39).contains(after) {
                return nil
            }
        }
        return EnhancedStatus(numbers[0], numbers[1], numbers[2])
    }

    private static func isPartOfWord(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == UInt8(ascii: ".")
            || byte >= 0x80 || byte == UInt8(ascii: "@")
    }
}

/// The reply code of an SMTP server in its words.
enum ReplyCode {
    /// The first number from 400 to 599 that stands by itself, and not as an address's or a port's part.
    static func first(in text: SearchText) -> Int? {
        let bytes = text.bytes
        var index = 0
        while index + 2 < bytes.count {
            defer { index += 1 }
            guard bytes[index] == UInt8(ascii: "4") || bytes[index] == UInt8(ascii: "5") else { continue }
            let digits = bytes[index...].prefix(4).prefix { (0x30...0x39).contains($0) }
            guard digits.count == 3, bytes[index + 1] <= UInt8(ascii: "5") else { continue }
            if index > 0, !isEdge(bytes[index - 1]) { continue }
            if index + 3 < bytes.count, !isEnd(bytes[index + 3]) { continue }
            return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        }
        return nil
    }

    private static func isEdge(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "(") || byte == UInt8(ascii: "'")
            || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "#")
            || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "<")
    }

    private static func isEnd(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ",")
            || byte == UInt8(ascii: "]") || byte == UInt8(ascii: ")") || byte == UInt8(ascii: "#")
    }
}
