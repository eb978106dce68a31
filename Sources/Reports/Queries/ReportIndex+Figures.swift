public import Core
import GRDB

extension ReportIndex {
    /// One value of a dimension and its figures.
    public struct Entry: Hashable, Sendable {
        /// The value: an address, a domain, a route, a list, a job's number, a day; in parentheses what stands for several or
        /// for none.
        public var name: String
        /// What people call it; for a job, the manifest's `name`.
        public var title: String
        /// Its figures.
        public var figures: Figures

        /// Whether it stands for several values, or for none.
        public var isRest: Bool { name.hasPrefix("(") }
    }

    /// Why rows ended as they did.
    public struct Cause: Hashable, Sendable {
        /// The state.
        public var status: RowStatus
        /// The word for why.
        public var reason: Reason
        /// How many rows.
        public var count: Int
    }

    /// The sum of everything that a filter lets through.
    public func figures(_ filter: ReportFilter) throws(ReportError) -> Figures {
        try read { try query(filter).figures(by: nil, $0)[""] ?? Figures() }
    }

    /// The same, apart by a dimension: days in their order, others with the most rows first.
    public func figures(_ filter: ReportFilter, by dimension: Dimension) throws(ReportError) -> [Entry] {
        try read { try entries(filter, by: dimension, $0) }
    }

    /// Why rows ended other than sent, the most frequent first.
    public func causes(_ filter: ReportFilter) throws(ReportError) -> [Cause] {
        try read { try causes(filter, $0) }
    }

    func query(_ filter: ReportFilter) -> FigureQuery {
        FigureQuery(filter: filter, tagger: tagger, smallestDomain: smallestDomain)
    }

    func entries(_ filter: ReportFilter, by dimension: Dimension, _ db: Database) throws -> [Entry] {
        let figures = try query(filter).figures(by: dimension, db)
        switch dimension {
        case .day:
            return figures.compactMap { name, figures in Int(name).map { (Day(number: $0), figures) } }
                .sorted { $0.0 < $1.0 }
                .map { Entry(name: "\($0.0)", title: "\($0.0)", figures: $0.1) }
        case .job:
            let titles = try titles(db)
            return Self.sorted(figures.map { Entry(name: $0.key, title: titles[$0.key] ?? "", figures: $0.value) })
        default:
            return Self.sorted(figures.map { Entry(name: $0.key, title: $0.key, figures: $0.value) })
        }
    }

    /// The most rows first, what stands for several or none last.
    private static func sorted(_ entries: [Entry]) -> [Entry] {
        entries.sorted { left, right in
            if left.isRest != right.isRest { return right.isRest }
            let (a, b) = (left.figures, right.figures)
            return (b.rows, b.allOpens, left.name) < (a.rows, a.allOpens, right.name)
        }
    }

    private func titles(_ db: Database) throws -> [String: String] {
        var titles: [String: String] = [:]
        let rows = try GRDB.Row.fetchCursor(db, sql: "SELECT job, name FROM job")
        while let row = try rows.next() { titles[row[0]] = row[1] }
        return titles
    }

    func causes(_ filter: ReportFilter, _ db: Database) throws -> [Cause] {
        var conditions = Conditions()
        conditions.add("o.state <> ?", RowStatus.sent.code)
        if let days = filter.days {
            conditions.add("o.day BETWEEN ? AND ?", days.lowerBound.number, days.upperBound.number)
        }
        filter.jobConditions(&conditions)
        filter.rowConditions(&conditions, channel: "o.channel", domain: "o.domain", smallest: smallestDomain)
        let sql = """
            SELECT o.state, w.word, sum(o.count) FROM outcome_day o JOIN job j ON j.id = o.job JOIN word w ON w.id = o.reason
            \(conditions.sql) GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
            """
        return try GRDB.Row.fetchAll(db, sql: sql, arguments: conditions.values).compactMap { row in
            RowStatus(code: row[0]).map { Cause(status: $0, reason: Reason(rawValue: row[1]), count: row[2]) }
        }
    }
}
