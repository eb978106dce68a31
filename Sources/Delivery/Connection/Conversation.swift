import Core
import NIOCore
import OpenSSL
import Transport

/// What every connection to a relay goes through, whoever speaks on it: the plain session, the upgrade, the secure session, and
/// the bytes of each.
///
/// Whoever has it does what the secure session's steps say; what both sessions write gathers in ``output``.
struct Conversation: ~Copyable {
    let route: RouteSettings
    /// What proves us, where that is a token.
    let token: AccessToken?
    private(set) var plain: PlainSession?
    var secure: SecureSession?
    /// What is to be sent.
    var output = ByteBuffer()
    /// Why it is over; `nil` while it is not.
    private(set) var end: ConnectionEnd?
    private(set) var tls: TLSHandler?
    /// What is known of the channel, once it is verified.
    private(set) var evidence: TLSEvidence?
    private var parser: ReplyParser
    private var incoming = ByteBuffer()

    init(_ route: RouteSettings, token: AccessToken?) {
        self.route = route
        self.token = token
        parser = ReplyParser(limits: route.limits)
    }

    /// What the server must do next, until TLS is up.
    var stage: Stage? {
        mutating get { plain?.stage }
    }

    // MARK: What happens

    /// The connection is there.
    mutating func connected(_ channel: borrowing Wire) {
        switch route.tls {
        case .startTLS: plain = PlainSession(heloName: route.heloName)
        case .implicit: startTLS(channel)
        }
    }

    /// Bytes came; ``next(_:)`` reads them.
    mutating func received(_ buffer: ByteBuffer) {
        if incoming.readableBytes == 0 {
            incoming = buffer
        } else {
            incoming.writeImmutableBuffer(buffer)
        }
    }

    /// Reads replies up to the first that the secure session has a step for; `nil` when there is no whole reply left.
    mutating func next(_ channel: borrowing Wire) -> Step? {
        do throws(ReplyError) {
            while end == nil, let reply = try parser.next(from: &incoming) {
                let more = incoming.readableBytes > 0
                if let step = secure?.received(reply, more: more, into: &output) { return step }
                switch plain?.received(reply, more: more, into: &output) {
                case .wait?: break
                case .upgrade?: startTLS(channel)
                case .close(let end)?: finish(end)
                case nil: finish(.injection)
                }
            }
        } catch {
            return lost(.garbage(error))
        }
        // Gives the buffer back to whoever fills it next.
        if incoming.readableBytes == 0 { incoming = ByteBuffer() }
        return nil
    }

    /// TLS is up and the peer verified; nothing else makes a secure session.
    ///
    /// - Returns: Whether there is one now.
    mutating func established() -> Bool {
        guard end == nil, let tls, let verified = VerifiedTLS(of: tls.engine, trust: route.trust) else { return false }
        evidence = verified.evidence
        if let plain = plain.take() {
            secure = plain.upgraded(by: verified, settings: route, token: token, into: &output)
        } else {
            secure = SecureSession(implicit: verified, settings: route, token: token)
        }
        // The clear phase must not leave half a reply to what comes now.
        parser = ReplyParser(limits: route.limits)
        return true
    }

    /// An error came up the pipeline.
    mutating func failed(_ error: any Error) -> Step? {
        guard let failure = error as? TLSError else { return lost(.closed) }
        if secure != nil { return lost(.tls(failure.description)) }
        finish(ConnectionEnd(failure))
        return nil
    }

    /// Begins a message; `nil` before there is a secure session, as in all that follow.
    mutating func begin(_ message: OutgoingMessage, isRested: Bool) -> Step? {
        secure?.begin(message, isRested: isRested, into: &output)
    }

    /// The ledger and the limits have said whether a message's content may go.
    mutating func durable(_ ticket: Ticket, _ goes: Bool) -> Step? {
        secure?.durable(ticket, goes, into: &output)
    }

    /// What was written last has left.
    mutating func flushed() -> Step? {
        secure?.flushed(into: &output)
    }

    /// Finishes what is under way, then goes.
    mutating func drain() -> Step? {
        secure?.drain(into: &output)
    }

    /// Gives back the message whose content is not on its way.
    mutating func recall() -> Step? {
        secure?.recall(into: &output)
    }

    /// Goes as soon as nothing is lost by it.
    mutating func stop() -> Step? {
        secure?.stop(into: &output)
    }

    /// The connection is no good any more.
    mutating func lost(_ loss: Loss) -> Step? {
        guard end == nil else { return nil }
        if let step = secure?.lost(loss) { return step }
        if let end = plain?.lost(loss) {
            finish(end)
        } else {
            finish(ConnectionEnd(kind: .handshakeLost, reason: .tlsHandshake, detail: loss.detail(at: .startTLS)))
        }
        return nil
    }

    /// That was it; the first reason counts.
    mutating func finish(_ end: ConnectionEnd) {
        if self.end == nil { self.end = end }
    }

    /// Nothing is said any more.
    mutating func letGo() {
        plain = nil
        secure = nil
    }

    private mutating func startTLS(_ channel: borrowing Wire) {
        do {
            let handler = TLSHandler(try channel.makeEngine())
            tls = handler
            try channel.context.pipeline.syncOperations.addHandler(handler, position: .before(channel.handler))
        } catch {
            finish(ConnectionEnd(error as? TLSError))
        }
    }

    /// Where the conversation takes place.
    struct Wire: ~Copyable {
        let context: ChannelHandlerContext
        /// Who speaks; TLS comes before it.
        let handler: any ChannelHandler
        let makeEngine: () throws -> TLSEngine
    }
}

extension TLSEvent {
    /// What the end of a stream means for whoever waits for an answer; `nil` where it is a beginning.
    var loss: Loss? {
        switch self {
        case .established: nil
        case .ended: .closed
        case .truncated: .tls("the TLS stream was cut")
        }
    }
}

extension ConnectionEnd {
    /// Bytes where there is no session to take them.
    static let injection = ConnectionEnd(
        kind: .insecure,
        reason: .tlsInjection,
        detail: "bytes came in clear ahead of TLS"
    )

    /// What a failed handshake means.
    ///
    /// `nil` is no failure that a server causes.
    init(_ error: TLSError?) {
        let reason: Reason =
            switch error?.code {
            case .certificateUntrusted?: .certificateUntrusted
            case .certificateExpired?: .certificateExpired
            case .certificateNotYetValid?: .certificateNotYetValid
            case .certificateName?: .certificateName
            case .certificateRefused?: .certificateRefused
            case .handshake?, .broken?, .truncated?, .notEstablished?, .invalidName?, nil: .tlsHandshake
            }
        self.init(kind: .insecure, reason: reason, detail: error?.description ?? "TLS could not be started")
    }
}
