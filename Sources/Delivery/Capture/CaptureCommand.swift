/// A command line of SMTP, taken apart.
enum CaptureCommand: Hashable {
    case ehlo
    case helo
    case startTLS
    case auth(mechanism: String, initial: [UInt8]?)
    case mail(Path)
    case recipient(Path)
    case data
    case reset
    case noop
    case verify
    case help
    case quit
    /// A known command with arguments that are not.
    case malformed
    case unknown

    /// A mailbox in angle brackets and what stands behind it.
    struct Path: Hashable {
        var mailbox: String
        var parameters: [String]
    }

    /// Reads a line without its line break.
    init(_ line: ArraySlice<UInt8>) {
        let verbEnd = line.firstIndex(of: 0x20) ?? line.endIndex
        let rest = line[verbEnd...].dropFirst()
        switch String(decoding: line[..<verbEnd], as: UTF8.self).uppercased() {
        case "EHLO": self = rest.isEmpty ? .malformed : .ehlo
        case "HELO": self = rest.isEmpty ? .malformed : .helo
        case "STARTTLS": self = rest.isEmpty ? .startTLS : .malformed
        case "DATA": self = rest.isEmpty ? .data : .malformed
        case "RSET": self = rest.isEmpty ? .reset : .malformed
        case "QUIT": self = .quit
        case "NOOP": self = .noop
        case "VRFY": self = .verify
        case "HELP": self = .help
        case "AUTH":
            let words = rest.split(separator: 0x20, maxSplits: 1)
            guard let mechanism = words.first else {
                self = .malformed
                return
            }
            self = .auth(
                mechanism: String(decoding: mechanism, as: UTF8.self).uppercased(),
                initial: words.count > 1 ? Array(words[1]) : nil
            )
        case "MAIL": self = Self.path(in: rest, after: "FROM:").map(Self.mail) ?? .malformed
        case "RCPT": self = Self.path(in: rest, after: "TO:").map(Self.recipient) ?? .malformed
        default: self = .unknown
        }
    }

    private static func path(in line: ArraySlice<UInt8>, after keyword: String) -> Path? {
        let head = line.prefix(keyword.utf8.count)
        guard String(decoding: head, as: UTF8.self).uppercased() == keyword else { return nil }
        let rest = line.dropFirst(head.count).drop { $0 == 0x20 }
        guard rest.first == UInt8(ascii: "<"), let end = closingBracket(in: rest) else { return nil }
        let words = rest[end...].dropFirst()
        guard words.isEmpty || words.first == 0x20 else { return nil }
        return Path(
            mailbox: String(decoding: rest[..<end].dropFirst(), as: UTF8.self),
            parameters: words.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
        )
    }

    /// The `>` that is not within a quoted local part.
    private static func closingBracket(in path: ArraySlice<UInt8>) -> Int? {
        var (isQuoted, isEscaped) = (false, false)
        for (index, byte) in zip(path.indices, path) {
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == UInt8(ascii: ">"), !isQuoted {
                return index
            }
        }
        return nil
    }
}
