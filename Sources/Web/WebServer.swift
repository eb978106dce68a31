package import NIOCore
internal import NIOPosix
internal import Synchronization
internal import Transport

/// A server of HTTP/1.1 and HTTP/2 that faces the internet: little code, hard limits.
///
/// One event loop a core; a connection stays on its loop. Knows no paths and keeps no log: what is asked and answered is its
/// responders' matter.
package final class WebServer: Sendable {
    /// An address that the server listens on.
    package struct Listener: Sendable {
        /// A host name or an IP address.
        package var host: String
        /// The port; 0 lets the system choose.
        package var port: Int
        /// What is shown in TLS; without it the address speaks clear HTTP/1.1, which is for this machine alone.
        package var certificates: WebCertificates?
        /// Whether an address is held to its share of connections and requests.
        package var isLimited = true
        /// Makes what answers, one for each event loop.
        package var makeResponder: @Sendable (any EventLoop) -> any WebResponder

        /// Describes an address.
        package init(
            host: String,
            port: Int,
            certificates: WebCertificates?,
            makeResponder: @escaping @Sendable (any EventLoop) -> any WebResponder
        ) {
            self.host = host
            self.port = port
            self.certificates = certificates
            self.makeResponder = makeResponder
        }
    }

    private struct Running {
        var group: MultiThreadedEventLoopGroup
        var loops: [NIOLoopBound<LoopState>] = []
        var channels: [any Channel] = []
    }

    /// What the server has done since its start.
    package let counters = WebCounters()

    private let limits: WebLimits
    private let listeners: [Listener]
    private let threads: Int
    private let peers: PeerTable
    /// Those of addresses in clear, which are for this machine and its neighbours: nothing is counted there.
    private let neighbours: PeerTable
    private let running = Mutex<Running?>(nil)

    /// Describes a server; it listens when it is started.
    package init(_ listeners: [Listener], limits: WebLimits = WebLimits(), threads: Int = System.coreCount) {
        self.listeners = listeners
        self.limits = limits
        self.threads = threads
        peers = PeerTable(limits)
        var free = limits
        free.requestsPerSecond = 0
        free.connectionsPerAddress = limits.connections
        neighbours = PeerTable(free)
    }

    /// How many connections there are now.
    package var connections: Int { peers.connections + neighbours.connections }

    /// Listens, and says on which ports.
    package func start() async throws -> [Int] {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, threads))
        var now = Running(group: group)
        for eventLoop in group.makeIterator() {
            now.loops.append(try await eventLoop.submit { self.makeLoop(eventLoop) }.get())
        }
        let loops = now.loops
        running.withLock { $0 = now }
        do {
            for (index, listener) in listeners.enumerated() {
                let channel = try await bootstrap(group, loops, listener, index)
                    .bind(host: listener.host, port: listener.port).get()
                now.channels.append(channel)
                running.withLock { [now] in $0 = now }
            }
        } catch {
            await stop(politely: false)
            throw error
        }
        return now.channels.map { $0.localAddress?.port ?? 0 }
    }

    /// Takes no new connection, ends those that are idle, waits a few seconds for requests under way, and stops.
    ///
    /// - Parameters:
    ///   - politely: Whether to wait at all.
    ///   - last: What is to be done while event loops still run, after the last answer.
    package func stop(politely: Bool = true, last: () async -> Void = {}) async {
        guard
            let now = running.withLock({ running in
                defer { running = nil }
                return running
            })
        else { return }
        for channel in now.channels { try? await channel.close().get() }
        for loop in now.loops { loop.execute { $0.drain() } }
        for _ in 0..<250 where politely && connections > 0 {
            guard (try? await Task.sleep(for: .milliseconds(20))) != nil else { break }
        }
        await last()
        try? await now.group.shutdownGracefully()
    }

    private func makeLoop(_ eventLoop: any EventLoop) -> NIOLoopBound<LoopState> {
        let state = LoopState(eventLoop, limits, counters, listeners.map { $0.makeResponder(eventLoop) })
        let bound = NIOLoopBound(state, eventLoop: eventLoop)
        eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in bound.value.tick() }
        return bound
    }

    private func bootstrap(
        _ group: MultiThreadedEventLoopGroup,
        _ loops: [NIOLoopBound<LoopState>],
        _ listener: Listener,
        _ index: Int
    ) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            // One reading for one request: a second would only find that there is nothing.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 16_384))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.take(channel, loops, listener, index) }
            }
    }

    /// Sets a new connection up, or refuses it.
    private func take(
        _ channel: any Channel,
        _ loops: [NIOLoopBound<LoopState>],
        _ listener: Listener,
        _ index: Int
    ) throws {
        guard let loop = loops.first(where: { $0.eventLoop === channel.eventLoop })?.value else { return }
        let address = WebAddress(channel.remoteAddress) ?? .loopback
        let peers = listener.isLimited ? peers : neighbours
        guard let peer = peers.enter(address, now: NIODeadline.now().uptimeNanoseconds) else {
            counters.count(counters.connectionsRefused)
            throw TooManyConnections()
        }
        counters.count(counters.connections)
        channel.closeFuture.whenComplete { _ in peers.leave(peer) }
        let pipeline = channel.pipeline.syncOperations
        let responder = loop.responders[index]
        if let certificates = listener.certificates {
            let tls = TLSHandler(certificates.engine())
            try pipeline.addHandler(tls)
            try pipeline.addHandler(HandshakeHandler(loop, responder, tls, peer, address))
        } else {
            try pipeline.addHandler(HTTP1Handler(loop, responder, peer, address))
        }
    }

    private struct TooManyConnections: Error {}
}

extension NIOLoopBound where Value == LoopState {
    fileprivate func execute(_ body: @escaping @Sendable (LoopState) -> Void) {
        eventLoop.execute { body(value) }
    }
}
