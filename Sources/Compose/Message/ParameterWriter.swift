/// Writes a parameter of a MIME field by RFC 2045 section 5.1 and, where it is not short ASCII, by RFC 2231.
enum ParameterWriter {
    /// Appends `;`, a new line and the parameter.
    ///
    /// Other text than ASCII, and text too long for a line, goes percent-encoded: `name*=utf-8''…`, or in numbered
    /// sections that each hold whole characters. The plain form is not given beside it under the same name: parsers
    /// disagree about which of the two counts.
    static func append(_ name: String, _ value: [UInt8], to output: inout [UInt8]) {
        let isASCII = value.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
        if isASCII, name.utf8.count + value.count + 5 <= EncodedWord.lineLimit {
            startLine(name, to: &output)
            output.append(UInt8(ascii: "="))
            HeaderWriter.appendQuotedString(value[...], to: &output)
            return
        }
        appendExtended(name, value, to: &output)
    }

    private static func appendExtended(_ name: String, _ value: [UInt8], to output: inout [UInt8]) {
        let charset = "utf-8''"
        // ` NAME*nn*=` with two digits, `utf-8''` in the first, `;` at the end.
        let room = EncodedWord.lineLimit - name.utf8.count - charset.utf8.count - 7
        var sections: [Range<Int>] = []
        var start = 0
        var used = 0
        var index = 0
        while index < value.count {
            var next = index + 1
            while next < value.count, value[next] & 0xC0 == 0x80 {
                next += 1
            }
            let width = value[index..<next].reduce(0) { $0 + (isSafe($1) ? 1 : 3) }
            if used + width > room {
                sections.append(start..<index)
                (start, used) = (index, 0)
            }
            used += width
            index = next
        }
        sections.append(start..<index)
        for (number, section) in sections.enumerated() {
            startLine(name, to: &output)
            output.append(contentsOf: (sections.count == 1 ? "*=" : "*\(number)*=").utf8)
            if number == 0 { output.append(contentsOf: charset.utf8) }
            for byte in value[section] {
                if isSafe(byte) {
                    output.append(byte)
                } else {
                    QuotedPrintable.appendEncoded(byte, prefix: UInt8(ascii: "%"), to: &output)
                }
            }
        }
    }

    private static func startLine(_ name: String, to output: inout [UInt8]) {
        output.append(contentsOf: ";\r\n ".utf8)
        output.append(contentsOf: name.utf8)
    }

    /// RFC 2231 section 7 `attribute-char`.
    private static func isSafe(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23, 0x24, 0x26, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7B...0x7E: true
        default: false
        }
    }
}
