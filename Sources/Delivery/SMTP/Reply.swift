/// One whole reply of a server: RFC 5321 section 4.2.
struct Reply: Hashable, Sendable {
    /// The three digits, 200 to 599.
    var code: Int
    /// What stands behind the digits: bytes as they came, lines parted by LF, no CR.
    var text: [UInt8]

    /// What the first digit says.
    var severity: Int {
        code / 100
    }

    /// The enhanced status code at the start of the text (RFC 2034), unless its class contradicts the reply code; then
    /// the reply code is believed alone.
    var enhanced: EnhancedStatus? {
        guard let status = EnhancedStatus(startOf: text), status.severity == severity else { return nil }
        return status
    }

    /// The text's lines.
    var lines: [ArraySlice<UInt8>] {
        text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    }
}

/// An enhanced mail system status code, `5.1.1`: RFC 3463 section 2.
struct EnhancedStatus: Hashable, Sendable {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    var severity: Int
    /// What it is about: 1 addressing, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 policy.
    var subject: Int
    /// What exactly.
    var detail: Int

    /// Creates a code.
    init(_ severity: Int, _ subject: Int, _ detail: Int) {
        self.severity = severity
        self.subject = subject
        self.detail = detail
    }

    /// Reads a code that stands at the start of a text and is followed by a space or the text's end.
    init?(startOf text: [UInt8]) {
        guard let length = Self.length(startOf: text[...]) else { return nil }
        var (subject, detail) = (0, 0)
        for byte in text[2..<length] {
            if byte == UInt8(ascii: ".") {
                (subject, detail) = (detail, 0)
            } else {
                detail = detail * 10 + Int(byte - 0x30)
            }
        }
        self.init(Int(text[0] - 0x30), subject, detail)
    }

    /// How many bytes of a text's start are a code; `nil` if it does not start with one.
    static func length(startOf text: ArraySlice<UInt8>) -> Int? {
        let start = text.startIndex
        guard text.count >= 5, text[start] == 0x32 || text[start] == 0x34 || text[start] == 0x35 else { return nil }
        var index = start + 1
        for _ in 0..<2 {
            guard index < text.endIndex, text[index] == UInt8(ascii: ".") else { return nil }
            index += 1
            var digits = 0
            while index < text.endIndex, digits < 3, (0x30...0x39).contains(text[index]) {
                index += 1
                digits += 1
            }
            guard digits > 0 else { return nil }
        }
        guard index == text.endIndex || text[index] == 0x20 || text[index] == 0x0A else { return nil }
        return index - start
    }
}

extension Collection<UInt8> where Index == Int {
    /// Where bytes stand for the first time, ASCII letters of either case taken as equal.
    ///
    /// `pattern` is lower case.
    func firstRange(ofLowercase pattern: [UInt8], from start: Int? = nil) -> Range<Int>? {
        guard let first = pattern.first, count >= pattern.count else { return nil }
        var index = start ?? startIndex
        while index + pattern.count <= endIndex {
            if lowercased(self[index]) == first,
                pattern.indices.dropFirst().allSatisfy({ lowercased(self[index + $0]) == pattern[$0] })
            {
                return index..<(index + pattern.count)
            }
            index += 1
        }
        return nil
    }
}

/// An ASCII letter in lower case; every other byte as it is.
func lowercased(_ byte: UInt8) -> UInt8 {
    (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
}
