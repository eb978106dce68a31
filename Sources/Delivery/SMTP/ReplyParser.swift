import NIOCore

/// Why bytes are no SMTP reply.
enum ReplyError: String, Error, Hashable, Sendable {
    /// A line without three digits and a space, a hyphen or nothing behind them.
    case malformed = "the server's answer is no SMTP reply"
    /// A line that ends with LF alone, or has a CR inside.
    case lineEnd = "the server's answer has a line end other than CR LF"
    /// Lines of one reply with different codes.
    case mixedCodes = "the lines of the server's answer have different codes"
    /// A line beyond ``Limits/replyLine``.
    case lineTooLong = "a line of the server's answer is too long"
    /// A reply beyond ``Limits/reply``.
    case replyTooLong = "the server's answer is too long"
}

/// Cuts bytes into replies, strictly: RFC 5321 section 4.2.
///
/// - A line is three digits, the first 2 to 5, then a hyphen (more lines follow), a space, or nothing at all.
///   The second digit may be any: 571 and 471 are in use.
/// - Lines end with CR LF. A server that says LF alone is refused, at its greeting already: bytes whose line ends are in
///   doubt are what smuggling lives on, and no server of note sends them.
/// - All lines of a reply have one code.
/// - What stands behind the code may be any bytes but CR and LF.
struct ReplyParser {
    private let limits: Limits
    private var code = 0
    private var text: [UInt8] = []
    private var octets = 0

    /// Starts between two replies.
    init(limits: Limits) {
        self.limits = limits
    }

    /// Takes the next whole reply off the buffer; `nil` if it is not there yet.
    ///
    /// Whole lines are taken off in any case, so what stays in the buffer is part of one line.
    mutating func next(from buffer: inout ByteBuffer) throws(ReplyError) -> Reply? {
        while let count = Self.lineLength(buffer.readableBytesUInt8Span) {
            guard count <= limits.replyLine else { throw .lineTooLong }
            let isLast = try take(buffer.readableBytesUInt8Span.extracting(first: count))
            buffer.moveReaderIndex(forwardBy: count)
            if isLast {
                let reply = Reply(code: code, text: text)
                text = []
                octets = 0
                return reply
            }
        }
        guard buffer.readableBytes <= limits.replyLine else { throw .lineTooLong }
        return nil
    }

    /// How long the first line is, its LF included; `nil` if there is no whole line.
    private static func lineLength(_ bytes: Span<UInt8>) -> Int? {
        for index in bytes.indices where bytes[index] == 0x0A { return index + 1 }
        return nil
    }

    /// Takes one line with its end; says whether it was the reply's last.
    private mutating func take(_ line: Span<UInt8>) throws(ReplyError) -> Bool {
        let end = line.count - 2
        guard end >= 0, line[end] == 0x0D else { throw .lineEnd }
        guard end >= 3 else { throw .malformed }
        var number = 0
        for index in 0..<3 {
            guard (0x30...0x39).contains(line[index]) else { throw .malformed }
            number = number * 10 + Int(line[index] - 0x30)
        }
        guard (200...599).contains(number) else { throw .malformed }
        var isLast = true
        if end > 3 {
            switch line[3] {
            case UInt8(ascii: "-"): isLast = false
            case UInt8(ascii: " "): break
            default: throw .malformed
            }
        }
        if octets == 0 {
            code = number
        } else {
            guard number == code else { throw .mixedCodes }
            text.append(0x0A)
        }
        octets += line.count
        guard octets <= limits.reply else { throw .replyTooLong }
        if end > 4 {
            text.reserveCapacity(text.count + end - 4)
            for index in 4..<end {
                guard line[index] != 0x0D else { throw .lineEnd }
                text.append(line[index])
            }
        }
        return isLast
    }
}
