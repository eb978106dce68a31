internal import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
internal import Logging
internal import NIOCore
internal import NIOSSL
public import OpenSSL
public import ServiceLifecycle

/// The tracking server: pixels, links and the unsubscribe page over HTTPS.
///
/// Needs the token keys, its base URL and a directory for events; no job, no address, no result is ever near it. Keeps no
/// access log, since request lines hold tokens; what it knows stands in the event log.
public struct TrackingServer: Service {
    /// What the server needs to know.
    public struct Options: Sendable {
        /// The address to listen on: a host name or an IP address.
        public var host: String
        /// The port to listen on; 0 lets the system choose.
        public var port: Int
        /// The certificate chain in PEM form, the server's own first.
        public var certificatePEM: [UInt8]
        /// The certificate's private key in PEM form.
        public var keyPEM: SecretBytes
        /// Where the server is reached from outside; its path, if any, stands before `/o/`, `/c/`, `/u/`, `/healthz`.
        public var baseURL: BaseURL
        /// The token keys.
        public var keys: TokenKeys
        /// Whose messages these are, as the unsubscribe page says it; may be empty.
        public var siteName: String
        /// How requests are told apart.
        public var classifier = Classifier()
        /// The most connections at a time.
        public var maximumConnections = 4_096
        /// Seconds after which a connection that sends nothing is closed.
        public var idleSeconds = 30

        /// Collects what must be known.
        public init(
            host: String,
            port: Int,
            certificatePEM: [UInt8],
            keyPEM: SecretBytes,
            baseURL: BaseURL,
            keys: TokenKeys,
            siteName: String = ""
        ) {
            self.host = host
            self.port = port
            self.certificatePEM = certificatePEM
            self.keyPEM = keyPEM
            self.baseURL = baseURL
            self.keys = keys
            self.siteName = siteName
        }
    }

    /// Why the server cannot start.
    public struct Refused: Error, Hashable, Sendable, CustomStringConvertible {
        /// For a person.
        public let description: String
    }

    private let options: Options
    private let responder: TrackingResponder
    private let tls: TLSConfiguration
    private let onRunning: @Sendable (Int) async -> Void

    /// Prepares the server; it listens when it is run.
    ///
    /// - Parameters:
    ///   - options: What it needs to know.
    ///   - log: Where events go.
    ///   - clock: Milliseconds since 1970, for the events.
    ///   - onRunning: Told the port when the server listens.
    public init(
        _ options: Options,
        log: EventLog,
        clock: @escaping @Sendable () -> Int64 = { wallClock() },
        onRunning: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) throws(Refused) {
        self.options = options
        self.onRunning = onRunning
        tls = try Self.configuration(options)
        responder = TrackingResponder(
            path: options.baseURL.path,
            seal: TokenSeal(options.keys),
            log: log,
            classifier: options.classifier,
            pages: Pages(siteName: options.siteName),
            clock: clock
        )
    }

    /// Serves until it is told to stop; answers what it has begun.
    public func run() async throws {
        try await application(.tls(Self.http(options), tlsConfiguration: tls)).run()
    }

    /// The application over any transport; tests leave TLS out.
    func application(_ server: HTTPServerBuilder? = nil) -> Application<TrackingResponder> {
        // Nothing is logged: the framework's messages could name paths, and paths hold tokens.
        let silent = Logger(label: "wardpost.tracking") { _ in SwiftLogNoOpLogHandler() }
        let onRunning = onRunning
        return Application(
            responder: responder,
            server: server ?? Self.http(options),
            configuration: ApplicationConfiguration(
                address: .hostname(options.host, port: options.port),
                serverName: nil,
                backlog: 1_024,
                availableConnectionsDelegate: MaximumAvailableConnections(options.maximumConnections)
            ),
            onServerRunning: { await onRunning($0.localAddress?.port ?? 0) },
            logger: silent
        )
    }

    private static func http(_ options: Options) -> HTTPServerBuilder {
        .http1(
            configuration: .init(
                idleTimeout: .seconds(Int64(options.idleSeconds)),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 16_384,
                    maxHeaderListSize: 32_768,
                    maxHeaderFieldCount: 100
                )
            )
        )
    }

    private static func configuration(_ options: Options) throws(Refused) -> TLSConfiguration {
        let chain: [NIOSSLCertificate]
        let key: NIOSSLPrivateKey
        do {
            chain = try NIOSSLCertificate.fromPEMBytes(options.certificatePEM)
        } catch {
            throw Refused(description: "the tracking server's certificate is no PEM certificate chain")
        }
        do {
            key = try NIOSSLPrivateKey(bytes: options.keyPEM.exposedCopy(), format: .pem)
        } catch {
            throw Refused(description: "the tracking server's key is no PEM private key without a password")
        }
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        tls.minimumTLSVersion = .tlsv12
        tls.applicationProtocols = ["http/1.1"]
        // Found out now, not when the first client comes.
        guard (try? NIOSSLContext(configuration: tls)) != nil else {
            throw Refused(description: "the tracking server's key does not belong to its certificate")
        }
        return tls
    }
}
