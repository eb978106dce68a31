internal import COpenSSL

/// OpenSSL's `EVP_PKEY`: a public key, or a pair.
///
/// Freed with the last reference.
@safe final class Key: @unchecked Sendable {  // Never changed after its making; OpenSSL counts references atomically.
    private let pointer: OpaquePointer

    /// Becomes the one that frees the key.
    init(takingOwnershipOf pointer: OpaquePointer) {
        unsafe self.pointer = unsafe pointer
    }

    deinit {
        unsafe EVP_PKEY_free(pointer)
    }

    /// Makes a new pair.
    convenience init(generating type: CertificateRequest.KeyType) {
        let pointer =
            switch type {
            case .p256: unsafe wardpost_generate_p256()
            case .rsa2048: unsafe wardpost_generate_rsa(2_048)
            case .rsa1024: unsafe wardpost_generate_rsa(1_024)
            }
        unsafe self.init(takingOwnershipOf: needed(pointer, "a key"))
    }

    /// Whether it lies on P-256, the only curve that result files are signed with.
    var isP256: Bool {
        var name = [CChar](repeating: 0, count: 64)
        var count = 0
        return unsafe EVP_PKEY_is_a(pointer, "EC") == 1
            && EVP_PKEY_get_group_name(pointer, &name, name.count, &count) == 1
            && name.prefix(count).elementsEqual("prime256v1".utf8CString.dropLast())
    }

    /// The private half as PKCS #8.
    var privatePEM: SecretBytes {
        unsafe PEM.write { bio in
            unsafe PEM_write_bio_PKCS8PrivateKey(bio, pointer, nil, nil, 0, nil, nil)
        }
    }

    /// The public half as SubjectPublicKeyInfo.
    var publicPEM: [UInt8] {
        unsafe PEM.write { bio in unsafe PEM_write_bio_PUBKEY(bio, pointer) }.exposedCopy()
    }

    /// Lends the pointer; it ends with the call.
    func withPointer<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        defer { withExtendedLifetime(self) {} }
        return unsafe body(pointer)
    }
}

/// OpenSSL's `X509`: one certificate.
///
/// Freed with the last reference.
@safe final class Certificate: @unchecked Sendable {  // Never changed after its making; the count is atomic.
    private let pointer: OpaquePointer

    /// Becomes the one that frees the certificate.
    init(takingOwnershipOf pointer: OpaquePointer) {
        unsafe self.pointer = unsafe pointer
    }

    deinit {
        unsafe X509_free(pointer)
    }

    /// The certificate in PEM form.
    var pem: [UInt8] {
        unsafe PEM.write { bio in unsafe PEM_write_bio_X509(bio, pointer) }.exposedCopy()
    }

    /// Lends the pointer; it ends with the call.
    func withPointer<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        defer { withExtendedLifetime(self) {} }
        return unsafe body(pointer)
    }
}
