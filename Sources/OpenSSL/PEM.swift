internal import COpenSSL

/// Reads and writes PEM (RFC 7468) in memory.
///
/// Nothing here opens a file or asks a terminal.
enum PEM {
    /// Reads the first private key, PKCS #8 or traditional, not encrypted.
    static func privateKey(_ pem: SecretBytes) throws(OpenSSLError) -> Key {
        try unsafe pem.withBytes { bytes throws(OpenSSLError) in
            ErrorQueue.clear()
            let bio = unsafe reader(bytes)
            defer { unsafe BIO_free(bio) }
            var asked = false
            let key = unsafe withUnsafeMutablePointer(to: &asked) { asked in
                unsafe PEM_read_bio_PrivateKey_ex(bio, nil, refusePassphrase, asked, nil, nil)
            }
            let reason = ErrorQueue.reason()
            if let key = unsafe key { return unsafe Key(takingOwnershipOf: key) }
            if asked {
                throw OpenSSLError(
                    .privateKeyEncrypted,
                    "the private key is protected by a passphrase; store it without one, readable by its owner alone"
                )
            }
            throw OpenSSLError(.privateKeyUnreadable, "no private key in PEM form (\(reason))")
        }
    }

    /// Reads the first public key.
    static func publicKey(_ pem: [UInt8]) throws(OpenSSLError) -> Key {
        ErrorQueue.clear()
        let key = unsafe pem.withUnsafeBytes { bytes in
            let bio = unsafe reader(bytes)
            defer { unsafe BIO_free(bio) }
            return unsafe PEM_read_bio_PUBKEY_ex(bio, nil, refusePassphrase, nil, nil, nil)
        }
        let reason = ErrorQueue.reason()
        guard let key = unsafe key else {
            throw OpenSSLError(.publicKeyUnreadable, "no public key in PEM form (\(reason))")
        }
        return unsafe Key(takingOwnershipOf: key)
    }

    /// Reads all certificates, in their order; at least one.
    static func certificates(_ pem: [UInt8]) throws(OpenSSLError) -> [Certificate] {
        ErrorQueue.clear()
        let certificates = unsafe pem.withUnsafeBytes { bytes in
            let bio = unsafe reader(bytes)
            defer { unsafe BIO_free(bio) }
            var found: [Certificate] = []
            while let certificate = unsafe PEM_read_bio_X509(bio, nil, refusePassphrase, nil) {
                unsafe found.append(Certificate(takingOwnershipOf: certificate))
            }
            return found
        }
        // The loop ends with "no start line" at the end of the text; anything else is a broken certificate.
        let end = ErrorQueue.drain().first
        if let end, !isNoStartLine(end.code) {
            throw OpenSSLError(.certificateUnreadable, "a certificate is not readable (\(end.reason))")
        }
        guard !certificates.isEmpty else {
            throw OpenSSLError(.certificateUnreadable, "no certificate in PEM form")
        }
        return certificates
    }

    /// What a writing function puts into memory, as a secret; the memory it went through is wiped.
    static func write(_ body: (OpaquePointer) -> Int32) -> SecretBytes {
        let bio = unsafe needed(BIO_new(BIO_s_secmem()), "a buffer")
        defer { unsafe BIO_free(bio) }
        unsafe succeeded(body(bio), "writing PEM")
        var start: UnsafeMutablePointer<CChar>?
        let count = unsafe wardpost_bio_memory(bio, &start)
        return unsafe SecretBytes(copying: UnsafeRawBufferPointer(start: start, count: count))
    }

    private static func isNoStartLine(_ code: UInt) -> Bool {
        wardpost_err_library(code) == ERR_LIB_PEM && wardpost_err_reason(code) == PEM_R_NO_START_LINE
    }

    /// A reader over bytes, which must outlive it.
    private static func reader(_ bytes: UnsafeRawBufferPointer) -> OpaquePointer {
        // A null pointer is refused even for no bytes, so an empty text gets an address of its own.
        var none: UInt8 = 0
        let bio = unsafe bytes.baseAddress.map { unsafe BIO_new_mem_buf($0, Int32(clamping: bytes.count)) }
        return unsafe needed(bio ?? BIO_new_mem_buf(&none, 0), "a reader")
    }
}

/// Answers OpenSSL's wish for a passphrase with a refusal, and notes that it was asked; its own callback would stop and
/// wait at the terminal.
private func refusePassphrase(
    _: UnsafeMutablePointer<CChar>?,
    _: Int32,
    _: Int32,
    _ asked: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe asked?.assumingMemoryBound(to: Bool.self).pointee = true
    return -1
}
