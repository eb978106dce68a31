import Core
import Ledger
import Synchronization

/// Where every row of a running job stands: two bytes a row, and four more once one was deferred or postponed.
///
/// A row moves from open to in flight when a connection takes it, and on from there only when the ledger has its fate on
/// disk, so that a count read here is never more than what a restart would find.
final class JobBoard: DurabilityListener {
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
        /// May not go yet, for a reason of ours: its recipient's morning has not come, or its domain's pace is slow.
        ///
        /// Known here only, and no attempt: after a restart it is open.
        case postponed
        /// The same, until its lane has room; who reads rows for the lane comes back for it.
        case leftOut

        /// How a row's byte begins: the phase; where it has ended, how stands above.
        init(byte: UInt8) {
            self = Phase(rawValue: byte & 7) ?? .ended
        }
    }

    /// A row's byte once it has ended.
    private static func byte(_ status: RowStatus) -> UInt8 {
        Phase.ended.rawValue | UInt8(RowStatus.allCases.firstIndex(of: status) ?? 0) << 3
    }

    /// How a row ended, by its byte.
    private static func status(_ byte: UInt8) -> RowStatus {
        RowStatus.allCases[Int(byte >> 3)]
    }

    private struct Storage {
        var phases: [UInt8]
        var attempts: [UInt8]
        var dues: [UInt32] = []
        var counts: RowCounts
        var open: Int
        var deferred = 0
        var inFlight = 0
        var postponed = 0
        var leftOut = 0
        /// No row that waits is due before this; may be too early, never too late.
        var earliest = UInt32.max
        /// More rows may be asked for in a moment, so that the job is not at its end.
        var isHeld = false
        /// Somebody acted on the job's being complete; it stays so.
        var isFinished = false

        var isComplete: Bool {
            open == 0 && deferred == 0 && inFlight == 0 && postponed == 0 && leftOut == 0 && !isHeld
        }

        mutating func end(_ row: RowNumber, _ byte: UInt8, _ status: RowStatus) {
            phases[Int(row.value) - 1] = byte
            inFlight -= 1
            counts[status] += 1
        }

        mutating func wait(_ index: Int, _ phase: Phase, until due: Timestamp) {
            phases[index] = phase.rawValue
            if dues.isEmpty { dues = Array(repeating: 0, count: phases.count) }
            dues[index] = UInt32(clamping: due.seconds)
            earliest = min(earliest, dues[index])
        }

        /// When the first row is due that was deferred or postponed.
        var firstDue: UInt32 {
            var first = UInt32.max
            for index in phases.indices
            where phases[index] == Phase.deferred.rawValue || phases[index] == Phase.postponed.rawValue {
                first = min(first, dues[index])
            }
            return first
        }
    }

    /// Rung when no claimed row is left, for the one who reads the table.
    let rest = Bell()
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
                storage.phases[index] = Self.byte(status)
                storage.counts[status] += 1
            case .deferred:
                storage.deferred += 1
                storage.wait(index, .deferred, until: states.due(row) ?? Timestamp(seconds: 0))
            case .pending, .retry, .tried:
                storage.open += 1
            }
        }
        self.storage = Mutex(storage)
    }

    /// Takes a row to work on it if it is open, or deferred or postponed and due; its attempts so far, or `nil`.
    func claim(_ row: RowNumber, now: Timestamp) -> Int? {
        storage.withLock { storage in
            let index = Int(row.value) - 1
            switch Phase(byte: storage.phases[index]) {
            case .open:
                storage.open -= 1
            case .deferred where Int64(storage.dues[index]) <= now.seconds:
                storage.deferred -= 1
            case .postponed where Int64(storage.dues[index]) <= now.seconds:
                storage.postponed -= 1
            default:
                return nil
            }
            storage.phases[index] = Phase.inFlight.rawValue
            storage.inFlight += 1
            return Int(storage.attempts[index])
        }
    }

    /// Takes a row that was left out for its lane; its attempts so far, or `nil` if it is no such row.
    func claimLeftOut(_ row: RowNumber) -> Int? {
        storage.withLock { storage in
            let index = Int(row.value) - 1
            guard storage.phases[index] == Phase.leftOut.rawValue else { return nil }
            storage.phases[index] = Phase.inFlight.rawValue
            storage.leftOut -= 1
            storage.inFlight += 1
            return Int(storage.attempts[index])
        }
    }

    /// Whether a row was left out for its lane.
    func isLeftOut(_ row: RowNumber) -> Bool {
        storage.withLock { $0.phases[Int(row.value) - 1] == Phase.leftOut.rawValue }
    }

    /// Puts a claimed row back that may not go before a moment, for a reason of ours.
    func postpone(_ row: RowNumber, until due: Timestamp) {
        storage.withLock { storage in
            storage.wait(Int(row.value) - 1, .postponed, until: due)
            storage.inFlight -= 1
            storage.postponed += 1
        }
    }

    /// Puts a claimed row back for whom its lane has no room.
    func leaveOut(_ row: RowNumber) {
        storage.withLock { storage in
            storage.phases[Int(row.value) - 1] = Phase.leftOut.rawValue
            storage.inFlight -= 1
            storage.leftOut += 1
        }
    }

    /// Opens every row that was left out, so that the next pass takes it.
    func openLeftOut() {
        storage.withLock { storage in
            for index in storage.phases.indices where storage.phases[index] == Phase.leftOut.rawValue {
                storage.phases[index] = Phase.open.rawValue
            }
            storage.open += storage.leftOut
            storage.leftOut = 0
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
            storage.attempts[index] = UInt8(clamping: attempts)
            storage.wait(index, .deferred, until: due)
            storage.inFlight -= 1
            storage.deferred += 1
        }
    }

    /// The promise to note a claimed row's fate when it is on disk; one that will never be is not noted.
    func endsWhenDurable(_ row: RowNumber, _ status: RowStatus) -> DurabilityPromise {
        DurabilityPromise(self, number: UInt64(row.value) << 8 | UInt64(Self.byte(status)))
    }

    func settled(_ numbers: [UInt64], isDurable: Bool) {
        guard isDurable else { return }
        let isLast = storage.withLock { storage in
            for number in numbers {
                let byte = UInt8(truncatingIfNeeded: number)
                storage.end(RowNumber(UInt32(truncatingIfNeeded: number >> 8)), byte, Self.status(byte))
            }
            return storage.inFlight == 0
        }
        if isLast { rest.ring() }
    }

    // MARK: - Asking again

    /// Keeps the job from being complete while somebody's wish is written down; `false` if it is at its end already.
    func hold() -> Bool {
        storage.withLock { storage in
            guard !storage.isFinished else { return false }
            storage.isHeld = true
            return true
        }
    }

    /// Ends what ``hold()`` began.
    func letGo() {
        storage.withLock { $0.isHeld = false }
    }

    /// Whether the job is complete; if so it stays so, whatever is asked for.
    func finish() -> Bool {
        storage.withLock { storage in
            guard storage.isComplete else { return false }
            storage.isFinished = true
            return true
        }
    }

    /// Opens rows that ended or were refused for now, and never one that was sent; how many there were.
    func reopen(_ rows: some Sequence<RowNumber>) -> Int {
        storage.withLock { storage in
            var count = 0
            for row in rows {
                let index = Int(row.value) - 1
                let byte = storage.phases[index]
                switch Phase(byte: byte) {
                case .open, .inFlight, .postponed, .leftOut: continue
                case .deferred: storage.deferred -= 1
                case .ended:
                    let status = Self.status(byte)
                    guard status != .sent else { continue }
                    storage.counts[status] -= 1
                }
                storage.phases[index] = Phase.open.rawValue
                storage.open += 1
                count += 1
            }
            return count
        }
    }

    /// Claims every row that is not at its end and not in flight, in order, for a job that ends early.
    func claimRest(_ body: (RowNumber, _ attempts: Int) -> Void) {
        for index in 0..<rows {
            let row = RowNumber(UInt32(index) + 1)
            let attempts = claim(row, now: Timestamp(seconds: .max)) ?? claimLeftOut(row)
            if let attempts { body(row, attempts) }
        }
    }

    /// How many rows ended how, and how many did not.
    struct Snapshot: Sendable {
        var counts: RowCounts
        var open: Int
        var deferred: Int
        var inFlight: Int
        /// Rows that wait for their time or their domain's pace.
        var postponed = 0
        /// How many of them wait for their lane, which may have room at any time.
        var leftOut = 0
        /// Whether no row is left to work on, and none is about to be asked for.
        var isComplete = false
        /// Whether nothing can be done but wait for the moment at which a row is due.
        var isResting: Bool { open + inFlight + leftOut == 0 && deferred + postponed > 0 }
        /// How many rows ended.
        var ended: Int { RowStatus.allCases.reduce(0) { $0 + counts[$1] } }
    }

    /// All counts at one moment.
    var snapshot: Snapshot {
        storage.withLock {
            Snapshot(
                counts: $0.counts,
                open: $0.open,
                deferred: $0.deferred,
                inFlight: $0.inFlight,
                postponed: $0.postponed + $0.leftOut,
                leftOut: $0.leftOut,
                isComplete: $0.isComplete
            )
        }
    }

    /// Whether a row that was deferred or postponed is due.
    ///
    /// Looks at every row only when one may be: while a million rows wait for their morning, nobody counts them.
    func isDue(at now: Timestamp) -> Bool {
        storage.withLock { storage in
            guard storage.deferred + storage.postponed > 0, Int64(storage.earliest) <= now.seconds else { return false }
            storage.earliest = storage.firstDue
            return Int64(storage.earliest) <= now.seconds
        }
    }

    /// When the first row is due that was deferred or postponed; looks at every row.
    var earliestDue: Timestamp? {
        storage.withLock { storage in
            guard storage.deferred + storage.postponed > 0 else { return nil }
            return Timestamp(seconds: Int64(storage.firstDue))
        }
    }
}
