public import Core
import GRDB

extension ReportIndex {
    /// A row that ended.
    ///
    /// Its key and address stand in the job's results, and nowhere else.
    public struct IndexedRow: Hashable, Sendable {
        /// The job.
        public var job: JobID
        /// The row's number.
        public var row: RowNumber
        /// How it ended.
        public var status: RowStatus
        /// Why.
        public var reason: Reason
        /// How many times it was tried.
        public var attempts: Int
        /// When it ended.
        public var finishedAt: Timestamp
        /// The route; empty if none was taken.
        public var route: String
        /// The server; empty if none was reached.
        public var server: String
        /// The TLS protocol's version; empty without TLS that was verified.
        public var tlsVersion: String
        /// How the server was verified; empty likewise.
        public var tlsVerification: String
        /// The recipient's domain; `nil` where it is not known, or told together with others.
        public var recipientDomain: String?
    }

    /// Rows, by their jobs' times and their numbers; `days` and moments ask for when they ended.
    public func rows(_ filter: ReportFilter, _ page: Page = Page()) throws(ReportError) -> Paged<IndexedRow> {
        var conditions = Conditions()
        if let after = page.after {
            let mark = try JobMark(after)
            // The first is for the index over jobs.
            conditions.add("(j.taken_up, j.job) >= (?, ?)", mark.takenUp, mark.job)
            conditions.add("(j.taken_up, j.job, m.row) > (?, ?, ?)", mark.takenUp, mark.job, mark.row)
        }
        if let days = filter.days {
            conditions.add("m.day BETWEEN ? AND ?", days.lowerBound.number, days.upperBound.number)
        }
        if let from = filter.from { conditions.add("m.finished >= ?", from.seconds) }
        if let before = filter.before { conditions.add("m.finished < ?", before.seconds) }
        filter.jobConditions(&conditions)
        filter.rowConditions(&conditions, channel: "m.channel", domain: "m.domain", smallest: smallestDomain)
        if let states = filter.states { conditions.add("m.state", in: states.map(\.code).sorted()) }
        var source = "job j CROSS JOIN message m ON m.job = j.id"
        if let key = filter.rowKey {
            conditions.add("m.key = ?", tagger.tag(rowKey: Array(key.exposed.utf8)[...]))
            source = "message m CROSS JOIN job j ON j.id = m.job"
        }
        let sql = """
            SELECT j.job, m.row, m.state, w.word, m.attempts, m.finished, c.route, c.server, c.version, c.verification,
            CASE WHEN d.mailboxes >= ? THEN d.name END, j.taken_up
            FROM \(source) JOIN channel c ON c.id = m.channel JOIN word w ON w.id = m.reason
            LEFT JOIN domain d ON d.id = m.domain \(conditions.sql) ORDER BY j.taken_up, j.job, m.row LIMIT ?
            """
        return try read { db in
            let arguments =
                StatementArguments([smallestDomain]) + conditions.values + StatementArguments([page.limit + 1])
            let found = try GRDB.Row.fetchAll(db, sql: sql, arguments: arguments)
            let last = found.count > page.limit ? found[page.limit - 1] : nil
            return Paged(
                entries: found.prefix(page.limit).compactMap(IndexedRow.init),
                next: last.map { JobMark(takenUp: $0[11], job: $0[0], row: $0[1]).text }
            )
        }
    }
}

extension ReportIndex.IndexedRow {
    fileprivate init?(_ row: GRDB.Row) {
        guard let job = JobID(row[0] as String), let status = RowStatus(code: row[2]) else { return nil }
        self.init(
            job: job,
            row: RowNumber(row[1]),
            status: status,
            reason: Reason(rawValue: row[3]),
            attempts: row[4],
            finishedAt: Timestamp(seconds: row[5]),
            route: row[6],
            server: row[7],
            tlsVersion: row[8],
            tlsVerification: row[9],
            recipientDomain: row[10]
        )
    }
}
