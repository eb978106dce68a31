/// HTML in the making: text is escaped, markup is ours alone.
package struct HTMLText {
    /// The text so far.
    package private(set) var bytes: [UInt8] = []

    /// Begins with nothing.
    package init() {}

    /// Markup that stands in our source.
    package mutating func raw(_ markup: String) {
        bytes.append(contentsOf: markup.utf8)
    }

    /// Text from anywhere.
    package mutating func text(_ text: String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": raw("&amp;")
            case "<": raw("&lt;")
            case ">": raw("&gt;")
            case "\"": raw("&quot;")
            case "'": raw("&#39;")
            case "\t", "\n", "\r": raw(" ")
            default:
                // Controls are no characters of HTML, and those of direction would turn what stands around them.
                switch scalar.value {
                case 0x00..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: raw("\u{FFFD}")
                default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
                }
            }
        }
    }

    /// An attribute with a text from anywhere.
    package mutating func attribute(_ name: String, _ value: String) {
        raw(" \(name)=\"")
        text(value)
        raw("\"")
    }

    /// An element that holds nothing but text.
    package mutating func element(_ name: String, _ content: String, class style: String? = nil) {
        raw("<\(name)")
        if let style { attribute("class", style) }
        raw(">")
        text(content)
        raw("</\(name)>")
        if name != "strong", name != "span", name != "code", name != "td", name != "dt", name != "dd" { raw("\n") }
    }
}
