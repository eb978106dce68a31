internal import COpenSSL

/// How a client meets servers: TLS 1.2 and 1.3, verified, with no way to turn verification off.
///
/// The policy, after NIST SP 800-52r2:
/// - Suites: AES-GCM with ephemeral keys (ECDHE, or DHE of at least 2048 bits). No static RSA (no forward secrecy), no CBC
///   (padding oracles), no ChaCha20 (not approved for federal use, and every server with it has AES-GCM too).
/// - Groups P-256, X25519, P-384; signatures without SHA-1 and MD5; keys with at least 112 bits of security, so RSA from
///   2048 bits.
/// - No compression, no renegotiation, no early data. Sessions are taken up again (``TLSSessions``) for an hour at most;
///   the chain and the name are verified anew for each, so that a certificate which has expired ends with the next
///   connection.
/// - Certificates: chain to a trusted root, for server use, by RFC 5280 as OpenSSL checks it. `X509_V_FLAG_X509_STRICT` is
///   left off, since it adds no protection to these checks and refuses many private roots that lack a key identifier.
///   Revocation is not looked up, and a must-staple extension is not acted on; a route's own `ca` is the answer to a
///   root that cannot be trusted to hold its certificates short-lived.
/// - Names (RFC 9525): among the SANs only, never the subject; a wildcard stands for one whole left-most label.
@safe public final class TLSContext: @unchecked Sendable {
    // Sendable: an SSL_CTX is changed in `init` alone; OpenSSL lets any number of threads make sessions from one.
    let pointer: OpaquePointer
    /// What may be taken up again.
    let sessions: TLSSessions?

    /// Which roots a server's chain may end in.
    public enum Trust: Sendable {
        /// The system's roots, where OpenSSL keeps them.
        case system
        /// These certificates in PEM form and no other.
        case pem([UInt8])
    }

    private static let suites12 = """
        ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
        ECDHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384
        """
    private static let suites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"
    private static let groups = "P-256:X25519:P-384"
    /// X25519 is not among SP 800-56A's curves.
    private static let approvedGroups = "P-256:P-384"
    private static let signatures = """
        ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:\
        rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512
        """

    /// Sets a client up; fails only if the roots cannot be read, or the client's own certificate cannot be used.
    ///
    /// - Parameters:
    ///   - trust: The roots.
    ///   - clientCertificate: What to show to a server that asks.
    ///   - resumesSessions: Whether a further connection may take up a session.
    public init(
        trust: Trust,
        clientCertificate: ClientCertificate? = nil,
        resumesSessions: Bool = true
    ) throws(OpenSSLError) {
        let roots: [Certificate]
        switch trust {
        case .system: roots = []
        case .pem(let pem): roots = try PEM.certificates(pem)
        }
        unsafe pointer = needed(SSL_CTX_new(TLS_client_method()), "a TLS context")
        unsafe succeeded(wardpost_context_set_minimum(pointer, TLS1_2_VERSION), "the TLS versions")
        unsafe succeeded(wardpost_context_set_maximum(pointer, TLS1_3_VERSION), "the TLS versions")
        unsafe SSL_CTX_set_security_level(pointer, 2)
        unsafe succeeded(SSL_CTX_set_cipher_list(pointer, Self.suites12), "the TLS 1.2 suites")
        unsafe succeeded(SSL_CTX_set_ciphersuites(pointer, Self.suites13), "the TLS 1.3 suites")
        unsafe succeeded(
            wardpost_context_set_groups(pointer, FIPS.isOn ? Self.approvedGroups : Self.groups),
            "the groups"
        )
        unsafe succeeded(wardpost_context_set_signature_algorithms(pointer, Self.signatures), "the signatures")
        unsafe wardpost_context_refuse_renegotiation_and_compression(pointer)
        unsafe wardpost_context_release_buffers(pointer)
        if resumesSessions {
            sessions = TLSSessions()
            unsafe wardpost_context_hand_sessions_out(pointer)
            unsafe SSL_CTX_sess_set_new_cb(pointer) { ssl, session in
                unsafe TLSEngine.of(ssl)?.keep(session) == true ? 1 : 0
            }
        } else {
            sessions = nil
            unsafe wardpost_context_refuse_tickets(pointer)
            unsafe wardpost_context_keep_no_sessions(pointer)
        }
        unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        unsafe SSL_CTX_set_verify_depth(pointer, 8)
        try unsafe clientCertificate?.use(in: pointer)
        ErrorQueue.clear()
        switch trust {
        case .system:
            guard unsafe SSL_CTX_set_default_verify_paths(pointer) == 1 else {
                throw OpenSSLError(.unsupported, "the system's roots cannot be used (\(ErrorQueue.reason()))")
            }
        case .pem:
            let store = unsafe needed(SSL_CTX_get_cert_store(pointer), "a certificate store")
            for root in roots {
                unsafe succeeded(root.withPointer { unsafe X509_STORE_add_cert(store, $0) }, "a root")
            }
        }
    }

    deinit {
        unsafe SSL_CTX_free(pointer)
    }
}
