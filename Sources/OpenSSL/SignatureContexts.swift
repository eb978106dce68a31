internal import COpenSSL
internal import Synchronization

/// Contexts that sign with one key, each used by one thread at a time and then kept for the next.
///
/// Setting one up takes allocations and look-ups of algorithms under locks that all threads share; a context that is there
/// already leaves the arithmetic alone, which is what `openssl speed` measures.
final class SignatureContexts: Sendable {
    private let key: Key
    private let kind: MailSigningKey.Kind
    private let idle = Mutex<[Context]>([])

    init(key: Key, kind: MailSigningKey.Kind) {
        self.key = key
        self.kind = kind
    }

    /// The signature of a digest.
    func sign(_ digest: [UInt8]) -> [UInt8] {
        let context = idle.withLock { $0.popLast() } ?? Context(key: key, kind: kind)
        defer { idle.withLock { $0.append(context) } }
        return context.sign(digest, with: key, kind)
    }

    /// One context: of a key for RSA, of a digest for Ed25519, which OpenSSL signs with in no other way.
    @safe private final class Context: @unchecked Sendable {  // One thread has it: it left the list under the lock.
        private let pointer: OpaquePointer
        private let isDigest: Bool

        init(key: Key, kind: MailSigningKey.Kind) {
            switch kind {
            case .rsa:
                isDigest = false
                unsafe pointer = key.withPointer { key in
                    let context = unsafe needed(EVP_PKEY_CTX_new_from_pkey(nil, key, nil), "a signature")
                    unsafe succeeded(EVP_PKEY_sign_init(context), "signing")
                    unsafe succeeded(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING), "signing")
                    unsafe succeeded(EVP_PKEY_CTX_set_signature_md(context, Algorithms.shared.sha256), "signing")
                    return unsafe context
                }
            case .ed25519:
                isDigest = true
                unsafe pointer = needed(EVP_MD_CTX_new(), "a signature")
            }
        }

        deinit {
            if isDigest { unsafe EVP_MD_CTX_free(pointer) } else { unsafe EVP_PKEY_CTX_free(pointer) }
        }

        func sign(_ digest: [UInt8], with key: Key, _ kind: MailSigningKey.Kind) -> [UInt8] {
            var count = key.signatureLength
            return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                switch kind {
                case .rsa:
                    unsafe succeeded(
                        EVP_PKEY_sign(pointer, buffer.baseAddress, &count, digest, digest.count),
                        "signing"
                    )
                case .ed25519:
                    unsafe key.withPointer { key in
                        // Later releases of OpenSSL do not let a finished context sign again before this.
                        unsafe succeeded(EVP_DigestSignInit_ex(pointer, nil, nil, nil, nil, key, nil), "signing")
                    }
                    unsafe succeeded(
                        EVP_DigestSign(pointer, buffer.baseAddress, &count, digest, digest.count),
                        "signing"
                    )
                }
                initialized = count
            }
        }
    }
}
