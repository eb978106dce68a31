internal import Core

/// Writes a DKIM-Signature field by RFC 6376 section 3.5, tag by tag, folded at 76 columns where a value lets it.
struct SignatureField {
    /// The field so far, from its name on.
    private(set) var bytes = Array("DKIM-Signature:".utf8)
    private var column = 15

    /// Appends a tag whose value stays in one piece, and `;`.
    mutating func append(_ tag: String, _ value: String) {
        start(tag, room: value.utf8.count + 1)
        bytes.append(contentsOf: value.utf8)
        end()
    }

    /// Appends `h=`, which may go on on the next line behind each colon.
    ///
    /// - Parameter names: The names, a colon behind each.
    mutating func append(names: [UInt8]) {
        var first = 0
        while let colon = names[first...].firstIndex(of: 0x3A) {
            if first == 0 {
                start("h", room: colon)
            } else if column + colon - first + 1 > EncodedWord.lineLimit {
                // The colon or semicolon behind it stays on its line.
                HeaderWriter.fold(column: &column, to: &bytes)
            }
            let isLast = colon + 1 == names.count
            for index in first..<(isLast ? colon : colon + 1) { bytes.append(names[index]) }
            column += colon + 1 - first
            first = colon + 1
        }
        end()
    }

    /// Appends `bh=`, and `b=` without a value: what is signed of the field.
    mutating func append(bodyHash: [UInt8]) {
        start("bh", room: 45)
        Base64.append(bodyHash[...], to: &bytes)
        bytes.append(0x3B)
        HeaderWriter.fold(column: &column, to: &bytes)
        bytes.append(contentsOf: "b=".utf8)
        column += 2
    }

    /// Appends the signature itself and ends the field.
    mutating func append(signature: [UInt8]) {
        var text: [UInt8] = []
        Base64.append(signature[...], to: &text)
        var index = 0
        while index < text.count {
            let end = min(text.count, index + EncodedWord.lineLimit - column)
            bytes.append(contentsOf: text[index..<end])
            if end < text.count { HeaderWriter.fold(column: &column, to: &bytes) }
            index = end
        }
        HeaderWriter.end(&bytes)
    }

    private mutating func start(_ tag: String, room: Int) {
        let width = 2 + tag.utf8.count + room
        if column + width > EncodedWord.lineLimit {
            HeaderWriter.fold(column: &column, to: &bytes)
        } else {
            bytes.append(0x20)
            column += 1
        }
        bytes.append(contentsOf: tag.utf8)
        bytes.append(0x3D)
        column += tag.utf8.count + 1
    }

    private mutating func end() {
        bytes.append(0x3B)
        let line = bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        column = bytes.count - line
    }
}
