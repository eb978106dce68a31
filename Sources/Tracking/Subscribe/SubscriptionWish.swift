public import Core
public import OpenSSL

/// What somebody typed into a list's form, on its way into the site.
///
/// Sealed to the site's public key before it touches a disk, and always of one length: the tracking host, which does the
/// sealing, cannot read it again, and the length of an address tells nothing.
public struct SubscriptionWish: Hashable, Sendable {
    /// What a wish is known by from then on: the first 16 bytes of SHA-256 over its sealed form, which no two have in common.
    public struct ID: Hashable, Sendable, CustomStringConvertible {
        /// How many bytes it has.
        public static let byteCount = 16
        /// The bytes.
        public let bytes: [UInt8]

        /// Takes exactly 16 bytes; `nil` for any other count.
        public init?(bytes: some Collection<UInt8>) {
            guard bytes.count == Self.byteCount else { return nil }
            self.bytes = Array(bytes)
        }

        /// Reads 32 hexadecimal digits; `nil` for anything else.
        public init?(hex text: some StringProtocol) {
            guard let bytes = Hex.decode(text) else { return nil }
            self.init(bytes: bytes)
        }

        init(sealed: [UInt8]) {
            bytes = Array(SHA256.hash(sealed)[..<Self.byteCount])
        }

        /// 32 hexadecimal digits, lower case.
        public var description: String {
            Hex.encode(bytes)
        }
    }

    /// The address as it was typed.
    public var address: Protected<String>
    /// The language of the page it was typed into: two letters.
    public var language: String

    /// The longest address that SMTP can carry (RFC 5321 section 4.5.3.1.3), in bytes.
    public static let longestAddress = 254
    private static let plaintextCount = 1 + longestAddress + 2

    /// Creates a wish.
    public init(address: Protected<String>, language: String) {
        self.address = address
        self.language = language
    }

    /// Seals it for a list; `nil` if the address is too long to be one.
    public func sealed(for list: String, _ key: SealingPublicKey) -> String? {
        let address = Array(address.exposed.utf8)
        let language = Array(language.utf8)
        guard address.count <= Self.longestAddress, language.count == 2 else { return nil }
        var text = [UInt8(address.count)]
        text.reserveCapacity(Self.plaintextCount)
        text += address
        text += repeatElement(0, count: Self.longestAddress - address.count)
        text += language
        var output: [UInt8] = []
        Base64.appendURLSafe(key.seal(text, context: Self.context(list))[...], to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// Opens what was sealed for a list; `nil` if it was not sealed for this list and key.
    public init?(opening sealed: String, of list: String, _ key: SealingPrivateKey) {
        guard let bytes = Base64.decodeURLSafe(sealed.utf8),
            let text = key.open(bytes, context: Self.context(list)), text.count == Self.plaintextCount,
            Int(text[0]) <= Self.longestAddress,
            let address = String(validating: text.dropFirst().prefix(Int(text[0])), as: UTF8.self),
            let language = String(validating: text.suffix(2), as: UTF8.self)
        else { return nil }
        self.init(address: Protected(address), language: language)
    }

    /// What a sealed wish is known by; `nil` if the text is none.
    public static func id(of sealed: String) -> ID? {
        guard sealed.utf8.count <= 1_024, let bytes = Base64.decodeURLSafe(sealed.utf8),
            bytes.count == plaintextCount + SealingPublicKey.overhead
        else { return nil }
        return ID(sealed: bytes)
    }

    private static func context(_ list: String) -> [UInt8] {
        Array("wardpost subscribe v1\0\(list)".utf8)
    }
}
