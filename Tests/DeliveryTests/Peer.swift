// swift-format-ignore-file: NeverForceUnwrap, NeverUseForceTry
// A fixture that cannot be made is a broken test, and may say so by trapping.

import Core
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
        /// `connect`, a verb, `handshake`, `content` for a message's first octets, `.` for its end, `idle` for a while
        /// without anything.
        let verb: String
        let isSecure: Bool
        /// The whole line, where there is one.
        var line = ""
    }

    /// What the peer does about it.
    enum Answer: Sendable {
        /// What a good server does.
        case usual
        /// The same in other words.
        case changed(@Sendable (String) -> [UInt8])
        /// The same, a byte at a time.
        case dripped
        /// The same, after a while.
        case late
        /// The same, after that time.
        case usualAfter(TimeAmount)
        /// These bytes; `\r\n` included.
        case say(String)
        /// These bytes, then the end.
        case sayAndClose(String)
        case close
        case reset
        /// The stream ends without TLS's own end.
        case truncate
        /// Nothing, for ever.
        case silence
        /// A byte now and then, for ever.
        case trickle
        /// These bytes first, then those again and again, for as long as anybody reads.
        case endless(String, String)
    }

    /// What the peer saw.
    struct Record: Sendable {
        var connections = 0
        /// How many are open now, and were at most.
        var open = 0
        var mostOpen = 0
        /// Lines that came outside TLS.
        var clear: [String] = []
        /// Lines that came inside, without content.
        var secure: [String] = []
        /// What was answered with 250 at its end, by recipient.
        var taken: [String: Int] = [:]
        var contents: [String] = []
        /// How many TLS sessions took up an earlier one.
        var resumed = 0
        /// When each was taken.
        var times: [ContinuousClock.Instant] = []
        /// What came and was neither an allowed line in clear nor inside a TLS record.
        var violations: [String] = []
        /// Octets of answers that never end, as far as they could be got rid of.
        var endlessOctets = 0
    }

    /// How it differs from a good server.
    struct Options: Sendable {
        /// Nothing is answered on the first connection before that many whole messages came by BDAT.
        var heldMessages = 0
        /// Whether `idle` happens when nothing came for a while behind the second message.
        var noticesIdleness = false
        /// A small receive buffer, so that a client cannot get rid of a large message unread.
        var isSmall = false
        /// A port; any that is free unless given.
        var port = 0
        /// Called when a connection has ended.
        var ended: (@Sendable () -> Void)?
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
        behaviour: Options = Options(),
        answer: @escaping @Sendable (Event) -> Answer = { _ in .usual }
    ) async throws {
        let box = Box()
        // One for each certificate, as a server has it: tickets of one connection are good for the next.
        let contexts = try certificates.map {
            try TLSServerContext(certificateChainPEM: $0.chainPEM, keyPEM: $0.keyPEM, options: options)
        }
        var bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        if behaviour.isSmall {
            bootstrap = bootstrap.serverChannelOption(.socketOption(.so_rcvbuf), value: 16 * 1024)
        }
        channel =
            try await bootstrap.childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let number = box.record { record in
                        record.connections += 1
                        return record.connections
                    }
                    let context = contexts[min(number, contexts.count) - 1]
                    let handler = PeerHandler(
                        number,
                        box,
                        context,
                        isImplicit: mode == .implicit,
                        clearOffer: clearOffer,
                        offer: offer,
                        behaviour: behaviour,
                        answer: answer
                    )
                    try channel.pipeline.syncOperations.addHandler(WireTap(box))
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: behaviour.port).get()
        self.box = box
    }

    var port: Int { channel.localAddress?.port ?? 0 }
    var record: Record { box.record { $0 } }

    func close() async throws {
        try await channel.close()
    }

    /// A route to it that loses no time.
    func route(_ mode: RouteSettings.TLSMode = .startTLS, connections: Int = 1) -> RouteSettings {
        Self.route(mode, port: port, connections: connections)
    }

    /// A route to a port of this machine.
    static func route(_ mode: RouteSettings.TLSMode, port: Int, connections: Int = 1) -> RouteSettings {
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

/// Looks at what comes off the wire, before TLS: in clear the three allowed lines, then TLS records and nothing else.
private final class WireTap: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let box: Peer.Box
    private var pending = ByteBuffer()
    /// How much of a record is still to come; `nil` in clear.
    private var record: Int?
    private var isBroken = false

    static let allowed = ["EHLO mail.riverside.example\r\n", "STARTTLS\r\n", "QUIT\r\n"]

    init(_ box: Peer.Box) {
        self.box = box
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var copy = unwrapInboundIn(data)
        pending.writeBuffer(&copy)
        while !isBroken, look() {}
        context.fireChannelRead(data)
    }

    private func look() -> Bool {
        if let left = record, left > 0 {
            let count = min(left, pending.readableBytes)
            pending.moveReaderIndex(forwardBy: count)
            record = left - count
            return count > 0
        }
        guard let first = pending.getInteger(at: pending.readerIndex, as: UInt8.self) else { return false }
        if record != nil || first == 0x16 { return lookAtRecord() }
        guard let end = pending.readableBytesView.firstIndex(of: 10) else {
            if pending.readableBytes > 512 { broken("a long line") }
            return false
        }
        let line = pending.readString(length: end + 1 - pending.readerIndex) ?? ""
        if !Self.allowed.contains(line) { broken(line.debugDescription) }
        return true
    }

    private func lookAtRecord() -> Bool {
        guard let header = pending.getBytes(at: pending.readerIndex, length: 5) else { return false }
        let length = Int(header[3]) << 8 | Int(header[4])
        guard (20...24).contains(header[0]), header[1] == 3, header[2] <= 4, length <= 16_384 + 256 else {
            broken("no TLS record: \(header)")
            return false
        }
        pending.moveReaderIndex(forwardBy: 5)
        record = length
        return true
    }

    private func broken(_ what: String) {
        isBroken = true
        box.record { $0.violations.append(what) }
    }
}

/// Gets in the way of what TLS says, on the wire's side.
final class SlowHandler: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Way {
        /// Each byte by itself.
        case dripped
        /// All of it later.
        case late
        /// So many bytes, then the connection's end.
        case cut(Int)
    }

    private let way: Way
    private var hasCut = false

    init(_ way: Way) {
        self.way = way
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var buffer = unwrapOutboundIn(data)
        promise?.succeed(())
        switch way {
        case .dripped:
            while let byte = buffer.readSlice(length: 1) {
                context.writeAndFlush(wrapOutboundOut(byte), promise: nil)
            }
        case .late:
            let (context, buffer) = (NIOLoopBound(context, eventLoop: context.eventLoop), buffer)
            context.eventLoop.scheduleTask(in: Peer.while) {
                context.value.writeAndFlush(NIOAny(buffer), promise: nil)
            }
        case .cut(let count):
            guard !hasCut else { return }
            hasCut = true
            if let part = buffer.readSlice(length: min(count, buffer.readableBytes)) {
                context.writeAndFlush(wrapOutboundOut(part), promise: nil)
            }
            context.close(promise: nil)
        }
    }
}

extension Peer {
    /// How late a late answer is, and how long nothing happens before a connection counts as idle.
    static let `while` = TimeAmount.milliseconds(60)
}
