public import Core
import GRDB
import Intake

/// The figures of one period, as the report files tell them.
///
/// Made of nothing but the index, with no look at the clock but for ``isOver``: made again, it is the same.
public struct Report: Sendable {
    /// By what reports tell figures apart, unless they are asked for something else.
    public static let dimensions: [Dimension] = [
        .day, .sender, .senderDomain, .route, .list, .job, .recipientDomain,
    ]

    /// The organisation's name.
    public var site: String
    /// The days.
    public var period: Period
    /// The zone whose midnights part the days.
    public var zone: String
    /// Whether the period had ended when the report was made.
    public var isOver: Bool
    /// A recipients' domain is named from so many mailboxes on.
    public var smallestDomain: Int
    /// How many ledgers could not be read, so that their jobs are missing.
    public var unreadable: Int
    /// How much a job may be complained about; `nil` where the site says nothing.
    public var complaintLimit: ComplaintLimit?
    /// Jobs about which recipients complained in these days, and more than that in all, each with all its figures.
    public var complained: [ReportIndex.Entry]
    /// Everything.
    public var total: Figures
    /// Why rows were not sent.
    public var causes: [ReportIndex.Cause]
    /// The figures apart, by each dimension.
    public var groups: [(dimension: Dimension, entries: [ReportIndex.Entry])]

    /// What one dimension says; empty if the report does not tell it.
    public subscript(dimension: Dimension) -> [ReportIndex.Entry] {
        groups.first { $0.dimension == dimension }?.entries ?? []
    }
}

extension ReportIndex {
    /// Makes the report of a period, all of it from one state of the index.
    ///
    /// - Parameters:
    ///   - period: The days.
    ///   - site: The organisation's name.
    ///   - dimensions: By what to tell the figures apart.
    ///   - complaintLimit: How much a job may be complained about.
    ///   - now: By which it is judged whether the period is over.
    public func report(
        _ period: Period,
        site: String,
        by dimensions: [Dimension] = Report.dimensions,
        complaintLimit: ComplaintLimit? = nil,
        now: Timestamp = .now
    ) throws(ReportError) -> Report {
        var filter = ReportFilter()
        filter.days = period.days
        return try read { [filter] db in
            let scan = try FigureScan(filter, by: dimensions + [nil], smallestDomain: smallestDomain, db)
            return Report(
                site: site,
                period: period,
                zone: sources.zone.name,
                isOver: DayClock(zone: sources.zone).day(of: now) > period.last,
                smallestDomain: smallestDomain,
                unreadable: try Int.fetchOne(db, sql: "SELECT count(*) FROM job WHERE problem <> ''") ?? 0,
                complaintLimit: complaintLimit,
                complained: try complaintLimit.map { try complained(scan, above: $0, db) } ?? [],
                total: try scan.figures(by: nil)[""] ?? Figures(),
                causes: try scan.causes(),
                groups: try dimensions.map { ($0, try entries(scan.figures(by: $0), by: $0, db)) }
            )
        }
    }

    /// The jobs that were complained about, and that more than a limit allows, whenever that was.
    private func complained(_ scan: FigureScan, above limit: ComplaintLimit, _ db: Database) throws -> [Entry] {
        var filter = ReportFilter()
        filter.onlyJobs = Set(
            try scan.figures(by: .job).filter { $0.value.complaints > 0 }.keys.compactMap { JobID($0) }
        )
        guard filter.onlyJobs?.isEmpty == false else { return [] }
        let whole = try figures(filter, by: .job, db)
        return try entries(whole.filter { limit.isPassed(by: $0.value.complaints, of: $0.value[.sent]) }, by: .job, db)
    }

    /// The first and the last day on which anything is counted; `nil` if nothing is.
    public func span() throws(ReportError) -> ClosedRange<Day>? {
        try read { db in
            let ends = ["outcome_day", "event_day"].flatMap { table in
                ["min", "max"].map { "SELECT (SELECT \($0)(day) FROM \(table) WHERE job = job.id) AS day FROM job" }
            }
            let sql = "SELECT min(day), max(day) FROM (\(ends.joined(separator: " UNION ALL ")))"
            guard let row = try GRDB.Row.fetchOne(db, sql: sql), let first: Int = row[0], let last: Int = row[1] else {
                return nil
            }
            return Day(number: first)...Day(number: last)
        }
    }

    /// The periods of a kind whose figures may differ from those that were told last.
    public func changedPeriods(_ kind: Period.Kind) throws(ReportError) -> [Period] {
        try read { db in
            let sql = "SELECT day FROM changed WHERE kind = ? ORDER BY day"
            let days = try Int.fetchAll(db, sql: sql, arguments: [kind.rawValue])
            var periods: [Period] = []
            for period in days.map({ Period(kind, of: Day(number: $0)) }) where periods.last != period {
                periods.append(period)
            }
            return periods
        }
    }

    /// Notes that a period was told as the index has it now.
    ///
    /// Asked before the report is made: what changes meanwhile is a change again.
    public func noteTold(_ period: Period) throws(ReportError) {
        try write { db in
            try db.execute(
                sql: "DELETE FROM changed WHERE kind = ? AND day BETWEEN ? AND ?",
                arguments: [period.kind.rawValue, period.first.number, period.last.number]
            )
        }
    }

    /// Notes that a period must be told again, since that failed.
    public func noteUntold(_ period: Period) throws(ReportError) {
        try write { db in
            try db.execute(
                sql: "INSERT OR IGNORE INTO changed (kind, day) VALUES (?, ?)",
                arguments: [period.kind.rawValue, period.first.number]
            )
        }
    }
}
