import NIOCore
import OpenSSL

/// What a ``TLSHandler`` says about its session, as user inbound events.
enum TLSEvent: Hashable, Sendable {
    /// The handshake is done, and for a client the server is verified.
    case established(TLSSessionFacts)
    /// The other side ended the session in good order; nothing more will be read.
    case closedCleanly
}

/// TLS between a channel's bytes and the handlers behind it, for either side of a connection.
///
/// The handshake starts when the handler is added to an active channel, so adding it is what STARTTLS does once the
/// other side agreed. Nothing read or written before passes through it: who adds it must have thrown away what the
/// other side sent ahead. Writes before ``TLSEvent/established(_:)`` fail.
///
/// Writes are kept until a flush and then encrypted together; a write's promise is fulfilled when its bytes have left the
/// process. Any error is fired once, the alert is sent, and the channel closed.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The session; its facts stand when it is established.
    let engine: TLSEngine

    private enum State {
        case idle
        case handshaking
        case established
        /// Ended by either side, or failed.
        case over
    }

    private var state = State.idle
    /// Plaintext that was written and not flushed.
    private var pending: ByteBuffer?
    private var promises: EventLoopPromise<Void>?

    /// Takes a session that has not begun.
    init(_ engine: TLSEngine) {
        self.engine = engine
    }

    // MARK: Beginning and end

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive {
            begin(context)
        }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        engine.receiveEnd()
        receive(context)
        state = .over
        failPending()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        failPending()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if state == .established, mode != .input {
            sendPending(context)
            engine.shutdown()
            sendOutput(context, promise: nil)
        }
        state = .over
        context.close(mode: mode, promise: promise)
    }

    // MARK: From the network

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        guard state != .over else { return }
        unsafe bytes.withUnsafeReadableBytes { unsafe engine.receive($0) }
        receive(context)
    }

    /// Goes as far as the bytes received allow.
    private func receive(_ context: ChannelHandlerContext) {
        do throws(TLSError) {
            if state == .handshaking, try engine.handshake() == .done, let session = engine.session {
                state = .established
                sendOutput(context, promise: nil)
                context.fireUserInboundEventTriggered(TLSEvent.established(session))
            }
            if state == .established {
                try deliver(context)
            }
            sendOutput(context, promise: nil)
        } catch {
            fail(error, context)
        }
    }

    /// Hands on what can be decrypted, in one buffer.
    private func deliver(_ context: ChannelHandlerContext) throws(TLSError) {
        var plaintext = context.channel.allocator.buffer(capacity: 4_096)
        var result = Result<TLSEngine.ReadResult, TLSError>.success(.needsInput)
        repeat {
            unsafe plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: 2_048) { room in
                result = Result { () throws(TLSError) in try unsafe engine.readPlaintext(into: room) }
                if case .success(.bytes(let count)) = result { return count }
                return 0
            }
        } while result.isBytes
        if plaintext.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(plaintext))
        }
        if try result.get() == .closedCleanly, state == .established {
            state = .over
            engine.shutdown()
            context.fireUserInboundEventTriggered(TLSEvent.closedCleanly)
        }
    }

    // MARK: To the network

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard state == .established else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        var bytes = unwrapOutboundIn(data)
        if pending == nil {
            pending = bytes
        } else {
            pending?.writeBuffer(&bytes)
        }
        if let promise {
            promises.setOrCascade(to: promise)
        }
    }

    func flush(context: ChannelHandlerContext) {
        sendPending(context)
        context.flush()
    }

    /// Encrypts and writes what waits.
    private func sendPending(_ context: ChannelHandlerContext) {
        guard let plaintext = pending else { return }
        let promise = promises
        (pending, promises) = (nil, nil)
        let result = unsafe plaintext.withUnsafeReadableBytes { bytes in
            Result { () throws(TLSError) in try unsafe engine.write(bytes) }
        }
        switch result {
        case .success:
            sendOutput(context, promise: promise)
        case .failure(let error):
            promise?.fail(error)
            fail(error, context)
        }
    }

    /// Writes and flushes what the session has for the network.
    private func sendOutput(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        let count = engine.pendingOutput
        guard count > 0 else {
            promise?.succeed()
            return
        }
        var ciphertext = context.channel.allocator.buffer(capacity: count)
        unsafe ciphertext.writeWithUnsafeMutableBytes(minimumWritableBytes: count) {
            unsafe engine.takeOutput(into: $0)
        }
        context.writeAndFlush(wrapOutboundOut(ciphertext), promise: promise)
    }

    // MARK: Failure

    private func begin(_ context: ChannelHandlerContext) {
        guard state == .idle else { return }
        state = .handshaking
        receive(context)
    }

    private func fail(_ error: TLSError, _ context: ChannelHandlerContext) {
        guard state != .over else { return }
        state = .over
        sendOutput(context, promise: nil)
        failPending()
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    private func failPending() {
        pending = nil
        promises?.fail(ChannelError.ioOnClosedChannel)
        promises = nil
    }
}

extension Result where Success == TLSEngine.ReadResult {
    /// Whether there may be more to read.
    fileprivate var isBytes: Bool {
        if case .success(.bytes) = self { true } else { false }
    }
}
