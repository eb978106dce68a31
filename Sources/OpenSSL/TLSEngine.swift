internal import COpenSSL

/// One TLS session between memory and memory; the socket is elsewhere.
///
/// Put in what came from the network with ``receive(_:)-(UnsafeRawBufferPointer)``, call ``handshake()`` until it is done,
/// then read and write plaintext. After each of these calls take what is to be sent with ``takeOutput(into:)``, even
/// after one that threw: there may be an alert in it that tells the other side why.
///
/// A client's handshake is done only when the chain and the name were verified; before that nothing can be written or
/// read. Not `Sendable`: a session belongs to whoever owns the connection.
@safe public final class TLSEngine {
    /// Where a handshake stands.
    public enum Handshake: Sendable {
        /// There is a session, and for a client it is verified.
        case done
        /// More bytes from the other side are needed.
        case needsInput
    }

    /// What reading gave.
    public enum ReadResult: Hashable, Sendable {
        /// So many bytes stand at the start of the buffer; at least one.
        case bytes(Int)
        /// More bytes from the other side are needed.
        case needsInput
        /// The other side ended the session in good order, with close_notify.
        case closedCleanly
    }

    let ssl: OpaquePointer
    /// What the network sent and OpenSSL has not read; owned by `ssl`.
    private let input: OpaquePointer
    /// What OpenSSL wrote and the network has not got; owned by `ssl`.
    private let output: OpaquePointer
    private let isClient: Bool
    /// For a client, where sessions are kept.
    let context: TLSContext?
    /// For a server of several names, what OpenSSL asks for the certificate of one.
    private let names: TLSServerNames?
    let serverName: String
    /// How far the session that is offered was verified.
    var offered: TLSSessions.Validity?
    /// The session is over; every later call says the same.
    private var failure: TLSError?

    /// What is known about the session; `nil` until the handshake is done.
    public private(set) var session: TLSSessionFacts?

    /// A client's session with the server of that name: a host name in ASCII, or an IP address.
    ///
    /// The name is both what SNI asks for and what must stand among the certificate's SANs; an address must stand there
    /// as an address, and is not sent in SNI (RFC 6066).
    public init(_ context: TLSContext, serverName: String) throws(TLSError) {
        unsafe ssl = needed(SSL_new(context.pointer), "a TLS session")
        unsafe (input, output) = Self.attachBuffers(to: ssl)
        isClient = true
        self.context = context
        names = nil
        self.serverName = serverName
        unsafe SSL_set_connect_state(ssl)
        try setName(serverName)
        guard let sessions = context.sessions else { return }
        unsafe SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        if let session = sessions.take(for: serverName, now: Self.now), unsafe session.offer(on: ssl) {
            offered = session.validity
        }
    }

    /// A server's session.
    public convenience init(_ context: TLSServerContext) {
        self.init(context, nil)
    }

    /// A session of a server that has several names.
    public convenience init(_ names: TLSServerNames) {
        self.init(names.fallback, names)
    }

    private init(_ context: TLSServerContext, _ names: TLSServerNames?) {
        unsafe ssl = needed(SSL_new(context.pointer), "a TLS session")
        unsafe (input, output) = Self.attachBuffers(to: ssl)
        isClient = false
        self.context = nil
        self.names = names
        serverName = ""
        unsafe SSL_set_accept_state(ssl)
    }

    deinit {
        unsafe SSL_free(ssl)
    }

    // MARK: From and to the network

    /// Takes in what came from the network.
    public func receive(_ ciphertext: UnsafeRawBufferPointer) {
        guard ciphertext.count > 0 else { return }
        var written = 0
        unsafe succeeded(BIO_write_ex(input, ciphertext.baseAddress, ciphertext.count, &written), "a TLS buffer")
    }

    /// Notes that nothing more will come from the network.
    ///
    /// What was received can still be read; behind it reading says ``ReadResult/closedCleanly`` or throws
    /// ``TLSError/Code/truncated``.
    public func receiveEnd() {
        unsafe wardpost_bio_set_empty_answer(input, 0)
    }

    /// How many bytes wait to be sent to the network.
    public var pendingOutput: Int {
        unsafe BIO_ctrl_pending(output)
    }

    /// Moves bytes for the network into a buffer and says how many; 0 if none wait.
    public func takeOutput(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard buffer.count > 0, pendingOutput > 0 else { return 0 }
        var count = 0
        unsafe succeeded(BIO_read_ex(output, buffer.baseAddress, buffer.count, &count), "a TLS buffer")
        return count
    }

    // MARK: The session

    /// Goes on with the handshake as far as the bytes received allow.
    public func handshake() throws(TLSError) -> Handshake {
        if let failure { throw failure }
        if session != nil { return .done }
        ErrorQueue.clear()
        let answer = unsafe SSL_do_handshake(ssl)
        if answer == 1 {
            session = try facts()
            return .done
        }
        guard unsafe SSL_get_error(ssl, answer) != SSL_ERROR_WANT_READ else { return .needsInput }
        let verification = isClient ? unsafe SSL_get_verify_result(ssl) : Int(X509_V_OK)
        guard verification == Int(X509_V_OK) else { throw fail(.verification(verification)) }
        throw fail(TLSError(.handshake, "the TLS handshake failed (\(ErrorQueue.reason("connection closed")))"))
    }

    /// Reads plaintext into a buffer, which must have room.
    ///
    /// Call it until it needs input: one call gives one record at most. It may leave output behind, an answer that TLS
    /// itself owes the other side.
    public func readPlaintext(into buffer: UnsafeMutableRawBufferPointer) throws(TLSError) -> ReadResult {
        try requireSession()
        ErrorQueue.clear()
        var count = 0
        let answer = unsafe SSL_read_ex(ssl, buffer.baseAddress, buffer.count, &count)
        if answer == 1 { return .bytes(count) }
        switch unsafe SSL_get_error(ssl, answer) {
        case SSL_ERROR_WANT_READ: return .needsInput
        case SSL_ERROR_ZERO_RETURN: return .closedCleanly
        default: throw fail(broken())
        }
    }

    /// Encrypts plaintext; afterwards it waits as output, in as many records as it takes.
    public func write(_ plaintext: UnsafeRawBufferPointer) throws(TLSError) {
        try requireSession()
        guard plaintext.count > 0 else { return }
        ErrorQueue.clear()
        var written = 0
        guard unsafe SSL_write_ex(ssl, plaintext.baseAddress, plaintext.count, &written) == 1 else {
            throw fail(broken())
        }
    }

    /// Ends the session in good order: close_notify waits as output.
    ///
    /// Reading may go on until the other side ends too.
    public func shutdown() {
        guard session != nil, failure == nil else { return }
        ErrorQueue.clear()
        unsafe _ = SSL_shutdown(ssl)
        ErrorQueue.clear()
    }

    /// Asks for a renegotiation, to see the other side refuse it.
    package func renegotiate() {
        ErrorQueue.clear()
        unsafe _ = SSL_renegotiate(ssl)
        unsafe _ = SSL_do_handshake(ssl)
        ErrorQueue.clear()
    }

    /// The protocol that both sides agreed on (ALPN); `nil` where one of them said nothing of it.
    package var applicationProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &count)
        return unsafe name.map {
            unsafe String(decoding: UnsafeBufferPointer(start: $0, count: Int(count)), as: UTF8.self)
        }
    }

    /// The name that a client asked for in SNI.
    package var requestedName: String? {
        unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { unsafe String(cString: $0) }
    }

    // MARK: Inside

    private static func attachBuffers(to ssl: OpaquePointer) -> (OpaquePointer, OpaquePointer) {
        let input = unsafe needed(BIO_new(BIO_s_mem()), "a TLS buffer")
        let output = unsafe needed(BIO_new(BIO_s_mem()), "a TLS buffer")
        // An empty buffer means "nothing yet" until the end was received.
        unsafe wardpost_bio_set_empty_answer(input, -1)
        unsafe SSL_set_bio(ssl, input, output)
        return unsafe (input, output)
    }

    private func setName(_ name: String) throws(TLSError) {
        let parameters = unsafe needed(SSL_get0_param(ssl), "verification parameters")
        ErrorQueue.clear()
        if name.utf8.contains(UInt8(ascii: ":")) || name.utf8.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: ".") }) {
            guard !name.isEmpty, unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1 else {
                ErrorQueue.clear()
                throw TLSError(.invalidName, "the server's name is no host name and no IP address")
            }
            return
        }
        guard isHostName(name) else {
            throw TLSError(.invalidName, "the server's name is no host name and no IP address")
        }
        unsafe SSL_set_hostflags(
            ssl,
            UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
        )
        unsafe succeeded(SSL_set1_host(ssl, name), "the server's name")
        unsafe succeeded(wardpost_set_sni(ssl, name), "the server's name")
    }

    /// Checks once more what must hold when OpenSSL says that the handshake is done, and notes what was agreed on.
    private func facts() throws(TLSError) -> TLSSessionFacts {
        let isResumed = unsafe SSL_session_reused(ssl) == 1
        if isClient {
            let result = unsafe SSL_get_verify_result(ssl)
            guard result == Int(X509_V_OK) else { throw fail(.verification(result)) }
            guard unsafe SSL_get0_peer_certificate(ssl) != nil else {
                throw fail(TLSError(.certificateRefused, "the server showed no certificate"))
            }
            if isResumed { try takeUp() }
            keepOld()
        }
        let cipher = unsafe SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))
        return unsafe TLSSessionFacts(
            version: String(cString: SSL_get_version(ssl)),
            cipher: cipher.map { unsafe String(cString: $0) } ?? "",
            isVerified: isClient,
            isResumed: isResumed
        )
    }

    private func requireSession() throws(TLSError) {
        if let failure { throw failure }
        guard session != nil else { throw TLSError(.notEstablished, "there is no TLS session yet") }
    }

    private func broken() -> TLSError {
        let reasons = ErrorQueue.drain()
        if reasons.contains(where: {
            wardpost_err_library($0.code) == ERR_LIB_SSL
                && wardpost_err_reason($0.code) == SSL_R_UNEXPECTED_EOF_WHILE_READING
        }) {
            return TLSError(.truncated, "the connection ended without the end of the TLS session")
        }
        return TLSError(.broken, "the TLS session broke (\(reasons.first?.reason ?? "no reason given"))")
    }

    func fail(_ error: TLSError) -> TLSError {
        failure = error
        session = nil
        return error
    }
}

/// What is known about a TLS session.
public struct TLSSessionFacts: Hashable, Sendable {
    /// The protocol as OpenSSL names it: `TLSv1.2` or `TLSv1.3`.
    public let version: String
    /// The suite as OpenSSL names it.
    public let cipher: String
    /// Whether the other side's chain and name were verified: always for a client, never for a server.
    public let isVerified: Bool
    /// Whether it takes up an earlier session: that one's certificates, verified anew.
    public let isResumed: Bool
}

/// Letters, digits, hyphens and underscores in labels with dots between.
///
/// OpenSSL takes an empty name as "do not check" and one with a leading dot as "any name below": neither may get there.
private func isHostName(_ name: String) -> Bool {
    let labels = Array(name.utf8).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return name.utf8.count <= 253
        && labels.allSatisfy { label in
            (1...63).contains(label.count)
                && label.allSatisfy { byte in
                    isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                }
        }
}

private func isDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte)
}
