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
        guard let base = BaseURL(tracking.baseURL.value) else {
            throw EngineError(.configuration, "this is no address for links", at: tracking.baseURL.place)
        }
        try TrackingHostCheck(site: site).check()
        let keys = try SiteKeys.trackingKeys(in: try site.keyDirectory(), name: site.configuration.keys.value)
        var options = TrackingServer.Options(
            host: listen.value.host,
            port: Int(listen.value.port),
            certificatePEM: try site.file(certificate),
            keyPEM: SecretBytes(copying: try site.secretFile(key)),
            baseURL: base,
            keys: keys,
            siteName: site.configuration.site.value
        )
        options.lists = site.offeredLists
        options.subscribe = try site.subscribeOptions()
        do {
            let events = try EventLog(directory: try site.outbox("events"), keys: keys, host: Working.host)
            options.classifier = Classifier(try site.automationRules())
            options.visitors = try site.visitorNotes(keys)
            server = try TrackingServer(options, log: events, onRunning: onRunning)
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
}

extension Site {
    /// What the preference page offers.
    var offeredLists: [OfferedList] {
        configuration.lists.map { list in
            OfferedList(scope: list.name.map { .list($0) } ?? .marketing, titles: list.titles)
        }
    }
}
