internal import COpenSSL

/// A private key that signs result files: ECDSA on P-256 over SHA-256, in DER (FIPS 186-4).
///
/// Anyone checks such a signature with `openssl dgst -sha256 -verify`.
public struct SigningKey: Sendable {
    private let key: Key

    private init(key: Key) {
        self.key = key
    }

    /// Makes a new key.
    public static func generate() -> SigningKey {
        SigningKey(key: Key(generating: .p256))
    }

    /// Reads a private key; it must lie on P-256 and must not be encrypted.
    public init(pem: SecretBytes) throws(OpenSSLError) {
        key = try PEM.privateKey(pem)
        guard key.isP256 else { throw OpenSSLError(.wrongKeyType, "the private key is not an EC key on P-256") }
    }

    /// The private key as PKCS #8.
    public var pem: SecretBytes {
        key.privatePEM
    }

    /// The public key, as `openssl dgst -verify` takes it.
    public var publicPEM: [UInt8] {
        key.publicPEM
    }

    /// The key that checks what this one signs.
    public var verifyingKey: VerifyingKey {
        VerifyingKey(key: key)
    }

    /// Signs a SHA-256 digest.
    ///
    /// The signature differs each time, as ECDSA's do.
    public func sign(digest: [UInt8]) -> [UInt8] {
        precondition(digest.count == SHA256.byteCount, "a signature is made over a SHA-256 digest")
        return unsafe key.withPointer { key in
            let context = unsafe needed(EVP_PKEY_CTX_new_from_pkey(nil, key, nil), "a signature")
            defer { unsafe EVP_PKEY_CTX_free(context) }
            unsafe succeeded(EVP_PKEY_sign_init(context), "signing")
            unsafe succeeded(EVP_PKEY_CTX_set_signature_md(context, Algorithms.shared.sha256), "signing")
            var count = Int(unsafe EVP_PKEY_get_size(key))
            return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                unsafe succeeded(EVP_PKEY_sign(context, buffer.baseAddress, &count, digest, digest.count), "signing")
                initialized = count
            }
        }
    }
}

/// A public key that checks signatures of result files.
public struct VerifyingKey: Sendable {
    private let key: Key

    init(key: Key) {
        self.key = key
    }

    /// Reads a public key; it must lie on P-256.
    public init(pem: [UInt8]) throws(OpenSSLError) {
        key = try PEM.publicKey(pem)
        guard key.isP256 else { throw OpenSSLError(.wrongKeyType, "the public key is not an EC key on P-256") }
    }

    /// The public key in PEM form.
    public var pem: [UInt8] {
        key.publicPEM
    }

    /// Whether the signature was made over the digest with the private half of this key.
    public func isValid(signature: [UInt8], digest: [UInt8]) -> Bool {
        guard digest.count == SHA256.byteCount else { return false }
        return unsafe key.withPointer { key in
            let context = unsafe needed(EVP_PKEY_CTX_new_from_pkey(nil, key, nil), "a signature")
            defer {
                unsafe EVP_PKEY_CTX_free(context)
                // A signature that is no DER leaves its reasons behind.
                ErrorQueue.clear()
            }
            unsafe succeeded(EVP_PKEY_verify_init(context), "verifying")
            unsafe succeeded(EVP_PKEY_CTX_set_signature_md(context, Algorithms.shared.sha256), "verifying")
            return unsafe EVP_PKEY_verify(context, signature, signature.count, digest, digest.count) == 1
        }
    }
}
