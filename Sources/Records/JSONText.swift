package import Core

/// Writes JSON for people as well as programs: indented, members in the order in which they are given.
package struct JSONText {
    private var bytes: [UInt8] = []
    private var depth = 0
    private var isFirst = true

    /// The text of one object.
    package static func object(_ body: (inout JSONText) -> Void) -> [UInt8] {
        var json = JSONText()
        json.nested("{", "}", body)
        json.bytes.append(UInt8(ascii: "\n"))
        return json.bytes
    }

    /// A text.
    package mutating func member(_ name: String, _ value: String) {
        begin(name)
        string(value)
    }

    /// A whole number.
    package mutating func member(_ name: String, _ value: Int) {
        begin(name)
        bytes.append(contentsOf: String(value).utf8)
    }

    /// True or false.
    package mutating func member(_ name: String, _ value: Bool) {
        begin(name)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// A number with one decimal.
    package mutating func member(_ name: String, tenths value: Double) {
        begin(name)
        let tenths = Int((min(max(value, 0), 1e12) * 10).rounded())
        bytes.append(contentsOf: "\(tenths / 10).\(tenths % 10)".utf8)
    }

    /// A time, or null.
    package mutating func member(_ name: String, _ value: Timestamp?) {
        begin(name)
        guard let value else {
            bytes.append(contentsOf: "null".utf8)
            return
        }
        string(value.description)
    }

    /// An object inside.
    package mutating func object(_ name: String, _ body: (inout JSONText) -> Void) {
        begin(name)
        nested("{", "}", body)
    }

    /// A list of objects.
    package mutating func list<Element>(
        _ name: String,
        _ elements: [Element],
        _ body: (inout JSONText, Element) -> Void
    ) {
        begin(name)
        nested("[", "]") { json in
            for element in elements {
                json.begin(nil)
                json.nested("{", "}") { body(&$0, element) }
            }
        }
    }

    /// Counts by name.
    package mutating func counts(_ name: String, _ counts: [(name: String, count: Int)]) {
        object(name) { json in
            for (name, count) in counts { json.member(name, count) }
        }
    }

    private mutating func nested(_ opening: Unicode.Scalar, _ closing: Unicode.Scalar, _ body: (inout JSONText) -> Void)
    {
        bytes.append(UInt8(ascii: opening))
        depth += 1
        isFirst = true
        body(&self)
        depth -= 1
        if !isFirst { newLine() }
        bytes.append(UInt8(ascii: closing))
        isFirst = false
    }

    private mutating func begin(_ name: String?) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        newLine()
        if let name {
            string(name)
            bytes.append(contentsOf: ": ".utf8)
        }
    }

    private mutating func newLine() {
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
    }

    /// RFC 8259 section 7; controls beyond ASCII and `<` are escaped as well, for terminals and for pages.
    private mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5C:
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(UInt8(scalar.value))
            case 0x00..<0x20, 0x3C, 0x7F..<0xA0, 0x2028, 0x2029:
                let digits = String(scalar.value, radix: 16)
                bytes.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
            default:
                bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
