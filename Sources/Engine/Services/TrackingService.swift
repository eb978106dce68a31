import Core
import Files
import Intake
public import Logging
import OpenSSL
public import ServiceLifecycle
import Tracking

/// The tracking server of a site, ready to run.
///
/// Needs `wardpost.yaml`, `tracking.key` and the server's certificate; no jobs, no results, no addresses, so that it
/// may stand on a host of its own.
public struct TrackingService: Service {
    private let server: TrackingServer
    private let log: Logger

    /// Reads what the server needs; `nil` if the site tracks nothing.
    ///
    /// - Parameters:
    ///   - site: The site.
    ///   - onRunning: Told the port when the server listens.
    ///   - log: Where starts and stops are noted; requests never are.
    public init?(
        site: Site,
        onRunning: @escaping @Sendable (Int) async -> Void = { _ in },
        log: Logger
    ) throws(EngineError) {
        guard let tracking = site.configuration.tracking else { return nil }
        let file = SiteConfiguration.fileName
        guard let listen = tracking.listen, let certificate = tracking.certificate, let key = tracking.key else {
            throw EngineError(
                .configuration,
                "the tracking server needs `listen`, `certificate` and `key`",
                at: Place(file: file, line: tracking.baseURL.place.line),
                fix: "add them under `tracking`"
            )
        }
        try TrackingHostCheck(site: site).check()
        let ring = try SiteKeys.trackingKeys(
            in: try site.keyDirectory(),
            name: site.configuration.keys.value,
            validDays: tracking.server.validDays ?? TokenKeys.defaultValidDays
        )
        let keys = ring.current
        var hosts = [try Self.host(site, tracking.baseURL, certificate, key, isNamed: false)]
        for host in tracking.hosts {
            hosts.append(
                try Self.host(
                    site,
                    host.baseURL,
                    host.certificate ?? certificate,
                    host.key ?? key,
                    isNamed: true
                )
            )
        }
        var options = TrackingServer.Options(
            host: listen.value.host,
            port: Int(listen.value.port),
            hosts: hosts,
            keys: keys,
            siteName: site.configuration.site.value
        )
        options.lists = site.offeredLists
        options.subscribe = try site.subscribeOptions()
        options.limits = Self.limits(tracking.server)
        options.reloadKeys = {
            let keys = try ring.renewed()
            if let keys {
                log.notice(
                    "the tracking server has new token keys",
                    metadata: ["keys": "\(keys.all.count)", "sealing": "\(keys.minting.id)"]
                )
            }
            return keys
        }
        options.metrics = tracking.server.metrics.map { address in
            TrackingServer.MetricsAddress(host: address.value.host, port: Int(address.value.port)) { port in
                log.notice("metrics", metadata: ["port": "\(port)"])
            }
        }
        do {
            let events = try EventLog(directory: try site.outbox("events"), keys: keys, host: Working.host)
            options.classifier = try site.classifier()
            options.visitors = try site.visitorNotes(keys)
            server = try TrackingServer(options, log: events, onRunning: onRunning) { problem in
                if problem.isEmpty {
                    log.notice("the tracking server shows its new certificates")
                } else {
                    log.error("\(problem)")
                }
            }
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.configuration, "\(error)", at: tracking.baseURL.place)
        }
        self.log = log
        log.notice("tracking", metadata: ["listen": "\(listen.value)"])
    }

    /// Serves until told to stop.
    public func run() async throws {
        try await server.run()
        log.notice("stopped tracking")
    }

    /// One of the server's names, whose files are looked at while it runs.
    private static func host(
        _ site: Site,
        _ baseURL: Placed<String>,
        _ certificate: Placed<String>,
        _ key: Placed<String>,
        isNamed: Bool
    ) throws(EngineError) -> TrackingServer.Host {
        guard let base = BaseURL(baseURL.value) else {
            throw EngineError(.configuration, "this is no address for links", at: baseURL.place)
        }
        let files = try CertificateFiles(site, certificate: certificate, key: key, name: isNamed ? base.host : nil)
        let (certificatePEM, keyPEM) = try files.read()
        return TrackingServer.Host(baseURL: base, certificatePEM: certificatePEM, keyPEM: keyPEM) {
            try files.reload()
        }
    }

    private static func limits(_ server: SiteConfiguration.Tracking.Server) -> TrackingServer.Limits {
        var limits = TrackingServer.Limits()
        if let connections = server.connections { limits.connections = connections }
        if let each = server.connectionsPerAddress { limits.connectionsPerAddress = each }
        switch server.rate {
        case .unlimited: limits.requestsPerSecond = nil
        case .limited(let rate):
            limits.requestsPerSecond = rate.perSecond
            limits.burst = max(1, rate.perSecond * 10)
        case nil: break
        }
        if let burst = server.burst { limits.burst = Double(burst) }
        // What somebody wrote down holds for everybody; the defaults spare this machine, where proxies and tests are.
        limits.countsLoopback = server.rate != nil || server.burst != nil || server.connectionsPerAddress != nil
        if let seconds = server.requestSeconds { limits.requestSeconds = seconds }
        if let seconds = server.idleSeconds { limits.idleSeconds = seconds }
        return limits
    }
}

extension Site {
    /// What the preference page offers.
    var offeredLists: [OfferedList] {
        configuration.lists.map { list in
            OfferedList(scope: list.name.map { .list($0) } ?? .marketing, titles: list.titles)
        }
    }
}
