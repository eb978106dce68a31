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

    private let context: TLSContext
    private let promise: EventLoopPromise<ProbeReport>

    private var channel: ChannelHandlerContext?
    private var talk: Conversation
    /// All that a row would need was there.
    private var isReady = false
    private var report: ProbeReport
    private var wait: Wait?
    private var timer: Scheduled<Void>?

    init(_ route: RouteSettings, tls: TLSContext, token: AccessToken?, _ promise: EventLoopPromise<ProbeReport>) {
        self.context = tls
        self.promise = promise
        talk = Conversation(route, token: token)
        report = ProbeReport(route, end: .goodbye)
    }

    private var route: RouteSettings { talk.route }

    // MARK: The channel's events

    func channelActive(context: ChannelHandlerContext) {
        channel = context
        report.address = context.remoteAddress?.ipAddress
        event { talk.connected(wire(context)) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard talk.end == nil else { return }
        talk.received(unwrapInboundIn(data))
        event {
            while let step = talk.next(wire(context)) { perform(step) }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event happened: Any) {
        guard let happened = happened as? TLSEvent else { return context.fireUserInboundEventTriggered(happened) }
        event {
            if let loss = happened.loss { return lost(loss) }
            guard talk.established(), let tls = talk.tls else { return }
            report.tls = talk.evidence
            report.certificate = tls.engine.peerCertificate
            report.matchedName = tls.engine.matchedName
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        event {
            if let step = talk.failed(error) { perform(step) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        event { lost(.closed) }
        timer?.cancel()
        channel = nil
        promise.succeed(whole)
    }

    // MARK: The session's events

    private func wire(_ context: ChannelHandlerContext) -> Conversation.Wire {
        Conversation.Wire(context: context, handler: self) { [tls = self.context, route] in
            try TLSEngine(tls, serverName: route.host)
        }
    }

    private func lost(_ loss: Loss) {
        if let step = talk.lost(loss) { perform(step) }
    }

    private func perform(_ step: Step) {
        switch step.then {
        case .ask:
            // Here a row's message would begin.
            isReady = true
            report.mechanism = talk.secure?.mechanism
            if let next = talk.drain() { perform(next) }
        case .close(let end): talk.finish(end)
        case .wait, .flush, .leave: break
        }
    }

    private var whole: ProbeReport {
        var whole = report
        // What happens at QUIT is of no matter.
        let result = ProbeReport(route, end: isReady ? .goodbye : talk.end ?? .goodbye)
        (whole.end, whole.problem) = (result.end, result.problem)
        return whole
    }

    // MARK: Writing and clocks

    private func event(_ body: () -> Void) {
        body()
        if let offer = talk.secure?.offer { report.offer = ProbeReport.Offer(offer) }
        guard let channel else { return }
        if talk.output.readableBytes > 0 {
            channel.writeAndFlush(wrapOutboundOut(talk.output), promise: nil)
            talk.output = ByteBuffer()
        }
        if talk.end != nil {
            talk.letGo()
            timer?.cancel()
            channel.close(promise: nil)
        } else {
            setClock(channel.eventLoop)
        }
    }

    /// One deadline for each answer, however slowly its bytes come.
    private func setClock(_ loop: any EventLoop) {
        var now = Wait.handshake
        if let stage = talk.stage { now = .plain(stage) }
        if let waiting = talk.secure?.waiting { now = .answer(waiting) }
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
