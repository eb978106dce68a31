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
    private let failed = FailedLedgers()

    /// Prepares to work a site's jobs; reads its keys.
    public init(site: Site, log: Logger) throws(EngineError) {
        try self.init(site: site, log: log, tuning: Tuning())
    }

    init(site: Site, log: Logger, tuning: Tuning) throws(EngineError) {
        self.site = site
        self.log = log
        self.tuning = tuning
        keys = try site.keys()
        paces = DomainPaces(site.configuration.domainLimits)
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
            claims.sweep(folder)
            return try await work(folder, report)
        } catch let error as EngineError {
            throw error
        } catch let error as LedgerError {
            // What was sent is no longer known, or cannot be: nothing may be sent until a person has looked.
            switch error {
            case .broken: return hold(folder, "The job's ledger does not verify: \(error)", nil)
            case .version, .tooLong: return hold(folder, "\(error)", nil)
            case .busy: return .busy
            case .exists, .notFound, .unfinished, .file: return .tryAgain("\(error)")
            }
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
        let retry: [RowSelection]
        do {
            retry = wantsRetry ? try RetryRequest(folder).selections : []
        } catch {
            return hold(folder, "RETRY cannot be followed: \(error). Drop one that can, or remove HELD.", nil)
        }
        let output = JobOutput(folder, site: site, keys: keys)
        let checker = JobChecker(site: site, keys: keys)
        let finding = try await Blocking.run { checker.check(folder) }
        try output.write(problems: finding.problems)
        guard let job = finding.job else {
            let problems = finding.problems.filter { $0.severity == .error }
            try output.reject(problems)
            log.notice("job rejected", metadata: ["folder": "\(name)", "problems": "\(problems.count)"])
            return .rejected(finding.problems)
        }
        do {
            try output.begin(job)
        } catch {
            return .tryAgain("nothing was sent, since results could not be written: \(error)")
        }
        let active = try claims.active(name)
        if let active, active.digest != job.id.digest, !isConfirmed, try await wasCutShort(active) {
            return hold(
                folder,
                "The files were changed after the job was taken up as \(active), and some of it may have been sent."
                    + " Put the files back as they were and remove HELD to go on, drop the rest as a new job, or drop an"
                    + " empty file CONFIRM to send these files to every row.",
                nil
            )
        }
        let selection = RunSelection(
            store: store,
            folder: name,
            active: active,
            isConfirmed: isConfirmed,
            wantsRetry: wantsRetry,
            isThere: { [site] in (try? site.jobs().status(of: $0)) != nil },
            hasFailed: { [failed] in failed.contains($0) }
        )
        switch try await selection.choose(job.id) {
        case .busy: return .busy
        case .held(let sentence): return hold(folder, sentence, nil)
        case .new(let id, let isRepetition):
            // Files that were mended after the job had ended are a new job to us, and RETRY is no word for mailing everybody
            // again.
            if marker != nil, wantsRetry, !isConfirmed, try folder.directory.status(of: JobFiles.results) != nil {
                return hold(
                    folder,
                    "RETRY tries again what was not sent, but the files are not those that were sent. Put them back and drop"
                        + " RETRY, drop the rows that are left as a new job, or drop an empty file CONFIRM to send these"
                        + " files to every row.",
                    nil
                )
            }
            let run = checker.identity(id, job.run.contentDigest, takenUp: job.run.takenUp, job.manifest)
            try claims.note(name, id)
            let ledger = try store.create(header(job.under(run)))
            if isRepetition { ledger.append(.confirmed(at: .now, file: JobFiles.Control.confirm.rawValue)) }
            return try await self.run(job.under(run), ledger, retry, output, report)
        case .resume(let ledger):
            let header = ledger.header
            let run = checker.identity(header.job, header.contentDigest, takenUp: header.takenUp, job.manifest)
            if header.folder != name { try claims.forget(header.folder) }
            try claims.note(name, header.job)
            return try await self.run(job.under(run), ledger, retry, output, report)
        }
    }

    /// Whether a job that this folder was worked as may have sent a part of what was in it.
    private func wasCutShort(_ job: JobID) async throws -> Bool {
        do {
            let run = try await Blocking.run { [store] in try store.read(job).run }
            return run.closed == nil || run.stopped == .contentChanged
        } catch let error as LedgerError {
            switch error {
            // The process ended before anything could be sent.
            case .notFound, .unfinished: return false
            default: throw error
            }
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

    /// Works a job under its ledger, and lets go of the ledger however that ends: connections that are still being closed
    /// would hold it, and the next try would find it taken.
    private func run(
        _ job: PreparedJob,
        _ ledger: LedgerWriter,
        _ retry: [RowSelection],
        _ output: JobOutput,
        _ report: @escaping @Sendable (JobProgress) -> Void
    ) async throws -> Result {
        do {
            let result = try await send(job, ledger, retry, output, report)
            _ = await ledger.close()
            failed.note(ledger)
            return result
        } catch {
            _ = await ledger.close()
            failed.note(ledger)
            throw error
        }
    }

    private func send(
        _ job: PreparedJob,
        _ ledger: LedgerWriter,
        _ retry: [RowSelection],
        _ output: JobOutput,
        _ report: @escaping @Sendable (JobProgress) -> Void
    ) async throws -> Result {
        let folder = job.folder
        ledger.append(.started(at: .now, process: Working.process, host: Working.host))
        let lost = ledger.endRowsUnderWay(at: .now) { job.run.messages.messageID(of: $0) }
        for selection in retry { ledger.append(.retried(at: .now, selection)) }
        guard await ledger.flush() else { return .tryAgain("\(ledger.failure.map { "\($0)" } ?? "the ledger failed")") }
        // What was asked for is in the ledger now; a file left behind would ask again.
        if !retry.isEmpty { try folder.remove(.retry) }
        try folder.remove(.confirm)
        try output.clearMarker()
        if lost > 0 {
            log.warning(
                "rows were under way when the last process ended",
                metadata: ["job": "\(job.id)", "rows": "\(lost)"]
            )
        }
        // Rows that somebody asks for again have their time from then on.
        let begun = ledger.run.retries > 0 ? ledger.run.lastStart : nil
        let schedule = JobSchedule(
            job.manifest,
            begun: begun ?? job.run.takenUp,
            zone: job.zone,
            usualSeconds: tuning.usualSeconds
        )
        let suppressions = try suppressions(job)
        if let fault = suppressions.fault {
            log.error("a line of the suppression list is not believed", metadata: ["fault": "\(fault)"])
        }
        let board = ledger.withRows { JobBoard($0) }
        let source = JobSource(
            job: job,
            board: board,
            ledger: ledger,
            suppressions: suppressions,
            backoff: tuning.backoff,
            deadline: schedule.deadline,
            paces: paces,
            bounds: tuning.lanes
        )
        let status = try output.reporter(job, ledger)
        let run = JobRun(
            job: job,
            ledger: ledger,
            source: source,
            sender: try RouteSender(route: job.route, group: loops, source: source),
            schedule: schedule,
            interval: tuning.interval,
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

    func suppressions(_ job: PreparedJob) throws -> SuppressionGuard {
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
        case .interrupted: return .interrupted
        case .disk(let what):
            status.trouble("The job cannot go on now: \(what)")
            return .tryAgain(what)
        case .complete: break
        case .stopped: ledger.append(.stopped(at: .now, reason: .stopped))
        case .changed:
            let reason: Reason = job.folder.isInPlace ? .contentChanged : .folderGone
            ledger.append(.stopped(at: .now, reason: reason))
        }
        let counts = ledger.withRows { $0.counts }
        guard counts.open == 0 else {
            log.error("rows have no end", metadata: ["job": "\(job.id)", "rows": "\(counts.open)"])
            return .tryAgain("\(counts.open) rows have no end yet")
        }
        // Closed first: the marker beside the job says that all is done, and what follows is told by the note.
        ledger.append(.closed(at: .now, counts: counts))
        guard let view = await ledger.view() else { return .tryAgain("the ledger failed") }
        let totals = JobTotals(view)
        try await Blocking.run { try output.write(job, view, end) }
        if job.folder.has(.stop) { try? job.folder.remove(.stop) }
        // Files that were changed under way are not to go out as a new job before somebody said so.
        if view.run.stopped != .contentChanged { try claims.forget(job.folder.name) }
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
