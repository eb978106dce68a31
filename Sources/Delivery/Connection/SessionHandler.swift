import Core
import NIOCore
import OpenSSL
import Transport

/// One connection's thin I/O around its session: bytes in, bytes out, clocks.
///
/// Everything happens on its event loop.
///
/// The session is plain first and is consumed by the upgrade, or there is none until implicit TLS is up. What the
/// session writes in answer to one event leaves as one write.
final class SessionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What is being waited for, for the clock.
    private enum Wait: Hashable {
        /// Our own side: the ledger, or nothing.
        case nothing
        case plain(Stage)
        case handshake
        case answer(SecureSession.Waiting)
        case work
    }

    /// A message under way.
    private struct UnderWay {
        var ticket: Ticket
        /// What the ledger's news calls it.
        var number: UInt32
        /// Its leave to go out.
        var clearance: Clearance
        var isDurable = false
        var hasAsked = false
    }

    let id: Pool.ID
    private let sender: RouteSender
    private let source: any MessageSource
    let loop: any EventLoop
    private let news: LedgerNews

    private var context: ChannelHandlerContext?
    private var talk: Conversation
    private var isReady = false
    private var isStopping = false
    private var carried = 0
    private var underWay: [UnderWay] = []
    /// How many messages there were.
    private var count: UInt32 = 0
    /// How deep events are nested; what they write goes out when the outermost is done.
    private var depth = 0
    private var wantsFlushNews = false
    /// Content is in what goes out next.
    private var carriesContent = false

    private var wait = Wait.nothing
    private var deadline = NIODeadline.distantFuture
    private var timer: Scheduled<Void>?
    private var timerFires = NIODeadline.distantFuture

    init(
        _ id: Pool.ID,
        sender: RouteSender,
        route: RouteSettings,
        source: any MessageSource,
        token: AccessToken? = nil,
        loop: any EventLoop,
        news: LedgerNews
    ) {
        self.id = id
        self.sender = sender
        self.source = source
        self.loop = loop
        self.news = news
        talk = Conversation(route, token: token)
    }

    private var route: RouteSettings { talk.route }

    // MARK: The channel's events

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        guard sender.activated(self) else { return context.close(promise: nil) }
        news.add(self)
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
            guard talk.established() else { return }
            let source = source
            talk.secure?.mayTransmit = { source.mayTransmit() }
            talk.tls?.mayLeave = { [weak self] in self?.carriesContent != true || source.mayTransmit() }
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
        timer = nil
        self.context = nil
        news.remove(self)
        sender.closed(id, afterRenewal(of: talk.token, talk.end ?? .goodbye), carried: carried, server: route.host)
    }

    // MARK: The pool's events

    /// There may be something to send.
    func wake() {
        event { if isReady { perform(Step(.ask)) } }
    }

    /// Finish what is under way, then go.
    func drain() {
        event {
            guard talk.secure != nil else { return talk.finish(.goodbye) }
            if let step = talk.drain() { perform(step) }
        }
    }

    /// Give back the message whose content is not on its way; go, if there is one.
    func recall() {
        event {
            if let step = talk.recall() { perform(step) }
        }
    }

    /// Go as soon as nothing is lost by it.
    func stop() {
        event {
            guard talk.secure != nil else { return talk.finish(.goodbye) }
            isStopping = true
            wait = .nothing
            if let step = talk.stop() { perform(step) }
        }
    }

    // MARK: The session's events

    private func wire(_ context: ChannelHandlerContext) -> Conversation.Wire {
        Conversation.Wire(context: context, handler: self) { [sender, route] in try sender.makeEngine(for: route.host) }
    }

    private func lost(_ loss: Loss) {
        if let step = talk.lost(loss) { perform(step) }
    }

    /// Takes the ledger's word about a message, unless that is over: if it is yes, the content still needs its leave.
    func durable(_ number: UInt32, _ isDurable: Bool) {
        guard let place = underWay.firstIndex(where: { $0.number == number }) else { return }
        event {
            guard isDurable else { return transmit(underWay[place].ticket, false) }
            underWay[place].isDurable = true
        }
    }

    /// Asks for leave for messages that need nothing else any more: asked sooner, it would be used while the server is not ready.
    private func askLeave() {
        var place = 0
        while place < underWay.count {
            let message = underWay[place]
            place += 1
            guard message.isDurable, !message.hasAsked, talk.secure?.wantsContent(of: message.ticket) == true else {
                continue
            }
            underWay[place - 1].hasAsked = true
            guard message.clearance.request() else { continue }
            transmit(message.ticket, true)
            // What follows from that may have ended others.
            place = 0
        }
    }

    private func transmit(_ ticket: Ticket, _ goes: Bool) {
        carriesContent = carriesContent || goes
        if let step = talk.durable(ticket, goes) { perform(step) }
    }

    /// Another thread says that a message may go.
    private func granted(_ ticket: Ticket) {
        event { transmit(ticket, true) }
    }

    /// Does what the session wants, and what it wants after that.
    private func perform(_ first: Step) {
        var step = first
        while true {
            for ending in step.endings { ended(ending) }
            if let ticket = step.announced { announce(ticket) }
            switch step.then {
            case .wait, .leave: return
            case .flush:
                wantsFlushNews = true
                return
            case .close(let end): return talk.finish(end)
            case .ask:
                guard talk.secure?.canTake == true else { return }
                if !isReady {
                    isReady = true
                    if let token = talk.token { route.tokens?.wasAccepted(token) }
                    sender.ready(id)
                }
                switch sender.next(id, hasWorked: carried > 0) {
                case .message(let message):
                    follow(message.ticket)
                    guard let next = talk.begin(message, isRested: isRested) else { return }
                    step = next
                case .later: return
                case .finished:
                    guard let next = talk.drain() else { return }
                    step = next
                }
            }
        }
    }

    private func ended(_ ending: Step.Ending) {
        // Any answer about the row shows that the connection works; 421 is about the connection.
        if ending.result.code != 0, ending.result.code != 421 { carried += 1 }
        if let place = underWay.firstIndex(where: { $0.ticket == ending.ticket }) {
            underWay.remove(at: place).clearance.end()
        }
        sender.noted(ending.result)
        source.ended(ending.ticket, ending.result)
    }

    private func follow(_ ticket: Ticket) {
        let handler = NIOLoopBound(self, eventLoop: loop)
        let clearance = sender.clearance {
            handler.eventLoop.execute { handler.value.granted(ticket) }
        }
        count &+= 1
        underWay.append(UnderWay(ticket: ticket, number: count, clearance: clearance))
    }

    private func announce(_ ticket: Ticket) {
        guard let message = underWay.last(where: { $0.ticket == ticket }) else { return }
        source.willTransmit(ticket, then: news.promise(self, message.number))
    }

    /// A refused token that can be replaced is a connection to be made again, not credentials to be refused.
    private func afterRenewal(of token: AccessToken?, _ end: ConnectionEnd) -> ConnectionEnd {
        guard end.refusesToken, let token, let tokens = route.tokens, tokens.wasRefused(token) else { return end }
        return ConnectionEnd(kind: .lost, reason: end.reason, detail: end.detail)
    }

    // MARK: Writing and clocks

    /// Runs an event; the outermost one sends what was written, closes if that is the end, and sets the clock.
    private func event(_ body: () -> Void) {
        depth += 1
        body()
        if depth == 1, !underWay.isEmpty, talk.end == nil { askLeave() }
        depth -= 1
        guard depth == 0, let context else { return }
        if talk.output.readableBytes > 0 { send(context) }
        if talk.end != nil {
            talk.letGo()
            timer?.cancel()
            timer = nil
            context.close(promise: nil)
        } else {
            setClock()
        }
    }

    private func send(_ context: ChannelHandlerContext) {
        let promise = wantsFlushNews ? loop.makePromise(of: Void.self) : nil
        if let promise {
            wantsFlushNews = false
            let handler = NIOLoopBound(self, eventLoop: loop)
            promise.futureResult.whenSuccess { handler.value.flushed() }
        }
        // Out of the field before it is written: a flush that is quick calls back at once, and what it writes then must
        // not find these bytes still there.
        var leaving = ByteBuffer()
        swap(&leaving, &talk.output)
        context.writeAndFlush(wrapOutboundOut(leaving), promise: promise)
        carriesContent = false
        // A large message's room is not kept for the next one: there may be a thousand connections.
        guard talk.output.capacity == 0, leaving.capacity <= 16_384 else { return }
        leaving.clear()
        talk.output = leaving
    }

    private func flushed() {
        event {
            carriesContent = true
            if let step = talk.flushed() { perform(step) }
        }
    }

    private var nowWaitingFor: Wait {
        if let stage = talk.stage { return .plain(stage) }
        guard talk.secure != nil else { return .handshake }
        if let waiting = talk.secure?.waiting { return .answer(waiting) }
        return talk.secure?.isBusy == true ? .nothing : .work
    }

    /// Whether nothing was under way for so long that the server may have closed the connection.
    private var isRested: Bool {
        guard wait == .work else { return false }
        let begin = deadline - TimeAmount(route.timeouts.idle)
        return NIODeadline.now() - begin >= TimeAmount(route.limits.probeAfter)
    }

    /// One deadline for each wait, however many bytes come meanwhile.
    ///
    /// The timer is moved only if it would fire too late: setting it for every answer would cost more than the answer.
    private func setClock() {
        let now = nowWaitingFor
        guard now != wait else { return }
        wait = now
        guard let limit = limit(for: now) else {
            deadline = .distantFuture
            return
        }
        deadline = .now() + TimeAmount(limit)
        guard timer == nil || deadline < timerFires else { return }
        timer?.cancel()
        startTimer()
    }

    private func startTimer() {
        timerFires = deadline
        let handler = NIOLoopBound(self, eventLoop: loop)
        timer = loop.scheduleTask(deadline: deadline) { handler.value.timerFired() }
    }

    private func limit(for wait: Wait) -> Duration? {
        let limit: Duration? =
            switch wait {
            case .nothing: nil
            case .plain(let stage): route.timeouts.limit(for: stage)
            case .handshake: route.timeouts.handshake
            case .answer(let waiting): route.timeouts.limit(for: waiting.stage, octets: waiting.octets)
            case .work: route.timeouts.idle
            }
        return isStopping ? min(limit ?? route.timeouts.stop, route.timeouts.stop) : limit
    }

    private func timerFired() {
        timer = nil
        guard talk.end == nil, deadline != .distantFuture else { return }
        guard NIODeadline.now() >= deadline else { return startTimer() }
        switch wait {
        case .work: drain()
        default: event { lost(.timeout) }
        }
    }
}
