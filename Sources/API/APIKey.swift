public import Core
import OpenSSL

/// A key of the API as the site keeps it: what it may ask for, and the digest by which it is known again.
public struct APIKey: Hashable, Sendable {
    /// Its name, for people.
    public var name: String
    /// SHA-256 of the key's 32 bytes; nobody can make the key of it.
    public var digest: [UInt8]
    /// What it may ask for.
    public var scopes: Set<APIScope>
    /// The senders' domains that it may ask about; `nil` for all.
    public var domains: Set<String>?
    /// The jobs that it may ask about; `nil` for all.
    public var jobs: Set<JobID>?
    /// The first day on which it is good no longer, by UTC; `nil` for none.
    public var expires: Timestamp?

    /// Describes a key.
    public init(
        name: String,
        digest: [UInt8],
        scopes: Set<APIScope>,
        domains: Set<String>? = nil,
        jobs: Set<JobID>? = nil,
        expires: Timestamp? = nil
    ) {
        self.name = name
        self.digest = digest
        self.scopes = scopes
        self.domains = domains
        self.jobs = jobs
        self.expires = expires
    }

    /// What every key's text begins with, so that people and programs that look for lost secrets know it.
    static let prefix = "wpk_"
    private static let length = 32

    /// A new key: the text for its owner, which is nowhere else, and its digest.
    public static func make() -> (text: String, digest: [UInt8]) {
        let secret = Random.bytes(length)
        var text = Array(prefix.utf8)
        Base64.appendURLSafe(secret[...], to: &text)
        return (String(decoding: text, as: UTF8.self), SHA256.hash(secret))
    }

    /// The digest of a key's text; `nil` for what is no key's.
    static func digest(of text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count < 100, text.hasPrefix(prefix),
            let secret = Base64.decodeURLSafe(text.dropFirst(prefix.count).utf8), secret.count == length
        else { return nil }
        return SHA256.hash(secret)
    }

    /// Whether it is good at a moment.
    func isGood(at now: Timestamp) -> Bool {
        expires.map { now < $0 } ?? true
    }
}
