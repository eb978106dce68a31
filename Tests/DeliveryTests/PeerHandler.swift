// swift-format-ignore-file: NeverForceUnwrap, NeverUseForceTry
// A fixture that cannot be made is a broken test, and may say so by trapping.

import Glibc
import NIOCore
import OpenSSL
import Transport

@testable import Delivery

/// One connection of a ``Peer``.
final class PeerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: Int
    private let box: Peer.Box
    private let tls: TLSServerContext
    private let isImplicit: Bool
    private let clearOffer: String
    private let offer: String
    private let behaviour: Peer.Options
    private let answer: @Sendable (Peer.Event) -> Peer.Answer
    private var isSecure = false
    private var message = 0
    private var recipient = ""
    private var hasSender = false
    private var hasRecipient = false
    /// Lines of content by DATA.
    private var content: [String]?
    /// Octets of a chunk that are still to come.
    private var chunk: (left: Int, octets: ByteBuffer, isAnnounced: Bool)?
    /// Says nothing more, and takes nothing in.
    private var isSilent = false
    private var line = ""
    /// Still at an answer; what comes waits.
    private var isBusy = false
    private var isHeld: Bool
    private var insteadOfHandshake: Peer.Answer?
    private var incoming = ByteBuffer()

    init(
        _ connection: Int,
        _ box: Peer.Box,
        _ tls: TLSServerContext,
        isImplicit: Bool,
        clearOffer: String,
        offer: String,
        behaviour: Peer.Options,
        answer: @escaping @Sendable (Peer.Event) -> Peer.Answer
    ) {
        self.connection = connection
        self.box = box
        self.tls = tls
        self.isImplicit = isImplicit
        self.clearOffer = clearOffer
        self.offer = offer
        self.behaviour = behaviour
        self.answer = answer
        isHeld = behaviour.heldMessages > 0 && connection == 1
    }

    // MARK: Events

    func channelActive(context: ChannelHandlerContext) {
        box.record { record in
            record.open += 1
            record.mostOpen = max(record.mostOpen, record.open)
        }
        if isImplicit { startTLS(context) } else { greet(context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .established(let session)? = event as? TLSEvent else { return }
        isSecure = true
        if session.isResumed { box.record { $0.resumed += 1 } }
        if isImplicit { greet(context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isSilent = true
        box.record { $0.open -= 1 }
        behaviour.ended?()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        guard !isSilent else { return }
        if let other = insteadOfHandshake {
            isSilent = true
            return perform(context, other)
        }
        incoming.writeBuffer(&buffer)
        takeAll(context)
    }

    private func takeAll(_ context: ChannelHandlerContext) {
        while !isSilent, !isBusy {
            if chunk != nil {
                guard takeChunk(context) else { return }
            } else {
                if isHeld, message == 1, !hasSender {
                    guard wholeMessages >= behaviour.heldMessages else { return }
                    isHeld = false
                }
                guard let end = incoming.readableBytesView.firstIndex(of: 10) else { return }
                let line = incoming.readString(length: end + 1 - incoming.readerIndex) ?? ""
                // CR LF is one character to Swift, as LF alone is.
                take(context, String(line.dropLast()))
            }
        }
    }

    /// How many messages by BDAT wait unread.
    private var wholeMessages: Int {
        var rest = incoming
        var count = 0
        while let end = rest.readableBytesView.firstIndex(of: 10) {
            let line = rest.readString(length: end + 1 - rest.readerIndex) ?? ""
            guard line.hasPrefix("BDAT ") else { continue }
            guard rest.readSlice(length: Self.octets(line)) != nil else { break }
            count += 1
        }
        return count
    }

    private static func octets(_ line: String) -> Int {
        Int(line.split(separator: " ")[1])!
    }

    // MARK: Commands

    private func greet(_ context: ChannelHandlerContext) {
        respond(context, "connect", "220 relay.kit.test ESMTP\r\n")
    }

    private func take(_ context: ChannelHandlerContext, _ line: String) {
        if content != nil { return takeContent(context, line) }
        let isSecure = isSecure
        box.record { isSecure ? $0.secure.append(line) : $0.clear.append(line) }
        self.line = line
        let verb = line.prefix { $0 != " " && !$0.isNewline }.uppercased()
        switch verb {
        case "EHLO": respond(context, verb, isSecure ? offer : clearOffer)
        case "STARTTLS": respond(context, verb, "220 go\r\n") { [self] in startTLS(context) }
        case "AUTH": respond(context, verb, "235 2.7.0 welcome\r\n")
        case "RSET":
            (hasSender, hasRecipient) = (false, false)
            // Message N's RSET goes ahead of its MAIL.
            respond(context, verb, "250 2.0.0 flushed\r\n", message: message + 1)
        case "MAIL":
            message += 1
            respond(context, verb, "250 2.1.0 ok\r\n") { [self] in hasSender = true }
        case "RCPT":
            recipient = String(line.drop { $0 != "<" }.dropFirst().prefix { $0 != ">" })
            guard hasSender else { return say(context, "503 5.5.1 MAIL first\r\n") }
            respond(context, verb, "250 2.1.5 ok\r\n") { [self] in hasRecipient = true }
        case "DATA":
            guard hasRecipient else { return say(context, "554 5.5.1 no valid recipients\r\n") }
            respond(context, verb, "354 go\r\n") { [self] in content = [] }
        case "BDAT": chunk = (Self.octets(line), ByteBuffer(), false)
        case "QUIT":
            respond(context, verb, "221 bye\r\n") { [self] in close(context) }
        default: respond(context, verb, "250 ok\r\n")
        }
    }

    private func takeContent(_ context: ChannelHandlerContext, _ line: String) {
        guard line == "." else {
            content?.append(line)
            if content?.count == 1 { happen(context, "content") }
            return
        }
        let text = content?.joined(separator: "\n") ?? ""
        content = nil
        ended(context, text)
    }

    private func takeChunk(_ context: ChannelHandlerContext) -> Bool {
        guard var (left, octets, isAnnounced) = chunk, incoming.readableBytes > 0 || left == 0 else { return false }
        if !isAnnounced {
            isAnnounced = true
            chunk = (left, octets, true)
            happen(context, "content")
            guard !isSilent, !isBusy else { return false }
        }
        if var part = incoming.readSlice(length: min(left, incoming.readableBytes)) {
            left -= part.readableBytes
            octets.writeBuffer(&part)
        }
        chunk = (left, octets, true)
        guard left == 0 else { return false }
        chunk = nil
        let text = String(buffer: octets).replacing("\r\n", with: "\n")
        guard hasRecipient else {
            say(context, "503 5.5.1 no valid recipients\r\n")
            return true
        }
        ended(context, String(text.dropLast()))
        return true
    }

    private func ended(_ context: ChannelHandlerContext, _ text: String) {
        let recipient = recipient
        (hasSender, hasRecipient) = (false, false)
        respond(context, ".", "250 2.0.0 taken\r\n") { [self] in
            box.record {
                $0.taken[recipient, default: 0] += 1
                $0.contents.append(text)
                $0.times.append(.now)
            }
            if behaviour.noticesIdleness, message == 2 { noticeIdleness(context) }
        }
    }

    private func noticeIdleness(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Peer.while) {
            let (handler, context) = bound.value
            if !handler.isSilent { handler.happen(context, "idle") }
        }
    }

    // MARK: Answers

    private func startTLS(_ context: ChannelHandlerContext) {
        let event = Peer.Event(connection: connection, message: 0, verb: "handshake", isSecure: false)
        let pipeline = context.pipeline.syncOperations
        var slow: SlowHandler?
        switch answer(event) {
        case .usual, .changed: break
        case .dripped: slow = SlowHandler(.dripped)
        case .late: slow = SlowHandler(.late)
        case .truncate: slow = SlowHandler(.cut(100))
        case let other:
            // Not before the client has begun, so that it is not taken for something behind 220.
            insteadOfHandshake = other
            return
        }
        if let slow { try! pipeline.addHandler(slow, position: .before(self)) }
        try! pipeline.addHandler(TLSHandler(TLSEngine(tls)), position: .before(self))
    }

    /// Something that has no usual answer.
    private func happen(_ context: ChannelHandlerContext, _ verb: String) {
        respond(context, verb, "")
    }

    /// Does what the test wants; `then` follows if that was the usual.
    private func respond(
        _ context: ChannelHandlerContext,
        _ verb: String,
        _ usual: String,
        message: Int? = nil,
        then: @escaping () -> Void = {}
    ) {
        let event = Peer.Event(
            connection: connection,
            message: message ?? self.message,
            verb: verb,
            isSecure: isSecure,
            line: line
        )
        let answer = answer(event)
        if verb == "content" {
            guard case .usual = answer else {
                // Who does not read cannot be told a whole message.
                isSilent = true
                context.channel.setOption(.autoRead, value: false).whenComplete { _ in }
                return perform(context, answer)
            }
        }
        switch answer {
        case .usual:
            say(context, usual)
            then()
        case .changed(let change):
            say(context, change(usual))
            then()
        case .say(let text):
            say(context, text)
            if text.hasPrefix("220") || text.hasPrefix("235") || text.hasPrefix("250 ") || text.hasPrefix("354") {
                then()
            }
        case .dripped:
            drip(context, Array(usual.utf8)[...], then)
        case .late: sayLater(context, after: Peer.while, usual, then)
        case .usualAfter(let time): sayLater(context, after: time, usual, then)
        case let other: perform(context, other)
        }
    }

    private func sayLater(
        _ context: ChannelHandlerContext,
        after time: TimeAmount,
        _ usual: String,
        _ then: @escaping () -> Void
    ) {
        isBusy = true
        let bound = NIOLoopBound((self, context, then), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: time) {
            let (handler, context, then) = bound.value
            handler.say(context, usual)
            handler.goOn(context, then)
        }
    }

    /// Does something after which nothing is as it was.
    private func perform(_ context: ChannelHandlerContext, _ answer: Peer.Answer) {
        switch answer {
        case .usual, .changed, .dripped, .late, .usualAfter: break
        case .say(let text): say(context, text)
        case .sayAndClose(let text):
            say(context, text)
            close(context)
        case .close: close(context)
        case .truncate:
            isSilent = true
            closeWire(context)
        case .reset:
            isSilent = true
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            (context.channel as! any SocketOptionProvider).setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete {
                _ in
                bound.value.0.closeWire(bound.value.1)
            }
        case .silence: isSilent = true
        case .trickle:
            isSilent = true
            // In a handshake, a record that never gets whole; else an answer that does not.
            trickle(context, insteadOfHandshake == nil ? [0x32] : [0x16, 3, 3, 0x40, 0])
        case .endless(let first, let again):
            isSilent = true
            say(context, first)
            let piece = String(repeating: again, count: 65_536 / again.utf8.count)
            pour(context, ByteBuffer(string: piece))
        }
    }

    private func goOn(_ context: ChannelHandlerContext, _ then: () -> Void) {
        isBusy = false
        then()
        takeAll(context)
    }

    private func drip(_ context: ChannelHandlerContext, _ bytes: ArraySlice<UInt8>, _ then: @escaping () -> Void) {
        guard let byte = bytes.first else { return }
        isBusy = true
        say(context, [byte])
        // What follows the last byte must be ready for the client's answer to it.
        guard bytes.count > 1 else { return goOn(context, then) }
        let bound = NIOLoopBound((self, context, then), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .microseconds(500)) {
            bound.value.0.drip(bound.value.1, bytes.dropFirst(), bound.value.2)
        }
    }

    private func trickle(_ context: ChannelHandlerContext, _ bytes: ArraySlice<UInt8>) {
        guard context.channel.isActive else { return }
        say(context, Array(bytes.prefix(1)))
        let rest = bytes.count > 1 ? bytes.dropFirst() : bytes
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(20)) {
            bound.value.0.trickle(bound.value.1, rest)
        }
    }

    /// Writes for as long as somebody takes it, 1 GiB at most.
    private func pour(_ context: ChannelHandlerContext, _ piece: ByteBuffer) {
        guard context.channel.isActive, box.record({ $0.endlessOctets }) < 1 << 30 else { return }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(piece)).whenSuccess {
            bound.value.0.box.record { $0.endlessOctets += piece.readableBytes }
            bound.value.0.pour(bound.value.1, piece)
        }
    }

    private func close(_ context: ChannelHandlerContext) {
        isSilent = true
        context.close(promise: nil)
    }

    /// Closes without a word by TLS.
    private func closeWire(_ context: ChannelHandlerContext) {
        if let outer = try? context.pipeline.syncOperations.context(handlerType: TLSHandler.self) {
            outer.close(promise: nil)
        } else {
            context.close(promise: nil)
        }
    }

    private func say(_ context: ChannelHandlerContext, _ text: String) {
        say(context, Array(text.utf8))
    }

    private func say(_ context: ChannelHandlerContext, _ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }
}
