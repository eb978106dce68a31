import Core
import GRDB
import Tracking

/// Counts by a number: as many for each, all in one array, since there are millions to add.
struct Tally {
    private let width: Int
    private var places: [Int64: Int] = [:]
    private var counts: [Int] = []
    /// The number that was asked for last, and where its counts begin: many that follow each other have the same.
    private var last: (number: Int64, start: Int)?

    init(width: Int) {
        self.width = width
    }

    /// Adds to one of a number's counts.
    mutating func add(_ count: Int, at column: Int, of number: Int64) {
        counts[start(of: number) + column] += count
    }

    /// Adds to another count of the same number.
    mutating func add(_ count: Int, at column: Int) {
        guard let last else { return }
        counts[last.start + column] += count
    }

    private mutating func start(of number: Int64) -> Int {
        if let last, last.number == number { return last.start }
        let start: Int
        if let known = places[number] {
            start = known
        } else {
            start = counts.count
            places[number] = start
            counts += repeatElement(0, count: width)
        }
        last = (number, start)
        return start
    }

    /// Hands over each number with its counts.
    func forEach(_ body: (Int64, ArraySlice<Int>) throws -> Void) rethrows {
        for (number, start) in places { try body(number, counts[start..<(start + width)]) }
    }
}

/// Where a tally's counts stand: first one for each state of a row, then those of events, then one for each kind of TLS.
struct Column {
    private static let states = RowStatus.allCases.count
    private static let events = 9
    /// How many there are before those of TLS.
    static let fixed = states + events

    /// Where every event counts.
    var each: Int?
    /// Where a message's first one counts.
    var first: Int?

    private init(each: Int?, first: Int?) {
        self.each = each.map { Self.states + $0 }
        self.first = first.map { Self.states + $0 }
    }

    private init?(_ kind: Event.Kind, _ audience: Event.Audience) {
        switch (kind, audience) {
        case (.open, .human): self.init(each: 0, first: 1)
        case (.open, .automated): self.init(each: 2, first: nil)
        case (.click, .human): self.init(each: 3, first: 4)
        case (.click, .automated): self.init(each: 5, first: nil)
        case (.unsubscribe, _): self.init(each: nil, first: 6)
        case (.bounce, _): self.init(each: nil, first: 7)
        case (.complaint, _): self.init(each: nil, first: 8)
        case (.pickup, _), (.resubscribe, _), (.subscribe, _), (.confirm, _): return nil
        }
    }

    /// Columns by the numbers of a kind and a class.
    struct Numbers {
        fileprivate var columns: [Int64: [Int64: Column]] = [:]

        subscript(kind: Int64, audience: Int64) -> Column? { columns[kind]?[audience] }
    }

    /// The columns of what a filter lets through.
    static func numbers(_ filter: ReportFilter, _ db: Database) throws -> Numbers {
        var numbers = Numbers()
        func number(_ word: String) throws -> Int64? {
            try Int64.fetchOne(db, sql: "SELECT id FROM word WHERE word = ?", arguments: [word])
        }
        for audience in Event.Audience.allCases where filter.audience.map({ $0 == audience }) ?? true {
            guard let audienceNumber = try number(audience.rawValue) else { continue }
            for kind in Event.Kind.allCases where filter.kinds?.contains(kind) ?? true {
                guard let column = Column(kind, audience), let kindNumber = try number(kind.rawValue) else { continue }
                numbers.columns[kindNumber, default: [:]][audienceNumber] = column
            }
        }
        return numbers
    }
}

/// How a message's way was secured, in words.
struct TLSNames: Hashable {
    var version: String
    var verification: String
}

extension Figures {
    /// Makes figures of a tally's counts.
    init(_ counts: ArraySlice<Int>, _ tls: [TLSNames]) {
        self.init()
        let counts = Array(counts)
        for status in RowStatus.allCases { self[status] = counts[status.code] }
        let events = counts[RowStatus.allCases.count..<Column.fixed]
        let start = events.startIndex
        opens = events[start]
        opened = events[start + 1]
        allOpens = opens + events[start + 2]
        clicks = events[start + 3]
        clicked = events[start + 4]
        allClicks = clicks + events[start + 5]
        optOuts = events[start + 6]
        bounces = events[start + 7]
        complaints = events[start + 8]
        for (names, count) in zip(tls, counts[Column.fixed...]) where count > 0 {
            versions[names.version, default: 0] += count
            verifications[names.verification, default: 0] += count
        }
    }
}

/// What a job is called by the dimensions that it decides.
struct IndexedNames {
    var job: String
    var sender: String
    var senderDomain: String
    var list: String

    /// The jobs that a filter lets through, by their numbers.
    static func jobs(_ filter: ReportFilter, _ db: Database) throws -> [Int64: IndexedNames] {
        var conditions = Conditions()
        filter.jobConditions(&conditions)
        let sql = "SELECT j.id, j.job, j.sender, j.sender_domain, j.list FROM job j \(conditions.sql)"
        var jobs: [Int64: IndexedNames] = [:]
        let rows = try GRDB.Row.fetchCursor(db, sql: sql, arguments: conditions.values)
        while let row = try rows.next() {
            jobs[row[0]] = IndexedNames(job: row[1], sender: row[2], senderDomain: row[3], list: row[4])
        }
        return jobs
    }
}
