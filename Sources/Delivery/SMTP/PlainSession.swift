import Core
import NIOCore

/// The conversation before TLS.
///
/// It can say EHLO, STARTTLS and QUIT; there is no function that says anything else.
///
/// ``upgraded(by:settings:token:into:)`` consumes it, and nothing learnt here but the server's willingness to start TLS gets into what
/// comes out (RFC 3207 section 4.2). A byte that nobody asked for is taken as an injection: whoever can write
/// into the clear phase could otherwise have it read as if it came from inside TLS (CVE-2011-0411's twin).
struct PlainSession: ~Copyable {
    private enum State {
        case greeting
        case hello
        case startTLS
        case upgrading
        case quitting(ConnectionEnd)
        case over
    }

    /// What to do after an event.
    enum Next: Hashable, Sendable {
        case wait
        /// Start the TLS handshake.
        case upgrade
        case close(ConnectionEnd)
    }

    private var state = State.greeting
    private let heloName: String

    /// Waits for the greeting.
    init(heloName: String) {
        self.heloName = heloName
    }

    /// Which answer is awaited.
    var stage: Stage? {
        switch state {
        case .greeting: .greeting
        case .hello: .hello
        case .startTLS: .startTLS
        case .quitting: .quit
        case .upgrading, .over: nil
        }
    }

    /// Takes a reply; `more` says that further bytes came with it.
    mutating func received(_ reply: Reply, more: Bool, into output: inout ByteBuffer) -> Next {
        switch state {
        case .quitting(let end):
            state = .over
            return .close(end)
        case _ where more, .upgrading, .over:
            return injected()
        case .greeting:
            guard reply.code == 220 else {
                return quit(ConnectionEnd(reply, at: .greeting), after: reply, into: &output)
            }
            state = .hello
            output.writeHello(heloName)
            return .wait
        case .hello:
            guard reply.code == 250 else {
                return quit(refusal(reply, "the server does not take EHLO"), after: reply, into: &output)
            }
            guard Capabilities(reply).startTLS else {
                let end = ConnectionEnd(
                    kind: .insecure,
                    reason: .tlsNotOffered,
                    detail: "the server does not offer STARTTLS"
                )
                return quit(end, after: reply, into: &output)
            }
            state = .startTLS
            output.writeStaticString("STARTTLS\r\n")
            return .wait
        case .startTLS:
            guard reply.code == 220 else {
                return quit(refusal(reply, "the server refuses STARTTLS"), after: reply, into: &output)
            }
            state = .upgrading
            return .upgrade
        }
    }

    /// Takes the end of a connection that cannot go on.
    mutating func lost(_ loss: Loss) -> ConnectionEnd {
        defer { state = .over }
        switch state {
        case .quitting(let end): return end
        case .startTLS, .upgrading:
            return ConnectionEnd(kind: .handshakeLost, reason: .tlsHandshake, detail: loss.detail(at: .startTLS))
        case .greeting, .hello, .over:
            return ConnectionEnd(kind: .lost, reason: loss.reason, detail: loss.detail(at: stage))
        }
    }

    /// The session that may carry mail, once TLS is there and verified.
    ///
    /// Writes its EHLO.
    consuming func upgraded(
        by tls: VerifiedTLS,
        settings: RouteSettings,
        token: AccessToken? = nil,
        into output: inout ByteBuffer
    ) -> SecureSession {
        SecureSession(upgradedTo: tls, settings: settings, token: token, into: &output)
    }

    private mutating func injected() -> Next {
        state = .over
        return .close(
            ConnectionEnd(
                kind: .insecure,
                reason: .tlsInjection,
                detail: "bytes came in clear that nobody asked for, ahead of TLS"
            )
        )
    }

    /// A refusal of EHLO or STARTTLS: a busy server is asked again later, every other has no TLS for us.
    private func refusal(_ reply: Reply, _ sentence: String) -> ConnectionEnd {
        if reply.code == 421 { return ConnectionEnd(reply, at: .startTLS) }
        return ConnectionEnd(
            kind: .insecure,
            reason: .tlsNotOffered,
            detail: "\(sentence): \(reply.detail(hiding: nil))"
        )
    }

    private mutating func quit(_ end: ConnectionEnd, after reply: Reply, into output: inout ByteBuffer) -> Next {
        guard reply.code != 421 else {
            state = .over
            return .close(end)
        }
        state = .quitting(end)
        output.writeStaticString("QUIT\r\n")
        return .wait
    }
}

extension ByteBuffer {
    /// Writes EHLO with our name.
    mutating func writeHello(_ name: String) {
        writeStaticString("EHLO ")
        writeString(name)
        writeStaticString("\r\n")
    }
}
