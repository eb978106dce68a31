internal import NIOCore
internal import Transport

/// One connection that speaks HTTP/1.1: requests in order, one at a time.
///
/// While an answer is awaited nothing more is read than fits the buffer; while answers are not taken, no request is begun.
final class HTTP1Handler: ChannelDuplexHandler, WebExchange, Timed {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        /// Between two requests, or within one.
        case reading
        /// A request is with the responder.
        case answering(isHead: Bool, closes: Bool)
        /// The last answer is out; what still comes is thrown away.
        case ended
    }

    private let loop: LoopState
    private let responder: any WebResponder
    private let peer: Peer
    private let address: WebAddress
    private var parser: RequestParser
    private var state = State.reading
    private var isAdvancing = false
    /// Whether answers are taken; asked of the channel only when that changes.
    private var isWritable = true
    private var holdsRead = false
    private var saidContinue = false
    private var context: ChannelHandlerContext?
    private(set) var deadline: Int

    init(_ loop: LoopState, _ responder: any WebResponder, _ peer: Peer, _ address: WebAddress) {
        self.loop = loop
        self.responder = responder
        self.peer = peer
        self.address = address
        parser = RequestParser(loop.limits)
        deadline = loop.second + loop.limits.idleSeconds
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        loop.remove(self)
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        loop.remove(self)
        state = .ended
        self.context = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .ended = state { return }
        if parser.isEmpty, case .reading = state { deadline = loop.second + loop.limits.requestSeconds }
        parser.feed(unwrapInboundIn(data).readableBytesView)
        advance(context)
    }

    func read(context: ChannelHandlerContext) {
        if case .answering = state, parser.count > loop.limits.head {
            holdsRead = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        advance(context)
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is TLSEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: Requests

    private func advance(_ context: ChannelHandlerContext) {
        if isAdvancing { return }
        isAdvancing = true
        defer { isAdvancing = false }
        while case .reading = state, isWritable {
            switch parser.next(from: address) {
            case .incomplete:
                if parser.awaitsContinue, !saidContinue { sayContinue(context) }
                return
            case .refused(let status):
                loop.counters.count(loop.counters.refused)
                state = .answering(isHead: false, closes: true)
                answer(.refusal(status))
            case .request(let request, let closes):
                saidContinue = false
                loop.counters.count(loop.counters.requests)
                state = .answering(isHead: request.method == .head, closes: closes || loop.isDraining)
                deadline = loop.second + loop.limits.answerSeconds
                if peer.takesRequest(now: NIODeadline.now().uptimeNanoseconds) {
                    responder.respond(to: request, self)
                } else {
                    loop.counters.count(loop.counters.limited)
                    answer(.refusal(429, [("retry-after", "1")]))
                }
            }
        }
    }

    func answer(_ answer: WebAnswer) {
        guard let context, case .answering(let isHead, let closes) = state else { return }
        let ends = closes || loop.isDraining
        loop.buffer.clear()
        answer.write(to: &loop.buffer, date: loop.date, closes: ends, isHead: isHead)
        context.writeAndFlush(wrapOutboundOut(loop.buffer), promise: nil)
        if ends { return end(context) }
        state = .reading
        // The rest of a next request has its own time; an answer that is not taken has too.
        deadline =
            loop.second + (parser.isEmpty ? loop.limits.idleSeconds : loop.limits.requestSeconds)
        if holdsRead {
            holdsRead = false
            context.read()
        }
        advance(context)
    }

    private func sayContinue(_ context: ChannelHandlerContext) {
        saidContinue = true
        loop.buffer.clear()
        loop.buffer.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        context.writeAndFlush(wrapOutboundOut(loop.buffer), promise: nil)
    }

    /// Ends the connection so that the client can still read the answer: what it sends is taken and thrown away for a
    /// moment, since closing at once would reset the connection.
    private func end(_ context: ChannelHandlerContext) {
        state = .ended
        deadline = loop.second + 2
        context.close(mode: .output, promise: nil)
        if holdsRead {
            holdsRead = false
            context.read()
        }
    }

    // MARK: Time

    func expire() {
        context?.close(promise: nil)
    }

    func drain() {
        guard case .reading = state, parser.isEmpty, let context else { return }
        context.close(promise: nil)
    }
}
