internal import NIOCore
internal import OpenSSL
internal import Transport

/// Waits for the TLS handshake, then makes way for the protocol that both sides agreed on.
final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler, Timed {
    typealias InboundIn = ByteBuffer

    private let loop: LoopState
    private let responder: any WebResponder
    private let tls: TLSHandler
    private let peer: Peer
    private let address: WebAddress
    private var context: ChannelHandlerContext?
    let deadline: Int

    init(_ loop: LoopState, _ responder: any WebResponder, _ tls: TLSHandler, _ peer: Peer, _ address: WebAddress) {
        self.loop = loop
        self.responder = responder
        self.tls = tls
        self.peer = peer
        self.address = address
        deadline = loop.second + loop.limits.handshakeSeconds
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        loop.remove(self)
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? TLSEvent else { return context.fireUserInboundEventTriggered(event) }
        guard case .established = event else {
            context.close(promise: nil)
            return
        }
        let pipeline = context.pipeline.syncOperations
        do {
            if tls.engine.applicationProtocol == "h2" {
                try pipeline.speakHTTP2(loop, responder, peer, address, context.channel)
            } else {
                try pipeline.addHandler(HTTP1Handler(loop, responder, peer, address))
            }
        } catch {
            context.close(promise: nil)
            return
        }
        pipeline.removeHandler(context: context, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        loop.counters.count(loop.counters.handshakesFailed)
        context.close(promise: nil)
    }

    func expire() {
        context?.close(promise: nil)
    }

    func drain() {
        context?.close(promise: nil)
    }
}
