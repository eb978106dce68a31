public import Core
import Delivery
import Ledger
import Records
import Synchronization

/// How far a running job is, for people who watch it.
public struct JobProgress: Sendable {
    /// How many rows the job has.
    public var total: Int
    /// How many rows ended, by what is on the disk.
    public var ended: Int
    /// How many ended how; states that no row is in are left out.
    public var counts: [RowStatus: Int]
    /// How many wait for another try.
    public var deferred: Int
    /// Rows a second over the last seconds.
    public var rowsPerSecond: Double
    /// Seconds until the last row ends at this pace; `nil` while nothing moves.
    public var secondsLeft: Double?
    /// Whether somebody paused it.
    public var isPaused: Bool
    /// When it goes on, if it waits for its time.
    public var waitingUntil: Timestamp?
    /// The zones whose rows wait for their hour, where rows have zones of their own.
    public var zones: [ZoneWait] = []
    /// What keeps the route from sending, if something does.
    public var problem: String?
    /// What people should know besides: that the route is slowed and why, or that one of its relays is set aside.
    public var notice = ""

    /// What people dropped into the folder and what was made of it.
    var obeyed: [JobStatus.Obeyed] = []

    /// What ends the job before its last row is sent, while answers to what is under way are awaited.
    var ending: Ending?

    /// What ends a job early.
    enum Ending: Sendable {
        /// A file of that name.
        case stopped(by: String)
        /// Too many refusals.
        case halted(String)
    }

    /// Whether all that is left was refused for now or has not come to its own time.
    var isResting = false

    /// Whether nothing can be sent now: the job is paused, too early, without its relay, or every row that is left waits for
    /// its moment.
    public var isWaiting: Bool {
        isPaused || waitingUntil != nil || problem != nil || isResting
    }
}

/// Turns counts into a pace.
final class ProgressMeter: Sendable {
    private let total: Int
    private let marks: Mutex<[(at: ContinuousClock.Instant, ended: Int)]> = Mutex([])

    init(total: Int) {
        self.total = total
    }

    func progress(
        _ board: JobBoard.Snapshot,
        isPaused: Bool,
        waitingUntil: Timestamp?,
        zones: [ZoneWait] = [],
        problem: RouteProblem?,
        notice: String = ""
    ) -> JobProgress {
        let now = ContinuousClock.now
        let ended = board.ended
        let rate: Double = marks.withLock { marks in
            marks.append((now, ended))
            // Five seconds of quarters.
            if marks.count > 20 { marks.removeFirst() }
            guard let first = marks.first, let seconds = Optional((now - first.at) / .seconds(1)), seconds > 0.1 else {
                return 0
            }
            return Double(ended - first.ended) / seconds
        }
        var counts: [RowStatus: Int] = [:]
        for status in RowStatus.allCases where board.counts[status] > 0 { counts[status] = board.counts[status] }
        return JobProgress(
            total: total,
            ended: ended,
            counts: counts,
            deferred: board.deferred,
            rowsPerSecond: rate,
            secondsLeft: rate > 0 ? Double(total - ended) / rate : nil,
            isPaused: isPaused,
            waitingUntil: waitingUntil,
            zones: zones,
            problem: problem.map { "\($0.reason): \($0.detail)" },
            notice: notice,
            isResting: board.isResting
        )
    }
}
