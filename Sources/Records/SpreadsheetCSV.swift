package import Core

/// Lines of CSV as spreadsheets want them: UTF-8 with a byte-order mark, CRLF, RFC 4180 quotes, and no cell that would be
/// run as a formula.
///
/// A cell that begins with `=`, `+`, `-`, `@`, a tab, a line break or the full-width form of a sign gets an apostrophe in
/// front (OWASP, CSV Injection): the key `-5` is written `'-5`. What is no text - bytes that are not UTF-8, control
/// characters other than tab and line breaks - becomes U+FFFD.
package struct SpreadsheetCSV {
    /// What was written and not yet taken.
    package private(set) var bytes: [UInt8] = []
    private var atLineStart = true
    private var moment: Timestamp?
    private var momentText: [UInt8] = []

    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Starts with the byte-order mark and the header line.
    package init(columns: [String]) {
        bytes = Self.mark
        for column in columns { cell(column) }
        endLine()
    }

    /// Gives up what was written so far.
    package mutating func take() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    /// Ends a line.
    package mutating func endLine() {
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
        atLineStart = true
    }

    /// Writes an empty cell.
    package mutating func empty() {
        separate()
    }

    /// Writes a count; never a formula, whatever its sign.
    package mutating func number(_ value: some BinaryInteger) {
        separate()
        bytes.append(contentsOf: String(value).utf8)
    }

    /// Writes a time, or an empty cell.
    package mutating func time(_ time: Timestamp?) {
        separate()
        guard let time else { return }
        if time != moment {
            moment = time
            momentText = Array(time.description.utf8)
        }
        bytes.append(contentsOf: momentText)
    }

    /// Writes a text.
    package mutating func cell(_ text: String) {
        separate()
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        finish(from: start)
    }

    /// Writes a cell.
    package mutating func cell(_ text: ArraySlice<UInt8>) {
        separate()
        let start = bytes.count
        bytes.append(contentsOf: text)
        finish(from: start)
    }

    /// Looks at a cell where it stands, since nearly all may stay as they are, and writes the others anew.
    private mutating func finish(from start: Int) {
        guard bytes.count > start else { return }
        var isPlain = bytes[start] != 0x20 && bytes[bytes.count - 1] != 0x20
        var isText = true
        for index in start..<bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: ";"), 0x09, 0x0A, 0x0D: isPlain = false
            case 0x00..<0x20, 0x7F...: isText = false
            default: break
            }
        }
        if isPlain, isText, !Self.startsFormula(bytes[start...]) { return }
        let text = isText ? Array(bytes[start...]) : Self.repaired(bytes[start...])
        bytes.removeLast(bytes.count - start)
        if isPlain, isText {
            bytes.append(UInt8(ascii: "'"))
            bytes.append(contentsOf: text)
        } else {
            quoted(text)
        }
    }

    private mutating func separate() {
        if !atLineStart { bytes.append(UInt8(ascii: ",")) }
        atLineStart = false
    }

    /// Quotes are always allowed, so that text which is not plain ASCII simply has them.
    private mutating func quoted(_ text: [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        if Self.startsFormula(text[...]) { bytes.append(UInt8(ascii: "'")) }
        for byte in text {
            if byte == UInt8(ascii: "\"") { bytes.append(byte) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func startsFormula(_ text: ArraySlice<UInt8>) -> Bool {
        switch text.first {
        case UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "@"), 0x09, 0x0A, 0x0D:
            return true
        case 0xEF:
            // U+FF1D, U+FF0B, U+FF0D, U+FF20: spreadsheets take the full-width signs for the others.
            let third = text.dropFirst(2).first
            return text.dropFirst().first == 0xBC && (third == 0x9D || third == 0x8B || third == 0x8D || third == 0xA0)
        default:
            return false
        }
    }

    /// Valid UTF-8 without control characters.
    private static func repaired(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            let isKept: Bool
            switch scalar.value {
            case 0x09, 0x0A, 0x0D: isKept = true
            case 0x00..<0x20, 0x7F..<0xA0: isKept = false
            default: isKept = true
            }
            result.append(contentsOf: UTF8.encode(isKept ? scalar : "\u{FFFD}") ?? UTF8.encodedReplacementCharacter)
        }
        return result
    }
}
