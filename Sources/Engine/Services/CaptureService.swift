import Core
import Delivery
import Files
public import Logging
import OpenSSL
public import ServiceLifecycle

/// A receiving mail server on this machine, with TLS, that stores what it gets: for rehearsals.
public struct CaptureService: Service {
    /// What to set up.
    public struct Options: Sendable {
        /// The address to listen on.
        public var host = "127.0.0.1"
        /// The port; 0 takes a free one.
        public var port = 0
        /// The folder for messages and for the certificate authority's certificate.
        public var folder: String
        /// Whether messages are only counted.
        public var discards = false
        /// Whether TLS begins with the first byte.
        public var isImplicit = false
        /// A file that gets a line for each message before it is answered; none if `nil`.
        public var log: String?

        /// Stores into a folder.
        public init(folder: String) {
            self.folder = folder
        }
    }

    private static let certificateDays: Int64 = 30
    private let server: CaptureServer
    private let onRunning: @Sendable (Int) async -> Void
    private let log: Logger
    /// The file with the certificate that a route's `ca` must name.
    public let authorityFile: String

    /// Makes an authority and a certificate for `localhost`, new at each start, and the server.
    public init(
        _ options: Options,
        onRunning: @escaping @Sendable (Int) async -> Void = { _ in },
        log: Logger
    ) throws(EngineError) {
        do {
            let directory = try SiteInit.make(directory: options.folder)
            let tls = try LocalCertificates(days: Self.certificateDays)
            authorityFile = options.folder + "/ca.pem"
            try directory.replace("ca.pem", permissions: 0o644) { try $0.append(tls.authorityPEM) }
            let issued = try tls.issue()
            var capture = CaptureOptions(certificateChainPEM: issued.chainPEM, keyPEM: issued.keyPEM)
            capture.host = options.host
            capture.port = options.port
            capture.name = "localhost"
            capture.tls = options.isImplicit ? .implicit : .startTLS
            capture.store = options.discards ? .discard : .folder(options.folder)
            capture.log = options.log
            server = try CaptureServer(capture)
        } catch {
            throw EngineError(.usage, "\(error)")
        }
        self.onRunning = onRunning
        self.log = log
    }

    /// How many messages were taken.
    public var messages: Int { server.counters.messages }

    /// Receives until told to stop.
    public func run() async throws {
        let port = try await server.start()
        await onRunning(port)
        try? await gracefulShutdown()
        try await server.shutdown()
        log.notice("stopped receiving", metadata: ["messages": "\(server.counters.messages)"])
    }

    /// Starts at once and says where; for whoever ends it with ``stop()``.
    func start() async throws -> Int {
        try await server.start()
    }

    func stop() async throws {
        try await server.shutdown()
    }
}

/// An authority and certificates for this machine alone.
struct LocalCertificates {
    private let authority: CertificateAuthority
    private let until: Int64

    init(days: Int64) throws {
        let now = Timestamp.now.seconds
        until = now + days * 86_400
        authority = try CertificateAuthority(commonName: "Wardpost rehearsal", notBefore: now - 3_600, notAfter: until)
    }

    var authorityPEM: [UInt8] { authority.certificatePEM }

    /// A certificate for `localhost` and the loopback addresses.
    func issue() throws -> IssuedCertificate {
        try authority.issue(
            CertificateRequest(
                names: ["localhost", "127.0.0.1", "::1"],
                notBefore: Timestamp.now.seconds - 3_600,
                notAfter: until
            )
        )
    }
}
