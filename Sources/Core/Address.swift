/// One mailbox by RFC 5321 section 4.1.2: a local part and a domain in its ASCII form.
///
/// The local part may be UTF-8 (RFC 6531), which then needs a server with SMTPUTF8. Nothing is repaired: what is not
/// an address is refused, and the refusal names the rule.
public struct Address: Hashable, Sendable {
    /// Why a text is not an address.
    ///
    /// The text itself is not part of it.
    public enum Refused: String, Error, CaseIterable, Sendable {
        /// There is nothing there.
        case empty
        /// There is no `@`.
        case noAt
        /// Something stands before or after the address, or there are two.
        case notAlone
        /// A space or a control character.
        case space
        /// The local part is empty or longer than 64 octets (section 4.5.3.1.1).
        case localLength
        /// A character that needs quotes, or a dot at an end or beside another.
        case localSyntax
        /// The domain is empty or longer than 255 octets, or a label longer than 63 (section 4.5.3.1.2).
        case domainLength
        /// A label that is not letters, digits and inner hyphens, or a name without a dot.
        case domainSyntax
        /// An IP literal in brackets; no certificate can be checked for its mail exchanger.
        case literal
        /// The domain has no ASCII form (RFC 5891).
        case idna
        /// Longer than 254 octets, the most that fits a path (section 4.5.3.1.3).
        case length

        /// What the rule is, as a clause.
        public var rule: String {
            switch self {
            case .empty: "the address is empty"
            case .noAt: "an address needs one @"
            case .notAlone: "the cell must hold one address and nothing else"
            case .space: "an address cannot hold spaces or control characters"
            case .localLength: "the part before the @ must have 1 to 64 octets"
            case .localSyntax: "the part before the @ has a character or a dot that is not allowed there"
            case .domainLength: "the domain must have 1 to 255 octets, its labels 1 to 63"
            case .domainSyntax: "the domain must be labels of letters, digits and inner hyphens with a dot between"
            case .literal: "an IP address in brackets is not taken as a domain"
            case .idna: "the domain is no valid internationalised name"
            case .length: "an address can have 254 octets at most"
            }
        }
    }

    /// The part before the `@`, as it goes on the wire; quotes included where it has them.
    public let localPart: String
    /// The domain with A-labels, lower case.
    public let domain: String

    /// Takes the parts of an address and checks them; the domain must be ASCII already.
    public init(localPart: String, domain: String) throws(Refused) {
        try Self.check(local: Array(localPart.utf8))
        try Self.check(domain: Array(domain.utf8))
        guard localPart.utf8.count + 1 + domain.utf8.count <= 254 else { throw .length }
        self.localPart = localPart
        self.domain = domain.lowercased()
    }

    /// Reads an address; `toASCII` turns a domain with other characters into A-labels, or gives `nil` if it cannot.
    public init(parsing text: String, toASCII: (String) -> String?) throws(Refused) {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { throw .empty }
        guard let at = bytes.lastIndex(of: UInt8(ascii: "@")) else { throw .noAt }
        for scalar in text.unicodeScalars where scalar.properties.isWhitespace && scalar != " " {
            throw .space
        }
        let local = String(decoding: bytes[..<at], as: UTF8.self)
        let domain = String(decoding: bytes[(at + 1)...], as: UTF8.self)
        if !local.hasPrefix("\""), local.utf8.contains(where: { "<>,;@:".utf8.contains($0) }) { throw .notAlone }
        if domain.utf8.contains(where: { "<>,;:\"".utf8.contains($0) }), !domain.hasPrefix("[") { throw .notAlone }
        if domain.hasPrefix("[") { throw .literal }
        if domain.utf8.contains(0x20) { throw .space }
        if domain.utf8.allSatisfy({ $0 < 0x80 }) {
            try self.init(localPart: local, domain: domain)
            return
        }
        guard let ascii = toASCII(domain) else { throw .idna }
        try self.init(localPart: local, domain: ascii)
    }

    /// Reads an address of the plainest kind in one pass and without arrays, as nearly all are: atoms with single dots
    /// between, one `@`, labels of lower-case letters, digits and single inner hyphens.
    ///
    /// `nil` does not mean that it is refused: it wants the full look of ``init(localPart:domain:)``.
    public init?(plain bytes: ArraySlice<UInt8>) {
        guard bytes.count <= 254, let at = Self.endOfPlainLocalPart(bytes) else { return nil }
        guard Self.isPlainDomain(bytes[(at + 1)...]) else { return nil }
        localPart = String(decoding: bytes[..<at], as: UTF8.self)
        domain = String(decoding: bytes[(at + 1)...], as: UTF8.self)
    }

    /// Where the `@` stands behind 1 to 64 atom characters and single inner dots.
    private static func endOfPlainLocalPart(_ bytes: ArraySlice<UInt8>) -> Int? {
        var previous = UInt8(ascii: ".")
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == UInt8(ascii: "@") {
                return previous != UInt8(ascii: ".") && index - bytes.startIndex <= 64 ? index : nil
            }
            if byte == UInt8(ascii: ".") ? previous == byte : !atoms[Int(byte)] { return nil }
            previous = byte
        }
        return nil
    }

    private static func isPlainDomain(_ bytes: ArraySlice<UInt8>) -> Bool {
        var previous = UInt8(ascii: ".")
        var labels = 1
        var length = 0
        var hasLetter = false
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"):
                hasLetter = true
                length += 1
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                length += 1
            case UInt8(ascii: "-"):
                // Two hyphens may be an A-label's.
                guard previous != UInt8(ascii: "."), previous != UInt8(ascii: "-") else { return false }
                length += 1
            case UInt8(ascii: "."):
                guard previous != UInt8(ascii: "."), previous != UInt8(ascii: "-"), length <= 63 else { return false }
                labels += 1
                length = 0
                hasLetter = false
            default: return false
            }
            previous = byte
        }
        return labels >= 2 && hasLetter && length <= 63 && previous != UInt8(ascii: "-")
    }

    private static let atoms: [Bool] = (0..<256).map { isAtom(UInt8($0)) }

    /// Whether the local part needs a server with SMTPUTF8.
    public var needsSMTPUTF8: Bool {
        !localPart.utf8.allSatisfy { $0 < 0x80 }
    }

    /// `local@domain`, as it stands in the envelope and in results.
    public var text: String {
        "\(localPart)@\(domain)"
    }

    /// The form under which the suppression list knows the mailbox: lower case, since no provider of note tells two
    /// mailboxes apart by case, and sending to somebody who opted out is the worse mistake.
    public var canonical: String {
        text.lowercased()
    }

    private static func check(local: [UInt8]) throws(Refused) {
        guard (1...64).contains(local.count) else { throw .localLength }
        if local.first == UInt8(ascii: "\"") {
            return try check(quoted: local)
        }
        guard local.first != UInt8(ascii: "."), local.last != UInt8(ascii: ".") else { throw .localSyntax }
        var afterDot = false
        for byte in local {
            if byte <= 0x20 || byte == 0x7F { throw .space }
            if byte == UInt8(ascii: ".") {
                if afterDot { throw .localSyntax }
                afterDot = true
                continue
            }
            afterDot = false
            guard byte >= 0x80 || isAtom(byte) else { throw .localSyntax }
        }
        try checkControls(local)
    }

    /// A quoted local part: any printable character, `"` and `\` behind a backslash.
    private static func check(quoted local: [UInt8]) throws(Refused) {
        guard local.count >= 3, local.last == UInt8(ascii: "\"") else { throw .localSyntax }
        var escaped = false
        for byte in local[1..<(local.count - 1)] {
            if byte < 0x20 || byte == 0x7F { throw .space }
            if escaped {
                escaped = false
            } else if byte == UInt8(ascii: "\\") {
                escaped = true
            } else if byte == UInt8(ascii: "\"") {
                throw .localSyntax
            }
        }
        if escaped { throw .localSyntax }
        try checkControls(local)
    }

    /// C1 controls and separators hide in UTF-8 where a look at single bytes does not find them.
    private static func checkControls(_ local: [UInt8]) throws(Refused) {
        for scalar in String(decoding: local, as: UTF8.self).unicodeScalars
        where !HeaderValue.allows(scalar) || scalar == "\u{FFFD}" {
            throw .space
        }
    }

    private static func check(domain: [UInt8]) throws(Refused) {
        guard (1...255).contains(domain.count) else { throw .domainLength }
        let labels = domain.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.count >= 2 else { throw .domainSyntax }
        for label in labels {
            guard label.count <= 63 else { throw .domainLength }
            guard !label.isEmpty, label.first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-") else {
                throw .domainSyntax
            }
            guard label.allSatisfy({ isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }) else { throw .domainSyntax }
        }
        // A name whose last label is a number is an IP address in the eyes of some resolvers (RFC 3696 section 2).
        guard let top = labels.last, !top.allSatisfy({ (0x30...0x39).contains($0) }) else { throw .domainSyntax }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// RFC 5322 section 3.2.3 `atext`.
    private static func isAtom(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
    }
}

extension Address: CustomStringConvertible, CustomReflectable {
    /// Redacted: an address beside a clinic's name says who is a patient.
    ///
    /// ``text`` is the way to it.
    public var description: String {
        "<redacted address>"
    }

    /// A mirror without children.
    public var customMirror: Mirror {
        Mirror(self, children: EmptyCollection<Mirror.Child>())
    }
}
