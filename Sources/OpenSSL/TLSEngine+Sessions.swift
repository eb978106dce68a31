internal import COpenSSL
import Glibc

/// Sessions that are taken up again, and what is known of the other side's certificate.
extension TLSEngine {
    /// The clock that certificates are measured by.
    static var now: Int64 { Int64(time(nil)) }

    /// The engine that a session of OpenSSL's belongs to; `nil` for a server's, and for one that has no use for it.
    static func of(_ ssl: OpaquePointer?) -> TLSEngine? {
        guard let ssl = unsafe ssl, let engine = unsafe SSL_get_ex_data(ssl, 0) else { return nil }
        // The engine frees the SSL in its deinit, so it is there whenever OpenSSL calls back.
        return unsafe Unmanaged<TLSEngine>.fromOpaque(engine).takeUnretainedValue()
    }

    /// Keeps a session that came by a ticket of TLS 1.3; says whether its reference was taken over.
    ///
    /// Before TLS 1.3 the callback comes within the handshake, when not all is known; ``keepOld()`` is for those.
    func keep(_ session: OpaquePointer?) -> Bool {
        guard let session = unsafe session, unsafe SSL_version(ssl) >= TLS1_3_VERSION else { return false }
        return unsafe keep(session, of: context)
    }

    /// Keeps the session of a TLS 1.2 handshake that is done.
    ///
    /// Without the extended master secret (RFC 7627) a session is not bound to its handshake, and is let go.
    func keepOld() {
        guard unsafe SSL_version(ssl) == TLS1_2_VERSION, unsafe wardpost_has_extended_master_secret(ssl) == 1,
            let session = unsafe SSL_get1_session(ssl)
        else { return }
        if unsafe !keep(session, of: context) { unsafe SSL_SESSION_free(session) }
    }

    private func keep(_ session: OpaquePointer, of context: TLSContext?) -> Bool {
        guard let sessions = context?.sessions, unsafe SSL_SESSION_is_resumable(session) == 1,
            let validity = validity()
        else { return false }
        unsafe sessions.keep(TLSSessions.Kept(takingOwnershipOf: session, validity), for: serverName)
        return true
    }

    /// Verifies a session that was taken up as a full handshake would: the chain, its dates, its use, and the name.
    ///
    /// OpenSSL itself only repeats what it found when the session was made.
    func takeUp() throws(TLSError) {
        guard let context, offered != nil else {
            throw fail(TLSError(.handshake, "the server takes up a session that was not offered"))
        }
        let result = unsafe Self.verify(SSL_get0_peer_certificate(ssl), SSL_get_peer_cert_chain(ssl), ssl, context)
        guard result == Int(X509_V_OK) else {
            // What failed once must not be offered again.
            context.sessions?.clear(serverName)
            throw fail(.verification(result))
        }
    }

    /// The other side's certificate; `nil` before the handshake is done, and where it showed none.
    public var peerCertificate: CertificateFacts? {
        guard session != nil else { return nil }
        return unsafe SSL_get0_peer_certificate(ssl).map { unsafe CertificateFacts($0) }
    }

    /// The SAN that matched the name; `nil` for an address, and for a session that was taken up.
    public var matchedName: String? {
        guard session != nil else { return nil }
        return unsafe SSL_get0_peername(ssl).map { unsafe String(cString: $0) }
    }

    /// Until when the server's chain holds: a session that is taken up inherits it.
    private func validity() -> TLSSessions.Validity? {
        if unsafe SSL_session_reused(ssl) == 1 { return offered }
        guard let chain = unsafe SSL_get0_verified_chain(ssl), unsafe SSL_get_verify_result(ssl) == Int(X509_V_OK)
        else {
            return nil
        }
        var end = Self.now + TLSSessions.longestAge
        for index in 0..<(unsafe OPENSSL_sk_num(chain)) {
            guard let certificate = unsafe OPENSSL_sk_value(chain, index) else { return nil }
            end = min(end, unsafe CertificateFacts.seconds(X509_get0_notAfter(OpaquePointer(certificate))))
        }
        return TLSSessions.Validity(end: end)
    }

    /// Does what OpenSSL's own client does with a chain (`ssl_verify_cert_chain`).
    private static func verify(
        _ leaf: OpaquePointer?,
        _ chain: OpaquePointer?,
        _ ssl: OpaquePointer,
        _ context: TLSContext
    ) -> Int {
        guard let leaf = unsafe leaf else { return Int(X509_V_ERR_UNSPECIFIED) }
        ErrorQueue.clear()
        let verification = unsafe needed(X509_STORE_CTX_new(), "a verification")
        defer { unsafe X509_STORE_CTX_free(verification) }
        let store = unsafe needed(SSL_CTX_get_cert_store(context.pointer), "a certificate store")
        unsafe succeeded(X509_STORE_CTX_init(verification, store, leaf, chain), "a verification")
        let parameters = unsafe needed(X509_STORE_CTX_get0_param(verification), "verification parameters")
        unsafe X509_VERIFY_PARAM_set_auth_level(parameters, SSL_get_security_level(ssl))
        unsafe succeeded(X509_STORE_CTX_set_default(verification, "ssl_server"), "a purpose")
        unsafe succeeded(X509_VERIFY_PARAM_set1(parameters, SSL_get0_param(ssl)), "verification parameters")
        let answer = unsafe X509_verify_cert(verification)
        let result = unsafe X509_STORE_CTX_get_error(verification)
        ErrorQueue.clear()
        guard answer != 1 else { return Int(X509_V_OK) }
        return result == X509_V_OK ? Int(X509_V_ERR_UNSPECIFIED) : Int(result)
    }
}
