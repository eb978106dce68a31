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
        try read { try figures(filter, by: nil, $0)[""] ?? Figures() }
    }

    /// The same, apart by a dimension: days in their order, others with the most rows first.
    public func figures(_ filter: ReportFilter, by dimension: Dimension) throws(ReportError) -> [Entry] {
        try read { try entries(figures(filter, by: dimension, $0), by: dimension, $0) }
    }

    /// Why rows ended other than sent, the most frequent first.
    public func causes(_ filter: ReportFilter) throws(ReportError) -> [Cause] {
        try read { try FigureScan(filter, by: [], smallestDomain: smallestDomain, $0).causes() }
    }

    /// The figures by the dimension's value; by an empty text without a dimension.
    func figures(_ filter: ReportFilter, by dimension: Dimension?, _ db: Database) throws -> [String: Figures] {
        guard !filter.needsRows else {
            return try FigureQuery(filter: filter, tagger: tagger, smallestDomain: smallestDomain).figures(
                by: dimension,
                db
            )
        }
        return try FigureScan(filter, by: [dimension], smallestDomain: smallestDomain, db).figures(by: dimension)
    }

    func entries(_ figures: [String: Figures], by dimension: Dimension, _ db: Database) throws -> [Entry] {
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
}
