internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2
internal import Transport

extension ChannelPipeline.SynchronousOperations {
    /// Makes a connection speak HTTP/2, within the same limits as HTTP/1.1.
    ///
    /// SwiftNIO closes a connection that resets streams, sends control frames or breaks rules again and again (rapid reset), that
    /// spreads header fields over endless CONTINUATION frames, or that sends empty DATA frames.
    func speakHTTP2(
        _ loop: LoopState,
        _ responder: any WebResponder,
        _ peer: Peer,
        _ address: WebAddress,
        _ channel: any Channel
    ) throws {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: loop.limits.streams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: loop.limits.head),
            HTTP2Setting(parameter: .enablePush, value: 0),
        ]
        connection.maximumBufferedControlFrames = 1_000
        connection.maximumRecentlyResetStreams = loop.limits.streams
        var stream = NIOHTTP2Handler.StreamConfiguration()
        // A request's body is all that a stream ever brings.
        stream.targetWindowSize = 65_535
        let guardian = HTTP2Guardian(loop, channel)
        let shared = NIOLoopBound((loop, responder, peer, guardian), eventLoop: loop.eventLoop)
        try addHandler(
            NIOHTTP2Handler(
                mode: .server,
                eventLoop: loop.eventLoop,
                connectionConfiguration: connection,
                streamConfiguration: stream
            ) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (loop, responder, peer, guardian) = shared.value
                    try channel.pipeline.syncOperations.addHandler(
                        HTTP2StreamHandler(loop, responder, peer, address, guardian)
                    )
                }
            }
        )
        try addHandler(guardian)
    }
}

/// Watches over a connection of HTTP/2 as a whole: errors end it, and so does a long time without a request.
final class HTTP2Guardian: ChannelInboundHandler, Timed {
    typealias InboundIn = HTTP2Frame

    private let loop: LoopState
    private let channel: any Channel
    private var streams = 0
    private var isEnding = false
    private(set) var deadline: Int

    init(_ loop: LoopState, _ channel: any Channel) {
        self.loop = loop
        self.channel = channel
        deadline = loop.second + loop.limits.idleSeconds
    }

    func handlerAdded(context: ChannelHandlerContext) {
        loop.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        loop.remove(self)
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

    func opened() {
        streams += 1
        // Streams have their own time.
        deadline = .max
        // A client that never acknowledges our settings is held to none of them by SwiftNIO.
        if streams > loop.limits.streams { channel.close(promise: nil) }
    }

    func closed() {
        streams -= 1
        guard streams == 0 else { return }
        deadline = loop.second + loop.limits.idleSeconds
        if isEnding { channel.close(promise: nil) }
    }

    func expire() {
        channel.close(promise: nil)
    }

    func drain() {
        isEnding = true
        if streams == 0 { channel.close(promise: nil) }
    }
}

/// One request of HTTP/2.
final class HTTP2StreamHandler: ChannelInboundHandler, WebExchange, Timed {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let loop: LoopState
    private let responder: any WebResponder
    private let peer: Peer
    private let address: WebAddress
    private let guardian: HTTP2Guardian
    private var request: WebRequest?
    private var isAnswered = false
    private var context: ChannelHandlerContext?
    private(set) var deadline: Int

    init(
        _ loop: LoopState,
        _ responder: any WebResponder,
        _ peer: Peer,
        _ address: WebAddress,
        _ guardian: HTTP2Guardian
    ) {
        self.loop = loop
        self.responder = responder
        self.peer = peer
        self.address = address
        self.guardian = guardian
        deadline = loop.second + loop.limits.requestSeconds
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
        guardian.opened()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        loop.remove(self)
        guardian.closed()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isAnswered { return }
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            // A second block of fields is a trailer, which nobody here wants.
            guard request == nil else { return refuse(400) }
            guard let read = Self.request(frame.headers, address) else { return refuse(400) }
            guard frame.headers.count <= loop.limits.fields else { return refuse(431) }
            request = read
            if frame.endStream { respond() }
        case .data(let frame):
            guard var request, case .byteBuffer(let bytes) = frame.data else { return refuse(400) }
            guard request.body.count + bytes.readableBytes <= loop.limits.body else { return refuse(413) }
            request.body.append(contentsOf: bytes.readableBytesView)
            self.request = request
            if frame.endStream { respond() }
        default: return
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func respond() {
        guard let request else { return }
        loop.counters.count(loop.counters.requests)
        deadline = loop.second + loop.limits.answerSeconds
        if peer.takesRequest(now: NIODeadline.now().uptimeNanoseconds) {
            responder.respond(to: request, self)
        } else {
            loop.counters.count(loop.counters.limited)
            answer(.refusal(429, [("retry-after", "1")]))
        }
    }

    private func refuse(_ status: Int) {
        loop.counters.count(loop.counters.refused)
        answer(.refusal(status))
    }

    func answer(_ answer: WebAnswer) {
        guard let context, !isAnswered else { return }
        isAnswered = true
        var headers = HPACKHeaders()
        headers.reserveCapacity(answer.fields.count + 3)
        headers.add(name: ":status", value: String(answer.status))
        for field in answer.fields { headers.add(name: field.name, value: field.value) }
        headers.add(name: "content-length", value: String(answer.body.count))
        headers.add(name: "date", value: loop.dateText)
        let hasBody = !answer.body.isEmpty && request?.method != .head
        context.write(wrapOutboundOut(.headers(.init(headers: headers, endStream: !hasBody))), promise: nil)
        if hasBody {
            let data = ByteBuffer(bytes: answer.body)
            context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(data), endStream: true))), promise: nil)
        }
        context.flush()
    }

    /// The request that fields make; `nil` if they make none.
    private static func request(_ fields: HPACKHeaders, _ address: WebAddress) -> WebRequest? {
        var (method, target, authority) = ("", [UInt8](), "")
        var others: [(name: String, value: String)] = []
        others.reserveCapacity(fields.count)
        for field in fields {
            guard field.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 9 }) else { return nil }
            switch field.name {
            case ":method": method = field.value
            case ":path": target = Array(field.value.utf8)
            case ":authority": authority = field.value
            case ":scheme": continue
            default:
                guard field.name.utf8.allSatisfy(FieldFacts.isToken) else { return nil }
                others.append((field.name, field.value))
            }
        }
        guard !method.isEmpty, method.utf8.allSatisfy(FieldFacts.isToken), method.utf8.count <= 20,
            target.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), authority.isEmpty || FieldFacts.isHost(authority.utf8)
        else { return nil }
        let kind = WebRequest.Method(method.utf8)
        guard target.first == UInt8(ascii: "/") || kind == .other else { return nil }
        let headers = WebHeaders(others)
        return WebRequest(
            kind,
            target[...],
            methodName: method,
            headers: headers,
            host: authority.isEmpty ? nil : WebHeaders.hostName(Array(authority.utf8)[...]),
            peer: address
        )
    }

    func expire() {
        context?.close(promise: nil)
    }

    func drain() {}
}
