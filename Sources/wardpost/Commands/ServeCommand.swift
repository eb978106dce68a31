import ArgumentParser
import Engine
import Logging
import ServiceLifecycle
import UnixSignals

/// `wardpost serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Runs the tracking server alone, and the API if the site has one.",
        discussion: """
            Needs wardpost.yaml, keys/tracking.key and the server's certificate; no jobs, no results, no addresses. Events go to \
            outbox/events/; a sending host reads them there, over a share or by a copy.
            """
    )

    @OptionGroup var options: SiteOptions

    func run() async throws {
        let site = try options.open()
        let log = Report.logger()
        var services: [any Service] = []
        let api = try reporting { () throws(EngineError) in try APIService(site: site, log: log) }
        // The host that has the API may have no tracking server.
        if api == nil || site.hasTrackingServer,
            let tracking = try reporting({ () throws(EngineError) in try TrackingService(site: site, log: log) })
        {
            services.append(tracking)
        }
        if let api { services.append(api) }
        guard !services.isEmpty else {
            Report.error("wardpost.yaml: there is nothing to serve; add `tracking`")
            throw ExitCode(EngineError.Code.configuration.rawValue)
        }
        try await serve(services, log)
    }
}

/// Runs services until SIGINT or SIGTERM, and reports what keeps one from running.
func serve(_ services: [any Service], _ log: Logger) async throws {
    let group = ServiceGroup(services: services, gracefulShutdownSignals: [.sigint, .sigterm], logger: log)
    do {
        try await group.run()
    } catch {
        Report.error("wardpost: \(error)")
        throw ExitCode(EngineError.Code.tryAgain.rawValue)
    }
}
