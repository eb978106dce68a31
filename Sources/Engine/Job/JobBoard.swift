import Core
import Ledger
import Synchronization

/// Where every row of a running job stands: two bytes a row, and four more once one was deferred.
///
/// A row moves from open to in flight when a connection takes it, and on from there only when the ledger has its fate on
/// disk, so that a count read here is never more than what a restart would find.
final class JobBoard: Sendable {
    /// What a row is doing.
    enum Phase: UInt8 {
        /// Waits for its first try, or for one that somebody asked for.
        case open
        /// Was refused for now.
        case deferred
        /// Is with the feeder, a connection or the ledger's disk.
        case inFlight
        /// Is where it will stay.
        case ended
    }

    private struct Storage {
        var phases: [UInt8]
        var attempts: [UInt8]
        var dues: [UInt32] = []
        var counts: RowCounts
        var open: Int
        var deferred = 0
        var inFlight = 0
    }

    private let storage: Mutex<Storage>
    /// How many rows the job has.
    let rows: Int

    /// Takes over what a ledger's replay found.
    ///
    /// Rows tried without an answer must have been ended by then.
    init(_ states: RowStates) {
        rows = states.count
        var storage = Storage(
            phases: Array(repeating: 0, count: states.count),
            attempts: Array(repeating: 0, count: states.count),
            counts: RowCounts(rows: 0),
            open: 0
        )
        for index in 0..<states.count {
            let row = RowNumber(UInt32(index) + 1)
            let state = states[row]
            storage.attempts[index] = UInt8(clamping: state.attempts)
            switch state.phase {
            case .ended(let status):
                storage.phases[index] = Phase.ended.rawValue
                storage.counts[status] += 1
            case .deferred:
                storage.phases[index] = Phase.deferred.rawValue
                storage.deferred += 1
                if storage.dues.isEmpty { storage.dues = Array(repeating: 0, count: states.count) }
                storage.dues[index] = UInt32(clamping: states.due(row)?.seconds ?? 0)
            case .pending, .retry, .tried:
                storage.open += 1
            }
        }
        self.storage = Mutex(storage)
    }

    /// Takes a row to work on it if it is open, or deferred and due; its attempts so far, or `nil`.
    func claim(_ row: RowNumber, now: Timestamp) -> Int? {
        storage.withLock { storage in
            let index = Int(row.value) - 1
            switch Phase(rawValue: storage.phases[index]) {
            case .open:
                storage.open -= 1
            case .deferred where Int64(storage.dues[index]) <= now.seconds:
                storage.deferred -= 1
            default:
                return nil
            }
            storage.phases[index] = Phase.inFlight.rawValue
            storage.inFlight += 1
            return Int(storage.attempts[index])
        }
    }

    /// Puts a row back that was claimed and not tried.
    func release(_ row: RowNumber) {
        storage.withLock { storage in
            storage.phases[Int(row.value) - 1] = Phase.open.rawValue
            storage.inFlight -= 1
            storage.open += 1
        }
    }

    /// Notes that a claimed row was tried and refused for now.
    func deferred(_ row: RowNumber, attempts: Int, due: Timestamp) {
        storage.withLock { storage in
            let index = Int(row.value) - 1
            storage.phases[index] = Phase.deferred.rawValue
            storage.attempts[index] = UInt8(clamping: attempts)
            if storage.dues.isEmpty { storage.dues = Array(repeating: 0, count: storage.phases.count) }
            storage.dues[index] = UInt32(clamping: due.seconds)
            storage.inFlight -= 1
            storage.deferred += 1
        }
    }

    /// Notes that a claimed row's fate is on disk.
    func ended(_ row: RowNumber, _ status: RowStatus) {
        storage.withLock { storage in
            storage.phases[Int(row.value) - 1] = Phase.ended.rawValue
            storage.inFlight -= 1
            storage.counts[status] += 1
        }
    }

    /// Claims every row that is not at its end and not in flight, in order, for a job that ends early.
    func claimRest(_ body: (RowNumber, _ attempts: Int) -> Void) {
        for index in 0..<rows {
            let row = RowNumber(UInt32(index) + 1)
            if let attempts = claim(row, now: Timestamp(seconds: .max)) { body(row, attempts) }
        }
    }

    /// How many rows ended how, and how many did not.
    struct Snapshot: Sendable {
        var counts: RowCounts
        var open: Int
        var deferred: Int
        var inFlight: Int

        /// Whether no row is left to work on.
        var isComplete: Bool { open == 0 && deferred == 0 && inFlight == 0 }
        /// How many rows ended.
        var ended: Int { RowStatus.allCases.reduce(0) { $0 + counts[$1] } }
    }

    /// All counts at one moment.
    var snapshot: Snapshot {
        storage.withLock {
            Snapshot(counts: $0.counts, open: $0.open, deferred: $0.deferred, inFlight: $0.inFlight)
        }
    }

    /// When the first deferred row is due; looks at every row.
    var earliestDue: Timestamp? {
        storage.withLock { storage in
            guard storage.deferred > 0 else { return nil }
            var earliest = UInt32.max
            for index in storage.phases.indices where storage.phases[index] == Phase.deferred.rawValue {
                earliest = min(earliest, storage.dues[index])
            }
            return Timestamp(seconds: Int64(earliest))
        }
    }
}
