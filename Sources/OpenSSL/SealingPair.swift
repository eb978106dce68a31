internal import COpenSSL

/// Seals texts for whoever holds the private half: who has this key alone can open nothing, not even what it sealed itself.
///
/// For each text a fresh pair on P-256, ECDH (SP 800-56A) with this key, HKDF-SHA256 (RFC 5869) over the shared secret and both
/// public keys, and a ``SealingKey`` from that. All of it is there under the FIPS provider, too.
///
/// Output: the fresh public point (65 bytes, uncompressed), then what ``SealingKey`` makes. Nothing but the length shows.
public struct SealingPublicKey: Sendable {
    /// How many bytes a sealed text is longer than its plaintext.
    public static let overhead = pointCount + SealingKey.overhead
    static let pointCount = 65

    private let key: Key
    private let point: [UInt8]

    init(key: Key) {
        self.key = key
        point = key.point
    }

    /// Reads a public key; it must lie on P-256.
    public init(pem: [UInt8]) throws(OpenSSLError) {
        let key = try PEM.publicKey(pem)
        guard key.isP256 else { throw OpenSSLError(.wrongKeyType, "the public key is not an EC key on P-256") }
        self.init(key: key)
    }

    /// The public key in PEM form.
    public var pem: [UInt8] {
        key.publicPEM
    }

    /// Seals a text for one context; the same text is sealed otherwise each time.
    public func seal(_ plaintext: [UInt8], context: [UInt8]) -> [UInt8] {
        let fresh = Key(generating: .p256)
        let start = fresh.point
        guard let secret = fresh.sharedSecret(with: key) else { fatalError("OpenSSL failed at ECDH") }
        let sealing = SealingKey(HKDF.sealingKey(secret, ephemeral: start, recipient: point))
        return start + sealing.seal(plaintext, context: context)
    }
}

/// Opens what its public half sealed.
public struct SealingPrivateKey: Sendable {
    private let key: Key
    private let point: [UInt8]

    private init(key: Key) {
        self.key = key
        point = key.point
    }

    /// Makes a new key.
    public static func generate() -> SealingPrivateKey {
        SealingPrivateKey(key: Key(generating: .p256))
    }

    /// Reads a private key; it must lie on P-256 and must not be encrypted.
    public init(pem: SecretBytes) throws(OpenSSLError) {
        let key = try PEM.privateKey(pem)
        guard key.isP256 else { throw OpenSSLError(.wrongKeyType, "the private key is not an EC key on P-256") }
        self.init(key: key)
    }

    /// The private key as PKCS #8.
    public var pem: SecretBytes {
        key.privatePEM
    }

    /// The half that seals.
    public var publicKey: SealingPublicKey {
        SealingPublicKey(key: key)
    }

    /// The text again; `nil` if it was not sealed for this key and context, or was changed.
    public func open(_ sealed: [UInt8], context: [UInt8]) -> [UInt8]? {
        guard sealed.count >= SealingPublicKey.overhead else { return nil }
        let start = Array(sealed[..<SealingPublicKey.pointCount])
        guard let fresh = Key(point: start), let secret = key.sharedSecret(with: fresh) else { return nil }
        let sealing = SealingKey(HKDF.sealingKey(secret, ephemeral: start, recipient: point))
        return sealing.open(Array(sealed[SealingPublicKey.pointCount...]), context: context)
    }
}

/// HKDF with SHA-256 (RFC 5869), for one key of 32 bytes.
private enum HKDF {
    static func sealingKey(_ secret: SecretBytes, ephemeral: [UInt8], recipient: [UInt8]) -> SecretBytes {
        let salt = SecretBytes(copying: Array("wardpost sealing P-256 v1".utf8))
        let extracted = SecretBytes(copying: unsafe secret.withBytes { unsafe HMACSHA256(key: salt).tag(of: $0) })
        return SecretBytes(copying: HMACSHA256(key: extracted).tag(of: ephemeral + recipient + [1]))
    }
}

extension Key {
    /// A public key on P-256 from its uncompressed point; `nil` if it is none of the curve.
    fileprivate convenience init?(point: [UInt8]) {
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        guard point.count == SealingPublicKey.pointCount, point.first == 4,
            let key = unsafe wardpost_p256_from_point(point, point.count)
        else { return nil }
        unsafe self.init(takingOwnershipOf: key)
    }

    /// The public point, uncompressed.
    fileprivate var point: [UInt8] {
        unsafe withPointer { key in
            var start: UnsafeMutablePointer<UInt8>?
            let count = unsafe EVP_PKEY_get1_encoded_public_key(key, &start)
            guard count == SealingPublicKey.pointCount, let start = unsafe start else {
                fatalError("OpenSSL cannot write a public point")
            }
            defer { unsafe wardpost_free(start) }
            return unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
        }
    }

    /// What two keys have in common (ECDH); `nil` if the other one is no good.
    fileprivate func sharedSecret(with other: Key) -> SecretBytes? {
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        return unsafe withPointer { key in
            unsafe other.withPointer { other in
                let context = unsafe needed(EVP_PKEY_CTX_new_from_pkey(nil, key, nil), "ECDH")
                defer { unsafe EVP_PKEY_CTX_free(context) }
                // The peer's key is validated here, as SP 800-56A wants it.
                guard unsafe EVP_PKEY_derive_init(context) == 1, unsafe EVP_PKEY_derive_set_peer(context, other) == 1
                else { return nil }
                var count = 32
                var bytes = [UInt8](repeating: 0, count: count)
                guard unsafe EVP_PKEY_derive(context, &bytes, &count) == 1, count == bytes.count else { return nil }
                defer { unsafe bytes.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) } }
                return SecretBytes(copying: bytes)
            }
        }
    }
}
