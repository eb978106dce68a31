import Core
import Files
import Foundation
import Intake
public import Logging
import OpenSSL
import ServiceLifecycle

/// The whole round on this machine: a receiving server with TLS, the sample job, opens and clicks over HTTPS, signed files.
///
/// Everything lies in a site of its own that is made anew each time, so that a demonstration touches no real job.
public struct Demo: Sendable {
    /// What a person is shown while the demonstration goes on.
    public enum Step: Sendable {
        /// A sentence on what comes next.
        case says(String)
        /// How far the sample job is.
        case progress(JobProgress)
    }

    /// Where to look when it is over.
    public struct Tour: Sendable {
        /// The demonstration's site.
        public var site: String
        /// The job's folder.
        public var job: String
        /// What the job came to.
        public var totals: JobTotals
        /// How many opens and clicks were made.
        public var opens: Int
        /// How many clicks were made.
        public var clicks: Int
        /// The command that checks the results without us.
        public var verification: String
    }

    private static let job = "sample"
    private let home: Site
    private let log: Logger

    /// Prepares a demonstration with the sample job and the templates of a site.
    public init(home: Site, log: Logger) {
        self.home = home
        self.log = log
    }

    /// Runs it.
    public func run(_ show: @escaping @Sendable (Step) -> Void) async throws -> Tour {
        let path = home.path + "/outbox/demo"
        try? FileManager.default.removeItem(atPath: path)
        let capture = try CaptureService(CaptureService.Options(folder: path + "/mailboxes"), log: log)
        let port = try await capture.start()
        do {
            let tour = try await round(path, port, show)
            try await capture.stop()
            return tour
        } catch {
            try? await capture.stop()
            throw error
        }
    }

    private func round(_ path: String, _ port: Int, _ show: @escaping @Sendable (Step) -> Void) async throws -> Tour {
        show(
            .says(
                "A mail server of our own receives on localhost:\(port), with STARTTLS and a certificate made just now."
            )
        )
        let trackingPort = try FreePort.find()
        try makeSite(path, port, trackingPort)
        let site = try Site.open(path)
        let worker = try JobWorker(site: site, log: log)
        show(.says("The site is \(path): its configuration, its keys, and the sample job in jobs/\(Self.job)."))
        let result = try await worker.work(Self.job) { show(.progress($0)) }
        guard case .done(let totals) = result else { throw DemoError(result) }
        show(.says("\(totals) Now two recipients open their message and follow a link, over HTTPS."))
        let (opens, clicks) = try await visit(site, path, worker)
        let folder = "\(path)/jobs/\(Self.job)"
        return Tour(
            site: path,
            job: folder,
            totals: totals,
            opens: opens,
            clicks: clicks,
            verification: "openssl dgst -sha256 -verify \(path)/keys/\(SiteKeys.publicFile)"
                + " -signature \(folder)/results.csv.sig \(folder)/results.csv"
        )
    }

    /// Serves tracking while messages are opened, then rewrites the job's tracking files.
    private func visit(_ site: Site, _ path: String, _ worker: JobWorker) async throws -> (Int, Int) {
        let (ports, running) = AsyncStream<Int>.makeStream()
        guard let tracking = try TrackingService(site: site, onRunning: { running.yield($0) }, log: log) else {
            return (0, 0)
        }
        let group = ServiceGroup(services: [tracking], logger: log)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                // A server that cannot start has no port, and nobody may wait for one.
                defer { running.finish() }
                try await group.run()
            }
            var isRunning = false
            for await _ in ports {
                isRunning = true
                break
            }
            guard isRunning else {
                try await tasks.next()
                throw EngineError(.tryAgain, "the tracking server did not start")
            }
            // As people do: whoever follows a link within a second of the delivery counts as a program.
            try await Task.sleep(for: .seconds(2))
            let counts = try Visitors(mailboxes: path + "/mailboxes", authority: path + "/tracking-ca.pem").visit()
            await group.triggerGracefulShutdown()
            try await tasks.next()
            try await TrackingUpdater(worker, log: log).once()
            return counts
        }
    }

    // MARK: - The site

    private func makeSite(_ path: String, _ port: Int, _ trackingPort: Int) throws {
        let configuration = """
            # Made by `wardpost demo`; made anew by the next one.
            site: \(home.configuration.site.value)
            postal_address: 1 River Road, Springfield
            from_domains: [riverside.example]
            settle: 1
            keys: keys
            routes:
              main:
                relay: localhost:\(port)
                tls: starttls
                ca: mailboxes/ca.pem
                own: true
                connections: 2
            tracking:
              base_url: https://localhost:\(trackingPort)
              listen: 127.0.0.1:\(trackingPort)
              certificate: keys/tracker.pem
              key: keys/tracker.key

            """
        try SiteInit.make(at: path, configuration: configuration)
        let tls = try LocalCertificates(days: 30)
        let issued = try tls.issue()
        let keys = try Directory(path: path + "/keys")
        try keys.replace("tracker.pem", permissions: 0o644) { try $0.append(issued.chainPEM) }
        try keys.replace("tracker.key", permissions: 0o600) { try $0.append(issued.keyPEM.exposedCopy()) }
        try Directory(path: path).replace("tracking-ca.pem") { try $0.append(tls.authorityPEM) }
        try copy(home.path + "/templates", to: path + "/templates")
        try copy(home.path + "/jobs/" + Self.job, to: path + "/jobs/" + Self.job)
    }

    /// Copies a folder's own files; not what an earlier run wrote beside them.
    private func copy(_ source: String, to target: String) throws {
        let files = FileManager.default
        try files.createDirectory(atPath: target, withIntermediateDirectories: true)
        for name in try files.contentsOfDirectory(atPath: source) where JobFiles.isContent(name) {
            try files.copyItem(atPath: source + "/" + name, toPath: target + "/" + name)
        }
    }
}

/// The sample job did not end as it should.
struct DemoError: Error, CustomStringConvertible {
    let description: String

    init(_ result: JobWorker.Result) {
        description = "the sample job ended otherwise than planned: \(result)"
    }
}
