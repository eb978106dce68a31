import Core
import OpenSSL
import Synchronization

/// Seals what a token says, and opens it again: deterministic, authenticated encryption under the site's token keys.
///
/// A token is the base64url text of the key's number and the sealed content. The kind is bound to it, so that a click's
/// token opens nothing else. Any other text, and any text with one bit changed, opens as `nil`.
public struct TokenSeal: Sendable {
    /// The longest token that is looked at; longer ones are none of ours.
    public static let maximumLength = 8_192

    private typealias Key = (id: UInt8, key: SealingKey, end: Int64)

    /// The keys, the minting one first; all copies of a seal share them.
    private final class Ring: Sendable {
        let keys: Mutex<[Key]>

        init(_ keys: [Key]) {
            self.keys = Mutex(keys)
        }
    }

    private let ring: Ring
    private let clock: @Sendable () -> Int64

    /// Takes the keys, and a clock in milliseconds since 1970 that says which of them are over.
    public init(_ keys: TokenKeys, clock: @escaping @Sendable () -> Int64 = { wallClock() }) {
        ring = Ring(Self.sealing(keys))
        self.clock = clock
    }

    /// Takes other keys from now on, in all copies.
    func use(_ keys: TokenKeys) {
        let keys = Self.sealing(keys)
        ring.keys.withLock { $0 = keys }
    }

    private static func sealing(_ keys: TokenKeys) -> [Key] {
        keys.all.map { ($0.id, SealingKey($0.secret), $0.end.map { $0.seconds * 1_000 } ?? .max) }
    }

    /// What a token says; `nil` if it is not a token of this kind by one of the keys.
    public func open(_ kind: TokenKind, _ token: some Collection<UInt8>) -> TokenContent? {
        plaintext(kind.rawValue, ends: kind.ends, token).flatMap { TokenContent(kind, plaintext: $0) }
    }

    /// What was sealed for a purpose; `nil` if it was not, or by none of the keys.
    ///
    /// - Parameters:
    ///   - purpose: What it was sealed for.
    ///   - ends: Whether a key whose time is over opens it no more.
    ///   - token: The token.
    func plaintext(_ purpose: UInt8, ends: Bool, _ token: some Collection<UInt8>) -> [UInt8]? {
        guard token.count <= Self.maximumLength, let bytes = Base64.decodeURLSafe(ArraySlice(Array(token))),
            let id = bytes.first,
            let (_, key, end) = ring.keys.withLock({ $0.first { $0.id == id } }), end == .max || !ends || clock() < end
        else { return nil }
        return key.open(Array(bytes.dropFirst()), context: [purpose, id])
    }

    /// Appends the token of a plaintext.
    func append(_ kind: TokenKind, _ plaintext: [UInt8], to output: inout [UInt8]) {
        append(kind.rawValue, plaintext, to: &output)
    }

    /// Appends the token of a plaintext for a purpose; what is sealed for one opens for no other.
    func append(_ purpose: UInt8, _ plaintext: [UInt8], to output: inout [UInt8]) {
        let (id, key, _) = ring.keys.withLock { $0[0] }
        var sealed: [UInt8] = []
        let body = key.seal(plaintext, context: [purpose, id])
        sealed.reserveCapacity(1 + body.count)
        sealed.append(id)
        sealed.append(contentsOf: body)
        Base64.appendURLSafe(sealed[...], to: &output)
    }
}
