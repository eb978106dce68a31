import Core
import GRDB
import Tracking

/// Adds up the sums by day that a filter lets through, in one pass for all dimensions that are asked for.
///
/// Meanwhile they are kept apart by the index's numbers; names, of which several numbers may have one, are given at the end.
struct FigureScan {
    /// By which number figures are kept apart; several dimensions come of one.
    private enum Key: Int, CaseIterable {
        case day, job, domain, channel

        init(_ dimension: Dimension?) {
            switch dimension {
            case .day: self = .day
            case .route: self = .channel
            case .recipientDomain: self = .domain
            case nil, .sender, .senderDomain, .list, .job: self = .job
            }
        }
    }

    private struct Channel {
        var route: String
        /// Which of ``tls`` it has.
        var tls: Int
        var isWanted: Bool
    }

    private struct Why: Hashable {
        var state: Int64
        var reason: Int64
    }

    private let filter: ReportFilter
    private let smallestDomain: Int
    private let db: Database
    private let jobs: [Int64: IndexedNames]
    private var channels: [Int64: Channel] = [:]
    private var tls: [TLSNames] = []
    private var keys: [Key] = []
    private var tallies: [Tally] = []
    private var whys: [Why: Int] = [:]

    /// Adds everything up; the answers are good within the same access to the database.
    init(_ filter: ReportFilter, by dimensions: [Dimension?], smallestDomain: Int, _ db: Database) throws {
        self.filter = filter
        self.smallestDomain = smallestDomain
        self.db = db
        jobs = try IndexedNames.jobs(filter, db)
        try readChannels()
        keys = Set(dimensions.map(Key.init)).sorted { $0.rawValue < $1.rawValue }
        tallies = keys.map { _ in Tally(width: Column.fixed + tls.count) }
        var domain: Int64?
        if let name = filter.recipientDomain {
            domain = try Int64.fetchOne(
                db,
                sql: "SELECT id FROM domain WHERE name = ? AND mailboxes >= ?",
                arguments: [name.lowercased(), smallestDomain]
            )
            if domain == nil { return }
        }
        try addOutcomes(ofDomain: domain)
        // Only what was sent has events that count.
        if filter.states?.contains(.sent) ?? true { try addEvents(ofDomain: domain) }
    }

    // MARK: - Adding up

    private mutating func readChannels() throws {
        var known: [TLSNames: Int] = [:]
        let rows = try GRDB.Row.fetchCursor(db, sql: "SELECT id, route, version, verification FROM channel")
        while let row = try rows.next() {
            let names = TLSNames(version: row[2], verification: row[3])
            let number = known[names] ?? tls.count
            if number == tls.count {
                known[names] = number
                tls.append(names)
            }
            let route: String = row[1]
            channels[row[0]] = Channel(route: route, tls: number, isWanted: filter.route.map { $0 == route } ?? true)
        }
    }

    /// The days that are asked for, as numbers.
    private var days: [Int64] {
        guard let days = filter.days else { return [.min, .max] }
        return [Int64(days.lowerBound.number), Int64(days.upperBound.number)]
    }

    private mutating func addOutcomes(ofDomain domain: Int64?) throws {
        let read = try NumberStatement(
            db,
            """
            SELECT day, domain, channel, state, reason, count FROM outcome_day WHERE job = ? AND day BETWEEN ? AND ?
            """
        )
        let wanted = RowStatus.allCases.map { filter.states?.contains($0) ?? true }
        for job in jobs.keys.sorted() {
            try read.forEach([job] + days) { row in
                let state = Int(row[3])
                guard wanted.indices.contains(state), wanted[state], domain.map({ $0 == row[1] }) ?? true,
                    let channel = channels[row[2]], channel.isWanted
                else { return }
                let count = Int(row[5])
                let isSent = state == RowStatus.sent.code
                for (index, key) in keys.enumerated() {
                    tallies[index].add(count, at: state, of: number(key, job, row))
                    if isSent { tallies[index].add(count, at: Column.fixed + channel.tls) }
                }
                if !isSent { whys[Why(state: row[3], reason: row[4]), default: 0] += count }
            }
        }
    }

    private mutating func addEvents(ofDomain domain: Int64?) throws {
        let columns = try Column.numbers(filter, db)
        let read = try NumberStatement(
            db,
            "SELECT day, domain, channel, kind, class, count, first FROM event_day WHERE job = ? AND day BETWEEN ? AND ?"
        )
        for job in jobs.keys.sorted() {
            try read.forEach([job] + days) { row in
                guard let column = columns[row[3], row[4]], domain.map({ $0 == row[1] }) ?? true,
                    channels[row[2]]?.isWanted ?? false
                else { return }
                for (index, key) in keys.enumerated() {
                    let number = number(key, job, row)
                    if let each = column.each { tallies[index].add(Int(row[5]), at: each, of: number) }
                    if let first = column.first { tallies[index].add(Int(row[6]), at: first, of: number) }
                }
            }
        }
    }

    private func number(_ key: Key, _ job: Int64, _ row: NumberRow) -> Int64 {
        switch key {
        case .day: row[0]
        case .job: job
        case .domain: row[1]
        case .channel: row[2]
        }
    }

    // MARK: - Answers

    /// The figures by the dimension's value; by an empty text without a dimension.
    func figures(by dimension: Dimension?) throws -> [String: Figures] {
        guard let index = keys.firstIndex(of: Key(dimension)) else { return [:] }
        let name = try naming(dimension)
        var figures: [String: Figures] = [:]
        try tallies[index].forEach { number, counts in
            let name = try name(number)
            figures[name] = (figures[name] ?? Figures()) + Figures(counts, tls)
        }
        return figures
    }

    /// What a number is called.
    private func naming(_ dimension: Dimension?) throws -> (Int64) throws -> String {
        func orNone(_ text: String?) -> String { text.flatMap { $0.isEmpty ? nil : $0 } ?? FigureQuery.none }
        switch dimension {
        case nil: return { _ in "" }
        case .day: return { "\($0)" }
        case .sender:
            return { [jobs] in jobs[$0].flatMap { $0.sender.isEmpty ? nil : $0.sender } ?? FigureQuery.notKnown }
        case .senderDomain: return { [jobs] in orNone(jobs[$0]?.senderDomain) }
        case .list: return { [jobs] in orNone(jobs[$0]?.list) }
        case .job: return { [jobs] in jobs[$0]?.job ?? "" }
        case .route: return { [channels] in orNone(channels[$0]?.route) }
        case .recipientDomain:
            let find = try db.makeStatement(sql: "SELECT name, mailboxes FROM domain WHERE id = ?")
            return { [smallestDomain] number in
                guard let row = try GRDB.Row.fetchOne(find, arguments: [number]) else { return FigureQuery.notKnown }
                return row[1] < smallestDomain ? FigureQuery.other : row[0]
            }
        }
    }

    /// Why rows ended other than sent, the most frequent first.
    func causes() throws -> [ReportIndex.Cause] {
        var causes: [(why: Why, word: String, count: Int)] = []
        for (why, count) in whys {
            let word = try String.fetchOne(db, sql: "SELECT word FROM word WHERE id = ?", arguments: [why.reason]) ?? ""
            causes.append((why, word, count))
        }
        causes.sort { ($1.count, $0.why.state, $0.word) < ($0.count, $1.why.state, $1.word) }
        return causes.compactMap { cause in
            RowStatus(code: Int(cause.why.state)).map {
                ReportIndex.Cause(status: $0, reason: Reason(rawValue: cause.word), count: cause.count)
            }
        }
    }
}
