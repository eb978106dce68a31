import Core
import Files
import Intake
import Ledger
import OpenSSL
import Records
import Reports
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import API

/// A site with two senders' jobs and what came back from them, and the API over its index.
final class APIBench: Sendable {
    static let noon = Timestamp(year: 2026, month: 11, day: 10, hour: 12)
    /// What must never be told.
    static let secrets = ["ada@post.example", "ben@post.example", "patient-1", "patient-2", "post.example/"]

    let scratch: TemporaryDirectory
    let jobs: [JobID]
    let index: ReportIndex
    /// The keys that are let in, by name; `all` has every scope.
    private let keys = Keys()
    let handler: APIHandler
    let key: String

    private static let tls = TLSEvidence(
        scope: .relay,
        version: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        verification: .pkix
    )

    init(rows: Int = 6) async throws {
        scratch = try TemporaryDirectory()
        let root = try Directory(path: scratch.path)
        for name in ["jobs", "outbox", "outbox/ledgers", "outbox/events"] { try root.makeDirectory(name) }
        let outbox = try root.open(subdirectory: "outbox")
        let signing = SigningKey.generate()
        let tokens = TokenKeys(TokenKey(secret: SecretBytes(copying: Array(repeating: 7, count: 32))))
        let ledgers = LedgerStore(
            directory: try outbox.open(subdirectory: "ledgers"),
            key: SecretBytes(copying: Array(0..<32)),
            gather: .zero
        )
        var jobs: [JobID] = []
        for (number, sender) in ["care@riverside.example", "care@riverside.example", "news@lakeside.example"]
            .enumerated()
        {
            let job = try #require(JobID(digest: Array(repeating: UInt8(number + 1), count: 10)))
            try await Self.write(job, number, sender, rows, ledgers, root, Signer(signing))
            jobs.append(job)
        }
        let log = try EventLog(directory: try outbox.open(subdirectory: "events"), keys: tokens, host: "test")
        for (index, job) in jobs.enumerated() {
            for row in 1...2 {
                let time = Self.noon.seconds * 1_000 + Int64(index * 100_000 + row * 10_000)
                try await log.append(
                    Event(
                        .open,
                        job: job,
                        row: RowNumber(UInt32(row)),
                        milliseconds: time,
                        audience: .human,
                        why: "request"
                    )
                )
                try await log.append(
                    Event(
                        .click,
                        job: job,
                        row: RowNumber(UInt32(row)),
                        milliseconds: time + 500,
                        link: row,
                        audience: .automated,
                        why: "head"
                    )
                )
            }
        }
        self.jobs = jobs
        index = ReportIndex(
            directory: outbox,
            path: scratch.path + "/outbox",
            sources: ReportSources(
                ledgers: ledgers,
                events: try outbox.open(subdirectory: "events"),
                eventKeys: tokens,
                jobs: try root.open(subdirectory: "jobs"),
                records: signing.verifyingKey,
                tags: SecretBytes(copying: Array(repeating: 9, count: 32)),
                zone: .utc
            ),
            smallestDomain: 1
        )
        let (text, digest) = APIKey.make()
        key = text
        let all = APIKey(name: "all", digest: digest, scopes: Set(APIScope.allCases))
        keys.all.withLock { $0 = [all] }
        handler = APIHandler(index: index, version: "0.0.0", keys: { [keys] in APIKeys(keys.all.withLock { $0 }) })
    }

    /// A job whose rows are sent and failed by turns.
    private static func write(
        _ job: JobID,
        _ number: Int,
        _ sender: String,
        _ rows: Int,
        _ ledgers: LedgerStore,
        _ root: Directory,
        _ signer: Signer
    ) async throws {
        let header = LedgerHeader(
            job: job,
            takenUp: noon + Int64(number) * 86_400,
            folder: "job-\(number)",
            name: "Job \(number)",
            purpose: "treatment",
            list: number == 1 ? "news" : "",
            rows: rows,
            contentDigest: Array(1...32),
            messageDomain: "riverside.example",
            version: "0.0.0",
            sender: sender,
            links: ["https://riverside.example/a", "https://riverside.example/b"]
        )
        let writer = try ledgers.create(header)
        for row in 1...rows {
            let isSent = row % 3 != 0
            writer.append(
                .ended(
                    RowNumber(UInt32(row)),
                    Outcome(
                        isSent ? .sent : .failed,
                        reason: isSent ? .none : .mailboxUnknown,
                        detail: "250 for ada@post.example",
                        attempts: 1,
                        finishedAt: noon + Int64(number) * 86_400 + Int64(row),
                        route: "main",
                        server: "smtp.relay.example",
                        tls: tls,
                        messageID: "m\(number)-\(row)@riverside.example"
                    )
                )
            )
        }
        #expect(await writer.close())
        try root.makeDirectory("jobs/job-\(number)")
        let records = try JobRecords(folder: try root.open(subdirectory: "jobs/job-\(number)"), signer: signer)
        try records.rebuild(
            Texts(rows: rows),
            try ledgers.read(job),
            switches: Summary.Switches(opens: true, clicks: true)
        ) { _ in nil }
    }

    private struct Texts: RowTexts {
        var rows: Int

        func forEach(_ body: (RowNumber, ArraySlice<UInt8>, ArraySlice<UInt8>) throws -> Void) throws {
            for row in 1...rows {
                let address = row % 2 == 0 ? "ben@post.example" : "ada@post.example"
                try body(RowNumber(UInt32(row)), Array("patient-\(row)".utf8)[...], Array(address.utf8)[...])
            }
        }
    }

    private final class Keys: Sendable {
        let all: Mutex<[APIKey]> = Mutex([])
    }

    /// Appends an event, and takes it into the index.
    func append(_ event: Event) async throws {
        let log = try EventLog(
            directory: Directory(path: scratch.path + "/outbox/events"),
            keys: TokenKeys(TokenKey(secret: SecretBytes(copying: Array(repeating: 7, count: 32)))),
            host: "test"
        )
        try await log.append(event)
        try index.update()
    }

    // MARK: - Asking

    /// Lets a further key in, and returns its text.
    func add(
        _ scopes: Set<APIScope>,
        domains: Set<String>? = nil,
        jobs: Set<JobID>? = nil,
        expires: Timestamp? = nil
    ) -> String {
        let (text, digest) = APIKey.make()
        keys.all.withLock {
            $0.append(
                APIKey(
                    name: "k\($0.count)",
                    digest: digest,
                    scopes: scopes,
                    domains: domains,
                    jobs: jobs,
                    expires: expires
                )
            )
        }
        return text
    }

    /// Asks with the key that may all, or another one.
    func ask(_ target: String, key: String? = nil, method: String = "GET", accept: String? = nil) -> APIAnswer {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        return handler.answer(
            APIRequest(
                method,
                parts[0],
                query: parts.count > 1 ? parts[1] : "",
                authorization: "Bearer \(key ?? self.key)",
                accept: accept
            )
        )
    }

    /// One target of each question.
    var targets: [(operation: Operation, target: String)] {
        Operation.all.map { ($0, $0.path.replacing("{job}", with: "\(jobs[0])")) }
    }
}

extension APIAnswer {
    var text: String { String(decoding: body, as: UTF8.self) }
}
