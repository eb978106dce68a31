import Core
import NIOCore
import OpenSSL
import Transport

/// A probe's thin I/O around the sessions: they say what is said, and the first readiness for a message is its end.
///
/// Everything happens on its event loop.
final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Wait: Hashable {
        case plain(Stage)
        case handshake
        case answer(SecureSession.Waiting)
    }

    private let route: RouteSettings
    private let context: TLSContext
    private let token: AccessToken?
    private let promise: EventLoopPromise<ProbeReport>

    private var channel: ChannelHandlerContext?
    private var plain: PlainSession?
    private var secure: SecureSession?
    private var tls: TLSHandler?
    private var parser: ReplyParser
    private var incoming = ByteBuffer()
    private var output = ByteBuffer()
    private var end: ConnectionEnd?
    /// All that a row would need was there.
    private var isReady = false
    private var report: ProbeReport
    private var wait: Wait?
    private var timer: Scheduled<Void>?

    init(_ route: RouteSettings, tls: TLSContext, token: AccessToken?, _ promise: EventLoopPromise<ProbeReport>) {
        self.route = route
        self.context = tls
        self.token = token
        self.promise = promise
        parser = ReplyParser(limits: route.limits)
        report = ProbeReport(route, end: .goodbye)
    }

    // MARK: The channel's events

    func channelActive(context: ChannelHandlerContext) {
        channel = context
        report.address = context.remoteAddress?.ipAddress
        event {
            switch route.tls {
            case .startTLS: plain = PlainSession(heloName: route.heloName)
            case .implicit: startTLS()
            }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard end == nil else { return }
        var buffer = unwrapInboundIn(data)
        incoming.writeBuffer(&buffer)
        event {
            do throws(ReplyError) {
                while end == nil, let reply = try parser.next(from: &incoming) {
                    received(reply, more: incoming.readableBytes > 0)
                }
            } catch {
                lost(.garbage(error))
            }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event happened: Any) {
        guard let happened = happened as? TLSEvent else { return context.fireUserInboundEventTriggered(happened) }
        event {
            switch happened {
            case .established: established()
            case .ended: lost(.closed)
            case .truncated: lost(.tls("the TLS stream was cut"))
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        event {
            guard let failure = error as? TLSError else { return lost(.closed) }
            if secure != nil { return lost(.tls(failure.description)) }
            finish(ConnectionEnd(failure))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        event { lost(.closed) }
        timer?.cancel()
        channel = nil
        promise.succeed(whole)
    }

    // MARK: The session's events

    private func received(_ reply: Reply, more: Bool) {
        if let step = secure?.received(reply, more: more, into: &output) { return perform(step) }
        switch plain?.received(reply, more: more, into: &output) {
        case .wait?: break
        case .upgrade?: startTLS()
        case .close(let end)?: finish(end)
        case nil: finish(.injection)
        }
    }

    private func startTLS() {
        guard let channel else { return }
        do {
            let handler = TLSHandler(try TLSEngine(context, serverName: route.host))
            tls = handler
            try channel.pipeline.syncOperations.addHandler(handler, position: .before(self))
        } catch {
            finish(ConnectionEnd(error as? TLSError))
        }
    }

    private func established() {
        guard end == nil, let tls, let verified = VerifiedTLS(of: tls.engine, trust: route.trust) else { return }
        report.tls = verified.evidence
        report.certificate = tls.engine.peerCertificate
        report.matchedName = tls.engine.matchedName
        if let plain = plain.take() {
            secure = plain.upgraded(by: verified, settings: route, token: token, into: &output)
        } else {
            secure = SecureSession(implicit: verified, settings: route, token: token)
        }
        // The clear phase must not leave half a reply to what comes now.
        parser = ReplyParser(limits: route.limits)
    }

    private func lost(_ loss: Loss) {
        guard end == nil else { return }
        if let step = secure?.lost(loss) { return perform(step) }
        if let end = plain?.lost(loss) { return finish(end) }
        finish(ConnectionEnd(kind: .handshakeLost, reason: .tlsHandshake, detail: loss.detail(at: nil)))
    }

    private func perform(_ step: Step) {
        switch step.then {
        case .ask:
            // Here a row's message would begin.
            isReady = true
            report.mechanism = secure?.mechanism
            if let next = secure?.drain(into: &output) { perform(next) }
        case .close(let end): finish(end)
        case .wait, .flush, .leave: break
        }
    }

    private func finish(_ end: ConnectionEnd) {
        guard self.end == nil else { return }
        self.end = end
    }

    private var whole: ProbeReport {
        var whole = report
        // What happens at QUIT is of no matter.
        let result = ProbeReport(route, end: isReady ? .goodbye : end ?? .goodbye)
        (whole.end, whole.problem) = (result.end, result.problem)
        return whole
    }

    // MARK: Writing and clocks

    private func event(_ body: () -> Void) {
        body()
        if let offer = secure?.offer { report.offer = ProbeReport.Offer(offer) }
        guard let channel else { return }
        if output.readableBytes > 0 {
            channel.writeAndFlush(wrapOutboundOut(output), promise: nil)
            output = ByteBuffer()
        }
        if end != nil {
            plain = nil
            secure = nil
            timer?.cancel()
            channel.close(promise: nil)
        } else {
            setClock(channel.eventLoop)
        }
    }

    /// One deadline for each answer, however slowly its bytes come.
    private func setClock(_ loop: any EventLoop) {
        var now = Wait.handshake
        if let stage = plain?.stage { now = .plain(stage) }
        if let waiting = secure?.waiting { now = .answer(waiting) }
        guard now != wait else { return }
        wait = now
        timer?.cancel()
        let limit =
            switch now {
            case .plain(let stage): route.timeouts.limit(for: stage)
            case .handshake: route.timeouts.handshake
            case .answer(let waiting): route.timeouts.limit(for: waiting.stage)
            }
        let handler = NIOLoopBound(self, eventLoop: loop)
        timer = loop.scheduleTask(in: TimeAmount(limit)) { handler.value.event { handler.value.lost(.timeout) } }
    }
}
