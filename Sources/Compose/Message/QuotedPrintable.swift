/// The quoted-printable encoding of text, RFC 2045 section 6.7.
///
/// Line ends of any kind become CRLF, and the last line gets one if it has none. No encoded line is longer than 76
/// octets, ends in white space, or starts with a dot or with `From `: nothing on the way has a reason to change it.
enum QuotedPrintable {
    /// The most octets an encoded line may have, CRLF not counted.
    static let lineLimit = 76

    /// Appends the encoded text.
    static func append(_ text: [UInt8], to output: inout [UInt8]) {
        var index = 0
        while index < text.count {
            let end = ByteScan.firstLineEnd(in: text, index..<text.count)
            appendLine(text, index..<end, to: &output)
            output.append(0x0D)
            output.append(0x0A)
            index = LineEnds.after(end, in: text)
        }
    }

    /// How many octets ``append(_:to:)`` will write for a text, within a few in a hundred: a choice between encodings
    /// needs no more.
    static func estimatedCount(_ count: Int, special: Int, lines: Int) -> Int {
        let encoded = count + 2 * special
        return encoded + encoded / 73 * 3 + lines
    }

    private static func appendLine(_ text: [UInt8], _ line: Range<Int>, to output: inout [UInt8]) {
        let end = line.upperBound
        // White space at the line's end would be lost on the way (rule 3), so the last one of it is encoded.
        let literalEnd = !line.isEmpty && isBlank(text[end - 1]) ? end - 1 : end
        var index = line.lowerBound
        var column = 0
        while index < end {
            if column == 0, isGuarded(text, index, end) {
                appendEncoded(text[index], to: &output)
                (index, column) = (index + 1, 3)
                continue
            }
            // One column is kept free for the `=` of a soft break.
            let limit = min(literalEnd, index + lineLimit - 1 - column)
            let stop = ByteScan.firstSpecial(in: text, index..<limit)
            if stop > index {
                ByteScan.append(text, index..<stop, to: &output)
                column += stop - index
                index = stop
                if index == end { return }
            }
            let byte = text[index]
            let isLiteral = index < literalEnd && (byte == 0x09 || byte >= 0x20 && byte < 0x7F && byte != 0x3D)
            let width = isLiteral ? 1 : 3
            // The last character of a line may use the column of the soft break.
            if column + width > (index + 1 == end ? lineLimit : lineLimit - 1) {
                output.append(0x3D)
                output.append(0x0D)
                output.append(0x0A)
                column = 0
                continue
            }
            if isLiteral {
                output.append(byte)
            } else {
                appendEncoded(byte, to: &output)
            }
            (index, column) = (index + 1, column + width)
        }
    }

    /// Whether the byte starts what may not start a line: a dot, which ends a message over SMTP, or `From `, which
    /// begins one in a mailbox file.
    private static func isGuarded(_ text: [UInt8], _ index: Int, _ end: Int) -> Bool {
        text[index] == 0x2E || text[index] == 0x46 && LineEnds.startsWithFrom(text, index..<end)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09
    }

    /// `=` and two upper-case hexadecimal digits.
    @inline(__always)
    static func appendEncoded(_ byte: UInt8, prefix: UInt8 = 0x3D, to output: inout [UInt8]) {
        output.append(prefix)
        output.append(digit(byte >> 4))
        output.append(digit(byte & 15))
    }

    @inline(__always)
    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x37 + value
    }
}
