/// How a text part goes over the wire, RFC 2045 section 6: as it is where that is safe, else by the shorter encoding.
enum TransferEncoding: Sendable {
    /// Lines of ASCII that need no encoding.
    case sevenBit
    /// ASCII with some bytes encoded.
    case quotedPrintable
    /// Everything encoded; for scripts that quoted-printable would triple.
    case base64

    /// The most octets of a line, CRLF not counted (RFC 5322 section 2.1.1).
    static let lineLimit = 998

    /// Chooses for a text.
    ///
    /// As it is only if no line is too long, ends in white space that could be lost, or starts with what SMTP, a mailbox
    /// file or a multipart gives a meaning: a dot, `From `, a boundary of ours.
    init(for text: [UInt8]) {
        var lines = 0
        var isPlain = true
        var index = 0
        while index < text.count {
            let end = ByteScan.firstLineEnd(in: text, index..<text.count)
            if isPlain, !Self.isPlain(text, index..<end) { isPlain = false }
            lines += 1
            index = LineEnds.after(end, in: text)
        }
        if isPlain {
            self = .sevenBit
            return
        }
        let special = ByteScan.countEncoded(in: text)
        let quoted = QuotedPrintable.estimatedCount(text.count, special: special, lines: lines)
        self = quoted <= Base64Lines.encodedCount(text.count + lines) ? .quotedPrintable : .base64
    }

    /// The word for Content-Transfer-Encoding.
    var name: String {
        switch self {
        case .sevenBit: "7bit"
        case .quotedPrintable: "quoted-printable"
        case .base64: "base64"
        }
    }

    private static func isPlain(_ text: [UInt8], _ line: Range<Int>) -> Bool {
        guard !line.isEmpty else { return true }
        let first = text[line.lowerBound]
        let last = text[line.upperBound - 1]
        guard line.count <= lineLimit, first != 0x2E, last != 0x20, last != 0x09 else { return false }
        if first == 0x46, LineEnds.startsWithFrom(text, line) { return false }
        if first == 0x2D, text[line].starts(with: "--=_".utf8) { return false }
        var index = line.lowerBound
        while true {
            index = ByteScan.firstSpecial(in: text, index..<line.upperBound)
            guard index < line.upperBound else { return true }
            guard text[index] == 0x3D || text[index] == 0x09 else { return false }
            index += 1
        }
    }

    /// Appends the encoded text; `canonical` is a buffer to work in.
    func append(_ text: [UInt8], canonical: inout [UInt8], to output: inout [UInt8]) {
        switch self {
        case .sevenBit:
            LineEnds.appendCanonical(text, to: &output)
        case .quotedPrintable:
            QuotedPrintable.append(text, to: &output)
        case .base64:
            canonical.removeAll(keepingCapacity: true)
            LineEnds.appendCanonical(text, to: &canonical)
            Base64Lines.append(canonical, to: &output)
        }
    }
}
