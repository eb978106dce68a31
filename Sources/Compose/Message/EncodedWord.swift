internal import Core

/// Encoded words, RFC 2047: text of any script in a header that only knows ASCII.
enum EncodedWord {
    /// Where the words stand, which decides the characters that Q may leave as they are (section 5).
    enum Position: Sendable {
        /// In the name before an address; only letters, digits and `!*+-/` are safe.
        case phrase
        /// In a field of free text, as Subject; every printing character but `=?_` is safe.
        case unstructured
    }

    /// The longest line that may hold an encoded word, and one more than the longest word.
    static let lineLimit = 76
    private static let opening = "=?utf-8?"
    /// `=?utf-8?Q?` and `?=`.
    private static let frame = 12
    /// Payload of the longest word.
    private static let payloadLimit = 75 - frame

    /// Appends the whole text as encoded words, each on as much of a line as is left, and keeps the column.
    ///
    /// A word never splits a character. Readers drop the white space between two words, so every space of the text is
    /// inside one.
    static func append(
        _ text: ArraySlice<UInt8>,
        _ position: Position,
        column: inout Int,
        to output: inout [UInt8]
    ) {
        let base64 = isBase64Shorter(text, position)
        var start = text.startIndex
        while start < text.endIndex {
            let room = min(payloadLimit, lineLimit - column - frame)
            let end = base64 ? base64End(text, start, room) : quotedEnd(text, start, room, position)
            guard end > start else {
                HeaderWriter.fold(column: &column, to: &output)
                continue
            }
            let before = output.count
            output.append(contentsOf: opening.utf8)
            output.append(contentsOf: (base64 ? "B?" : "Q?").utf8)
            if base64 {
                Base64.append(text[start..<end], to: &output)
            } else {
                appendQuoted(text[start..<end], position, to: &output)
            }
            output.append(contentsOf: "?=".utf8)
            column += output.count - before
            start = end
            if start < text.endIndex {
                HeaderWriter.fold(column: &column, to: &output)
            }
        }
    }

    /// Q where it is not longer: people can read it in the source.
    private static func isBase64Shorter(_ text: ArraySlice<UInt8>, _ position: Position) -> Bool {
        var quoted = 0
        for byte in text {
            quoted += cost(byte, position)
        }
        return (text.count + 2) / 3 * 4 < quoted
    }

    private static func cost(_ byte: UInt8, _ position: Position) -> Int {
        byte == 0x20 || isSafe(byte, position) ? 1 : 3
    }

    private static func isSafe(_ byte: UInt8, _ position: Position) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x21, 0x2A, 0x2B, 0x2D, 0x2F: true
        case 0x3D, 0x3F, 0x5F: false
        default: position == .unstructured && byte > 0x20 && byte < 0x7F
        }
    }

    /// How far whole characters go whose Q form fits the room.
    private static func quotedEnd(
        _ text: ArraySlice<UInt8>,
        _ start: Int,
        _ room: Int,
        _ position: Position
    ) -> Int {
        var end = start
        var left = room
        while end < text.endIndex {
            let next = characterEnd(text, end)
            for byte in text[end..<next] {
                left -= cost(byte, position)
            }
            guard left >= 0 else { break }
            end = next
        }
        return end
    }

    /// How far whole characters go whose base64 form fits the room.
    private static func base64End(_ text: ArraySlice<UInt8>, _ start: Int, _ room: Int) -> Int {
        let limit = min(text.endIndex, start + max(0, room) / 4 * 3)
        guard limit < text.endIndex else { return limit }
        var end = limit
        while end > start, text[end] & 0xC0 == 0x80 {
            end -= 1
        }
        return end
    }

    private static func characterEnd(_ text: ArraySlice<UInt8>, _ start: Int) -> Int {
        var end = start + 1
        while end < text.endIndex, text[end] & 0xC0 == 0x80 {
            end += 1
        }
        return end
    }

    private static func appendQuoted(_ text: ArraySlice<UInt8>, _ position: Position, to output: inout [UInt8]) {
        for byte in text {
            if byte == 0x20 {
                output.append(UInt8(ascii: "_"))
            } else if isSafe(byte, position) {
                output.append(byte)
            } else {
                QuotedPrintable.appendEncoded(byte, to: &output)
            }
        }
    }
}
