import Core
import NIOCore
import NIOPosix
import OpenSSL
import Transport
import Synchronization

/// A receiving mail server that takes mail over TLS alone and keeps it, for rehearsals, the demonstration and tests.
///
///     let server = try CaptureServer(options)
///     let port = try await server.start()
///     …
///     try await server.shutdown()
public final class CaptureServer: Sendable {
    /// What happened since the start.
    public struct Counters: Hashable, Sendable {
        /// Connections that were accepted.
        public var connections = 0
        /// TLS handshakes that came to an end.
        public var handshakes = 0
        /// TLS handshakes that failed, most often since the client did not like the certificate.
        public var failedHandshakes = 0
        /// Messages that were taken.
        public var messages = 0
        /// Their bytes.
        public var bytes = 0
        /// Bytes that came before TLS: the greetings and STARTTLS.
        public var bytesInClear = 0
        /// Bytes behind STARTTLS that were thrown away.
        public var bytesBehindStartTLS = 0
        /// Commands that were refused because TLS had not started; counted when the connection ends.
        public var refusedInClear = 0
    }

    private enum State {
        case ready
        case running(MultiThreadedEventLoopGroup)
        case over
    }

    private let shared: CaptureShared
    private let state = Mutex(State.ready)

    /// Checks certificate, key and folder.
    public init(_ options: CaptureOptions) throws {
        shared = try CaptureShared(options)
    }

    /// What happened since the start.
    public var counters: Counters {
        shared.counters.withLock { $0 }
    }

    /// Listens, and says on which port.
    ///
    /// A server starts once.
    public func start() async throws -> Int {
        let group = try state.withLock { state in
            guard case .ready = state else { throw ChannelError.alreadyClosed }
            let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, min(2, shared.options.threads)))
            state = .running(group)
            return group
        }
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 2_048, initial: 16_384, maximum: 262_144)
            )
            .childChannelInitializer { [shared] channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(IdleStateHandler(allTimeout: .minutes(5)))
                    if shared.options.tls == .implicit {
                        try pipeline.addHandler(TLSHandler(TLSEngine(shared.tls)))
                    }
                    try pipeline.addHandler(CaptureHandler(shared))
                }
            }
            .bind(host: shared.options.host, port: shared.options.port)
            .get()
        return channel.localAddress?.port ?? 0
    }

    /// Closes all connections, whatever they are at, and stops.
    public func shutdown() async throws {
        let state = state.withLock { state in
            defer { state = .over }
            return state
        }
        if case .running(let group) = state {
            try await group.shutdownGracefully()
        }
    }
}

/// What the connections of a server share.
final class CaptureShared: Sendable {
    let options: CaptureOptions
    let tls: TLSServerContext
    let counters = Mutex(CaptureServer.Counters())
    private let store: CaptureStore

    init(_ options: CaptureOptions) throws {
        self.options = options
        tls = try TLSServerContext(certificateChainPEM: options.certificateChainPEM, keyPEM: options.keyPEM)
        store = try CaptureStore(options)
    }

    func count(_ change: (inout CaptureServer.Counters) -> Void) {
        counters.withLock { change(&$0) }
    }

    /// Stores a message, tells of it, and says how to answer.
    func take(_ message: CaptureSession.Incoming) -> CaptureRule.Action {
        let action = message.transaction.recipients.first.map { options.rule.action(.message, $0) } ?? .accept
        if case .answer(let code, _) = action, !(200..<300).contains(code) { return action }
        if !store.isDiscarding || options.onMessage != nil {
            let captured = CapturedMessage(
                sender: message.transaction.sender,
                recipients: message.transaction.recipients,
                bytes: message.hasDots ? CaptureData.unstuffed(message.data) : Array(message.data.readableBytesView),
                parameters: message.transaction.parameters
            )
            do throws(CaptureError) {
                try store.store(captured)
            } catch {
                return .answer(code: 451, text: "4.3.0 the message could not be stored")
            }
            options.onMessage?(captured)
        }
        count {
            $0.messages += 1
            $0.bytes += message.data.readableBytes
        }
        return action
    }
}
