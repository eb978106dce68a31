public import Core

/// How far a row has come.
public enum RowPhase: Hashable, Sendable {
    /// Nothing was tried.
    case pending
    /// A message was about to go out; after a restart this means that its fate is not known.
    case tried
    /// Refused for now; there is a time for the next try.
    case deferred
    /// Had ended, and somebody wants it tried again.
    case retry
    /// Where it will stay.
    case ended(RowStatus)

    /// How many there are; a code is less than this.
    static let count = 4 + statuses.count
    private static let statuses: [RowStatus] = [.sent, .failed, .invalid, .suppressed, .held, .unknown, .cancelled]

    /// The number under which it is kept: four bits.
    var code: Int {
        switch self {
        case .pending: 0
        case .tried: 1
        case .deferred: 2
        case .retry: 3
        case .ended(.sent): 4
        case .ended(.failed): 5
        case .ended(.invalid): 6
        case .ended(.suppressed): 7
        case .ended(.held): 8
        case .ended(.unknown): 9
        case .ended(.cancelled): 10
        }
    }

    init(code: Int) {
        switch code {
        case 0: self = .pending
        case 1: self = .tried
        case 2: self = .deferred
        case 3: self = .retry
        default: self = .ended(Self.statuses[code - 4])
        }
    }

    /// Whether the row is where it will stay.
    public var isEnded: Bool {
        if case .ended = self { true } else { false }
    }
}

/// What is kept of a row: eight bytes.
public struct RowState: Hashable, Sendable {
    /// How far the row has come.
    public var phase: RowPhase
    /// How many times it was tried; 2,047 stands for that many or more.
    public var attempts: Int
    /// Whether one of its messages may have arrived, without anybody knowing: it was `unknown` once, and not sent since.
    public var mayHaveArrived = false
    /// Where in the file its last record begins; 0 if it has none.
    public var offset: Int64

    static let mostAttempts = 0x7FF

    init(phase: RowPhase, attempts: Int, mayHaveArrived: Bool = false, offset: Int64) {
        self.phase = phase
        self.attempts = attempts
        self.mayHaveArrived = mayHaveArrived
        self.offset = offset
    }

    /// Four bits of phase, one that says whether it may have arrived, eleven of attempts, 48 of offset.
    init(word: UInt64) {
        phase = RowPhase(code: Int(word >> 60))
        mayHaveArrived = word >> 59 & 1 == 1
        attempts = Int(word >> 48 & 0x7FF)
        offset = Int64(word & 0xFFFF_FFFF_FFFF)
    }

    var word: UInt64 {
        UInt64(phase.code) << 60
            | (mayHaveArrived ? 1 << 59 : 0)
            | UInt64(min(attempts, Self.mostAttempts)) << 48
            | UInt64(offset) & 0xFFFF_FFFF_FFFF
    }
}

/// How many rows are how far.
public struct RowCounts: Hashable, Sendable {
    private var counts: [Int]

    /// Counts of a job none of whose rows was tried.
    public init(rows: Int) {
        counts = Array(repeating: 0, count: RowPhase.count)
        counts[0] = rows
    }

    /// How many rows are that far.
    public subscript(phase: RowPhase) -> Int {
        get { counts[phase.code] }
        set { counts[phase.code] = newValue }
    }

    /// How many rows ended so.
    public subscript(status: RowStatus) -> Int {
        get { counts[RowPhase.ended(status).code] }
        set { counts[RowPhase.ended(status).code] = newValue }
    }

    /// All rows.
    public var total: Int {
        counts.reduce(0, +)
    }

    /// How many rows have not ended.
    public var open: Int {
        counts[..<4].reduce(0, +)
    }

    mutating func move(from old: Int, to new: Int) {
        counts[old] -= 1
        counts[new] += 1
    }
}

/// Every row's state: eight bytes a row, and four more once a row was refused for now.
public struct RowStates: Sendable {
    private var words: [UInt64]
    /// When a row may be tried again, in seconds since 1970; empty until the first row was deferred.
    private var dues: [UInt32] = []
    /// How many rows are how far.
    public private(set) var counts: RowCounts

    init(rows: Int) {
        words = Array(repeating: 0, count: rows)
        counts = RowCounts(rows: rows)
    }

    /// How many rows there are.
    public var count: Int {
        words.count
    }

    /// Whether this is one of the job's rows.
    public func contains(_ row: RowNumber) -> Bool {
        row.value >= 1 && Int(row.value) <= words.count
    }

    /// A row's state.
    public subscript(row: RowNumber) -> RowState {
        RowState(word: words[Int(row.value) - 1])
    }

    /// When a deferred row may be tried again; `nil` for any other.
    public func due(_ row: RowNumber) -> Timestamp? {
        guard !dues.isEmpty, self[row].phase == .deferred else { return nil }
        return Timestamp(seconds: Int64(dues[Int(row.value) - 1]))
    }

    /// The rows that are that far, in order.
    public func rows(_ phase: RowPhase) -> some Sequence<RowNumber> {
        let code = UInt64(phase.code)
        return words.indices.lazy.filter { words[$0] >> 60 == code }.map { RowNumber(UInt32($0) + 1) }
    }

    // MARK: - Changes

    mutating func set(_ row: RowNumber, _ phase: RowPhase, attempts: Int, offset: Int64) {
        let index = Int(row.value) - 1
        counts.move(from: Int(words[index] >> 60), to: phase.code)
        let mayHaveArrived =
            phase == .ended(.unknown) || phase != .ended(.sent) && RowState(word: words[index]).mayHaveArrived
        words[index] =
            RowState(phase: phase, attempts: attempts, mayHaveArrived: mayHaveArrived, offset: offset).word
    }

    mutating func setDue(_ row: RowNumber, _ due: Timestamp) {
        if dues.isEmpty { dues = Array(repeating: 0, count: words.count) }
        dues[Int(row.value) - 1] = UInt32(clamping: due.seconds)
    }

    /// Marks the selected rows to be tried again, or at once: those that ended, other than by being sent, and those that were
    /// refused for now.
    mutating func retry(_ selection: RowSelection) {
        switch selection {
        case .deferred:
            let code = UInt64(RowPhase.deferred.code)
            for index in words.indices where words[index] >> 60 == code {
                markRetry(index)
            }
        case .statuses(let statuses):
            let codes = Set(statuses.subtracting([.sent]).map { UInt64(RowPhase.ended($0).code) })
            for index in words.indices where codes.contains(words[index] >> 60) {
                markRetry(index)
            }
        case .rows(let ranges):
            for range in ranges {
                let first = max(1, Int(range.lowerBound))
                let last = min(words.count, Int(range.upperBound))
                guard first <= last else { continue }
                for index in (first - 1)..<last {
                    switch RowState(word: words[index]).phase {
                    case .ended(.sent), .pending, .tried, .retry: break
                    case .ended, .deferred: markRetry(index)
                    }
                }
            }
        }
    }

    /// Attempts and the place of the last record stay: what the row had come to can still be read.
    private mutating func markRetry(_ index: Int) {
        var state = RowState(word: words[index])
        counts.move(from: state.phase.code, to: RowPhase.retry.code)
        state.phase = .retry
        words[index] = state.word
    }
}
