import Compose
public import Core
import Delivery
import Files
import Intake
import Ledger
public import Logging
import NIOPosix
import OpenSSL
import Tracking

/// Works folders of the drop area, from take-up to the marker; one at a time for each call.
public struct JobWorker: Sendable {
    /// How the work on a folder ended.
    public enum Result: Sendable {
        /// Every row has its final state.
        case done(JobTotals)
        /// Somebody stopped the job; every row has its final state all the same.
        case stopped(JobTotals)
        /// The job waits for a person; the sentence says for what.
        case held(String, JobTotals?)
        /// The job cannot be sent as it is.
        case rejected([Diagnostic])
        /// It ended before, with this marker; nothing was done.
        case finishedBefore(String)
        /// Another process works it.
        case busy
        /// The process was asked to end; the job goes on at the next start.
        case interrupted
        /// The disk or the ledger does not let it go on now.
        case tryAgain(String)
        /// All jobs of the site are to stop, and none is taken up; the sentence says why.
        case suspended(String)
    }

    /// What has its usual value, but for tests.
    struct Tuning: Sendable {
        /// How long rows wait after a temporary refusal.
        var backoff = Backoff()
        /// For how many seconds a job tries whose manifest does not say.
        var usualSeconds = JobSchedule.usualSeconds
        /// How often folder, clock and disk are looked at.
        var interval: Duration = .milliseconds(250)
        /// How much may wait for recipients' domains.
        var lanes = LaneRows.Bounds()
        /// How long another worker is missed before its jobs are taken over; as the configuration says without it.
        var lease: Duration?
        /// How long a `RETRY` must have been still to be read: an upload makes an empty file first.
        var stillness: Duration = .seconds(1)
    }

    let site: Site
    let keys: SiteKeys
    let claims: JobClaims
    let store: LedgerStore
    let loops: MultiThreadedEventLoopGroup
    let log: Logger
    let tuning: Tuning
    /// How fast mail goes to recipients' domains; all jobs have it in common.
    let paces: DomainPaces

    /// How programs are told from people among those who open and click.
    let classifier: Classifier

    private let budgets: RouteBudgets

    /// Prepares to work a site's jobs; reads its keys.
    public init(site: Site, log: Logger) throws(EngineError) {
        try self.init(site: site, log: log, tuning: Tuning())
    }

    init(site: Site, log: Logger, tuning: Tuning) throws(EngineError) {
        self.site = site
        self.log = log
        self.tuning = tuning
        keys = try site.keys()
        classifier = try site.classifier()
        paces = DomainPaces(site.configuration.domainLimits)
        budgets = RouteBudgets(site)
        claims = try JobClaims(site: site, time: tuning.lease)
        store = LedgerStore(
            directory: try site.outbox("ledgers"),
            key: keys.ledger,
            leases: claims.ledgers,
            witness: Witness(directory: try site.witness())
        )
        loops = .singleton
    }

    /// Works one folder to its end.
    ///
    /// - Parameters:
    ///   - name: The folder's name in `jobs/`.
    ///   - waits: Whether to wait for as long as it takes to tell whether another that has the folder is still at work.
    ///   - report: Told how far the job is, a few times a second.
    public func work(
        _ name: String,
        waits: Bool = false,
        report: @escaping @Sendable (JobProgress) -> Void = { _ in }
    ) async throws(EngineError) -> Result {
        let folder: JobFolder
        do {
            folder = try JobFolder(name, in: try site.jobs())
        } catch let error as EngineError {
            throw error
        } catch let problem as Diagnostic {
            return problem.mayPass ? .tryAgain("\(problem)") : .rejected([problem])
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
        do {
            let lock = waits ? try await claims.lockPatiently(name) : try claims.lock(name)
            guard let lock else { return .busy }
            defer { lock.release(clean: true) }
            if let sentence = try site.stopAllSentence() { return .suspended(sentence) }
            claims.sweep(folder)
            do {
                try keys.ring.refresh()
            } catch {
                log.error("the old token keys stay in force", metadata: ["cause": "\(error)"])
            }
            do {
                return try await work(folder, lock, report)
            } catch  where !(error is EngineError || error is CancellationError) {
                JobOutput(folder, site: site, keys: keys, classifier: classifier, lease: lock).pause(
                    "The job cannot go on now: \(error)"
                )
                return .tryAgain("\(error)")
            }
        } catch let error as EngineError {
            throw error
        } catch is CancellationError {
            return .interrupted
        } catch {
            return .tryAgain("\(error)")
        }
    }

    private func work(
        _ folder: JobFolder,
        _ lock: Lease,
        _ report: @escaping @Sendable (JobProgress) -> Void
    ) async throws -> Result {
        do {
            return try await choose(folder, lock, report)
        } catch  where lock.isLost {
            log.notice("another worker took the job over", metadata: ["folder": "\(folder.name)"])
            return .busy
        } catch let error as LedgerError {
            // What was sent is no longer known, or cannot be: nothing may be sent until a person has looked.
            switch error {
            case .broken: return hold(folder, lock, "The job's ledger does not verify: \(error)", nil)
            case .version, .tooLong: return hold(folder, lock, "\(error)", nil)
            case .restored(let id, let what): return hold(folder, lock, RunSelection.sentence(id, what), nil)
            case .busy, .takenOver: return .busy
            case .exists, .notFound, .unfinished, .file: return .tryAgain("\(error)")
            }
        }
    }

    // MARK: - Running

    /// What people asked for, beyond that the job be sent.
    struct Request {
        /// The file that confirmed a repetition, or a ledger from a backup.
        var confirmation: JobFiles.Control?
        /// Which ended rows to try again.
        var retry: [RowSelection]
        /// Whether the ledger lacks what came after a backup.
        var isLossy = false
    }

    /// Works a job under its ledger, and lets go of the ledger however that ends: connections that are still being closed
    /// would hold it, and the next try would find it taken.
    func run(
        _ job: PreparedJob,
        _ ledger: LedgerWriter,
        _ request: Request,
        _ lock: Lease,
        _ output: JobOutput,
        _ report: @escaping @Sendable (JobProgress) -> Void
    ) async throws -> Result {
        do {
            let result = try await send(job, ledger, request, lock, output, report)
            _ = await ledger.close()
            return result
        } catch {
            _ = await ledger.close()
            throw error
        }
    }

    private func send(
        _ job: PreparedJob,
        _ ledger: LedgerWriter,
        _ request: Request,
        _ lock: Lease,
        _ output: JobOutput,
        _ report: @escaping @Sendable (JobProgress) -> Void
    ) async throws -> Result {
        let folder = job.folder
        if let file = request.confirmation { ledger.append(.confirmed(at: .now, file: file.rawValue)) }
        ledger.append(.started(at: .now, process: Working.process, host: Working.host))
        ledger.append(.tracking(at: .now, job.tracking))
        let lost = ledger.endRowsUnderWay(at: .now) { job.run.messages.messageID(of: $0) }
        // RETRY names what is to be sent; what else was sent after the backup nobody knows.
        if request.isLossy, request.confirmation == .retry {
            ledger.endOpenRows(at: .now) { job.run.messages.messageID(of: $0) }
        }
        for selection in request.retry { ledger.append(.retried(at: .now, selection)) }
        guard await ledger.flush() else { return .tryAgain("\(ledger.failure.map { "\($0)" } ?? "the ledger failed")") }
        // What was asked for is in the ledger now; a file left behind would ask again.
        let answered: [JobFiles.Control] = request.retry.isEmpty ? [.confirm] : [.retry, .confirm]
        try folder.directory.removeDurably(answered.map(\.rawValue))
        try output.clearMarker()
        if lost > 0 {
            log.warning(
                "rows were under way when the last process ended",
                metadata: ["job": "\(job.id)", "rows": "\(lost)"]
            )
        }
        // Rows that somebody asks for again have their time from then on.
        let begun = ledger.run.retries > 0 ? ledger.run.lastStart : nil
        let calendar = job.calendar(begun: begun ?? job.run.takenUp, usualSeconds: tuning.usualSeconds)
        let halt = HaltGuard(
            site.configuration.halt,
            complaints: site.configuration.bounces?.complaints,
            sentBefore: ledger.withRows { $0.counts[.sent] }
        )
        // Whoever has a job go on knows of the complaints that there were.
        let since = request.retry.isEmpty ? Int64.min : wallClock()
        let suppressions = try suppressions(job) { event in
            if event.job == job.id, event.milliseconds >= since { halt.note(complaintOf: event.row) }
        }
        let board = ledger.withRows { JobBoard($0) }
        let source = JobSource(
            job: job,
            board: board,
            ledger: ledger,
            suppressions: suppressions,
            backoff: tuning.backoff,
            calendar: calendar,
            paces: paces,
            bounds: tuning.lanes,
            halt: halt
        )
        let steering = SteeringLog()
        if !request.retry.isEmpty {
            steering.note(JobFiles.Control.retry.rawValue, "followed when the job was taken up")
        }
        let status = try output.reporter(job, ledger, steering)
        let jobs = try site.jobs()
        let run = JobRun(
            job: job,
            ledger: ledger,
            source: source,
            sender: try await sender(job, source),
            surroundings: JobRun.Surroundings(
                interval: tuning.interval,
                stillness: tuning.stillness,
                stopAll: { [site] in try site.stopAll(jobs) },
                isLost: { ledger.isLost || lock.isLost },
                report: { progress in
                    status.update(progress)
                    report(progress)
                },
                refuse: { try output.write(problems: job.warnings + [$0]) },
                steering: steering,
                log: log
            )
        )
        log.notice(
            "job started",
            metadata: ["job": "\(job.id)", "folder": "\(folder.name)", "rows": "\(job.rowCount)"]
        )
        let end = await run.run()
        do {
            let result = try await finish(end, job, ledger, output, status, steering)
            if case .tryAgain(let what) = result { status.trouble("The job cannot go on now: \(what)") }
            return result
        } catch let error as FileError {
            // Results that cannot be written now are written from the ledger when that can be done.
            status.trouble("All rows have ended, and their results cannot be written now: \(error)")
            return .tryAgain("\(error)")
        }
    }

    /// What a route's senders share, for messages that are no job's.
    func budget(of route: RouteSettings) async throws -> RouteBudget {
        try await Blocking.run { [budgets] in try budgets.budget(of: route) }
    }

    /// The job's way out: what it shares with the route's other jobs, and the rate that its own manifest asks for.
    private func sender(_ job: PreparedJob, _ source: JobSource) async throws -> RouteSender {
        let budget = try await budget(of: job.route)
        var rate: (any RateStore)?
        if let own = job.manifest.rate?.value {
            rate = try await Blocking.run { [budgets] in try budgets.rate(RouteSettings.Rate(own), of: job.id) }
        }
        return try RouteSender(
            route: job.route,
            group: loops,
            loops: loopCount(job),
            source: source,
            budget: budget,
            rate: rate
        )
    }

    /// On how many loops a job's connections are.
    ///
    /// A few connections on a loop each keep every core waking up for one reply at a time, which costs more than it brings: a
    /// loop that has sixteen finds several to do at each look.
    private func loopCount(_ job: PreparedJob) -> Int {
        (job.route.connections + 15) / 16
    }

    func suppressions(
        _ job: PreparedJob,
        onComplaint: @escaping @Sendable (Event) -> Void = { _ in }
    ) throws -> SuppressionGuard {
        let list = SuppressionList(
            outbox: try site.outbox(),
            key: keys.addressTag,
            events: EventReader(directory: try site.outbox("events"), keys: keys.ring)
        )
        return try SuppressionGuard(
            list,
            list: job.manifest.list?.value,
            isMarketing: job.manifest.isMarketing,
            onComplaint: onComplaint
        )
    }

    private func finish(
        _ end: JobRun.End,
        _ job: PreparedJob,
        _ ledger: LedgerWriter,
        _ output: JobOutput,
        _ status: StatusReporter,
        _ steering: SteeringLog
    ) async throws -> Result {
        switch end {
        case .interrupted: return .interrupted
        case .lost:
            log.notice("another worker took the job over", metadata: ["job": "\(job.id)"])
            return .busy
        case .disk(let what):
            return .tryAgain(what)
        case .complete: break
        case .stopped: ledger.append(.stopped(at: .now, reason: .stopped))
        case .halted: ledger.append(.stopped(at: .now, reason: .halted))
        case .changed:
            let reason: Reason = job.folder.isInPlace ? .contentChanged : .folderGone
            ledger.append(.stopped(at: .now, reason: reason))
        }
        if end.isForPeople { try forgetWishes(job.folder, steering) }
        let counts = ledger.withRows { $0.counts }
        guard counts.open == 0 else {
            log.error("rows have no end", metadata: ["job": "\(job.id)", "rows": "\(counts.open)"])
            return .tryAgain("\(counts.open) rows have no end yet")
        }
        // Closed first: the marker beside the job says that all is done, and what follows is told by the note.
        ledger.append(.closed(at: .now, counts: counts))
        let end = end == .complete ? JobRun.End(after: ledger.run.stopped) : end
        guard let view = await ledger.view() else { return .tryAgain("the ledger failed") }
        let totals = JobTotals(view)
        // Nothing more comes into the ledger: it is put away while results are written.
        async let isClosed = ledger.close()
        try await Blocking.run { try output.write(job, view, end, steering.all) }
        _ = await isClosed
        if job.folder.has(.stop) { try? job.folder.remove(.stop) }
        // Files that were changed under way are not to go out as a new job before somebody said so.
        if view.run.stopped != .contentChanged {
            // The marker is there: what is left of the note stands in nobody's way.
            do { try claims.forget(job.folder.name) } catch {
                log.warning("a note cannot be taken away", metadata: ["job": "\(job.id)", "cause": "\(error)"])
            }
        }
        if job.manifest.rate != nil { budgets.forget(job.id) }
        log.notice("job ended", metadata: ["job": "\(job.id)", "result": "\(totals)"])
        switch end {
        case .stopped: return .stopped(totals)
        case .changed(let what), .halted(let what): return .held(what, totals)
        default: return .done(totals)
        }
    }

    /// Takes away what was dropped before a job stopped or halted and not read any more: left there, it would set the job going
    /// again at once.
    private func forgetWishes(_ folder: JobFolder, _ steering: SteeringLog) throws {
        for control in [JobFiles.Control.retry, .confirm] where folder.has(control) {
            try folder.remove(control)
            steering.note(
                control.rawValue,
                "removed: the job ended before it was read; drop it again if it still holds"
            )
        }
    }

    func refuse(_ retry: Diagnostic, _ folder: JobFolder, _ lock: Lease) -> Result {
        hold(folder, lock, "RETRY cannot be followed: \(retry). Drop one that can, or remove HELD.", nil)
    }

    func hold(_ folder: JobFolder, _ lock: Lease, _ sentence: String, _ totals: JobTotals?) -> Result {
        let output = JobOutput(folder, site: site, keys: keys, classifier: classifier, lease: lock)
        do {
            // What was asked for was looked at; left there, it would be looked at again and again.
            for control in [JobFiles.Control.retry, .confirm] { try folder.remove(control) }
            try output.hold(sentence)
        } catch {
            return .tryAgain("\(error)")
        }
        log.notice("job held", metadata: ["folder": "\(folder.name)"])
        return .held(sentence, totals)
    }
}
