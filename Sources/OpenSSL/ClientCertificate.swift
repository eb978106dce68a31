internal import COpenSSL

/// What a client shows to servers that ask who it is: a certificate with its chain, and the key that proves it.
public struct ClientCertificate: Sendable {
    let chain: [Certificate]
    let key: Key

    /// Takes the certificate with its chain behind it, leaf first, and the leaf's private key; refuses a pair that no
    /// server could accept.
    ///
    /// - Parameters:
    ///   - chainPEM: The certificates.
    ///   - keyPEM: The private key, PKCS #8 or traditional, without a passphrase.
    ///   - now: The moment at which it must be valid, in seconds since 1970.
    public init(chainPEM: [UInt8], keyPEM: SecretBytes, now: Int64) throws(OpenSSLError) {
        chain = try PEM.certificates(chainPEM)
        key = try PEM.privateKey(keyPEM)
        guard let leaf = chain.first else {
            throw OpenSSLError(.certificateUnreadable, "no certificate in PEM form")
        }
        ErrorQueue.clear()
        let belong = unsafe leaf.withPointer { leaf in
            unsafe key.withPointer { unsafe X509_check_private_key(leaf, $0) } == 1
        }
        ErrorQueue.clear()
        guard belong else {
            throw OpenSSLError(
                .keyMismatch,
                "the private key is not that of the first certificate in the file; the client's own must stand first"
            )
        }
        let facts = CertificateFacts(leaf)
        guard facts.notBefore <= now else {
            throw OpenSSLError(.certificateUnusable, "the client certificate is not valid yet")
        }
        guard now < facts.notAfter else {
            throw OpenSSLError(.certificateUnusable, "the client certificate has expired")
        }
        guard unsafe leaf.withPointer({ unsafe X509_check_purpose($0, X509_PURPOSE_SSL_CLIENT, 0) }) == 1 else {
            throw OpenSSLError(.certificateUnusable, "the certificate is not for TLS clients, by its own words")
        }
    }

    /// What the certificate says.
    public var facts: CertificateFacts? {
        chain.first.map { CertificateFacts($0) }
    }

    /// Has a context show it.
    func use(in context: OpaquePointer) throws(OpenSSLError) {
        ErrorQueue.clear()
        for (index, certificate) in chain.enumerated() {
            let added = unsafe certificate.withPointer { certificate in
                unsafe index == 0
                    ? SSL_CTX_use_certificate(context, certificate) : wardpost_context_add_chain(context, certificate)
            }
            guard added == 1 else {
                throw OpenSSLError(
                    .certificateUnusable,
                    "the client certificate cannot be used (\(ErrorQueue.reason()))"
                )
            }
        }
        guard unsafe key.withPointer({ unsafe SSL_CTX_use_PrivateKey(context, $0) }) == 1 else {
            throw OpenSSLError(.keyMismatch, "the client's key cannot be used (\(ErrorQueue.reason()))")
        }
    }
}
