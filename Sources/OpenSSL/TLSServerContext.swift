internal import COpenSSL

/// How a server of ours meets clients: its certificate and key, TLS 1.2 and 1.3.
///
/// For `capture`, `demo` and tests.
@safe public final class TLSServerContext: @unchecked Sendable {
    // Sendable: an SSL_CTX is changed in `init` alone; OpenSSL lets any number of threads make sessions from one.
    let pointer: OpaquePointer

    /// What a server offers; made weak only to see clients refuse it.
    package struct Options: Sendable {
        package var minimum: TLSVersion = .tls12
        package var maximum: TLSVersion = .tls13
        /// Suites before TLS 1.3, in OpenSSL's notation.
        package var suites: String?
        /// The least security level; 0 lets everything through that OpenSSL still knows.
        package var securityLevel: Int32 = 2
        /// Diffie-Hellman with 1024 bits, however strong the certificate is.
        package var weakDiffieHellman = false
        /// Ask the client for a certificate, and go on without one.
        package var asksForClientCertificate = false

        /// The roots that a client's certificate must lead to; without one there is no session.
        package var clientRoots: [UInt8]?
        /// Give tickets, so that clients may take sessions up again.
        package var givesTickets = false
        /// Use the client's session by its number, where there is no ticket (before TLS 1.3).
        package var remembersSessions = false

        /// Speak HTTP/2 or HTTP/1.1 (ALPN), and nothing else with a client that says what it speaks.
        package var offersWeb = false

        /// Ask for renegotiation when told to.
        package var renegotiates = false

        package init() {}
    }

    /// Takes the certificate with its chain behind it, leaf first, and the leaf's private key.
    public convenience init(certificateChainPEM: [UInt8], keyPEM: SecretBytes) throws(OpenSSLError) {
        try self.init(certificateChainPEM: certificateChainPEM, keyPEM: keyPEM, options: Options())
    }

    package init(
        certificateChainPEM: [UInt8],
        keyPEM: SecretBytes,
        options: Options
    ) throws(OpenSSLError) {
        let chain = try PEM.certificates(certificateChainPEM)
        let key = try PEM.privateKey(keyPEM)
        unsafe pointer = needed(SSL_CTX_new(TLS_server_method()), "a TLS context")
        unsafe SSL_CTX_set_security_level(pointer, options.securityLevel)
        unsafe succeeded(wardpost_context_set_minimum(pointer, options.minimum.wire), "the TLS versions")
        unsafe succeeded(wardpost_context_set_maximum(pointer, options.maximum.wire), "the TLS versions")
        if !options.renegotiates {
            unsafe wardpost_context_refuse_renegotiation_and_compression(pointer)
        }
        if options.givesTickets || options.remembersSessions {
            unsafe succeeded(SSL_CTX_set_session_id_context(pointer, Array("wardpost".utf8), 8), "a name for sessions")
        } else {
            unsafe wardpost_context_keep_no_sessions(pointer)
        }
        if options.offersWeb {
            unsafe wardpost_context_offer_web_protocols(pointer)
            // Thousands of connections are idle.
            unsafe wardpost_context_release_buffers(pointer)
        }
        if options.givesTickets, !options.remembersSessions {
            // Tickets hold all there is to know; nothing is kept here.
            unsafe wardpost_context_keep_no_sessions(pointer)
            unsafe succeeded(SSL_CTX_set_num_tickets(pointer, 1), "tickets")
        }
        if !options.givesTickets {
            unsafe wardpost_context_refuse_tickets(pointer)
            unsafe succeeded(SSL_CTX_set_num_tickets(pointer, 0), "tickets")
        }
        unsafe wardpost_context_choose_dh(pointer, options.weakDiffieHellman ? 2 : 1)
        if options.asksForClientCertificate {
            unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        }
        if let roots = options.clientRoots {
            unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
            let store = unsafe needed(SSL_CTX_get_cert_store(pointer), "a certificate store")
            for root in try PEM.certificates(roots) {
                unsafe succeeded(root.withPointer { unsafe X509_STORE_add_cert(store, $0) }, "a root")
                unsafe succeeded(root.withPointer { unsafe SSL_CTX_add_client_CA(pointer, $0) }, "a root")
            }
        }
        ErrorQueue.clear()
        if let suites = options.suites, unsafe SSL_CTX_set_cipher_list(pointer, suites) != 1 {
            throw OpenSSLError(.unsupported, "the suites are not known (\(ErrorQueue.reason()))")
        }
        for (index, certificate) in chain.enumerated() {
            let added = unsafe certificate.withPointer { certificate in
                unsafe index == 0
                    ? SSL_CTX_use_certificate(pointer, certificate) : wardpost_context_add_chain(pointer, certificate)
            }
            guard added == 1 else {
                throw OpenSSLError(.certificateUnreadable, "the certificate cannot be used (\(ErrorQueue.reason()))")
            }
        }
        guard unsafe key.withPointer({ unsafe SSL_CTX_use_PrivateKey(pointer, $0) }) == 1,
            unsafe SSL_CTX_check_private_key(pointer) == 1
        else {
            throw OpenSSLError(.keyMismatch, "the private key is not the certificate's (\(ErrorQueue.reason()))")
        }
    }

    deinit {
        unsafe SSL_CTX_free(pointer)
    }
}

/// A version of the protocol.
package enum TLSVersion: Sendable {
    case tls10
    case tls11
    case tls12
    case tls13

    var wire: Int32 {
        switch self {
        case .tls10: TLS1_VERSION
        case .tls11: TLS1_1_VERSION
        case .tls12: TLS1_2_VERSION
        case .tls13: TLS1_3_VERSION
        }
    }
}
