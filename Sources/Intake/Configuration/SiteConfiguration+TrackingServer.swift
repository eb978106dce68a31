public import Core
import YAML

extension SiteConfiguration.Tracking {
    /// How the tracking server stands on the internet.
    public struct Server: Hashable, Sendable {
        /// The most connections at a time.
        public var connections: Int?
        /// The most connections at a time from one address.
        public var connectionsPerAddress: Int?
        /// Requests in a time from one address; `nil` where nothing is said of them.
        public var rate: RequestRate?
        /// How many requests may come at once from an address that was quiet.
        public var burst: Int?
        /// Seconds for a request to come, from its first byte to its last.
        public var requestSeconds: Int?
        /// Seconds that a connection may stay without a request.
        public var idleSeconds: Int?
        /// Where the metrics are read; nowhere without it.
        public var metrics: Placed<Endpoint>?
        /// For how many days a replaced token key's opens and clicks go on working.
        public var validDays: Int?

        /// Nothing said.
        public init() {}
    }

    /// How many requests may come from one address.
    public enum RequestRate: Hashable, Sendable {
        /// So many in a time.
        case limited(Rate)
        /// As many as come.
        case unlimited
    }
}

extension SiteConfiguration.Tracking.Server {
    /// Reads the keys of `tracking` that are about the server.
    static func read(_ fields: MappingReader) -> Self {
        var server = Self()
        let known = ["connections", "connections_per_address", "rate", "burst", "request_seconds", "idle_seconds"]
        if let limits = fields.mapping("limits", known: known) {
            server.connections = limits.number("connections", in: 1...100_000)?.value
            server.connectionsPerAddress = limits.number("connections_per_address", in: 1...100_000)?.value
            server.rate =
                limits.value("rate", expected: "a number in a time such as 100/s or 600/min, or the word unlimited") {
                    $0 == "unlimited" ? .unlimited : Rate($0).map { .limited($0) }
                }?.value
            server.burst = limits.number("burst", in: 1...10_000_000)?.value
            server.requestSeconds = limits.number("request_seconds", in: 1...300)?.value
            server.idleSeconds = limits.number("idle_seconds", in: 1...3_600)?.value
        }
        server.metrics = fields.value(
            "metrics",
            expected: "an address and a port such as 127.0.0.1:9464",
            fix: "name an address that only this machine or your own network reaches: it is served without TLS"
        ) { Endpoint($0, mayChoosePort: true) }
        if let keys = fields.mapping("keys", known: ["valid_days"]) {
            server.validDays = keys.number("valid_days", in: 1...36_500)?.value
        }
        return server
    }
}
