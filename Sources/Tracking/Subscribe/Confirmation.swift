public import Core
public import OpenSSL

/// What the link in a confirmation message carries: a list, until when it holds, and a proof for the site.
///
/// Two seals. The outer one is under the token keys, so that the tracking host can tell the link from a forgery, show the list's
/// name and see that the time is over. The proof inside is under a key of the site's own: the tracking host cannot
/// make one, so that whoever takes it over cannot subscribe anybody who did not follow a link in a message.
public struct ConfirmationToken: Hashable, Sendable {
    /// The list.
    public var list: String
    /// When the link stops working.
    public var expires: Timestamp
    /// What only the site can read.
    public var proof: [UInt8]

    private static let purpose = UInt8(ascii: "y")

    /// Creates a token's content.
    public init(list: String, expires: Timestamp, proof: [UInt8]) {
        self.list = list
        self.expires = expires
        self.proof = proof
    }

    /// Opens a token; `nil` if it is not one of these by one of the keys.
    public init?(_ token: some Collection<UInt8>, _ seal: TokenSeal) {
        guard let text = seal.plaintext(Self.purpose, ends: true, token), text.count > 8 + ConfirmationProof.byteCount,
            let list = String(validating: text.dropFirst(8 + ConfirmationProof.byteCount), as: UTF8.self),
            list.utf8.count <= TokenContent.maximumList
        else { return nil }
        self.init(
            list: list,
            expires: Timestamp(seconds: bigEndian(text[..<8])),
            proof: Array(text[8..<(8 + ConfirmationProof.byteCount)])
        )
    }

    /// The link, `BASE/y/TOKEN`.
    public func url(_ base: BaseURL, _ seal: TokenSeal) -> String {
        var text: [UInt8] = []
        text.append(bigEndian: expires.seconds)
        text += proof
        text += Array(list.utf8)
        var url = Array("\(base)/y/".utf8)
        seal.append(Self.purpose, text, to: &url)
        return String(decoding: url, as: UTF8.self)
    }
}

/// Makes and checks the proofs in confirmation links, under a key that never leaves the site.
public struct ConfirmationProof: Sendable {
    /// How many bytes a proof has.
    public static let byteCount = SubscriptionWish.ID.byteCount + 8 + SealingKey.overhead

    private let key: SealingKey

    /// Takes a key of 32 bytes.
    public init(key: SecretBytes) {
        self.key = SealingKey(key)
    }

    /// The proof that a wish's message was read; the same at every attempt.
    public func make(_ wish: SubscriptionWish.ID, list: String, expires: Timestamp) -> [UInt8] {
        var text = wish.bytes
        text.append(bigEndian: expires.seconds)
        return key.seal(text, context: Self.context(list))
    }

    /// The wish that a proof is about, and until when it holds; `nil` if it is none of this list's.
    public func open(_ proof: [UInt8], list: String) -> (wish: SubscriptionWish.ID, expires: Timestamp)? {
        guard let text = key.open(proof, context: Self.context(list)),
            text.count == SubscriptionWish.ID.byteCount + 8,
            let wish = SubscriptionWish.ID(bytes: text[..<SubscriptionWish.ID.byteCount])
        else { return nil }
        return (wish, Timestamp(seconds: bigEndian(text[SubscriptionWish.ID.byteCount...])))
    }

    private static func context(_ list: String) -> [UInt8] {
        Array("wardpost confirmation v1\0\(list)".utf8)
    }
}
