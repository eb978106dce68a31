import Core
import Files
import Foundation
import Intake
import Ledger
import Logging
import TestSupport

@testable import Engine

/// A site in a temporary directory, and a relay for it.
final class Bench: Sendable {
    let scratch: TemporaryDirectory
    let relay: Relay
    let site: Site
    let worker: JobWorker

    /// A worker that does not make tests wait.
    static let quick = JobWorker.Tuning(
        backoff: Backoff(first: 1, longest: 1),
        interval: .milliseconds(10),
        stillness: .milliseconds(30)
    )

    /// Makes a site.
    ///
    /// - Parameters:
    ///   - relay: The relay; one that behaves without it.
    ///   - connections: How many the route may have.
    ///   - route: More lines of the route, each with its end.
    ///   - more: More lines of the configuration.
    ///   - domains: The domains that it sends from.
    ///   - tuning: The worker's.
    ///   - scratch: Where; a temporary directory without it.
    init(
        _ relay: Relay? = nil,
        connections: Int = 2,
        route: String = "",
        more: String = "",
        domains: String = "riverside.example",
        tuning: JobWorker.Tuning = quick,
        scratch: TemporaryDirectory? = nil
    ) async throws {
        self.scratch = if let scratch { scratch } else { try TemporaryDirectory() }
        if let relay { self.relay = relay } else { self.relay = try await Relay() }
        try SiteInit.make(
            at: self.scratch.path,
            configuration: """
                site: Riverside Clinic
                postal_address: 1 River Road, Springfield
                from_domains: [\(domains)]
                settle: 1
                keys: keys
                routes:
                  main:
                    relay: localhost:\(self.relay.port)
                    tls: starttls
                    ca: relay-ca.pem
                    own: true
                    connections: \(connections)
                \(route.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
                \(more)

                """
        )
        try self.scratch.write("relay-ca.pem", Relay.certificates.authorityPEM)
        site = try Site.open(self.scratch.path)
        worker = try JobWorker(site: site, log: Self.silent, tuning: tuning)
    }

    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Another process's worker on the same site.
    func another(_ tuning: JobWorker.Tuning = quick) throws -> JobWorker {
        try JobWorker(site: try Site.open(scratch.path), log: Self.silent, tuning: tuning)
    }

    // MARK: - Jobs

    /// Writes a job's folder.
    func job(_ name: String, _ job: TestJob) throws {
        for (file, text) in job.files { try scratch.write("jobs/\(name)/\(file)", text: text) }
    }

    /// Works a job to its end.
    func work(_ name: String) async throws -> JobWorker.Result {
        try await worker.work(name)
    }

    func drop(_ file: String, in job: String, text: String = "") throws {
        try scratch.write("jobs/\(job)/\(file)", text: text)
    }

    func remove(_ file: String, from job: String) throws {
        try FileManager.default.removeItem(atPath: scratch.path("jobs/\(job)/\(file)"))
    }

    func has(_ file: String, in job: String) -> Bool {
        FileManager.default.fileExists(atPath: scratch.path("jobs/\(job)/\(file)"))
    }

    /// The markers in a job's folder.
    func markers(_ job: String) -> [String] {
        JobFiles.Marker.allCases.map(\.rawValue).filter { has($0, in: job) }
    }

    func text(_ file: String, of job: String) throws -> String {
        try scratch.text("jobs/\(job)/\(file)")
    }

    /// A job's results, a dictionary a row.
    func results(_ job: String) throws -> [[String: String]] {
        try table("jobs/\(job)/results.csv")
    }

    /// A CSV file of ours.
    func table(_ path: String) throws -> [[String: String]] {
        let parent = (scratch.path(path) as NSString).deletingLastPathComponent
        let file = try Directory(path: parent).openRegular((path as NSString).lastPathComponent)
        let table = try RecipientTable(pinning: file)
        let reader = try table.reader()
        var line = CSVRow()
        var rows: [[String: String]] = []
        while try reader.next(into: &line) {
            var cells: [String: String] = [:]
            for (index, name) in table.header.names.enumerated() { cells[name] = line.row.text(index) }
            rows.append(cells)
        }
        return rows
    }

    /// One column of a job's results.
    func results(_ job: String, _ column: String) throws -> [String] {
        try results(job).map { $0[column] ?? "" }
    }

    /// A job as it is checked now.
    func prepared(_ name: String) throws -> PreparedJob {
        let finding = JobChecker(site: site, keys: worker.keys).check(try JobFolder(name, in: try site.jobs()))
        guard let job = finding.job else { throw Diagnostics(finding.problems) }
        return job
    }

    /// What a worker's connections would have a job's messages from; shut as yet.
    func source(
        _ job: PreparedJob,
        _ ledger: LedgerWriter,
        _ limits: DomainLimits = DomainLimits(),
        begun: Timestamp = .now,
        bounds: LaneRows.Bounds = LaneRows.Bounds()
    ) throws -> JobSource {
        JobSource(
            job: job,
            board: ledger.withRows { JobBoard($0) },
            ledger: ledger,
            suppressions: try worker.suppressions(job),
            backoff: Backoff(),
            calendar: job.calendar(begun: begun),
            paces: DomainPaces(limits),
            bounds: bounds
        )
    }

    /// The ledger that a job's first run has, made as a worker makes it that gets no further.
    func ledger(_ name: String, takenUp: Timestamp? = nil) throws -> LedgerWriter {
        let job = try prepared(name)
        try worker.claims.note(name, job.id)
        return try worker.store.create(
            LedgerHeader(
                job: job.id,
                takenUp: takenUp ?? job.run.takenUp,
                folder: name,
                name: job.manifest.name.value,
                purpose: job.manifest.purpose.value.rawValue,
                rows: job.rowCount,
                contentDigest: job.run.contentDigest,
                messageDomain: job.sender.domain,
                version: Version.current
            )
        )
    }

    /// How many files and directories of the site this process has open.
    var openFiles: Int {
        get throws {
            let files = FileManager.default
            return try files.contentsOfDirectory(atPath: "/proc/self/fd")
                .compactMap { try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + $0) }
                .count { $0.hasPrefix(scratch.path + "/") }
        }
    }

    var verification: Verification {
        get throws { try Verification(site: site) }
    }
}

/// A small job's files.
struct TestJob {
    var files: [String: String] = [:]

    /// A job with a text template.
    ///
    /// - Parameters:
    ///   - addresses: One row each; keys are `P-1`, `P-2`….
    ///   - manifest: More lines.
    init(
        _ addresses: [String] = ["ada@example.test"],
        purpose: String = "treatment",
        manifest more: String = "",
        columns: String = "email,ref,note",
        row: (Int, String) -> String = { "\($1),P-\($0),Note \($0)" }
    ) {
        files["manifest.yaml"] = """
            name: Visit summary
            purpose: \(purpose)
            from: Riverside Clinic <care@riverside.example>
            subject: Your visit
            template: visit
            recipients: recipients.csv
            columns:
              address: email
              key: ref
              plain: []

            """ + more
        files["recipients.csv"] =
            columns + "\n" + addresses.enumerated().map { row($0.offset + 1, $0.element) + "\n" }.joined()
        files["visit.txt"] = "Your note: {{note}}\n"
    }

    /// Rows `p1@example.test`, `p2@…`.
    static func rows(_ count: Int, manifest: String = "") -> TestJob {
        TestJob((1...count).map { "p\($0)@example.test" }, manifest: manifest)
    }
}

extension JobWorker.Result {
    /// How the work ended, in a word.
    var word: String {
        switch self {
        case .done: "done"
        case .stopped: "stopped"
        case .held: "held"
        case .rejected: "rejected"
        case .finishedBefore: "finished before"
        case .busy: "busy"
        case .interrupted: "interrupted"
        case .tryAgain: "try again"
        case .suspended: "suspended"
        }
    }
}
