/// Turns HTML's character references into the characters they stand for.
enum EntityDecoder {
    /// Decodes text, or an attribute's value, where a name without a semicolon before `=`, a letter or a digit is no
    /// reference: `?a=1&copy=2` keeps its `&copy`.
    static func decode(_ bytes: ArraySlice<UInt8>, inAttribute: Bool) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "&"),
                let (scalar, end) = reference(bytes, after: index + 1, inAttribute: inAttribute)
            {
                output.append(contentsOf: String(scalar).utf8)
                index = end
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return output
    }

    private static func reference(
        _ bytes: ArraySlice<UInt8>,
        after start: Int,
        inAttribute: Bool
    ) -> (Unicode.Scalar, Int)? {
        guard start < bytes.endIndex else { return nil }
        if bytes[start] == UInt8(ascii: "#") { return number(bytes, after: start + 1) }
        var end = start
        while end < bytes.endIndex, bytes[end].isLetter || bytes[end].isDigit { end += 1 }
        guard end > start else { return nil }
        let name = String(decoding: bytes[start..<end], as: UTF8.self)
        if end < bytes.endIndex, bytes[end] == UInt8(ascii: ";"), let scalar = EntityNames.all[name] {
            return (scalar, end + 1)
        }
        for length in stride(from: min(name.utf8.count, EntityNames.longestLegacy), to: 1, by: -1) {
            let prefix = String(decoding: bytes[start..<(start + length)], as: UTF8.self)
            guard EntityNames.legacy.contains(prefix), let scalar = EntityNames.all[prefix] else { continue }
            let next = start + length < bytes.endIndex ? bytes[start + length] : 0
            if inAttribute, next == UInt8(ascii: "=") || next.isLetter || next.isDigit { return nil }
            return (scalar, start + length)
        }
        return nil
    }

    /// `&#1234;` and `&#x4D2;`, with the HTML standard's corrections for what is no character.
    private static func number(_ bytes: ArraySlice<UInt8>, after start: Int) -> (Unicode.Scalar, Int)? {
        guard start < bytes.endIndex else { return nil }
        let isHex = bytes[start] | 0x20 == UInt8(ascii: "x")
        var index = isHex ? start + 1 : start
        var value: UInt32 = 0
        let first = index
        while index < bytes.endIndex, let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue {
            guard isHex || digit < 10 else { break }
            value = min(value * (isHex ? 16 : 10) + UInt32(digit), 0x11_0000)
            index += 1
        }
        guard index > first else { return nil }
        if index < bytes.endIndex, bytes[index] == UInt8(ascii: ";") { index += 1 }
        let corrected = value == 0 ? 0xFFFD : (0x80..<0xA0).contains(value) ? windows1252[Int(value) - 0x80] : value
        return (Unicode.Scalar(corrected) ?? "\u{FFFD}", index)
    }

    /// What the numbers 128 to 159 mean in practice.
    private static let windows1252: [UInt32] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,
        0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A,
        0x0153, 0x9D, 0x017E, 0x0178,
    ]
}

/// Text from a cell that is HTML.
enum MarkupText {
    /// Appends the cell's text: tags and comments out, line breaks for the tags that break lines, references decoded.
    static func append(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let next = index + 1 < bytes.endIndex ? bytes[index + 1] : 0
            let isMarkup = next.isLetter || next == UInt8(ascii: "/") || next == UInt8(ascii: "!")
            if bytes[index] == UInt8(ascii: "<"), isMarkup {
                let end = bytes[index...].firstIndex(of: UInt8(ascii: ">")) ?? bytes.endIndex - 1
                let name = bytes[(index + 1)...end].drop { $0 == UInt8(ascii: "/") }.prefix {
                    $0.isLetter || $0.isDigit
                }
                if breaking.contains(String(decoding: name.lowercasedASCII, as: UTF8.self)), output.last != .lineFeed {
                    output.append(.lineFeed)
                }
                index = end + 1
                continue
            }
            let end = bytes[(index + 1)...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.endIndex
            output.append(contentsOf: EntityDecoder.decode(bytes[index..<end], inAttribute: false))
            index = end
        }
    }

    private static let breaking: Set<String> = [
        "br", "p", "div", "li", "tr", "ul", "ol", "table", "h1", "h2", "h3", "h4",
    ]
}
