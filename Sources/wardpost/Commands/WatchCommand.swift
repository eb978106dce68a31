import ArgumentParser
import Engine
import ServiceLifecycle

/// `wardpost watch`.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Takes up jobs as they come, until told to stop; serves tracking too.",
        discussion: """
            A folder in jobs/ is taken up when it is complete and either holds a file READY or has not changed for the site's \
            `settle` seconds. Returned mail is read from the Maildir that `bounces` names. Drop PAUSE, STOP, RETRY or CONFIRM into a job's folder to steer it; STOP-ALL in jobs/ \
            stops all of them. SIGTERM ends politely: \
            jobs under way go on at the next start.
            """
    )

    @OptionGroup var options: SiteOptions

    @Flag(name: .long, help: "Do not serve tracking, nor the API; another host or process does.")
    var noServe = false

    func run() async throws {
        let site = try options.open()
        let log = Report.logger()
        var services: [any Service] = []
        let worker = try reporting { () throws(EngineError) in try JobWorker(site: site, log: log) }
        if !noServe,
            let tracking = try reporting({ () throws(EngineError) in try TrackingService(site: site, log: log) })
        {
            services.append(tracking)
        }
        if !noServe, let api = try reporting({ () throws(EngineError) in try APIService(site: site, log: log) }) {
            services.append(api)
        }
        if let bounces = try reporting({ () throws(EngineError) in try BounceService(worker, log: log) }) {
            services.append(bounces)
        }
        services.append(TrackingUpdater(worker, log: log))
        if let reports = try reporting({ () throws(EngineError) in try ReportService(site: site, log: log) }) {
            services.append(reports)
        }
        services.append(WatchService(worker, log: log))
        if let subscriptions = try reporting({ () throws(EngineError) in
            try SubscriptionService(worker, log: log)
        }) {
            services.append(subscriptions)
        }
        try await serve(services, log)
    }
}
