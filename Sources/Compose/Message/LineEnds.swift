/// Line ends of text that people wrote: LF, CR LF, or a lone CR.
enum LineEnds {
    /// Where the next line starts, given where one ends.
    static func after(_ end: Int, in text: [UInt8]) -> Int {
        guard end < text.count else { return end }
        let isPair = text[end] == 0x0D && end + 1 < text.count && text[end + 1] == 0x0A
        return end + (isPair ? 2 : 1)
    }

    /// Appends the text with every line ended by CRLF, the last one too.
    static func appendCanonical(_ text: [UInt8], to output: inout [UInt8]) {
        var index = 0
        while index < text.count {
            let end = ByteScan.firstLineEnd(in: text, index..<text.count)
            ByteScan.append(text, index..<end, to: &output)
            output.append(0x0D)
            output.append(0x0A)
            index = after(end, in: text)
        }
    }

    /// Whether the line starts with `From `, which mailbox files take for a new message.
    static func startsWithFrom(_ text: [UInt8], _ line: Range<Int>) -> Bool {
        line.count >= 5 && text[line.lowerBound..<(line.lowerBound + 5)].elementsEqual("From ".utf8)
    }
}
