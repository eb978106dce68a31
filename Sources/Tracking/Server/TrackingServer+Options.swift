public import OpenSSL
internal import Web

extension TrackingServer {
    /// One of the server's names.
    public struct Host: Sendable {
        /// Where the server is reached from outside; its path, if any, stands before `/o/`, `/c/`, `/u/`, `/p/`, `/healthz`.
        public var baseURL: BaseURL
        /// The certificate chain in PEM form, the server's own first.
        public var certificatePEM: [UInt8]
        /// The certificate's private key in PEM form.
        public var keyPEM: SecretBytes
        /// Gives certificate and key if they changed since it was asked last; `nil` if they did not.
        public var reload: @Sendable () throws -> (certificatePEM: [UInt8], keyPEM: SecretBytes)?

        /// Describes a name.
        public init(
            baseURL: BaseURL,
            certificatePEM: [UInt8],
            keyPEM: SecretBytes,
            reload: @escaping @Sendable () throws -> (certificatePEM: [UInt8], keyPEM: SecretBytes)? = { nil }
        ) {
            self.baseURL = baseURL
            self.certificatePEM = certificatePEM
            self.keyPEM = keyPEM
            self.reload = reload
        }
    }

    /// An address of this machine's own where the metrics are read.
    public struct MetricsAddress: Sendable {
        /// The address to listen on.
        public var host: String
        /// The port to listen on; 0 lets the system choose.
        public var port: Int
        /// Told the port when it is listened on.
        public var onRunning: @Sendable (Int) async -> Void

        /// Describes an address.
        public init(host: String, port: Int, onRunning: @escaping @Sendable (Int) async -> Void = { _ in }) {
            self.host = host
            self.port = port
            self.onRunning = onRunning
        }
    }

    /// How much anybody on the internet may take.
    public struct Limits: Hashable, Sendable {
        /// The most connections at a time.
        public var connections: Int
        /// The most connections at a time from one address (of IPv6, one /64).
        public var connectionsPerAddress: Int
        /// Requests a second from one address; `nil` for no limit.
        public var requestsPerSecond: Double?
        /// How many requests may come at once from an address that was quiet.
        public var burst: Double
        /// Whether connections and requests from this machine itself count, too.
        public var countsLoopback: Bool
        /// Seconds from a request's first byte to its last, and for a TLS handshake.
        public var requestSeconds: Int
        /// Seconds that a connection may stay without a request.
        public var idleSeconds: Int

        /// The defaults.
        public init() {
            let web = WebLimits()
            connections = web.connections
            connectionsPerAddress = web.connectionsPerAddress
            requestsPerSecond = web.requestsPerSecond
            burst = web.burst
            countsLoopback = web.countsLoopback
            requestSeconds = web.requestSeconds
            idleSeconds = web.idleSeconds
        }

        var web: WebLimits {
            var web = WebLimits()
            web.connections = connections
            web.connectionsPerAddress = connectionsPerAddress
            web.requestsPerSecond = requestsPerSecond ?? 0
            web.burst = max(1, burst)
            web.countsLoopback = countsLoopback
            web.requestSeconds = requestSeconds
            web.handshakeSeconds = requestSeconds
            web.idleSeconds = idleSeconds
            return web
        }
    }

    /// What the server needs to know.
    public struct Options: Sendable {
        /// The address to listen on: a host name or an IP address.
        public var host: String
        /// The port to listen on; 0 lets the system choose.
        public var port: Int
        /// The server's names, one at least; a client that names none of them (SNI) is shown the first one's certificate.
        public var hosts: [Host]
        /// The token keys.
        public var keys: TokenKeys
        /// Gives the token keys if they are others than when it was last asked; `nil` if they are not.
        public var reloadKeys: @Sendable () throws -> TokenKeys? = { nil }
        /// Whose messages these are, as the unsubscribe page says it; may be empty.
        public var siteName: String
        /// What the preference page offers besides all mail and the message's own list.
        public var lists: [OfferedList] = []
        /// The lists that people can subscribe to; no form without it.
        public var subscribe: SubscribeOptions?
        /// How requests are told apart.
        public var classifier = Classifier.shipped
        /// What is kept of those who make requests; `nil` keeps marks that tell devices apart, no addresses, no places.
        public var visitors: VisitorNotes?
        /// How much anybody may take.
        public var limits = Limits()
        /// Where the metrics are read; nowhere without it.
        public var metrics: MetricsAddress?
        /// Seconds between two looks at the certificates' files, and at the token keys.
        public var reloadSeconds = 5.0

        /// Collects what must be known of a server with several names.
        public init(host: String, port: Int, hosts: [Host], keys: TokenKeys, siteName: String = "") {
            precondition(!hosts.isEmpty, "a tracking server has a name")
            self.host = host
            self.port = port
            self.hosts = hosts
            self.keys = keys
            self.siteName = siteName
        }

        /// Collects what must be known of a server with one name.
        public init(
            host: String,
            port: Int,
            certificatePEM: [UInt8],
            keyPEM: SecretBytes,
            baseURL: BaseURL,
            keys: TokenKeys,
            siteName: String = ""
        ) {
            self.init(
                host: host,
                port: port,
                hosts: [Host(baseURL: baseURL, certificatePEM: certificatePEM, keyPEM: keyPEM)],
                keys: keys,
                siteName: siteName
            )
        }
    }
}
