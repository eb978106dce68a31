import Core
import Delivery
import Intake
import Ledger
import Logging
import Synchronization

/// One job on its way: feeds rows to a route until every row has ended, and obeys what people drop into the folder.
///
/// Five things go on at a time, and end together: the route sends, the feeder reads, and a few times a second one looks at what
/// people want (``steer(_:)``), one at the table (``watchTable(_:)``), and one tells how far the job is (``tell(until:)``): none of them
/// waits for a slow disk or a large file that another looks at. The route is not asked whether all is done: a job whose last rows
/// need no message ends though the relay cannot be reached.
final class JobRun: Sendable {
    /// Why a run ended.
    enum End: Equatable, Sendable {
        /// Every row is where it stays, and the disk has it.
        case complete
        /// Somebody dropped `STOP` or `STOP-ALL`.
        case stopped
        /// Servers refused too many rows, or too many recipients complained; the sentence says how many.
        case halted(String)
        /// The folder or a file in it is not what was taken up.
        case changed(String)
        /// The process was asked to end; the job goes on when it is started again.
        case interrupted
        /// The ledger cannot be written, or the folder not be read; the job goes on when that can be done.
        case disk(String)
        /// Another worker has the job now; nothing more is to be done or written.
        case lost

        /// Whether the job is not to go on before somebody has seen how it ended.
        var isForPeople: Bool {
            switch self {
            case .stopped, .halted: true
            case .complete, .changed, .interrupted, .disk, .lost: false
            }
        }

        /// How a run ends that found every row at its end: as an earlier one did that could not say so beside the job.
        init(after stopped: Reason?) {
            switch stopped {
            case .stopped?: self = .stopped
            case .halted?: self = .halted("Halted: more was refused or complained about than this site allows")
            case .contentChanged?, .folderGone?:
                self = .changed("The folder or a file in it was changed while the job ran")
            default: self = .complete
            }
        }
    }

    /// Why the run is to end before every row is sent.
    enum Cause: Sendable {
        /// The name of the file that said so.
        case stopped(by: String)
        case halted(String)
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

    /// What a run needs from its surroundings.
    struct Surroundings: Sendable {
        /// How often the folder, the clock and the table are looked at.
        var interval: Duration
        /// How long a `RETRY` must have been still to be read.
        var stillness: Duration
        /// Says where `STOP-ALL` lies, if it does.
        var stopAll: @Sendable () throws -> String?
        /// Whether another worker has the job now.
        var isLost: @Sendable () -> Bool
        /// Told how far the job is.
        var report: @Sendable (JobProgress) -> Void
        /// Told that a `RETRY` cannot be followed, to say so beside the job.
        var refuse: @Sendable (Diagnostic) throws -> Void
        /// What was obeyed.
        var steering: SteeringLog
        var log: Logger
    }

    let job: PreparedJob
    let ledger: LedgerWriter
    let source: JobSource
    let sender: RouteSender
    let surroundings: Surroundings
    /// When the job may send.
    var calendar: JobCalendar { source.calendar }
    /// Whether people hold the job back, and until when its times do.
    let isHeldBack: Mutex<(isPaused: Bool, opening: Timestamp?)> = Mutex((false, nil))
    /// Whether the route was begun; before that nobody is there to hear how it ends.
    private let isCalled = Atomic(false)
    /// Rung when there is something to send.
    private let call = Bell()
    /// Whether rows were cancelled before the route had ended.
    let wasCutShort = Flag()

    init(
        job: PreparedJob,
        ledger: LedgerWriter,
        source: JobSource,
        sender: RouteSender,
        surroundings: Surroundings
    ) {
        self.job = job
        self.ledger = ledger
        self.source = source
        self.sender = sender
        self.surroundings = surroundings
    }

    private enum Finished: Sendable {
        case route(RouteEnd)
        case rows
        case keeper
        case drained(Void)
        case told(Void)

        /// Whether what is under way may go on.
        var isPatient: Bool {
            switch self {
            case .rows, .keeper: true
            case .route, .drained, .told: false
            }
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
        let (isOver, bell) = (Flag(), Bell())
        let end: RouteEnd = await withTaskGroup(of: Finished.self) { group in
            group.addTask { [self] in .route(await send()) }
            group.addTask { [self] in
                await feed(cause)
                return .rows
            }
            group.addTask { [self] in
                await steer(cause)
                return .keeper
            }
            group.addTask { [self] in
                await watchTable(cause)
                return .keeper
            }
            group.addTask { [self] in
                .told(await tell(cause, until: isOver, bell))
            }
            var end = RouteEnd.cancelled
            var (isDraining, isCancelling) = (false, false)
            for await finished in group {
                switch finished {
                case .route(let route):
                    end = route
                    isOver.set()
                    bell.ring()
                case .keeper: guard cause.value != nil else { continue }
                case .told: continue
                case .rows, .drained: break
                }
                shut()
                if case .halted? = cause.value, finished.isPatient {
                    // A job that halts itself is in no hurry: what is under way ends as always.
                    if !isDraining { group.addTask { [self] in .drained(await drain()) } }
                    isDraining = true
                    continue
                }
                group.cancelAll()
                if case .stopped(let file)? = cause.value, !isCancelling {
                    // What nobody has begun is cancelled while answers to the rest are awaited.
                    group.addTask { [self] in .told(await cancelOpenRows(file)) }
                    isCancelling = true
                }
            }
            return end
        }
        shut()
        return await settle(end, cause.value ?? source.halt.sentence.map(Cause.halted))
    }

    private func shut() {
        source.set(.closed)
        source.alarm.stop()
        for row in source.queue.close() { source.board.release(row.row.number) }
    }

    /// Waits until no row is with a connection any more, or somebody is in a hurry.
    private func drain() async {
        while source.board.snapshot.inFlight > 0, !Task.isCancelled {
            wake()
            if (try? await look())?.stop != nil { return }
            try? await Task.sleep(for: surroundings.interval)
        }
    }

    // MARK: - Sending

    /// Calls the relay once there is something to send: a job that waits for Monday holds no connection until then.
    private func send() async -> RouteEnd {
        while !source.hasWork {
            if Task.isCancelled { return .cancelled }
            await call.wait(atMost: .milliseconds(20))
        }
        isCalled.store(true, ordering: .releasing)
        return await sender.run()
    }

    /// Has the route look for rows, if there are any: otherwise connections without work would be made and ended for as long as
    /// the job waits.
    func wake() {
        guard source.hasWork else { return }
        if isCalled.load(ordering: .acquiring) { sender.wake() } else { call.ring() }
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
                await endOverdue()
                if source.board.finish() { return }
                let board = source.board.snapshot
                if board.open > 0 { break }
                if ContinuousClock.now >= rest, source.board.isDue(at: .now) { break }
                await source.board.rest.wait(atMost: .milliseconds(board.inFlight > 0 ? 20 : 250))
            }
        }
    }

    // MARK: - The end

    /// Gives every row that is left its reason, as the end of the route and of the job has it.
    private func settle(_ end: RouteEnd, _ cause: Cause?) async -> End {
        if case .lost = cause { return .lost }
        if case .disk(let what) = cause { return .disk(what) }
        guard await rowsCameBack(), let view = await ledger.view() else { return diskFailed }
        var cause = cause
        if case .changed = cause {
        } else if source.board.snapshot.isComplete, !wasCutShort.isSet {
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
        case (.stopped(let file), _):
            cancelRest(view, by: file)
            result = .stopped
        case (.halted(let sentence), _):
            // What came in since is counted, too.
            let sentence = source.halt.sentence ?? sentence
            rest(view, .cancelled, RouteProblem(.halted, detail: sentence, server: ""))
            result = .halted(sentence)
        case (.changed(let what), _):
            let isGone = (try? job.folder.steering())?.isInPlace == false
            rest(view, .cancelled, RouteProblem(isGone ? .folderGone : .contentChanged, detail: what, server: ""))
            result = .changed(what)
        case (.deadline, _):
            let trouble = sender.problem.map { " (\($0.detail))" } ?? ""
            let detail = "\(JobSource.late)\(trouble)"
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
            // Nobody is there any more to see to them: they are part of the rest.
            for (row, _) in source.takeOverdue() { source.board.release(row) }
            if source.board.snapshot.inFlight == 0 { return true }
            await source.board.rest.waitThrough(atMost: .milliseconds(2))
        }
        return false
    }

    private var diskFailed: End {
        surroundings.isLost()
            ? .lost : .disk(ledger.failure.map { "\($0)" } ?? "rows that were under way did not come back")
    }

    /// The first cause wins.
    final class CauseBox: Sendable {
        private let box = Mutex<Cause?>(nil)

        var value: Cause? { box.withLock { $0 } }

        func set(_ cause: Cause) {
            box.withLock { if $0 == nil { $0 = cause } }
        }
    }

    /// Something that is once said.
    final class Flag: Sendable {
        private let isSaid = Atomic(false)

        var isSet: Bool { isSaid.load(ordering: .acquiring) }

        func set() {
            isSaid.store(true, ordering: .releasing)
        }
    }
}
