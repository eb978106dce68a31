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
    }

    let site: Site
    let keys: SiteKeys
    let claims: JobClaims
    let store: LedgerStore
    let loops: MultiThreadedEventLoopGroup
    let log: Logger

    /// Prepares to work a site's jobs; reads its keys.
    public init(site: Site, log: Logger) throws(EngineError) {
        self.site = site
        self.log = log
        keys = try site.keys()
        claims = try JobClaims(site: site)
        store = LedgerStore(directory: try site.outbox("ledgers"), key: keys.ledger)
        // As many loops as cores: messages are rendered and encrypted on them.
        loops = .singleton
    }

    /// Works one folder to its end.
    ///
    /// - Parameters:
    ///   - name: The folder's name in `jobs/`.
    ///   - report: Told how far the job is, a few times a second.
    public func work(_ name: String, report: @escaping @Sendable (JobProgress) -> Void = { _ in })
        async throws(EngineError)
        -> Result
    {
        let folder: JobFolder
        do {
            folder = try JobFolder(name, in: try site.jobs())
        } catch let error as EngineError {
            throw error
        } catch let problem as Diagnostic {
            return .rejected([problem])
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
        do {
            guard let lock = try claims.lock(name) else { return .busy }
            defer { withExtendedLifetime(lock) {} }
            return try await work(folder, report)
        } catch let error as EngineError {
            throw error
        } catch let error as LedgerError {
            // What was sent is no longer known: nothing may be sent until a person has looked.
            if case .broken = error { return hold(folder, "The job's ledger does not verify: \(error)", nil) }
            return .tryAgain("\(error)")
        } catch {
            return .tryAgain("\(error)")
        }
    }

    private func work(_ folder: JobFolder, _ report: @escaping @Sendable (JobProgress) -> Void) async throws -> Result {
        let name = folder.name
        let marker = folder.marker
        let wantsRetry = folder.has(.retry)
        let isConfirmed = folder.has(.confirm)
        if let marker {
            let goesOn = marker == .held ? isConfirmed || wantsRetry : wantsRetry && marker != .rejected
            guard goesOn else { return .finishedBefore(marker.rawValue) }
        }
        let output = JobOutput(folder, site: site, keys: keys)
        let checker = JobChecker(site: site, keys: keys)
        let finding = checker.check(folder)
        try output.write(problems: finding.problems)
        guard let job = finding.job else {
            let problems = finding.problems.filter { $0.severity == .error }
            try output.reject(problems)
            log.notice("job rejected", metadata: ["folder": "\(name)", "problems": "\(problems.count)"])
            return .rejected(finding.problems)
        }
        let active = try claims.active(name)
        if let active, active.digest != job.id.digest, try store.read(active).run.closed == nil {
            return hold(
                folder,
                "The files were changed after the job was taken up as \(active), and some of it may have been sent."
                    + " Put the files back as they were and remove HELD, or drop the rest as a new job.",
                nil
            )
        }
        let selection = RunSelection(
            store: store,
            folder: name,
            active: active,
            isConfirmed: isConfirmed,
            wantsRetry: wantsRetry
        )
        switch try await selection.choose(job.id) {
        case .busy: return .busy
        case .held(let sentence): return hold(folder, sentence, nil)
        case .new(let id, let isConfirmed):
            let run = checker.identity(id, job.run.contentDigest, takenUp: job.run.takenUp, job.manifest)
            try claims.note(name, id)
            let ledger = try store.create(header(job.under(run)))
            if isConfirmed { ledger.append(.confirmed(at: .now, file: JobFiles.Control.confirm.rawValue)) }
            return try await self.run(job.under(run), ledger, output, report)
        case .resume(let ledger):
            let header = ledger.header
            let run = checker.identity(header.job, header.contentDigest, takenUp: header.takenUp, job.manifest)
            try claims.note(name, header.job)
            return try await self.run(job.under(run), ledger, output, report)
        }
    }

    private func header(_ job: PreparedJob) -> LedgerHeader {
        LedgerHeader(
            job: job.id,
            takenUp: job.run.takenUp,
            folder: job.folder.name,
            name: job.manifest.name.value,
            purpose: job.manifest.purpose.value.rawValue,
            list: job.list,
            rows: job.rowCount,
            contentDigest: job.run.contentDigest,
            messageDomain: job.sender.domain,
            version: Version.current,
            links: job.composer.links.map(\.target)
        )
    }

    // MARK: - Running

    private func run(
        _ job: PreparedJob,
        _ ledger: LedgerWriter,
        _ output: JobOutput,
        _ report: @escaping @Sendable (JobProgress) -> Void
    ) async throws -> Result {
        let folder = job.folder
        ledger.append(.started(at: .now, process: Working.process, host: Working.host))
        let lost = ledger.endRowsUnderWay(at: .now) { job.run.messages.messageID(of: $0) }
        if folder.has(.retry) {
            for selection in try RetryRequest(folder).selections { ledger.append(.retried(at: .now, selection)) }
        }
        guard await ledger.flush() else { return .tryAgain("\(ledger.failure.map { "\($0)" } ?? "the ledger failed")") }
        // What was asked for is in the ledger now; a file left behind would ask again.
        for control in [JobFiles.Control.retry, .confirm] where folder.has(control) { try folder.remove(control) }
        try output.clearMarker()
        if lost > 0 {
            log.warning(
                "rows were under way when the last process ended",
                metadata: ["job": "\(job.id)", "rows": "\(lost)"]
            )
        }
        let schedule = JobSchedule(job.manifest, takenUp: job.run.takenUp, zone: job.zone)
        let board = ledger.withRows { JobBoard($0) }
        let source = JobSource(
            job: job,
            board: board,
            ledger: ledger,
            suppressions: try suppressions(job),
            backoff: Backoff(),
            deadline: schedule.deadline
        )
        let status = try output.reporter(job, ledger)
        let run = JobRun(
            job: job,
            ledger: ledger,
            source: source,
            sender: try RouteSender(route: job.route, group: loops, source: source),
            schedule: schedule,
            report: { progress in
                status.update(progress)
                report(progress)
            },
            log: log
        )
        log.notice(
            "job started",
            metadata: ["job": "\(job.id)", "folder": "\(folder.name)", "rows": "\(job.rowCount)"]
        )
        let end = await run.run()
        return try await finish(end, job, ledger, output, status)
    }

    private func suppressions(_ job: PreparedJob) throws -> SuppressionGuard {
        let list = SuppressionList(
            outbox: try site.outbox(),
            key: keys.addressTag,
            events: EventReader(directory: try site.outbox("events"), keys: keys.tokens)
        )
        return try SuppressionGuard(list, list: job.manifest.list?.value, isMarketing: job.manifest.isMarketing)
    }

    private func finish(
        _ end: JobRun.End,
        _ job: PreparedJob,
        _ ledger: LedgerWriter,
        _ output: JobOutput,
        _ status: StatusReporter
    ) async throws -> Result {
        switch end {
        case .interrupted:
            _ = await ledger.close()
            return .interrupted
        case .disk(let what):
            _ = await ledger.close()
            status.trouble("paused: \(what)")
            return .tryAgain(what)
        case .complete, .stopped, .changed: break
        }
        if case .stopped = end { ledger.append(.stopped(at: .now, reason: .stopped)) }
        // Closed first: the marker beside the job says that all is done, and what follows is told by the note.
        ledger.append(.closed(at: .now, counts: ledger.withRows { $0.counts }))
        guard let view = await ledger.view() else { return .tryAgain("the ledger failed") }
        let totals = JobTotals(view)
        try output.write(job, view, end)
        if job.folder.has(.stop) { try? job.folder.remove(.stop) }
        guard await ledger.close() else { return .tryAgain("the ledger failed") }
        try claims.forget(job.folder.name)
        log.notice("job ended", metadata: ["job": "\(job.id)", "result": "\(totals)"])
        switch end {
        case .stopped: return .stopped(totals)
        case .changed(let what): return .held(what, totals)
        default: return .done(totals)
        }
    }

    private func hold(_ folder: JobFolder, _ sentence: String, _ totals: JobTotals?) -> Result {
        let output = JobOutput(folder, site: site, keys: keys)
        do {
            try output.hold(sentence)
        } catch {
            return .tryAgain("\(error)")
        }
        log.notice("job held", metadata: ["folder": "\(folder.name)"])
        return .held(sentence, totals)
    }
}
