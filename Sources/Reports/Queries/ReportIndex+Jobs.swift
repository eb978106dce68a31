public import Core
import GRDB

extension ReportIndex {
    /// A job, and what came of it.
    public struct IndexedJob: Hashable, Sendable {
        /// The job.
        public var job: JobID
        /// The manifest's `name`.
        public var name: String
        /// The manifest's `purpose`.
        public var purpose: String
        /// The manifest's `list`; empty if there is none.
        public var list: String
        /// The From address; empty where the ledger does not say it.
        public var sender: String
        /// The From address's domain.
        public var senderDomain: String
        /// When it was taken up.
        public var takenUp: Timestamp
        /// When its last row ended; `nil` while it has not.
        public var closed: Timestamp?
        /// How many rows it has.
        public var rows: Int
        /// What came of it, in all.
        public var figures: Figures
    }

    /// Jobs by when they were taken up; `days` and moments ask for that time.
    public func jobs(_ filter: ReportFilter, _ page: Page = Page()) throws(ReportError) -> Paged<IndexedJob> {
        var conditions = Conditions()
        conditions.add("j.ledger <> ''")
        conditions.add("j.problem = ''")
        if let after = page.after {
            let mark = try JobMark(after)
            conditions.add("(j.taken_up, j.job) > (?, ?)", mark.takenUp, mark.job)
        }
        if let days = filter.days {
            let clock = DayClock(zone: sources.zone)
            conditions.add("j.taken_up >= ?", clock.start(of: days.lowerBound).seconds)
            conditions.add("j.taken_up < ?", clock.start(of: days.upperBound.advanced(by: 1)).seconds)
        }
        if let from = filter.from { conditions.add("j.taken_up >= ?", from.seconds) }
        if let before = filter.before { conditions.add("j.taken_up < ?", before.seconds) }
        filter.jobConditions(&conditions)
        if filter.route != nil || filter.recipientDomain != nil {
            var rows = Conditions()
            filter.rowConditions(&rows, channel: "o.channel", domain: "o.domain", smallest: smallestDomain)
            let wanted = rows.clauses.joined(separator: " AND ")
            conditions.add("EXISTS (SELECT 1 FROM outcome_day o WHERE o.job = j.id AND \(wanted))", rows.arguments)
        }
        if let key = filter.rowKey {
            let tag = tagger.tag(rowKey: Array(key.exposed.utf8)[...])
            conditions.add("j.id IN (SELECT job FROM message WHERE key = ?)", tag)
        }
        let sql = """
            SELECT j.job, j.name, j.purpose, j.list, j.sender, j.sender_domain, j.taken_up, j.closed, j.rows FROM job j
            \(conditions.sql) ORDER BY j.taken_up, j.job LIMIT ?
            """
        return try read { db in
            let rows = try GRDB.Row.fetchAll(
                db,
                sql: sql,
                arguments: conditions.values + StatementArguments([page.limit + 1])
            )
            var ofThem = ReportFilter()
            ofThem.onlyJobs = Set(rows.prefix(page.limit).compactMap { JobID($0[0] as String) })
            let figures = try self.figures(ofThem, by: .job, db)
            let jobs = rows.prefix(page.limit).compactMap { Self.job($0, figures) }
            let hasMore = rows.count > page.limit
            return Paged(
                entries: jobs,
                next: hasMore ? jobs.last.map { JobMark(takenUp: $0.takenUp.seconds, job: "\($0.job)").text } : nil
            )
        }
    }

    private static func job(_ row: GRDB.Row, _ figures: [String: Figures]) -> IndexedJob? {
        guard let id = JobID(row[0] as String) else { return nil }
        return IndexedJob(
            job: id,
            name: row[1],
            purpose: row[2],
            list: row[3],
            sender: row[4],
            senderDomain: row[5],
            takenUp: Timestamp(seconds: row[6]),
            closed: (row[7] as Int64?).map { Timestamp(seconds: $0) },
            rows: row[8],
            figures: figures["\(id)"] ?? Figures()
        )
    }
}

/// Where a page of jobs or of rows ended.
struct JobMark {
    var takenUp: Int64
    var job: String
    var row: Int64 = 0

    init(takenUp: Int64, job: String, row: Int64 = 0) {
        self.takenUp = takenUp
        self.job = job
        self.row = row
    }

    init(_ text: String) throws(ReportError) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let time = Int64(parts[0], radix: 36), JobID(parts[1]) != nil,
            let row = Int64(parts[2], radix: 36)
        else { throw ReportError(.question, "this mark is none of ours") }
        self.init(takenUp: time, job: parts[1], row: row)
    }

    var text: String { "\(String(takenUp, radix: 36)).\(job).\(String(row, radix: 36))" }
}
