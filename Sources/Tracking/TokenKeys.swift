public import OpenSSL

/// One key under which tokens and the event log's lines are sealed.
public struct TokenKey: Sendable {
    /// The key's number; it stands in clear at the front of each token, so that keys can be replaced over time.
    public let id: UInt8
    /// 32 random bytes.
    public let secret: SecretBytes

    /// Takes a key and its number.
    public init(id: UInt8 = 1, secret: SecretBytes) {
        self.id = id
        self.secret = secret
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

    /// Takes the minting key and those whose tokens are still valid; a later key with a number already taken is ignored.
    public init(_ minting: TokenKey, older: [TokenKey] = []) {
        self.minting = minting
        var known: Set<UInt8> = [minting.id]
        all = [minting] + older.filter { known.insert($0.id).inserted }
    }

    /// A key of its own for another use, from which the token key cannot be found.
    func derived(_ key: TokenKey, for use: String) -> HMACSHA256 {
        HMACSHA256(key: SecretBytes(copying: HMACSHA256(key: key.secret).tag(of: Array(use.utf8))))
    }
}
