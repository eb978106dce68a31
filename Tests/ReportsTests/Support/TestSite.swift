import Core
import Files
import Foundation
import Intake
import Ledger
import OpenSSL
import Records
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import Reports

/// A site's jobs and outbox, of one test's own, with files as a run writes them.
final class TestSite {
    /// A row of a job, and how it ended; `nil` if it has not.
    struct Row {
        var key: String
        var address: String
        var outcome: Outcome?
    }

    let scratch: TemporaryDirectory
    let jobs: Directory
    let outbox: Directory
    let ledgers: LedgerStore
    let events: Directory
    let signing = SigningKey.generate()
    let tokens = TokenKeys(TokenKey(secret: SecretBytes(copying: Array(repeating: 7, count: 32))))
    let zone: TimeZoneRules

    static let noon = Timestamp(year: 2026, month: 11, day: 10, hour: 12)
    static let tls = TLSEvidence(
        scope: .relay,
        version: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        verification: .pkix
    )

    init(zone: String = "UTC") throws {
        scratch = try TemporaryDirectory()
        let root = try Directory(path: scratch.path)
        try root.makeDirectory("jobs")
        try root.makeDirectory("outbox", permissions: 0o700)
        try root.makeDirectory("reports")
        jobs = try root.open(subdirectory: "jobs")
        outbox = try root.open(subdirectory: "outbox")
        for name in ["ledgers", "events"] { try outbox.makeDirectory(name, permissions: 0o700) }
        ledgers = LedgerStore(
            directory: try outbox.open(subdirectory: "ledgers"),
            key: SecretBytes(copying: Array(0..<32)),
            gather: .zero
        )
        events = try outbox.open(subdirectory: "events")
        self.zone = try #require(TimeZoneRules(named: zone))
    }

    /// The index, as one process has it.
    func index(smallestDomain: Int = 1) -> ReportIndex {
        let sources = ReportSources(
            ledgers: ledgers,
            events: events,
            eventKeys: tokens,
            jobs: jobs,
            records: signing.verifyingKey,
            tags: SecretBytes(copying: Array(repeating: 9, count: 32)),
            zone: zone
        )
        return ReportIndex(
            directory: outbox,
            path: scratch.path + "/outbox",
            sources: sources,
            smallestDomain: smallestDomain
        )
    }

    static func job(_ number: Int) throws -> JobID {
        let bytes = (0..<10).map { UInt8(truncatingIfNeeded: number >> (8 * (9 - $0))) }
        return try #require(JobID(digest: bytes))
    }

    /// A row that was sent.
    static func sent(
        _ key: String,
        _ address: String,
        at time: Timestamp = noon,
        route: String = "main",
        tls: TLSEvidence = tls
    ) -> Row {
        Row(
            key: key,
            address: address,
            outcome: Outcome(
                .sent,
                detail: "250 2.0.0 taken",
                attempts: 1,
                finishedAt: time,
                route: route,
                server: "smtp.relay.example",
                tls: tls,
                messageID: "m\(Hex.encode(key.utf8))@riverside.example"
            )
        )
    }

    /// A row that was not.
    static func ended(
        _ key: String,
        _ address: String,
        _ status: RowStatus,
        _ reason: Reason,
        at time: Timestamp = noon
    ) -> Row {
        Row(key: key, address: address, outcome: Outcome(status, reason: reason, finishedAt: time))
    }

    /// Writes a job's ledger, and, unless told not to, its folder with signed results.
    @discardableResult
    func add(
        _ number: Int,
        _ rows: [Row],
        sender: String = "care@riverside.example",
        list: String = "",
        takenUp: Timestamp = noon,
        links: [String] = ["https://riverside.example/a", "https://riverside.example/b"],
        hasFolder: Bool = true
    ) async throws -> JobID {
        let job = try Self.job(number)
        let header = LedgerHeader(
            job: job,
            takenUp: takenUp,
            folder: "job-\(number)",
            name: "Job \(number)",
            purpose: "treatment",
            list: list,
            rows: rows.count,
            contentDigest: Array(1...32),
            messageDomain: "riverside.example",
            version: "0.2.0",
            sender: sender,
            links: links
        )
        let writer = try ledgers.create(header)
        for (index, row) in rows.enumerated() {
            if let outcome = row.outcome { writer.append(.ended(RowNumber(UInt32(index) + 1), outcome)) }
        }
        #expect(await writer.close())
        if hasFolder { try writeResults(number, rows) }
        return job
    }

    /// Writes what a run writes beside the job, from its ledger.
    @discardableResult
    func writeResults(_ number: Int, _ rows: [Row], activity: JobActivity? = nil) throws -> Summary {
        try jobs.makeDirectory("job-\(number)")
        let folder = try jobs.open(subdirectory: "job-\(number)")
        let records = try JobRecords(folder: folder, signer: Signer(signing))
        return try records.rebuild(
            Texts(rows: rows),
            try ledgers.read(try Self.job(number)),
            switches: Summary.Switches(opens: true, clicks: true)
        ) { row in activity?[row] }
    }

    /// Appends events, as the tracking server does.
    func append(_ events: [Event], at time: Timestamp = noon) async throws {
        let log = try EventLog(directory: self.events, keys: tokens, host: "test") { time.seconds * 1_000 }
        try await append(events, to: log)
    }

    func append(_ events: [Event], to log: EventLog) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for event in events { group.addTask { try await log.append(event) } }
            try await group.waitForAll()
        }
    }

    /// The directory of the reports.
    func reports() throws -> Directory {
        try Directory(path: scratch.path + "/reports")
    }

    private struct Texts: RowTexts {
        var rows: [Row]

        func forEach(_ body: (RowNumber, ArraySlice<UInt8>, ArraySlice<UInt8>) throws -> Void) throws {
            for (index, row) in rows.enumerated() {
                try body(RowNumber(UInt32(index) + 1), Array(row.key.utf8)[...], Array(row.address.utf8)[...])
            }
        }
    }
}

/// Something that came back, some seconds after a moment.
func event(
    _ kind: Event.Kind,
    _ job: JobID,
    _ row: UInt32,
    at time: Timestamp = TestSite.noon,
    milliseconds: Int64 = 0,
    link: Int? = nil,
    _ audience: Event.Audience = .human,
    agent: String = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
) -> Event {
    Event(
        kind,
        job: job,
        row: RowNumber(row),
        milliseconds: time.seconds * 1_000 + milliseconds,
        link: link,
        list: kind == .unsubscribe ? "" : nil,
        tag: kind == .unsubscribe ? AddressTag(bytes: Array(repeating: UInt8(row & 0xFF), count: 16)) : nil,
        audience: audience,
        why: audience == .human ? "request" : "head",
        method: audience == .human ? "GET" : "HEAD",
        agent: agent
    )
}
