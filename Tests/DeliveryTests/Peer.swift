// swift-format-ignore-file: NeverForceUnwrap, NeverUseForceTry
// A fixture that cannot be made is a broken test, and may say so by trapping.

import Core
import Glibc
import NIOCore
import NIOPosix
import OpenSSL
import Synchronization

@testable import Delivery

/// A mail server on loopback that does what a test says, and keeps its own record of what it was told.
final class Peer: Sendable {
    /// What the client said.
    struct Event: Sendable {
        /// Which connection, from 1.
        let connection: Int
        /// Which message of it, from 1; 0 before the first MAIL.
        let message: Int
        /// `connect`, a verb, `.` for a message's end, or `content` for its first octets.
        let verb: String
        let isSecure: Bool
    }

    /// What the peer does about it.
    enum Answer: Sendable {
        /// What a good server does.
        case usual
        /// These bytes; `\r\n` included.
        case say(String)
        /// These bytes, then the end.
        case sayAndClose(String)
        case close
        case reset
        /// Nothing, for ever.
        case silence
    }

    /// What the peer saw.
    struct Record: Sendable {
        var connections = 0
        /// Lines that came outside TLS; the first bytes of a handshake are none.
        var clear: [String] = []
        /// Lines that came inside, without content.
        var secure: [String] = []
        /// What was answered with 250 at its end, by recipient.
        var taken: [String: Int] = [:]
        var contents: [String] = []
        /// When each was taken.
        var times: [ContinuousClock.Instant] = []
    }

    private let channel: any Channel
    private let box: Box

    /// Starts listening.
    ///
    /// The first certificate is for the first connection; the last one for all that follow.
    init(
        _ mode: RouteSettings.TLSMode = .startTLS,
        certificates: [IssuedCertificate] = [Certificates.good],
        options: TLSServerContext.Options = .init(),
        clearOffer: String = "250-relay.kit.test\r\n250 STARTTLS\r\n",
        offer: String = "250-relay.kit.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
        answer: @escaping @Sendable (Event) -> Answer = { _ in .usual }
    ) async throws {
        let box = Box()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let number = box.record { record in
                        record.connections += 1
                        return record.connections
                    }
                    let certificate = certificates[min(number, certificates.count) - 1]
                    let context = try TLSServerContext(
                        certificateChainPEM: certificate.chainPEM,
                        keyPEM: certificate.keyPEM,
                        options: options
                    )
                    let handler = PeerHandler(
                        number,
                        box,
                        context,
                        clearOffer: clearOffer,
                        offer: offer,
                        answer: answer
                    )
                    if mode == .implicit {
                        try channel.pipeline.syncOperations.addHandler(TLSHandler(TLSEngine(context)))
                        handler.isSecure = true
                    }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.box = box
    }

    var port: Int { channel.localAddress?.port ?? 0 }
    var record: Record { box.record { $0 } }

    func close() async throws {
        try await channel.close()
    }

    /// A route to it that loses no time.
    func route(_ mode: RouteSettings.TLSMode = .startTLS, connections: Int = 1) -> RouteSettings {
        var route = RouteSettings(
            name: "main",
            host: Certificates.host,
            port: port,
            tls: mode,
            trust: Certificates.trust,
            connections: connections,
            heloName: "mail.riverside.example",
            dial: .init(address: "127.0.0.1", port: port)
        )
        route.limits.firstDelay = .milliseconds(1)
        route.limits.longestDelay = .milliseconds(20)
        return route
    }

    final class Box: Sendable {
        private let state = Mutex(Record())

        func record<Value: Sendable>(_ body: (inout Record) -> Value) -> Value {
            state.withLock { body(&$0) }
        }
    }
}

private final class PeerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    var isSecure = false
    private let connection: Int
    private let box: Peer.Box
    private let context: TLSServerContext
    private let clearOffer: String
    private let offer: String
    private let answer: @Sendable (Peer.Event) -> Peer.Answer
    private var message = 0
    private var recipient = ""
    private var content: [String]?
    private var isSilent = false
    private var incoming = ByteBuffer()

    init(
        _ connection: Int,
        _ box: Peer.Box,
        _ context: TLSServerContext,
        clearOffer: String,
        offer: String,
        answer: @escaping @Sendable (Peer.Event) -> Peer.Answer
    ) {
        self.connection = connection
        self.box = box
        self.context = context
        self.clearOffer = clearOffer
        self.offer = offer
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        if !isSecure { respond(context, "connect", "220 relay.kit.test ESMTP\r\n") }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Implicit TLS: the greeting comes once it is up.
        if case .established? = event as? TLSEvent, isSecure {
            respond(context, "connect", "220 relay.kit.test ESMTP\r\n")
        }
        if case .established? = event as? TLSEvent { isSecure = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        incoming.writeBuffer(&buffer)
        while !isSilent, let end = incoming.readableBytesView.firstIndex(of: 10) {
            let line = incoming.readString(length: end + 1 - incoming.readerIndex) ?? ""
            take(context, String(line.dropLast()))
        }
    }

    private func take(_ context: ChannelHandlerContext, _ line: String) {
        if content != nil { return takeContent(context, line) }
        let isSecure = isSecure
        box.record { isSecure ? $0.secure.append(line) : $0.clear.append(line) }
        let verb = line.prefix { $0 != " " }.uppercased()
        switch verb {
        case "EHLO": respond(context, verb, isSecure ? offer : clearOffer)
        case "STARTTLS": startTLS(context)
        case "MAIL":
            message += 1
            respond(context, verb, "250 2.1.0 ok\r\n")
        case "RCPT":
            recipient = String(line.drop { $0 != "<" }.dropFirst().prefix { $0 != ">" })
            respond(context, verb, "250 2.1.5 ok\r\n")
        case "DATA":
            if respond(context, verb, "354 go\r\n") { content = [] }
        case "QUIT":
            respond(context, verb, "221 bye\r\n")
            context.close(promise: nil)
        default: respond(context, verb, "250 ok\r\n")
        }
    }

    private func takeContent(_ context: ChannelHandlerContext, _ line: String) {
        guard line == "." else {
            content?.append(line)
            if content?.count == 1 { respond(context, "content", "") }
            return
        }
        let text = content?.joined(separator: "\n") ?? ""
        let isEmpty = content?.isEmpty == true
        content = nil
        // A client that was refused the recipient sends nothing and the end.
        guard !isEmpty else { return say(context, "554 5.5.1 no valid recipients\r\n") }
        let recipient = recipient
        let isTaken = respond(context, ".", "250 2.0.0 taken\r\n")
        if isTaken {
            box.record {
                $0.taken[recipient, default: 0] += 1
                $0.contents.append(text)
                $0.times.append(.now)
            }
        }
    }

    private func startTLS(_ context: ChannelHandlerContext) {
        guard respond(context, "STARTTLS", "220 go\r\n") else { return }
        try? context.pipeline.syncOperations.addHandler(TLSHandler(TLSEngine(self.context)), position: .before(self))
    }

    /// Does what the test wants; says whether that was the usual.
    @discardableResult
    private func respond(_ context: ChannelHandlerContext, _ verb: String, _ usual: String) -> Bool {
        let event = Peer.Event(connection: connection, message: message, verb: verb, isSecure: isSecure)
        switch answer(event) {
        case .usual:
            if !usual.isEmpty { say(context, usual) }
            return true
        case .say(let text):
            say(context, text)
            return text.hasPrefix("354") || text.hasPrefix("220")
        case .sayAndClose(let text):
            say(context, text)
            isSilent = true
            context.close(promise: nil)
        case .close:
            isSilent = true
            context.close(promise: nil)
        case .reset:
            isSilent = true
            let channel = context.channel
            (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in
                channel.close(promise: nil)
            }
        case .silence:
            isSilent = true
        }
        return false
    }

    private func say(_ context: ChannelHandlerContext, _ text: String) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
}
