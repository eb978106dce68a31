internal import COpenSSL

/// A private key that signs messages: DKIM by RFC 6376 with RSA, by RFC 8463 with Ed25519.
///
/// Both kinds sign without a random number: the same digest gets the same signature each time. Any number of threads may
/// sign at once.
public struct MailSigningKey: Sendable {
    /// The kinds of keys that DKIM knows and that are still safe (RFC 8301, RFC 8463).
    public enum Kind: String, CaseIterable, Sendable {
        /// RSA with PKCS #1 v1.5 over SHA-256.
        case rsa
        /// Ed25519 over the SHA-256 digest.
        case ed25519

        /// The word for `a=` in a signature.
        public var algorithm: String {
            switch self {
            case .rsa: "rsa-sha256"
            case .ed25519: "ed25519-sha256"
            }
        }

        /// Whether OpenSSL's provider signs with keys of this kind; the FIPS provider has no Ed25519.
        public var isAvailable: Bool {
            guard let signature = unsafe EVP_SIGNATURE_fetch(nil, rawValue, nil) else {
                ErrorQueue.clear()
                return false
            }
            unsafe EVP_SIGNATURE_free(signature)
            return true
        }
    }

    /// The bits that an RSA key may have: fewer are not safe, and more than 4,096 no verifier has to take (RFC 8301).
    public static let allowedBits = 2_048...4_096

    /// What kind of key it is.
    public let kind: Kind
    private let key: Key
    private let contexts: SignatureContexts

    private init(key: Key, kind: Kind) {
        self.key = key
        self.kind = kind
        contexts = SignatureContexts(key: key, kind: kind)
    }

    /// Makes a new key of a kind that is available; an RSA key gets 2,048 bits.
    public static func generate(_ kind: Kind) -> MailSigningKey {
        let pointer =
            switch kind {
            case .rsa: unsafe wardpost_generate_rsa(UInt32(allowedBits.lowerBound))
            case .ed25519: unsafe wardpost_generate_ed25519()
            }
        return MailSigningKey(key: unsafe Key(takingOwnershipOf: needed(pointer, "a key")), kind: kind)
    }

    /// Reads a private key that is not encrypted: RSA of 2,048 to 4,096 bits, or Ed25519.
    public init(pem: SecretBytes) throws(OpenSSLError) {
        let key = try PEM.privateKey(pem)
        if key.isA("RSA") {
            guard Self.allowedBits.contains(key.bits) else {
                throw OpenSSLError(
                    .keySize,
                    "the RSA key has \(key.bits) bits; a mail signature needs \(Self.allowedBits.lowerBound) to "
                        + "\(Self.allowedBits.upperBound)"
                )
            }
            self.init(key: key, kind: .rsa)
        } else if key.isA("ED25519") {
            guard Kind.ed25519.isAvailable else {
                throw OpenSSLError(.unsupported, "OpenSSL's provider does not sign with Ed25519; use RSA alone")
            }
            self.init(key: key, kind: .ed25519)
        } else {
            throw OpenSSLError(.wrongKeyType, "the private key is neither RSA nor Ed25519")
        }
    }

    /// The private key as PKCS #8.
    public var pem: SecretBytes {
        key.privatePEM
    }

    /// The public key in PEM form.
    public var publicPEM: [UInt8] {
        key.publicPEM
    }

    /// The public key as `p=` of its DNS record wants it, before base64.
    ///
    /// For RSA that is the SubjectPublicKeyInfo, which RFC 6376's own examples and all verifiers have (erratum 3017); for
    /// Ed25519 the 32 bytes of the key (RFC 8463 section 4).
    public var publicValue: [UInt8] {
        switch kind {
        case .rsa: key.publicInfo
        case .ed25519: key.rawPublicBytes
        }
    }

    /// How many bytes a signature has.
    public var signatureLength: Int {
        key.signatureLength
    }

    /// Signs a SHA-256 digest.
    public func sign(digest: [UInt8]) -> [UInt8] {
        precondition(digest.count == SHA256.byteCount, "a signature is made over a SHA-256 digest")
        return contexts.sign(digest)
    }
}

extension Key {
    /// Whether it is of the kind that OpenSSL calls so.
    func isA(_ name: String) -> Bool {
        unsafe withPointer { unsafe EVP_PKEY_is_a($0, name) == 1 }
    }

    /// The key's size.
    var bits: Int {
        unsafe withPointer { Int(unsafe EVP_PKEY_get_bits($0)) }
    }

    /// The most bytes that a signature has.
    var signatureLength: Int {
        unsafe withPointer { Int(unsafe EVP_PKEY_get_size($0)) }
    }

    /// The public half as SubjectPublicKeyInfo in DER.
    var publicInfo: [UInt8] {
        unsafe withPointer { key in
            var start: UnsafeMutablePointer<UInt8>?
            let count = unsafe i2d_PUBKEY(key, &start)
            guard count > 0, let start = unsafe start else { fatalError("OpenSSL cannot write a public key") }
            defer { unsafe wardpost_free(start) }
            return unsafe [UInt8](UnsafeBufferPointer(start: start, count: Int(count)))
        }
    }

    /// The public half of a key on an Edwards curve.
    var rawPublicBytes: [UInt8] {
        unsafe withPointer { key in
            var count = 32
            return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                unsafe succeeded(EVP_PKEY_get_raw_public_key(key, buffer.baseAddress, &count), "a public key")
                initialized = count
            }
        }
    }
}
