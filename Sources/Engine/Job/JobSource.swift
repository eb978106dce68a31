import Compose
import Core
import Delivery
import Intake
import Ledger
import Synchronization
import Tracking

/// Hands a job's messages to the connections, and writes down what became of them.
///
/// Called on event loops. A message that was not made ahead (``MessageMaker``) is rendered where it is sent.
final class JobSource: MessageSource {
    /// Whether messages may go out.
    enum Gate: Equatable, Sendable {
        /// They may.
        case open
        /// Not now: paused, outside the window, too early.
        case shut
        /// Never again: stopped, past `not_after`, folder gone.
        case closed
    }

    private struct Storage {
        var gate = Gate.shut
        var isFeeding = true
        /// When the pass over the table began, and how long the last one took.
        var begun = ContinuousClock.now
        var lastPass = Duration.zero
        /// How many rows were put off for each lane in this pass, where there was no reader for it.
        var putOff: [ObjectIdentifier: Int] = [:]
    }

    /// A row whose message is with a connection.
    private struct Sending {
        var row: Row
        var lane: Lane?
        var zone: Int
    }

    let job: PreparedJob
    let board: JobBoard
    let queue: RowQueue
    let maker: MessageMaker
    /// How fast mail may go to recipients' domains.
    let paces: DomainPaces
    /// Wakes the route when a lane gives way.
    let alarm = Alarm()
    let ledger: LedgerWriter
    private let suppressions: SuppressionGuard
    let backoff: Backoff
    /// When each row may go.
    let calendar: JobCalendar
    /// Counts what servers refuse.
    let halt: HaltGuard
    private let storage = Mutex(Storage())
    private let fault = Mutex<String?>(nil)
    /// The rows whose messages are with connections: a server's answer may repeat their cells.
    private let sending: Mutex<[RowNumber: Sending]> = Mutex([:])
    private let overdue: Mutex<[(row: RowNumber, attempts: Int)]> = Mutex([])
    private let echo: EchoGuard

    init(
        job: PreparedJob,
        board: JobBoard,
        ledger: LedgerWriter,
        suppressions: SuppressionGuard,
        backoff: Backoff,
        calendar: JobCalendar,
        paces: DomainPaces = DomainPaces(DomainLimits()),
        bounds: LaneRows.Bounds = LaneRows.Bounds(),
        halt: HaltGuard = HaltGuard(nil)
    ) {
        self.job = job
        maker = MessageMaker(job)
        self.paces = paces
        self.board = board
        self.ledger = ledger
        self.suppressions = suppressions
        self.backoff = backoff
        self.calendar = calendar
        self.halt = halt
        queue = RowQueue(capacity: 256, lanes: bounds)
        echo = EchoGuard(columns: job.phiColumns)
    }

    /// Opens, shuts or closes the way out; once closed it stays closed.
    func set(_ gate: Gate) {
        storage.withLock { if $0.gate != .closed { $0.gate = gate } }
    }

    /// Whether rows may still come from the feeder.
    var isFeeding: Bool { storage.withLock { $0.isFeeding } }

    /// A pass over the table begins.
    func begin() {
        storage.withLock {
            $0.isFeeding = true
            $0.begun = .now
            $0.putOff = [:]
        }
    }

    /// The pass is over.
    func endPass() {
        storage.withLock {
            $0.isFeeding = false
            $0.lastPass = .now - $0.begun
        }
    }

    /// In how many seconds a row may find its lane free for which nobody reads the table again before.
    ///
    /// By the lane's own pace, behind all that were put off before it; and not so soon that one pass would follow upon the other.
    func wait(_ lane: Lane) -> Int64 {
        let (before, lastPass) = storage.withLock { storage in
            let before = storage.putOff[ObjectIdentifier(lane), default: 0]
            storage.putOff[ObjectIdentifier(lane)] = before + 1
            return (before, max(storage.lastPass, .now - storage.begun))
        }
        let wait = max(queue.estimate(lane) + lane.duration(of: before), lastPass * 4)
        return max(1, Int64(min(wait / .seconds(1), 3_600).rounded(.up)))
    }

    /// What keeps messages from going out though the route would take them; the run ends when it sees it.
    var failure: String? {
        fault.withLock { $0 }
    }

    /// Whether a connection that asked now would be told something else than to wait.
    var hasWork: Bool {
        switch storage.withLock({ $0.gate }) {
        case .open: queue.hasWork()
        case .shut: false
        case .closed: true
        }
    }

    // MARK: - MessageSource

    func next() -> NextMessage {
        while true {
            let (gate, isFeeding) = storage.withLock { ($0.gate, $0.isFeeding) }
            switch gate {
            case .closed: return .finished
            case .shut: return .later
            case .open: break
            }
            switch queue.pop() {
            case .row(let ready):
                guard mayGo(ready), let message = render(ready) else {
                    ready.lane?.ended()
                    continue
                }
                // The last look: from here on the row is begun.
                guard halt.mayBegin() else {
                    _ = sending.withLock { $0.removeValue(forKey: ready.row.number) }
                    ready.lane?.ended()
                    board.release(ready.row.number)
                    set(.closed)
                    return .finished
                }
                return .message(message)
            case .wait(let moment):
                alarm.set(at: moment)
                return .later
            case .nothing:
                if isFeeding { return .later }
                return board.finish() ? .finished : .later
            }
        }
    }

    var waiting: Int { queue.waiting() }

    func willTransmit(_ message: Ticket, then promise: DurabilityPromise) {
        ledger.append(.tried(message.row, attempt: message.attempt, at: .now), then: promise)
    }

    /// Asked when the content is about to be written: a process that was stopped meanwhile has no right to send any more.
    func mayTransmit() -> Bool {
        ledger.isHeld
    }

    func ended(_ message: Ticket, _ result: AttemptResult) {
        var result = result
        var zone = 0
        if let sent = sending.withLock({ $0.removeValue(forKey: message.row) }) {
            result.detail = echo.clean(result.detail, sent.row)
            if let lane = sent.lane {
                lane.ended()
                learn(lane, result, attempt: message.attempt)
            }
            zone = sent.zone
        }
        if halt.isPassed(by: result) { set(.closed) }
        switch result.verdict {
        case .accepted: end(message, .sent, result)
        case .refused: end(message, .failed, result)
        case .unknown: end(message, .unknown, result)
        case .held: end(message, .held, result)
        case .notTried: handBack(message, result)
        case .deferred: again(message, result, calendar.deadline(zone))
        }
    }

    /// What an answer says of the pace that the recipient's domain bears.
    private func learn(_ lane: Lane, _ result: AttemptResult, attempt: Int) {
        if result.slowDown == .recipientDomain, !Greylisting.isLikely(result, attempt: attempt) {
            lane.slowDown(at: .now)
        } else if result.verdict == .accepted {
            lane.worked(at: .now)
        }
    }

    /// Looks for complaints while no message asks for that.
    ///
    /// A list that cannot be read is for the next message to find out.
    func noticeComplaints() {
        if halt.mindsComplaints { try? suppressions.refresh() }
    }

    // MARK: - Times

    /// Whether a claimed row may go now by its own clocks; puts it where it belongs if not.
    func mayGo(_ row: RowNumber, _ attempts: Int, zone: Int) -> Bool {
        guard calendar.hasZones else { return true }
        switch calendar.standing(zone, at: .now) {
        case .open: return true
        case .shut(let until): board.postpone(row, until: until)
        case .over where attempts > 0: overdue.withLock { $0.append((row, attempts)) }
        case .over: end(row, .cancelled, .pastNotAfter, Self.late)
        }
        return false
    }

    private func mayGo(_ ready: ReadyRow) -> Bool {
        mayGo(ready.row.number, ready.attempts, zone: ready.zone)
    }

    static let late = "the time for sending ended before the row was tried"

    /// Claimed rows that were tried before and whose time is over: they come to what their last try came to.
    func takeOverdue() -> [(row: RowNumber, attempts: Int)] {
        overdue.withLock { rows in
            defer { rows = [] }
            return rows
        }
    }

    // MARK: - Rendering

    /// The finished message; `nil` if the row ended here: opted out a moment ago, or not to be rendered.
    private func render(_ ready: ReadyRow) -> OutgoingMessage? {
        let row = ready.row.number
        do {
            if let reason = try suppressions.reason(against: ready.recipient) {
                end(row, .suppressed, reason, attempts: ready.attempts)
                return nil
            }
        } catch {
            fault.withLock { if $0 == nil { $0 = "the suppression list cannot be read: \(error)" } }
            board.release(row)
            set(.shut)
            return nil
        }
        do {
            let message = if let ahead = ready.ahead { ahead.message } else { try maker.render(ready) }
            sending.withLock { $0[row] = Sending(row: ready.row, lane: ready.lane, zone: ready.zone) }
            return message
        } catch {
            end(row, .invalid, error.reason, "\(error)", attempts: ready.attempts)
            return nil
        }
    }
}
