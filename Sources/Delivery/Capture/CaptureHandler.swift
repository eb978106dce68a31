import NIOCore
import OpenSSL
import Transport

/// One connection to a ``CaptureServer``.
final class CaptureHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: CaptureShared
    private var session: CaptureSession
    private var input = ByteBuffer()
    private var isSecure = false

    init(_ server: CaptureShared) {
        self.server = server
        session = CaptureSession(server.options)
    }

    func channelActive(context: ChannelHandlerContext) {
        server.count { $0.connections += 1 }
        if server.options.tls == .startTLS {
            greet(context)
        }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSEvent.established:
            isSecure = true
            server.count { $0.handshakes += 1 }
            session.secured()
            if server.options.tls == .implicit { greet(context) }
        case TLSEvent.ended, TLSEvent.truncated, is IdleStateHandler.IdleStateEvent:
            context.close(promise: nil)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if !isSecure { server.count { $0.bytesInClear += bytes.readableBytes } }
        if input.readableBytes == 0 { input.clear() }
        input.writeBuffer(&bytes)
        work(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !isSecure, error is TLSError { server.count { $0.failedHandshakes += 1 } }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        server.count { $0.refusedInClear += session.refusedInClear }
        context.fireChannelInactive()
    }

    private func greet(_ context: ChannelHandlerContext) {
        var output = context.channel.allocator.buffer(capacity: 128)
        session.greet(into: &output)
        send(output, context)
    }

    /// Goes through what came, and sends all answers to it together.
    private func work(_ context: ChannelHandlerContext) {
        var output = context.channel.allocator.buffer(capacity: 512)
        while true {
            switch session.next(&input, into: &output) {
            case .needsInput:
                return send(output, context)
            case .startTLS:
                // What came behind STARTTLS in one go was written by who knows whom (CVE-2011-0411).
                server.count { $0.bytesBehindStartTLS += input.readableBytes }
                input.clear()
                return startTLS(saying: output, context)
            case .message(let message):
                let action = server.take(message)
                session.answer(to: action, into: &output)
                if case .drop = action {
                    send(output, context)
                    return close(context)
                }
            case .close:
                send(output, context)
                return close(context)
            }
        }
    }

    private func startTLS(saying answer: ByteBuffer, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        do {
            try context.pipeline.syncOperations.addHandler(
                TLSHandler(TLSEngine(server.tls)),
                position: .before(self)
            )
        } catch {
            context.close(promise: nil)
        }
    }

    private func send(_ output: ByteBuffer, _ context: ChannelHandlerContext) {
        guard output.readableBytes > 0 else { return }
        later(context) { $0.writeAndFlush(self.wrapOutboundOut(output), promise: nil) }
    }

    private func close(_ context: ChannelHandlerContext) {
        later(context) { $0.close(promise: nil) }
    }

    /// Does something at once, or after the delay that was asked for; what is asked first is done first.
    private func later(_ context: ChannelHandlerContext, _ action: @escaping (ChannelHandlerContext) -> Void) {
        guard server.options.replyDelay > .zero else { return action(context) }
        context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(server.options.replyDelay)) {
            action(context)
        }
    }
}
