import Core
import GRDB
import Intake
import Ledger

/// Takes one job's ledger and results into the index.
struct JobIndexer {
    let sources: ReportSources
    let tagger: Tagger

    /// What one line of `outcome_day` is for.
    private struct Group: Hashable {
        var day: Int64
        var domain: Int64?
        var channel: Int64
        var state: Int64
        var reason: Int64
    }

    /// Reads the ledger and, where they are there and ours, the results; nothing is written yet.
    func read(_ job: JobID) throws(LedgerError) -> Found {
        let view = try sources.ledgers.read(job)
        // Looked at before they are read: if they change meanwhile, they are read again.
        let results = ResultFacts.stamp(job, folder: view.header.folder, sources)
        return Found(view: view, facts: results == nil ? nil : ResultFacts.open(view, sources), results: results ?? "")
    }

    /// What was found of a job.
    struct Found {
        var view: LedgerView
        var facts: ResultFacts?
        /// The results' stamp, theirs or not.
        var results: String
    }

    /// Writes a job whose ledger could not be read: it has no figures, and says so.
    func write(problem: String, of job: JobID, stamp: String, _ db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO job (job, ledger, problem, dirty) VALUES (?, ?, ?, 1)
                ON CONFLICT (job) DO UPDATE SET ledger = excluded.ledger, problem = excluded.problem, dirty = 1
                """,
            arguments: ["\(job)", stamp, problem]
        )
        let id = try Self.id(of: job, db)
        for table in ["message", "outcome_day"] {
            try db.execute(sql: "DELETE FROM \(table) WHERE job = ?", arguments: [id])
        }
    }

    /// Writes what was read, in place of what was there.
    func write(_ found: Found, ledger stamp: String, _ db: Database) throws {
        let view = found.view
        let id = try writeHeader(view, stamp, found.results, db)
        try JobSweep.noteDays(of: id, db)
        let words = Words(db)
        let domains = try Domains(db, tagger)
        let reader = try found.facts?.reader()
        var groups: [Group: Int64] = [:]
        var clock = DayClock(zone: sources.zone)
        // Keys and domains stay as they were known where the folder was put away since.
        let insert = try NumberStatement(
            db,
            """
            INSERT INTO message (job, row, state, reason, attempts, finished, day, channel, domain, key)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (job, row) DO UPDATE SET state = excluded.state, reason = excluded.reason,
            attempts = excluded.attempts, finished = excluded.finished, day = excluded.day, channel = excluded.channel,
            domain = COALESCE(excluded.domain, domain), key = COALESCE(excluded.key, key)
            """
        )
        let known = try NumberStatement(db, "SELECT domain FROM message WHERE job = ? AND row = ?")
        let remove = try NumberStatement(db, "DELETE FROM message WHERE job = ? AND row = ?")
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
                domain: domain,
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
        try write(groups, of: id, db)
        try JobSweep.noteDays(of: id, db)
    }

    private func write(_ groups: [Group: Int64], of id: Int64, _ db: Database) throws {
        try db.execute(sql: "DELETE FROM outcome_day WHERE job = ?", arguments: [id])
        let insert = try NumberStatement(
            db,
            "INSERT INTO outcome_day (job, day, domain, channel, state, reason, count) VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        for (group, count) in groups {
            try insert.run([id, group.day, group.domain, group.channel, group.state, group.reason, count])
        }
    }

    private func writeHeader(
        _ view: LedgerView,
        _ stamp: String,
        _ results: String,
        _ db: Database
    ) throws -> Int64 {
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

/// What is done about a job as a whole.
enum JobSweep {
    /// Notes that the figures of all days on which a job has any may change.
    static func noteDays(of id: Int64, _ db: Database) throws {
        for kind in [Period.Kind.day, .week, .month] {
            for table in ["outcome_day", "event_day"] {
                try db.execute(
                    sql: """
                        INSERT OR IGNORE INTO changed (kind, day) SELECT DISTINCT ?, day FROM \(table) WHERE job = ?
                        """,
                    arguments: [kind.rawValue, id]
                )
            }
        }
    }

    /// Forgets what a ledger that is gone told; events stay, and count for nothing.
    static func forget(_ id: Int64, _ db: Database) throws {
        try noteDays(of: id, db)
        for table in ["message", "outcome_day", "event_day"] {
            try db.execute(sql: "DELETE FROM \(table) WHERE job = ?", arguments: [id])
        }
        try db.execute(
            sql: "UPDATE job SET ledger = '', results = '', folder = '', rows = 0, taken_up = 0 WHERE id = ?",
            arguments: [id]
        )
    }
}
