/// Text that may stand in a header field's body: it cannot hold CR, LF, NUL or any other control character.
///
/// RFC 5322 section 2.2 keeps control characters out of unstructured fields, tab excepted; the line separators that
/// some readers treat as a line end (NEL, U+2028, U+2029) and DEL are refused as well. Not yet encoded: non-ASCII text is
/// still text here, and becomes encoded words (RFC 2047) when the header is written.
public struct HeaderValue: Hashable, Sendable, CustomStringConvertible {
    /// Why a text cannot be a header's value.
    public struct Refused: Error, Hashable, Sendable, CustomStringConvertible {
        /// Which code point was in the way.
        public let scalar: Unicode.Scalar
        /// Where it stood, counted in scalars from 0.
        public let offset: Int

        /// Names the code point, never the text around it.
        public var description: String {
            let code = String(scalar.value, radix: 16, uppercase: true)
            return "a header cannot hold U+\(String(repeating: "0", count: max(0, 4 - code.count)))\(code)"
        }
    }

    /// The text.
    public let text: String

    /// Takes a text if it holds no control character.
    public init(_ text: String) throws(Refused) {
        for (offset, scalar) in text.unicodeScalars.enumerated() where !Self.allows(scalar) {
            throw Refused(scalar: scalar, offset: offset)
        }
        self.text = text
    }

    /// Whether a code point may stand in a header.
    public static func allows(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09: true
        case 0x00..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: false
        default: true
        }
    }

    /// The text.
    public var description: String {
        text
    }
}
