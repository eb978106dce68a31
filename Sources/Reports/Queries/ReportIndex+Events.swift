public import Core
import GRDB
public import Tracking

extension ReportIndex {
    /// Something that happened to a message after it was sent.
    public struct IndexedEvent: Hashable, Sendable {
        /// When, in milliseconds since 1970-01-01 00:00:00 UTC.
        public var milliseconds: Int64
        /// What happened.
        public var kind: Event.Kind
        /// The message's job.
        public var job: JobID
        /// The message's row.
        public var row: RowNumber
        /// Which of the message's links, from 1.
        public var link: Int?
        /// Who did it.
        public var audience: Event.Audience
        /// Why we think so, in one word.
        public var why: String
        /// What kind of device it came from, where that is known.
        public var device: String?
    }

    /// Events, the oldest first.
    public func events(_ filter: ReportFilter, _ page: Page = Page()) throws(ReportError) -> Paged<IndexedEvent> {
        var conditions = Conditions()
        if let after = page.after {
            guard let id = Int64(after, radix: 36) else { throw ReportError(.question, "this mark is none of ours") }
            conditions.add("e.id > ?", id)
        }
        addTimes(of: filter, &conditions)
        if filter.namesJobs {
            var jobs = Conditions()
            filter.jobConditions(&jobs)
            conditions.add("e.job IN (SELECT j.id FROM job j \(jobs.sql))", jobs.arguments)
        }
        if let key = filter.rowKey {
            let tag = tagger.tag(rowKey: Array(key.exposed.utf8)[...])
            conditions.add("(e.job, e.row) IN (SELECT job, row FROM message WHERE key = ?)", tag)
        }
        if let link = filter.link { conditions.add("e.link = ?", link) }
        if let kinds = filter.kinds {
            let marks = kinds.map { _ in "?" }.joined(separator: ", ")
            conditions.add(
                "e.kind IN (SELECT id FROM word WHERE word IN (\(marks)))",
                kinds.map(\.rawValue).sorted()
            )
        }
        if let audience = filter.audience {
            conditions.add("e.class = (SELECT id FROM word WHERE word = ?)", audience.rawValue)
        }
        let needsMessage = filter.route != nil || filter.recipientDomain != nil || filter.states != nil
        if needsMessage {
            filter.rowConditions(&conditions, channel: "m.channel", domain: "m.domain", smallest: smallestDomain)
            if let states = filter.states { conditions.add("m.state", in: states.map(\.code).sorted()) }
        }
        let sql = """
            SELECT e.id, k.word, j.job, e.row, e.link, a.word, w.word, v.word FROM event e
            \(needsMessage ? "JOIN message m ON m.job = e.job AND m.row = e.row" : "")
            JOIN job j ON j.id = e.job JOIN word k ON k.id = e.kind JOIN word a ON a.id = e.class
            JOIN word w ON w.id = e.why LEFT JOIN word v ON v.id = e.device
            \(conditions.sql) ORDER BY e.id LIMIT ?
            """
        return try read { db in
            let rows = try GRDB.Row.fetchAll(
                db,
                sql: sql,
                arguments: conditions.values + StatementArguments([page.limit + 1])
            )
            let last: Int64? = rows.count > page.limit ? rows[page.limit - 1][0] : nil
            return Paged(
                entries: rows.prefix(page.limit).compactMap(IndexedEvent.init),
                next: last.map { String($0, radix: 36) }
            )
        }
    }

    private func addTimes(of filter: ReportFilter, _ conditions: inout Conditions) {
        if let days = filter.days {
            let clock = DayClock(zone: sources.zone)
            let end = clock.start(of: days.upperBound.advanced(by: 1))
            conditions.add(
                "e.id >= ?",
                EventIndexer.id(ofMillisecond: clock.start(of: days.lowerBound).seconds * 1_000)
            )
            conditions.add("e.id < ?", EventIndexer.id(ofMillisecond: end.seconds * 1_000))
        }
        if let from = filter.from {
            conditions.add("e.id >= ?", EventIndexer.id(ofMillisecond: from.seconds * 1_000))
        }
        if let before = filter.before {
            conditions.add("e.id < ?", EventIndexer.id(ofMillisecond: before.seconds * 1_000))
        }
    }
}

extension ReportIndex.IndexedEvent {
    /// `nil` for what a later version wrote.
    fileprivate init?(_ row: GRDB.Row) {
        guard let kind = Event.Kind(rawValue: row[1]), let job = JobID(row[2] as String),
            let audience = Event.Audience(rawValue: row[5])
        else { return nil }
        self.init(
            milliseconds: EventIndexer.milliseconds(of: row[0]),
            kind: kind,
            job: job,
            row: RowNumber(row[3]),
            link: row[4],
            audience: audience,
            why: row[6],
            device: row[7]
        )
    }
}
