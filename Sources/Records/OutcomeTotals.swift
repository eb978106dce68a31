public import Core
public import Ledger

/// What became of a job's rows, in numbers.
public struct OutcomeTotals: Hashable, Sendable {
    /// A state and why, with how many rows it befell.
    public struct Cause: Hashable, Sendable {
        /// The state.
        public var status: RowStatus
        /// The word for why.
        public var reason: Reason
    }

    /// All rows of the job.
    public private(set) var rows: Int
    /// How many rows ended how.
    public private(set) var counts: [RowStatus: Int] = [:]
    /// Why rows ended other than `sent`.
    public private(set) var causes: [Cause: Int] = [:]
    /// Tries of all rows.
    public private(set) var attempts = 0
    /// When the first message was taken by a server.
    public private(set) var firstSent: Timestamp?
    /// When the last was.
    public private(set) var lastSent: Timestamp?
    /// When the last row ended.
    public private(set) var lastEnded: Timestamp?
    /// Sent rows by route.
    public private(set) var routes: [String: Int] = [:]
    /// Sent rows by what was seen of their TLS sessions.
    public private(set) var tls: [TLSEvidence: Int] = [:]

    /// Nothing counted yet.
    init(_ view: LedgerView) {
        rows = view.rows.count
    }

    /// Counts the rows of a ledger that have ended.
    public init(counting view: LedgerView) throws(LedgerError) {
        self.init(view)
        for index in 0..<view.rows.count {
            if let outcome = try view.outcome(of: RowNumber(UInt32(index) + 1)) { add(outcome) }
        }
    }

    /// How many rows ended so.
    public subscript(status: RowStatus) -> Int {
        counts[status, default: 0]
    }

    /// How many rows have ended.
    public var ended: Int {
        counts.values.reduce(0, +)
    }

    /// How many rows have not ended.
    public var open: Int {
        rows - ended
    }

    /// How many rows ended without their message being taken by a server.
    public var notSent: Int {
        ended - self[.sent]
    }

    mutating func add(_ outcome: Outcome) {
        counts[outcome.status, default: 0] += 1
        attempts += outcome.attempts
        let time = outcome.finishedAt
        lastEnded = lastEnded.map { max($0, time) } ?? time
        guard outcome.status == .sent else {
            causes[Cause(status: outcome.status, reason: outcome.reason), default: 0] += 1
            return
        }
        firstSent = firstSent.map { min($0, time) } ?? time
        lastSent = lastSent.map { max($0, time) } ?? time
        routes[outcome.route, default: 0] += 1
        if let evidence = outcome.tls { tls[evidence, default: 0] += 1 }
    }

    /// The causes, the most frequent first; equal ones by state and word, so that the order is always the same.
    public var causesByCount: [(cause: Cause, count: Int)] {
        causes.map { ($0.key, $0.value) }.sorted { left, right in
            if left.1 != right.1 { return left.1 > right.1 }
            let (a, b) = (left.0, right.0)
            return (a.status.rawValue, a.reason.rawValue) < (b.status.rawValue, b.reason.rawValue)
        }
    }

    /// Sent rows by one of the things seen of their TLS sessions, the most frequent first.
    public func sent(by part: (TLSEvidence) -> String) -> [(name: String, count: Int)] {
        var counts: [String: Int] = [:]
        for (evidence, count) in tls { counts[part(evidence), default: 0] += count }
        return counts.byCount
    }
}

extension [String: Int] {
    /// The most frequent first, equal ones by name.
    var byCount: [(name: String, count: Int)] {
        map { ($0.key, $0.value) }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }
    }
}
