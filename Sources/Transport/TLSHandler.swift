package import NIOCore
package import OpenSSL

/// What a ``TLSHandler`` tells the handlers behind it, besides plaintext.
package enum TLSEvent: Hashable, Sendable {
    /// The handshake is done; for a client, the server is verified.
    case established(TLSSessionFacts)
    /// The other side ended the session in good order.
    case ended
    /// The stream ended without TLS's own end: it may have been cut.
    case truncated
}

/// TLS in a channel, for either side: ciphertext towards the network, plaintext behind it.
///
/// Plaintext written is encrypted at once and leaves at the next flush as one write. Both directions keep a buffer that
/// is used again as soon as nobody else holds it. A failure is fired as a `TLSError` after its alert was sent; closing is left to
/// the handlers behind.
package final class TLSHandler: ChannelDuplexHandler {
    /// Ciphertext.
    package typealias InboundIn = ByteBuffer
    /// Plaintext.
    package typealias InboundOut = ByteBuffer
    /// Plaintext.
    package typealias OutboundIn = ByteBuffer
    /// Ciphertext.
    package typealias OutboundOut = ByteBuffer

    /// The session.
    package let engine: TLSEngine
    /// Asked right before bytes leave this process; if they may not, the connection is closed without them.
    ///
    /// Of what stands between this answer and the kernel nothing waits, so a process that was stopped anywhere before is seen here.
    package var mayLeave: () -> Bool = { true }
    private var isEstablished = false
    private var isOver = false
    private var plaintext = ByteBuffer()
    private var ciphertext = ByteBuffer()
    private var promises: EventLoopPromise<Void>?
    /// What a connection may keep between events; a thousand of them are idle at a time.
    private static let keep = 16_384
    /// How much room the next record is given: replies are short, messages are not.
    private var room = 2_048

    /// Wraps a session that has not begun.
    package init(_ engine: TLSEngine) {
        self.engine = engine
    }

    /// Begins the handshake if there is a connection.
    package func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { shakeHands(context) }
    }

    /// Begins the handshake.
    package func channelActive(context: ChannelHandlerContext) {
        shakeHands(context)
        context.fireChannelActive()
    }

    /// Takes in what came from the network.
    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        let buffer = unwrapInboundIn(data)
        unsafe buffer.withUnsafeReadableBytes { unsafe engine.receive($0) }
        if !isEstablished { shakeHands(context) }
        if isEstablished { readAll(context) }
    }

    /// Takes note that nothing more will come.
    package func channelInactive(context: ChannelHandlerContext) {
        if !isOver {
            engine.receiveEnd()
            if isEstablished { readAll(context) }
            if isEstablished, !isOver { end(context, .truncated) }
        }
        promises?.fail(ChannelError.ioOnClosedChannel)
        promises = nil
        context.fireChannelInactive()
    }

    /// Encrypts at once.
    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let buffer = unwrapOutboundIn(data)
        do {
            try unsafe buffer.withUnsafeReadableBytes { bytes in
                try unsafe engine.write(bytes)
            }
        } catch {
            promise?.fail(error)
            return
        }
        guard let promise else { return }
        if let earlier = promises {
            earlier.futureResult.cascade(to: promise)
        } else {
            promises = promise
        }
    }

    /// Sends what was encrypted.
    package func flush(context: ChannelHandlerContext) {
        send(context)
        context.flush()
    }

    /// Ends the session in good order, then closes.
    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        engine.shutdown()
        flush(context: context)
        context.close(mode: mode, promise: promise)
    }

    // MARK: Inside

    private func shakeHands(_ context: ChannelHandlerContext) {
        guard !isEstablished, !isOver else { return }
        do {
            let state = try engine.handshake()
            flush(context: context)
            if state == .done, let session = engine.session {
                isEstablished = true
                context.fireUserInboundEventTriggered(TLSEvent.established(session))
            }
        } catch {
            fail(context, error)
        }
    }

    /// Hands on all the plaintext there is, in one buffer if the receiver is quick.
    private func readAll(_ context: ChannelHandlerContext) {
        while !isOver {
            plaintext.clear()
            do {
                let result = try plaintext.fill(from: engine, &room)
                if plaintext.readableBytes > 0 {
                    context.fireChannelRead(wrapInboundOut(plaintext))
                }
                switch result {
                case .bytes: continue
                case .needsInput:
                    if plaintext.capacity > Self.keep { plaintext = ByteBuffer() }
                    if engine.pendingOutput > 0 { flush(context: context) }
                    return
                case .closedCleanly: return end(context, .ended)
                }
            } catch  where error.code == .truncated {
                return end(context, .truncated)
            } catch {
                return fail(context, error)
            }
        }
    }

    private func send(_ context: ChannelHandlerContext) {
        let count = engine.pendingOutput
        guard count > 0 else {
            promises?.succeed(())
            promises = nil
            return
        }
        ciphertext.clear(minimumCapacity: count)
        unsafe ciphertext.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            unsafe engine.takeOutput(into: space)
        }
        guard mayLeave() else {
            isOver = true
            promises?.fail(ChannelError.ioOnClosedChannel)
            promises = nil
            return context.close(promise: nil)
        }
        context.write(wrapOutboundOut(ciphertext), promise: promises)
        promises = nil
        if ciphertext.capacity > Self.keep { ciphertext = ByteBuffer() }
    }

    private func end(_ context: ChannelHandlerContext, _ event: TLSEvent) {
        isOver = true
        context.fireUserInboundEventTriggered(event)
    }

    private func fail(_ context: ChannelHandlerContext, _ error: TLSError) {
        isOver = true
        flush(context: context)
        context.fireErrorCaught(error)
    }
}

extension ByteBuffer {
    /// Appends records until a buffer's worth is there or the engine has no more.
    ///
    /// `room` is how much space one reading gets; it grows to a whole record when that was not enough, and shrinks when it was far
    /// too much.
    fileprivate mutating func fill(
        from engine: TLSEngine,
        _ room: inout Int
    ) throws(TLSError) -> TLSEngine.ReadResult {
        let record = 16_384
        var result = TLSEngine.ReadResult.needsInput
        repeat {
            var failure: TLSError?
            unsafe writeWithUnsafeMutableBytes(minimumWritableBytes: room) { space in
                do throws(TLSError) {
                    result = try unsafe engine.readPlaintext(into: space)
                } catch {
                    failure = error
                }
                guard case .bytes(let count) = result, failure == nil else { return 0 }
                return count
            }
            if let failure {
                // What came before the failure is the other side's word; the failure itself is kept by the engine.
                guard readableBytes == 0 else { return .bytes(readableBytes) }
                throw failure
            }
            guard case .bytes(let count) = result else {
                if readableBytes < 1_024 { room = 2_048 }
                return result
            }
            if count >= room { room = record }
        } while readableBytes < 4 * record
        return result
    }
}
