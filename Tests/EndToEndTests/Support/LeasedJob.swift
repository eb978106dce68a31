/// A site with one job that takes a while, and a server that counts what comes: for workers that end or stop in the middle.
struct LeasedJob {
    let sink: Sink
    let site: Site

    /// Makes both.
    ///
    /// - Parameters:
    ///   - rows: How many recipients the job has.
    ///   - lease: After how many seconds of silence another worker follows.
    ///   - rate: Messages a second.
    init(rows: Int, lease: Int, rate: Int) async throws {
        let authority = try Authority()
        sink = try await Sink(authority, keeps: false, logs: true)
        site = try await Site(
            Site.Settings(
                relayPort: sink.port,
                ca: authority.file,
                route: "    own: true\n    connections: 4\n",
                more: "lease: \(lease)\n"
            )
        )
        let table = (1...rows).map { ["r\($0)@kunde.test", "K-\($0)", "Eva"] }
        try site.job("job", JobFiles(rows: table, manifest: "rate: \(rate)/s\n"))
    }

    /// How many messages have come.
    var delivered: Int { (try? sink.deliveries().values.reduce(0, +)) ?? 0 }
}
