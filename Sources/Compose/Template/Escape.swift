/// How a cell is written in its place.
enum Escape: UInt8, Sendable {
    /// As it is: text bodies, and HTML from columns that the manifest trusts.
    case none
    /// HTML text, and attribute values in quotes: no markup, no quote's end, no entity.
    case html
    /// An attribute value without quotes: no white space either, and nothing that old parsers take for a quote.
    case unquoted
    /// Inside a URL's path, query or fragment: all but RFC 3986's unreserved characters as `%XX`.
    case url
    /// A header or a file's name: as it is, but a line break or control character stops the row.
    case header
    /// Trusted HTML in a text body: its tags taken out, its entities decoded.
    case markupToText
}

extension Escape {
    private static func mask(_ characters: StaticString) -> UInt64 {
        characters.ascii.reduce(0) { $0 | 1 << UInt64($1 & 63) }
    }

    private static let htmlMask = mask("\"&'<>")
    private static let unquotedMask = mask("\"&'<>+=\t\n\u{C}\r ")
    private static let unreservedLow = mask("-.0123456789")
    private static let unreservedHigh = mask("ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~")
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// Appends cell bytes in HTML text or in a quoted attribute value: runs that need nothing go over whole.
    static func appendHTML(_ bytes: [UInt8], _ range: Range<Int>, to output: inout [UInt8]) {
        let mask = htmlMask
        var start = range.lowerBound
        for index in range {
            let byte = bytes[index]
            guard byte < 64, mask >> UInt64(byte) & 1 == 1 else { continue }
            ByteScan.append(bytes, start..<index, to: &output)
            start = index + 1
            switch byte {
            case UInt8(ascii: "&"): output.append(contentsOf: StaticEntity.ampersand)
            case UInt8(ascii: "<"): output.append(contentsOf: StaticEntity.less)
            case UInt8(ascii: ">"): output.append(contentsOf: StaticEntity.greater)
            case UInt8(ascii: "\""): output.append(contentsOf: StaticEntity.quote)
            default: output.append(contentsOf: StaticEntity.apostrophe)
            }
        }
        ByteScan.append(bytes, start..<range.upperBound, to: &output)
    }

    /// Appends cell bytes in an attribute value that has no quotes.
    static func appendUnquoted(_ bytes: [UInt8], _ range: Range<Int>, to output: inout [UInt8]) {
        let mask = unquotedMask
        for scalar in String(decoding: bytes[range], as: UTF8.self).unicodeScalars {
            let value = scalar.value
            let isSpecial = value < 64 ? mask >> UInt64(value) & 1 == 1 : scalar == "`"
            // White space beyond ASCII is text to browsers, but not to every program that looks into mail.
            if isSpecial || value >= 0x80 && scalar.properties.isWhitespace {
                output.append(contentsOf: "&#\(value);".utf8)
            } else {
                output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
    }

    /// Whether anything at the end of the output would change in an attribute's value, with quotes or without.
    static func needsEscaping(_ output: [UInt8], from start: Int) -> Bool {
        let mask = unquotedMask
        for index in start..<output.count {
            let byte = output[index]
            if byte < 64 ? mask >> UInt64(byte) & 1 == 1 : byte == UInt8(ascii: "`") { return true }
        }
        return false
    }

    /// Appends cell bytes inside a URL.
    static func appendURL(_ bytes: [UInt8], _ range: Range<Int>, to output: inout [UInt8]) {
        let low = unreservedLow
        let high = unreservedHigh
        for index in range {
            let byte = bytes[index]
            let set = byte < 64 ? low : byte < 128 ? high : 0
            if set >> UInt64(byte & 63) & 1 == 1 {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "%"))
                output.append(digits[Int(byte >> 4)])
                output.append(digits[Int(byte & 15)])
            }
        }
    }

    /// Whether the bytes hold what no header may: a control character (C1 included) or a line or paragraph separator.
    static func hasControl(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = bytes[index]
            if byte < 0x20 && byte != .tab || byte == 0x7F { return true }
            let next = index + 1 < range.upperBound ? bytes[index + 1] : 0
            if byte == 0xC2, next < 0xA0 { return true }
            if byte == 0xE2, next == 0x80, index + 2 < range.upperBound {
                let last = bytes[index + 2]
                if last == 0xA8 || last == 0xA9 { return true }
            }
            index += 1
        }
        return false
    }

    /// Whether a cell counts as empty: nothing but spaces, tabs, line breaks, no-break or ideographic spaces.
    static func isEmpty(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = bytes[index]
            if byte.isSpace {
                index += 1
            } else if byte == 0xC2, index + 1 < range.upperBound, bytes[index + 1] == 0xA0 {
                index += 2
            } else if byte == 0xE3, index + 2 < range.upperBound, bytes[index + 1] == 0x80, bytes[index + 2] == 0x80 {
                index += 3
            } else {
                return false
            }
        }
        return true
    }

    /// Appends the bytes for this place; `none` and `header` as they are.
    func append(_ bytes: [UInt8], _ range: Range<Int>, to output: inout [UInt8]) {
        switch self {
        case .none, .header: ByteScan.append(bytes, range, to: &output)
        case .html: Self.appendHTML(bytes, range, to: &output)
        case .unquoted: Self.appendUnquoted(bytes, range, to: &output)
        case .url: Self.appendURL(bytes, range, to: &output)
        case .markupToText: MarkupText.append(bytes[range], to: &output)
        }
    }

    /// The whole text for this place.
    func escaped(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        append(bytes, 0..<bytes.count, to: &output)
        return output
    }
}

/// The five references that HTML text and attributes need.
private enum StaticEntity {
    static let ampersand = Array("&amp;".utf8)
    static let less = Array("&lt;".utf8)
    static let greater = Array("&gt;".utf8)
    static let quote = Array("&quot;".utf8)
    static let apostrophe = Array("&#39;".utf8)
}
