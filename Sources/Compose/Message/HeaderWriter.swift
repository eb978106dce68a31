internal import Core

/// Writes header fields by RFC 5322 section 2.2: folded at 76 columns, never a line of white space alone.
///
/// The texts come through ``HeaderValue``'s rule: no control character but tab is in them.
enum HeaderWriter {
    /// Starts a new line of the same field.
    static func fold(column: inout Int, to output: inout [UInt8]) {
        output.append(contentsOf: [0x0D, 0x0A, 0x20])
        column = 1
    }

    /// Appends a field whose body is ready.
    static func append(_ name: String, _ body: String, to output: inout [UInt8]) {
        output.append(contentsOf: name.utf8)
        output.append(contentsOf: ": ".utf8)
        output.append(contentsOf: body.utf8)
        end(&output)
    }

    /// Ends a field.
    static func end(_ output: inout [UInt8]) {
        output.append(0x0D)
        output.append(0x0A)
    }

    // MARK: Free text

    /// Appends a field of free text, as Subject; white space at its ends is dropped, as it would be on the way.
    static func appendUnstructured(_ name: String, _ value: ArraySlice<UInt8>, to output: inout [UInt8]) {
        let text = trimmed(value)
        output.append(contentsOf: name.utf8)
        output.append(contentsOf: ": ".utf8)
        var column = name.utf8.count + 2
        if !appendFolded(text, column: &column, to: &output) {
            EncodedWord.append(text, .unstructured, column: &column, to: &output)
        }
        end(&output)
    }

    /// Writes text as it is, folded at single spaces; writes nothing and says `false` if that is not possible: it is not
    /// ASCII, holds a tab, looks like an encoded word, or has a word too long for a line.
    private static func appendFolded(
        _ text: ArraySlice<UInt8>,
        column: inout Int,
        to output: inout [UInt8]
    ) -> Bool {
        let (countBefore, columnBefore) = (output.count, column)
        var previous: UInt8 = 0x20
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            guard byte >= 0x20, byte < 0x7F, !(byte == 0x3F && previous == 0x3D) else { break }
            if byte == 0x20, previous != 0x20, column + 1 + wordLength(text, index + 1) > EncodedWord.lineLimit,
                index + 1 < text.endIndex, text[index + 1] != 0x20
            {
                output.append(contentsOf: [0x0D, 0x0A])
                column = 0
            }
            output.append(byte)
            column += 1
            guard column <= EncodedWord.lineLimit else { break }
            previous = byte
            index += 1
        }
        if index == text.endIndex { return true }
        output.removeLast(output.count - countBefore)
        column = columnBefore
        return false
    }

    /// The octets up to the next space.
    private static func wordLength(_ text: ArraySlice<UInt8>, _ start: Int) -> Int {
        var index = start
        while index < text.endIndex, text[index] != 0x20 {
            index += 1
        }
        return index - start
    }

    static func trimmed(_ value: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = value
        while let first = text.first, first == 0x20 || first == 0x09 {
            text.removeFirst()
        }
        while let last = text.last, last == 0x20 || last == 0x09 {
            text.removeLast()
        }
        return text
    }

    // MARK: Mailboxes

    /// Appends a field with one mailbox: the bare address, or a name and the address in angle brackets.
    ///
    /// The address stands as it is, in UTF-8 where it has other characters than ASCII (RFC 6532).
    static func appendMailbox(
        _ field: String,
        name: ArraySlice<UInt8>,
        address: Address,
        to output: inout [UInt8]
    ) {
        output.append(contentsOf: field.utf8)
        output.append(contentsOf: ": ".utf8)
        let name = trimmed(name)
        if name.isEmpty {
            append(address, to: &output)
        } else {
            var column = field.utf8.count + 2
            appendPhrase(name, column: &column, to: &output)
            let length = address.localPart.utf8.count + address.domain.utf8.count + 4
            if column + length > EncodedWord.lineLimit {
                output.append(0x0D)
                output.append(0x0A)
            }
            output.append(contentsOf: " <".utf8)
            append(address, to: &output)
            output.append(UInt8(ascii: ">"))
        }
        end(&output)
    }

    private static func append(_ address: Address, to output: inout [UInt8]) {
        output.append(contentsOf: address.localPart.utf8)
        output.append(UInt8(ascii: "@"))
        output.append(contentsOf: address.domain.utf8)
    }

    /// Appends a phrase: words as they are, else in quotes, else as encoded words.
    static func appendPhrase(_ text: ArraySlice<UInt8>, column: inout Int, to output: inout [UInt8]) {
        var needsQuotes = false
        var needsWords = column + text.count > EncodedWord.lineLimit - 2
        var previous: UInt8 = 0
        for byte in text {
            if byte < 0x20 || byte >= 0x7F || byte == 0x3F && previous == 0x3D {
                needsWords = true
            } else if !isAtom(byte), byte != 0x20 || previous == 0x20 {
                needsQuotes = true
            }
            previous = byte
        }
        if needsWords {
            EncodedWord.append(text, .phrase, column: &column, to: &output)
            return
        }
        let before = output.count
        if needsQuotes {
            appendQuotedString(text, to: &output)
        } else {
            output.append(contentsOf: text)
        }
        column += output.count - before
    }

    /// Appends printing ASCII in quotes, with `"` and `\` behind a backslash.
    static func appendQuotedString(_ text: ArraySlice<UInt8>, to output: inout [UInt8]) {
        output.append(0x22)
        for byte in text {
            if byte == 0x22 || byte == 0x5C { output.append(0x5C) }
            output.append(byte)
        }
        output.append(0x22)
    }

    /// RFC 5322 section 3.2.3 `atext`.
    static func isAtom(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2F, 0x3D, 0x3F, 0x5E, 0x5F, 0x60, 0x7B...0x7E: true
        default: false
        }
    }
}
