import Core
import NIOCore

/// The conversation inside TLS: the only thing in this module that can authenticate or send mail.
///
/// It comes to be from a ``VerifiedTLS`` alone, and from a ``PlainSession`` that is consumed, or at the greeting where TLS was
/// there first. Events go in, written commands and a ``Step`` come out; nothing here waits or does I/O.
struct SecureSession: ~Copyable {
    private enum State: ~Copyable {
        case greeting
        case hello
        case authenticating(Authentication, Capabilities)
        case open(MailFlow)
        case quitting
        case over
    }

    private var state: State
    private var answers = 0
    private let settings: RouteSettings
    private let token: AccessToken?
    /// Asked in the step that writes content whether it may go out.
    var mayTransmit: () -> Bool = { true }
    /// The session that it lives in.
    let tls: VerifiedTLS
    /// What the server offers inside TLS, once it said so.
    private(set) var offer: Capabilities?
    /// How we said who we are, once the server took it.
    private(set) var mechanism: Mechanism?

    /// Starts where TLS came first; the server's greeting is awaited.
    init(implicit tls: VerifiedTLS, settings: RouteSettings, token: AccessToken? = nil) {
        self.tls = tls
        self.settings = settings
        self.token = token
        state = .greeting
    }

    /// Starts after STARTTLS: EHLO is said again, and what the clear phase offered is not known here.
    init(
        upgradedTo tls: VerifiedTLS,
        settings: RouteSettings,
        token: AccessToken? = nil,
        into output: inout ByteBuffer
    ) {
        self.tls = tls
        self.settings = settings
        self.token = token
        state = .hello
        output.writeHello(settings.heloName)
    }

    /// An answer that is being waited for.
    struct Waiting: Hashable {
        /// Tells it from the one before at the same stage.
        var number: Int
        var stage: Stage
        /// How much content is on its way before it.
        var octets = 0
    }

    /// Which answer is awaited; `nil` while the next word is ours.
    var waiting: Waiting? {
        switch state {
        case .greeting: return Waiting(number: answers, stage: .greeting)
        case .hello: return Waiting(number: answers, stage: .hello)
        case .authenticating: return Waiting(number: answers, stage: .authentication)
        case .quitting: return Waiting(number: answers, stage: .quit)
        case .open(let flow):
            guard let (stage, octets) = flow.waiting else { return nil }
            return Waiting(number: answers, stage: stage, octets: octets)
        case .over: return nil
        }
    }

    /// Whether messages can be sent, or are being sent.
    var isOpen: Bool {
        switch state {
        case .open: true
        default: false
        }
    }

    /// Whether a message is under way.
    var isBusy: Bool {
        switch state {
        case .open(let flow): !flow.isIdle
        default: false
        }
    }

    /// Whether another message may be begun now.
    var canTake: Bool {
        switch state {
        case .open(let flow): flow.canTake
        default: false
        }
    }

    /// Whether a message's content would go out now if it were durable and had leave.
    func wantsContent(of ticket: Ticket) -> Bool {
        switch state {
        case .open(let flow): flow.wantsContent(of: ticket)
        default: false
        }
    }

    // MARK: Events

    /// Takes a reply; `more` says that further bytes came with it.
    mutating func received(_ reply: Reply, more: Bool, into output: inout ByteBuffer) -> Step {
        answers &+= 1
        switch take() {
        case .open(var flow):
            let step = flow.received(reply, more: more, into: &output)
            return settle(flow, step, into: &output)
        case .quitting: return Step(.close(.goodbye))
        case .over: return Step(.close(.goodbye))
        case .authenticating(let authentication, _) where more: return Step(.close(authentication.confused))
        case _ where more: return Step(.close(.protocolError("the server answered more than it was asked")))
        case .greeting:
            guard reply.code == 220 else { return quit(ConnectionEnd(reply, at: .greeting), into: &output) }
            state = .hello
            output.writeHello(settings.heloName)
            return Step(.wait)
        case .hello:
            guard reply.code == 250 else { return quit(ConnectionEnd(reply, at: .hello), into: &output) }
            let offer = Capabilities(reply)
            self.offer = offer
            guard offer.requireTLS || !settings.requiresTLSOnward else { return quit(.noTLSOnward, into: &output) }
            return start(offer, into: &output)
        case .authenticating(var authentication, let capabilities):
            if reply.code == 235 {
                if let end = authentication.objectionToAcceptance { return quit(end, into: &output) }
                mechanism = authentication.mechanism
                return open(capabilities)
            }
            guard reply.code == 334 else { return quit(authentication.end(reply), into: &output) }
            guard authentication.answer(reply, into: &output) else {
                return quit(authentication.endless, into: &output)
            }
            state = .authenticating(authentication, capabilities)
            return Step(.wait)
        }
    }

    /// Takes a message; only when ``canTake``.
    ///
    /// `isRested` says that nothing was under way for a while.
    mutating func begin(
        _ message: OutgoingMessage,
        isRested: Bool = false,
        into output: inout ByteBuffer
    ) -> Step {
        guard case .open(var flow) = take() else {
            let result = AttemptResult(.notTried, reason: .connectionLost, server: settings.host)
            return Step(.close(.goodbye), ended: Step.Ending(ticket: message.ticket, result: result))
        }
        let step = flow.begin(message, isRested: isRested, into: &output)
        return settle(flow, step, into: &output)
    }

    /// Takes the ledger's word about a message.
    mutating func durable(_ ticket: Ticket, _ isDurable: Bool, into output: inout ByteBuffer) -> Step {
        switch take() {
        case .open(var flow):
            let step = flow.durable(ticket, isDurable, into: &output)
            return settle(flow, step, into: &output)
        case let other:
            state = other
            return Step(.wait)
        }
    }

    /// Takes the news that all that was written has left this process.
    mutating func flushed(into output: inout ByteBuffer) -> Step {
        switch take() {
        case .open(var flow):
            let step = flow.flushed(into: &output)
            return settle(flow, step, into: &output)
        case let other:
            state = other
            return Step(.wait)
        }
    }

    /// Takes the end of a connection that cannot go on.
    mutating func lost(_ loss: Loss) -> Step {
        switch take() {
        case .open(var flow): return flow.lost(loss)
        case .quitting: return Step(.close(.goodbye))
        case .over: return Step(.close(.goodbye))
        case .greeting: return lost(loss, at: .greeting)
        case .hello: return lost(loss, at: .hello)
        case .authenticating(let authentication, _):
            state = .over
            return Step(.close(authentication.lost(loss)))
        }
    }

    /// Wants no more messages: what is under way is finished, then QUIT.
    mutating func drain(into output: inout ByteBuffer) -> Step {
        switch take() {
        case .open(var flow):
            let step = flow.drain()
            return settle(flow, step, into: &output)
        case let other: return leaveUnopened(other)
        }
    }

    /// Stops at once: messages whose end is not out are given back, an answer to one whose end is out is awaited.
    mutating func stop(into output: inout ByteBuffer) -> Step {
        switch take() {
        case .open(var flow):
            let step = flow.stop()
            return settle(flow, step, into: &output)
        case let other: return leaveUnopened(other)
        }
    }

    /// Gives back a message whose content is not on its way.
    mutating func recall(into output: inout ByteBuffer) -> Step {
        switch take() {
        case .open(var flow):
            let step = flow.recall()
            return settle(flow, step, into: &output)
        case let other:
            state = other
            return Step(.wait)
        }
    }

    // MARK: Inside

    private mutating func start(_ capabilities: Capabilities, into output: inout ByteBuffer) -> Step {
        guard let credentials = settings.credentials else { return open(capabilities) }
        var authentication: Authentication
        do {
            authentication = try Authentication(credentials, token: token, settings: settings, offered: capabilities)
        } catch {
            let end = ConnectionEnd(kind: .authentication, reason: .authentication, detail: error.detail)
            return quit(end, into: &output)
        }
        authentication.begin(into: &output)
        state = .authenticating(authentication, capabilities)
        return Step(.wait)
    }

    private mutating func open(_ capabilities: Capabilities) -> Step {
        var flow = MailFlow(capabilities, tls: tls.evidence, settings: settings)
        flow.mayTransmit = mayTransmit
        state = .open(flow)
        return Step(.ask)
    }

    /// Puts the flow back, unless it is done.
    private mutating func settle(_ flow: consuming MailFlow, _ step: Step, into output: inout ByteBuffer) -> Step {
        var step = step
        switch step.then {
        case .leave:
            state = .quitting
            output.writeStaticString("QUIT\r\n")
            step.then = .wait
        case .close:
            state = .over
        case .wait, .ask, .flush:
            state = .open(flow)
        }
        return step
    }

    private mutating func leaveUnopened(_ other: consuming State) -> Step {
        switch other {
        case .quitting:
            state = .quitting
            return Step(.wait)
        default: return Step(.close(.goodbye))
        }
    }

    /// The state, to be put back by every branch that goes on: what is forgotten is over, and sends nothing.
    private mutating func take() -> State {
        var taken = State.over
        swap(&taken, &state)
        return taken
    }

    /// Says QUIT without waiting for an answer: nothing hangs on it, and the end is known.
    private mutating func quit(_ end: ConnectionEnd, into output: inout ByteBuffer) -> Step {
        state = .over
        output.writeStaticString("QUIT\r\n")
        return Step(.close(end))
    }

    private mutating func lost(_ loss: Loss, at stage: Stage) -> Step {
        state = .over
        return Step(.close(ConnectionEnd(kind: .lost, reason: loss.reason, detail: loss.detail(at: stage))))
    }
}

extension ConnectionEnd {
    /// The relay does not promise TLS on its onward way, and the route wants that.
    fileprivate static let noTLSOnward = ConnectionEnd(
        kind: .insecure,
        reason: .requireTLSMissing,
        detail: "the server does not offer REQUIRETLS"
    )
}
