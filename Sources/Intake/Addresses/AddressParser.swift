public import Core

/// Reads addresses: RFC 5321 with internationalised domains (RFC 5891) and local parts in UTF-8 (RFC 6531).
///
/// Nothing is repaired: a space before or behind the address is refused like one inside, full-width and invisible
/// characters are refused rather than mapped. Upper case in the domain is the one thing that changes.
public enum AddressParser {
    /// Reads a cell of valid UTF-8.
    public static func parse(_ bytes: ArraySlice<UInt8>) throws(Address.Refused) -> Address {
        if let plain = Address(plain: bytes) { return plain }
        guard let at = plainAt(bytes) else { return try parse(String(decoding: bytes, as: UTF8.self)) }
        return try Address(
            localPart: String(decoding: bytes[..<at], as: UTF8.self),
            domain: String(decoding: bytes[(at + 1)...], as: UTF8.self)
        )
    }

    /// Reads a text.
    public static func parse(_ text: String) throws(Address.Refused) -> Address {
        guard text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else { throw .empty }
        for scalar in text.unicodeScalars where isInvisible(scalar) {
            throw .space
        }
        let address = try Address(parsing: text, toASCII: IDNA.toASCII)
        if hasALabel(Array(address.domain.utf8)[...]), !IDNA.hasGoodALabels(address.domain) { throw .idna }
        return address
    }

    /// Reads a domain; gives A-labels in lower case.
    public static func parse(domain: String) throws(Address.Refused) -> String {
        try parse("x@\(domain)").domain
    }

    /// Where the `@` is in an address of plain ASCII that needs no second look; nearly all are such.
    ///
    /// One `@`, no space, no quotes, no A-label.
    private static func plainAt(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count <= 254 else { return nil }
        var at: Int?
        for index in bytes.indices {
            let byte = bytes[index]
            guard isPlain[Int(byte)] else {
                guard byte == UInt8(ascii: "@"), at == nil else { return nil }
                at = index
                continue
            }
        }
        guard let at, !hasALabel(bytes[(at + 1)...]) else { return nil }
        return at
    }

    /// Printable ASCII without `@` and what ``Address`` treats specially.
    private static let isPlain: [Bool] = (0..<256).map { byte in
        (0x21...0x7E).contains(byte) && !"@<>,;:\"[]\\()".utf8.contains(UInt8(byte))
    }

    private static func hasALabel(_ domain: ArraySlice<UInt8>) -> Bool {
        let marks = domain.indices.dropLast(3)
        return marks.contains { index in
            domain[index] | 0x20 == UInt8(ascii: "x") && domain[index + 1] | 0x20 == UInt8(ascii: "n")
                && domain[index + 2] == UInt8(ascii: "-") && domain[index + 3] == UInt8(ascii: "-")
        }
    }

    /// Control characters, line separators, and format characters such as a zero-width space or a byte-order mark,
    /// which come from copying and would make another mailbox.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
