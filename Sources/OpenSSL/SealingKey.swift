internal import COpenSSL
internal import Synchronization

/// Deterministic authenticated encryption: equal input gives equal output, and no other output opens.
///
/// AES-256-GCM (SP 800-38D) under a synthetic nonce, HMAC-SHA256 over context and plaintext. Nobody without the key reads
/// a sealed text, changes one, or uses it in another context; what shows is its length, and that two are equal. Nonces of
/// 96 bits repeat for different texts with a chance of 2⁻³³ among 2³² texts.
///
/// Output: nonce (12 bytes), ciphertext (as long as the plaintext), tag (16 bytes). Any number of threads may use a key.
public final class SealingKey: Sendable {
    private let nonces: HMACSHA256
    private let cipher: Mutex<Cipher>

    /// How many bytes a sealed text is longer than its plaintext.
    public static let overhead = nonceCount + tagCount
    private static let nonceCount = 12
    private static let tagCount = 16

    /// Takes a key of 32 bytes, and derives one for the nonces and one for the cipher from it.
    public init(_ key: SecretBytes) {
        precondition(key.count == 32, "a sealing key has 32 bytes")
        let parent = HMACSHA256(key: key)
        nonces = HMACSHA256(key: SecretBytes(copying: parent.tag(of: Array("wardpost seal nonce".utf8))))
        cipher = Mutex(Cipher(key: SecretBytes(copying: parent.tag(of: Array("wardpost seal cipher".utf8)))))
    }

    /// Seals a text for one context: a purpose, or whatever else must be the same when it is opened.
    public func seal(_ plaintext: [UInt8], context: [UInt8]) -> [UInt8] {
        unsafe plaintext.withUnsafeBytes { plaintext in
            unsafe context.withUnsafeBytes { context in
                let nonce = unsafe nonce(plaintext: plaintext, context: context)
                return unsafe [UInt8](unsafeUninitializedCapacity: plaintext.count + Self.overhead) { output, count in
                    for (index, byte) in nonce.enumerated() {
                        unsafe output[index] = byte
                    }
                    cipher.withLock { cipher in
                        unsafe cipher.encrypt(plaintext, nonce: nonce, context: context, to: output)
                    }
                    count = plaintext.count + Self.overhead
                }
            }
        }
    }

    /// The text again; `nil` if it was not sealed with this key for this context.
    public func open(_ sealed: [UInt8], context: [UInt8]) -> [UInt8]? {
        guard sealed.count >= Self.overhead, sealed.count < Int(Int32.max) else { return nil }
        let nonce = Array(sealed[..<Self.nonceCount])
        let plaintext = unsafe sealed.withUnsafeBytes { sealed in
            unsafe context.withUnsafeBytes { context in
                cipher.withLock { cipher in
                    unsafe cipher.decrypt(sealed, nonce: nonce, context: context)
                }
            }
        }
        guard let plaintext else { return nil }
        let expected = unsafe plaintext.withUnsafeBytes { plaintext in
            unsafe context.withUnsafeBytes { context in
                unsafe self.nonce(plaintext: plaintext, context: context)
            }
        }
        return constantTimeEqual(expected, nonce) ? plaintext : nil
    }

    private func nonce(plaintext: UnsafeRawBufferPointer, context: UnsafeRawBufferPointer) -> [UInt8] {
        // The context's length goes first, so that no byte can move from one to the other.
        let tag = unsafe nonces.tag { feed in
            unsafe withUnsafeBytes(of: UInt64(context.count).littleEndian) { unsafe feed($0) }
            unsafe feed(context)
            unsafe feed(plaintext)
        }
        return Array(tag[..<Self.nonceCount])
    }

    /// AES-256-GCM contexts with the key already in them.
    @safe private struct Cipher: ~Copyable, @unchecked Sendable {  // Held in one place, a mutex.
        private let encryptor: OpaquePointer
        private let decryptor: OpaquePointer

        init(key: SecretBytes) {
            unsafe encryptor = needed(EVP_CIPHER_CTX_new(), "AES-256-GCM")
            unsafe decryptor = needed(EVP_CIPHER_CTX_new(), "AES-256-GCM")
            unsafe key.withBytes { key in
                let start = unsafe key.baseAddress?.assumingMemoryBound(to: UInt8.self)
                let algorithm = unsafe Algorithms.shared.aes256gcm
                unsafe succeeded(EVP_EncryptInit_ex2(encryptor, algorithm, start, nil, nil), "AES-256-GCM")
                unsafe succeeded(EVP_DecryptInit_ex2(decryptor, algorithm, start, nil, nil), "AES-256-GCM")
            }
        }

        deinit {
            unsafe EVP_CIPHER_CTX_free(encryptor)
            unsafe EVP_CIPHER_CTX_free(decryptor)
        }

        /// Writes ciphertext and tag behind the nonce.
        func encrypt(
            _ plaintext: UnsafeRawBufferPointer,
            nonce: [UInt8],
            context: UnsafeRawBufferPointer,
            to output: UnsafeMutableBufferPointer<UInt8>
        ) {
            var written: Int32 = 0
            let body = unsafe output.baseAddress.map { unsafe $0 + SealingKey.nonceCount }
            unsafe succeeded(EVP_EncryptInit_ex2(encryptor, nil, nil, nonce, nil), "sealing")
            if context.count > 0 {
                let start = unsafe context.baseAddress?.assumingMemoryBound(to: UInt8.self)
                unsafe succeeded(
                    EVP_EncryptUpdate(encryptor, nil, &written, start, Int32(context.count)),
                    "sealing"
                )
            }
            if plaintext.count > 0 {
                let start = unsafe plaintext.baseAddress?.assumingMemoryBound(to: UInt8.self)
                unsafe succeeded(
                    EVP_EncryptUpdate(encryptor, body, &written, start, Int32(plaintext.count)),
                    "sealing"
                )
            }
            let tag = unsafe body.map { unsafe $0 + plaintext.count }
            unsafe succeeded(EVP_EncryptFinal_ex(encryptor, tag, &written), "sealing")
            unsafe succeeded(
                EVP_CIPHER_CTX_ctrl(encryptor, EVP_CTRL_AEAD_GET_TAG, Int32(SealingKey.tagCount), tag),
                "sealing"
            )
        }

        /// The plaintext, if the tag is right.
        func decrypt(_ sealed: UnsafeRawBufferPointer, nonce: [UInt8], context: UnsafeRawBufferPointer) -> [UInt8]? {
            let count = sealed.count - SealingKey.overhead
            guard let start = sealed.baseAddress else { return nil }
            let body = unsafe (start + SealingKey.nonceCount).assumingMemoryBound(to: UInt8.self)
            var tag = unsafe [UInt8](UnsafeBufferPointer(start: body + count, count: SealingKey.tagCount))
            unsafe succeeded(EVP_DecryptInit_ex2(decryptor, nil, nil, nonce, nil), "opening")
            var written: Int32 = 0
            if context.count > 0 {
                let start = unsafe context.baseAddress?.assumingMemoryBound(to: UInt8.self)
                unsafe succeeded(
                    EVP_DecryptUpdate(decryptor, nil, &written, start, Int32(context.count)),
                    "opening"
                )
            }
            var authentic = false
            let plaintext = unsafe [UInt8](unsafeUninitializedCapacity: max(count, 1)) { output, initialized in
                if count > 0 {
                    unsafe succeeded(
                        EVP_DecryptUpdate(decryptor, output.baseAddress, &written, body, Int32(count)),
                        "opening"
                    )
                }
                unsafe succeeded(
                    EVP_CIPHER_CTX_ctrl(decryptor, EVP_CTRL_AEAD_SET_TAG, Int32(SealingKey.tagCount), &tag),
                    "opening"
                )
                authentic = unsafe EVP_DecryptFinal_ex(decryptor, output.baseAddress, &written) == 1
                initialized = count
            }
            ErrorQueue.clear()
            return authentic ? plaintext : nil
        }
    }
}
