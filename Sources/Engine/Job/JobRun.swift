import Core
import Delivery
import Intake
import Ledger
import Logging
import Synchronization

/// One job on its way: feeds rows to a route until every row has ended, and obeys what people drop into the folder.
///
/// Three things go on at a time, and end together: the route sends, the feeder reads, and the keeper looks at the clock, the
/// folder and the disk a few times a second. The route is not asked whether all is done: a job whose last rows need no message
/// ends though the relay cannot be reached.
final class JobRun: Sendable {
    /// Why a run ended.
    enum End: Equatable, Sendable {
        /// Every row is where it stays, and the disk has it.
        case complete
        /// Somebody dropped `STOP`.
        case stopped
        /// The folder or a file in it is not what was taken up.
        case changed(String)
        /// The process was asked to end; the job goes on when it is started again.
        case interrupted
        /// The ledger cannot be written; the job goes on when it can.
        case disk(String)
        /// Another worker has the job now; nothing more is to be done or written.
        case lost
    }

    let job: PreparedJob
    let ledger: LedgerWriter
    let source: JobSource
    let sender: RouteSender
    let schedule: JobSchedule
    /// How often the keeper looks.
    let interval: Duration
    /// Whether another worker has the job now.
    let isLost: @Sendable () -> Bool
    let report: @Sendable (JobProgress) -> Void
    let log: Logger
    /// Whether the route was begun; before that nobody is there to hear how it ends.
    private let isCalled = Atomic(false)

    init(
        job: PreparedJob,
        ledger: LedgerWriter,
        source: JobSource,
        sender: RouteSender,
        schedule: JobSchedule,
        interval: Duration,
        isLost: @escaping @Sendable () -> Bool = { false },
        report: @escaping @Sendable (JobProgress) -> Void,
        log: Logger
    ) {
        self.job = job
        self.ledger = ledger
        self.source = source
        self.sender = sender
        self.schedule = schedule
        self.interval = interval
        self.isLost = isLost
        self.report = report
        self.log = log
    }

    /// Why the run is to end before every row is sent.
    private enum Cause: Sendable {
        case stopped
        case changed(String)
        case disk(String)
        case deadline
        case lost

        /// What a reader of the table came upon; `nil` for no reason to end.
        init?(_ end: RowFeeder.End) {
            switch end {
            case .complete, .closed: return nil
            case .changed(let problem): self = .changed("\(problem)")
            case .unreadable(let error): self = .disk("\(error)")
            }
        }
    }

    private enum Finished: Sendable {
        case route(RouteEnd)
        case rows
        case keeper

        /// When the route has ended, or no row is left, nothing more is to be done.
        var isEnd: Bool {
            if case .keeper = self { false } else { true }
        }
    }

    /// Runs the job to its end, whatever that is.
    ///
    /// Every row that was not sent has its reason in the ledger then, unless the run was interrupted or the disk
    /// failed.
    func run() async -> End {
        let cause = CauseBox()
        // The alarm holds the route, and the route its source: untied again in `shut`.
        source.alarm.start { [self] in wake() }
        let end: RouteEnd = await withTaskGroup(of: Finished.self) { group in
            group.addTask { [self] in .route(await send()) }
            group.addTask { [self] in
                await feed(cause)
                return .rows
            }
            group.addTask { [self] in
                await keep(cause)
                return .keeper
            }
            var end = RouteEnd.cancelled
            for await finished in group {
                if case .route(let route) = finished { end = route }
                // When a cause to end came up, connections finish the messages they are at and take no others.
                guard cause.value != nil || finished.isEnd else { continue }
                shut()
                group.cancelAll()
            }
            return end
        }
        shut()
        return await settle(end, cause.value)
    }

    private func shut() {
        source.set(.closed)
        source.alarm.stop()
        for row in source.queue.close() { source.board.release(row.row.number) }
    }

    // MARK: - Sending

    /// Calls the relay once there is something to send: a job that waits for Monday holds no connection until then.
    private func send() async -> RouteEnd {
        while !source.hasWork {
            guard (try? await Task.sleep(for: .milliseconds(20))) != nil else { return .cancelled }
        }
        isCalled.store(true, ordering: .releasing)
        return await sender.run()
    }

    /// Has the route look for rows, if there are any: otherwise connections without work would be made and ended for as long as
    /// the job waits.
    private func wake() {
        if isCalled.load(ordering: .acquiring), source.hasWork { sender.wake() }
    }

    // MARK: - Reading

    private func feed(_ cause: CauseBox) async {
        let rows = RowReading(job: job, source: source)
        let feeder = RowFeeder(rows) { [self] in wake() }
        let lanes = LaneFeeder(rows) { end in
            if let found = Cause(end) { cause.set(found) }
        }
        source.queue.setNeed { lanes.need($0) }
        while !Task.isCancelled {
            let start = ContinuousClock.now
            let pass = await feeder.pass()
            if case .closed = pass { return }
            if let found = Cause(pass) { return cause.set(found) }
            // Rows refused at different moments are due at different ones: a large table is not read for each.
            let end = ContinuousClock.now
            let rest = end + min(end - start, .seconds(30))
            // What was handed back or refused for now gets another pass when its time has come.
            while !Task.isCancelled {
                let board = source.board.snapshot
                if board.isComplete { return }
                if board.open > 0 { break }
                if ContinuousClock.now >= rest, source.board.isDue(at: .now) { break }
                try? await Task.sleep(for: .milliseconds(board.inFlight > 0 ? 20 : 250))
            }
        }
    }

    // MARK: - Keeping

    private func keep(_ cause: CauseBox) async {
        var isPaused = false
        var table = TableWatch(job)
        let meter = ProgressMeter(total: source.board.rows)
        while !Task.isCancelled {
            // A reader of the table may have come upon one.
            if cause.value != nil { return }
            if let reason = reasonToEnd {
                if case .disk(let what) = reason {
                    log.error("the job cannot go on", metadata: ["job": "\(job.id)", "cause": "\(what)"])
                }
                return cause.set(reason)
            }
            if let change = await table.change() { return cause.set(.changed(change)) }
            let wantsPause = job.folder.has(.pause)
            if wantsPause != isPaused {
                isPaused = wantsPause
                ledger.append(isPaused ? .paused(at: .now) : .resumed(at: .now))
            }
            let opening = schedule.opening(from: .now)
            source.set(!isPaused && opening == nil ? .open : .shut)
            wake()
            report(
                meter.progress(
                    source.board.snapshot,
                    isPaused: isPaused,
                    waitingUntil: opening,
                    problem: sender.problem
                )
            )
            try? await Task.sleep(for: interval)
        }
    }

    private var reasonToEnd: Cause? {
        if isLost() { return .lost }
        if let failure = ledger.failure { return .disk("\(failure)") }
        if let failure = source.failure { return .disk(failure) }
        if !job.folder.isInPlace {
            return .changed("the folder \(job.folder.name) was renamed or removed while the job ran")
        }
        if job.folder.has(.stop) { return .stopped }
        return Timestamp.now > schedule.deadline ? .deadline : nil
    }

    // MARK: - The rest

    /// Gives every row that is left its reason, as the end of the route and of the job has it.
    private func settle(_ end: RouteEnd, _ cause: Cause?) async -> End {
        if case .lost = cause { return .lost }
        if case .disk(let what) = cause { return .disk(what) }
        guard await rowsCameBack(), let view = await ledger.view() else { return diskFailed }
        var cause = cause
        if case .changed = cause {
        } else if source.board.snapshot.isComplete {
            // Looked at once more, since a small table is read in one go: what stands beside the results must be what was
            // sent.
            guard let change = await TableWatch.difference(job) else { return .complete }
            cause = .changed(change)
        }
        let result: End
        switch (cause, end) {
        case (.disk(let what), _):
            return .disk(what)
        case (.lost, _):
            return .lost
        case (.stopped, _):
            rest(view, .cancelled, RouteProblem(.stopped, detail: "STOP was dropped into the folder", server: ""))
            result = .stopped
        case (.changed(let what), _):
            let reason: Reason = job.folder.isInPlace ? .contentChanged : .folderGone
            rest(view, .cancelled, RouteProblem(reason, detail: what, server: ""))
            result = .changed(what)
        case (.deadline, _):
            let trouble = sender.problem.map { " (\($0.detail))" } ?? ""
            let detail = "the time for sending ended before the row was tried\(trouble)"
            rest(view, .cancelled, RouteProblem(.pastNotAfter, detail: detail, server: ""))
            result = .complete
        case (nil, .cancelled):
            return .interrupted
        case (nil, .held(let problem)), (nil, .stopped(let problem)):
            rest(view, .held, problem)
            result = .complete
        case (nil, .finished):
            result = .complete
        }
        return await rowsCameBack() ? result : diskFailed
    }

    /// Waits until the disk has all that was written and the board knows of it.
    ///
    /// The ledger may call its last records durable a moment before the board is told, and a row that is under way by the
    /// board would be left out of what comes next.
    private func rowsCameBack() async -> Bool {
        for _ in 0..<5_000 {
            guard await ledger.flush() else { return false }
            if source.board.snapshot.inFlight == 0 { return true }
            await Blocking.pause(milliseconds: 2)
        }
        return false
    }

    private var diskFailed: End {
        isLost() ? .lost : .disk(ledger.failure.map { "\($0)" } ?? "rows that were under way did not come back")
    }

    private func rest(_ view: LedgerView, _ status: RowStatus, _ problem: RouteProblem) {
        source.board.claimRest { row, attempts in
            var outcome = Outcome(
                status,
                reason: problem.reason,
                detail: problem.detail,
                attempts: attempts,
                finishedAt: .now,
                route: problem.server.isEmpty ? "" : job.routeName,
                server: problem.server
            )
            // A row that was tried and refused for now is not "before it was tried": that refusal is what it came to.
            // One that was handed back in the middle of its next try names no server, and is cancelled like the others.
            if status == .cancelled, attempts > 0, case .deferred(_, let last)? = try? view.latest(of: row),
                !last.server.isEmpty
            {
                outcome.status = .failed
                outcome.reason = last.reason
                outcome.detail = last.detail
                outcome.route = last.route
                outcome.server = last.server
                outcome.tls = last.tls
                outcome.messageID = job.run.messages.messageID(of: row)
            }
            source.end(row, outcome)
        }
    }

    /// The first cause wins.
    private final class CauseBox: Sendable {
        private let box = Mutex<Cause?>(nil)

        var value: Cause? { box.withLock { $0 } }

        func set(_ cause: Cause) {
            box.withLock { if $0 == nil { $0 = cause } }
        }
    }
}
