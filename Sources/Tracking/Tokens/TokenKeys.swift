public import Core
public import OpenSSL

/// One key under which tokens and the event log's lines are sealed.
public struct TokenKey: Sendable {
    /// The key's number; it stands in clear at the front of each token, so that keys can be replaced over time.
    public let id: UInt8
    /// 32 random bytes.
    public let secret: SecretBytes
    /// Since when new tokens are made with it; `nil` for the first.
    public let since: Timestamp?
    /// When its tokens for opens and clicks stop working; `nil` while that is not known.
    public internal(set) var end: Timestamp?

    /// Takes a key and its number.
    public init(id: UInt8 = 1, secret: SecretBytes, since: Timestamp? = nil) {
        self.id = id
        self.secret = secret
        self.since = since
    }
}

/// The keys that a site's tracking knows: one mints, the others are older and still open what they sealed.
///
/// This is the only secret that a host needs to run the tracking server.
public struct TokenKeys: Sendable {
    /// The key that new tokens and event files are made with.
    public let minting: TokenKey
    /// All keys, the minting one first.
    public let all: [TokenKey]

    /// For how many days a replaced key's tokens for opens and clicks go on working, unless the site says otherwise.
    public static let defaultValidDays = 400

    /// Takes the minting key and those whose tokens are still valid; a later key with a number already taken is ignored.
    public init(_ minting: TokenKey, older: [TokenKey] = []) {
        self.minting = minting
        var known: Set<UInt8> = [minting.id]
        all = [minting] + older.filter { known.insert($0.id).inserted }
    }

    /// Takes all keys of a site: the newest that has begun mints, those that are to begin later open what they sealed elsewhere.
    ///
    /// - Parameters:
    ///   - keys: The keys, one at least, each with a number of its own.
    ///   - now: The time.
    ///   - validDays: For how long a replaced key's tokens for opens and clicks go on working.
    public init(_ keys: [TokenKey], now: Timestamp = .now, validDays: Int = defaultValidDays) {
        precondition(!keys.isEmpty, "a site has a token key")
        let start = Timestamp(seconds: .min / 2)
        var ordered = keys.sorted { ($0.since ?? start, $0.id) < ($1.since ?? start, $1.id) }
        for index in ordered.indices.dropLast() {
            ordered[index].end = (ordered[index + 1].since ?? start) + Int64(validDays) * 86_400
        }
        let newest = ordered.lastIndex { ($0.since ?? start) <= now } ?? 0
        let minting = ordered.remove(at: newest)
        self.init(minting, older: ordered.reversed())
    }

    /// A key of its own for another use, from which the token key cannot be found.
    func derived(_ key: TokenKey, for use: String) -> HMACSHA256 {
        HMACSHA256(key: SecretBytes(copying: HMACSHA256(key: key.secret).tag(of: Array(use.utf8))))
    }
}
