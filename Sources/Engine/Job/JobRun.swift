import Core
import Delivery
import Intake
import Ledger
import Logging
import Synchronization

/// One job on its way: feeds rows to a route until every row has ended, and obeys what people drop into the folder.
///
/// Three things go on at a time, and end together: the route sends, the feeder reads, and the keeper looks at the clock, the
/// folder and the disk four times a second.
struct JobRun: Sendable {
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
    }

    let job: PreparedJob
    let ledger: LedgerWriter
    let source: JobSource
    let sender: RouteSender
    let schedule: JobSchedule
    let report: @Sendable (JobProgress) -> Void
    let log: Logger

    /// Why the run is to end before every row is sent.
    private enum Cause: Sendable {
        case stopped
        case changed(String)
        case disk(String)
        case deadline
    }

    private enum Finished: Sendable {
        case route(RouteEnd)
        case part

        var isRoute: Bool {
            if case .route = self { true } else { false }
        }
    }

    /// Runs the job to its end, whatever that is.
    ///
    /// Every row that was not sent has its reason in the ledger then, unless the run was interrupted or the disk
    /// failed.
    func run() async -> End {
        let cause = CauseBox()
        let end: RouteEnd = await withTaskGroup(of: Finished.self) { group in
            group.addTask { .route(await sender.run()) }
            group.addTask {
                await feed(cause)
                return .part
            }
            group.addTask {
                await keep(cause)
                return .part
            }
            var end = RouteEnd.cancelled
            for await finished in group {
                if case .route(let route) = finished { end = route }
                // When the route has ended, nothing more is read. When a cause to end came up, connections finish the
                // messages they are at and take no others.
                guard cause.value != nil || finished.isRoute else { continue }
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
        for row in source.queue.close() { source.board.release(row.row.number) }
    }

    // MARK: - Reading

    private func feed(_ cause: CauseBox) async {
        let feeder = RowFeeder(job: job, source: source) { [sender] in sender.wake() }
        while !Task.isCancelled {
            switch await feeder.pass() {
            case .complete: break
            case .closed: return
            case .changed(let problem): return cause.set(.changed("\(problem)"))
            }
            // What was handed back or refused for now gets another pass when its time has come.
            while !Task.isCancelled {
                let board = source.board.snapshot
                if board.isComplete { return sender.wake() }
                if board.open > 0 { break }
                if let due = source.board.earliestDue, due <= .now { break }
                try? await Task.sleep(for: .milliseconds(board.inFlight > 0 ? 20 : 250))
            }
        }
    }

    // MARK: - Keeping

    private func keep(_ cause: CauseBox) async {
        var isPaused = false
        let meter = ProgressMeter(total: source.board.rows)
        while !Task.isCancelled {
            if let reason = reasonToEnd {
                if case .disk(let what) = reason {
                    log.error("the ledger cannot be written", metadata: ["job": "\(job.id)", "cause": "\(what)"])
                }
                return cause.set(reason)
            }
            let wantsPause = job.folder.has(.pause)
            if wantsPause != isPaused {
                isPaused = wantsPause
                ledger.append(isPaused ? .paused(at: .now) : .resumed(at: .now))
            }
            let opening = schedule.opening(from: .now)
            source.set(!isPaused && opening == nil ? .open : .shut)
            sender.wake()
            report(
                meter.progress(
                    source.board.snapshot,
                    isPaused: isPaused,
                    waitingUntil: opening,
                    problem: sender.problem
                )
            )
            try? await Task.sleep(for: .milliseconds(250))
        }
    }

    private var reasonToEnd: Cause? {
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
        guard let view = await ledger.view() else { return diskFailed }
        let result: End
        switch (cause, end) {
        case (.disk(let what), _):
            return .disk(what)
        case (.stopped, _):
            rest(view, .cancelled, RouteProblem(.stopped, detail: "STOP was dropped into the folder", server: ""))
            result = .stopped
        case (.changed(let what), _):
            let reason: Reason = job.folder.isInPlace ? .contentChanged : .folderGone
            rest(view, .cancelled, RouteProblem(reason, detail: what, server: ""))
            result = .changed(what)
        case (.deadline, _):
            let detail = "the time for sending ended before the row was tried"
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
        return await ledger.flush() ? result : diskFailed
    }

    private var diskFailed: End {
        .disk(ledger.failure.map { "\($0)" } ?? "the ledger cannot be written")
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
            if status == .cancelled, attempts > 0, case .deferred(_, let last)? = try? view.latest(of: row) {
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
