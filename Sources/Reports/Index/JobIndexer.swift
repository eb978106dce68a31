import Core
import GRDB
import Intake
import Ledger

/// Takes jobs' ledgers and results into the index, several jobs in one transaction.
///
/// Good within one transaction only.
final class JobIndexer {
    /// How many rows about go into one transaction.
    static let batch = 20_000

    /// What one line of `outcome_day` is for.
    private struct Group: Hashable, Comparable {
        var day: Int64
        var domain: Int64
        var channel: Int64
        var state: Int64
        var reason: Int64

        private var order: (Int64, Int64, Int64, Int64, Int64) { (day, domain, channel, state, reason) }

        static func < (left: Group, right: Group) -> Bool { left.order < right.order }
    }

    private let sources: ReportSources
    private let tagger: Tagger
    private let db: Database
    private let words: Words
    private let domains: Domains
    private let insert: NumberStatement
    private let remove: NumberStatement
    private let known: NumberStatement
    private let insertSum: NumberStatement
    private let removeSums: NumberStatement
    private var clock: DayClock

    init(_ sources: ReportSources, _ tagger: Tagger, _ db: Database) throws {
        self.sources = sources
        self.tagger = tagger
        self.db = db
        words = Words(db)
        domains = try Domains(db, tagger)
        clock = DayClock(zone: sources.zone)
        // Keys and domains stay as they were known where the folder was put away since.
        insert = try NumberStatement(
            db,
            """
            INSERT INTO message (job, row, state, reason, attempts, finished, day, channel, domain, key)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (job, row) DO UPDATE SET state = excluded.state, reason = excluded.reason,
            attempts = excluded.attempts, finished = excluded.finished, day = excluded.day, channel = excluded.channel,
            domain = COALESCE(excluded.domain, domain), key = COALESCE(excluded.key, key)
            """
        )
        remove = try NumberStatement(db, "DELETE FROM message WHERE job = ? AND row = ?")
        known = try NumberStatement(db, "SELECT domain FROM message WHERE job = ? AND row = ?")
        insertSum = try NumberStatement(
            db,
            "INSERT INTO outcome_day (job, day, domain, channel, state, reason, count) VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        removeSums = try NumberStatement(db, "DELETE FROM outcome_day WHERE job = ?")
    }

    /// Writes a job whose ledger could not be read: it has no figures, and says so.
    func write(problem: String, of job: JobID, stamp: String) throws {
        try db.execute(
            sql: """
                INSERT INTO job (job, ledger, problem, dirty) VALUES (?, ?, ?, 1)
                ON CONFLICT (job) DO UPDATE SET ledger = excluded.ledger, problem = excluded.problem, dirty = 1
                """,
            arguments: ["\(job)", stamp, problem]
        )
        let id = try Self.id(of: job, db)
        try JobSweep.noteDays(of: id, db)
        for table in ["message", "outcome_day"] {
            try db.execute(sql: "DELETE FROM \(table) WHERE job = ?", arguments: [id])
        }
    }

    /// Reads a job's ledger and, where they are there and ours, its results, and writes them in place of what was there; returns
    /// how many rows the job has.
    func take(_ job: JobID, stamp: LedgerStamp) throws -> Int {
        let view = try sources.ledgers.read(job, at: stamp)
        // Looked at before they are read: if they change meanwhile, they are read again.
        let results = ResultFacts.stamp(job, folder: view.header.folder, sources)
        let facts = results == nil ? nil : ResultFacts.open(view, sources)
        let id = try writeHeader(view, "\(stamp)", results ?? "")
        try JobSweep.noteDays(of: id, db)
        try write(try rows(of: view, try facts?.reader(), id), of: id)
        try JobSweep.noteDays(of: id, db)
        return view.rows.count
    }

    /// Writes the rows that ended; returns what they come to.
    private func rows(of view: LedgerView, _ reader: ResultFacts.Reader?, _ id: Int64) throws -> [Group: Int64] {
        var groups: [Group: Int64] = [:]
        for number in 1..<UInt32(clamping: view.rows.count + 1) {
            guard let outcome = try view.outcome(of: RowNumber(number)) else {
                try remove.run([id, Int64(number)])
                continue
            }
            var domain: Int64?
            var key: Int64?
            if let reader, try reader.advance(to: number) {
                domain = try domains.number(of: reader.address)
                key = reader.key.isEmpty ? nil : tagger.tag(rowKey: reader.key)
            } else {
                try known.forEach([id, Int64(number)]) { domain = $0.optional(0) }
            }
            let group = Group(
                day: Int64(clock.day(of: outcome.finishedAt.seconds)),
                domain: domain ?? 0,
                channel: try words.number(
                    of: Words.ChannelKey(route: outcome.route, server: outcome.server, tls: outcome.tls)
                ),
                state: Int64(outcome.status.code),
                reason: try words.number(of: outcome.reason.rawValue)
            )
            groups[group, default: 0] += 1
            try insert.run([
                id, Int64(number), group.state, group.reason, Int64(outcome.attempts), outcome.finishedAt.seconds,
                group.day, group.channel, domain, key,
            ])
        }
        return groups
    }

    private func write(_ groups: [Group: Int64], of id: Int64) throws {
        try removeSums.run([id])
        for (group, count) in groups.sorted(by: { $0.key < $1.key }) {
            try insertSum.run([id, group.day, group.domain, group.channel, group.state, group.reason, count])
        }
    }

    private func writeHeader(_ view: LedgerView, _ stamp: String, _ results: String) throws -> Int64 {
        let header = view.header
        let domain = header.sender.split(separator: "@").last.map(String.init) ?? header.messageDomain
        try db.execute(
            sql: """
                INSERT INTO job (job, ledger, results, folder, name, purpose, list, sender, sender_domain, taken_up,
                rows, links, closed, dirty) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
                ON CONFLICT (job) DO UPDATE SET ledger = excluded.ledger, results = excluded.results,
                problem = '', folder = excluded.folder, name = excluded.name, purpose = excluded.purpose,
                list = excluded.list, sender = excluded.sender, sender_domain = excluded.sender_domain,
                taken_up = excluded.taken_up, rows = excluded.rows, links = excluded.links, closed = excluded.closed, dirty = 1
                """,
            arguments: [
                "\(header.job)", stamp, results, header.folder, header.name, header.purpose, header.list,
                header.sender, domain, header.takenUp.seconds, header.rows, header.links.count,
                view.run.closed?.seconds,
            ]
        )
        return try Self.id(of: header.job, db)
    }

    /// The number of a job in the index; one is given to a job that has none.
    static func id(of job: JobID, _ db: Database) throws -> Int64 {
        let text = "\(job)"
        if let id = try Int64.fetchOne(db, sql: "SELECT id FROM job WHERE job = ?", arguments: [text]) { return id }
        try db.execute(sql: "INSERT INTO job (job) VALUES (?)", arguments: [text])
        return db.lastInsertedRowID
    }
}
