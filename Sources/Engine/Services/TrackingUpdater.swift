public import Core
import Files
import Intake
import Ledger
public import Logging
import OpenSSL
import Records
public import ServiceLifecycle
import Tracking

/// Rewrites `tracking.csv`, the summary and what else events change of jobs that ended, as they come in.
///
/// What came back is folded once per event and kept for the rows that something came back from. Files are rewritten
/// a few seconds after the first event that changes them, so that a burst costs one rewriting.
public struct TrackingUpdater: Service {
    /// How often events are looked for.
    public var interval: Duration = .seconds(2)
    /// How long a job rests whose files could not be written; twice as long each time, up to an hour.
    public var rest: Duration = .seconds(30)

    private let worker: JobWorker
    private let log: Logger

    /// Prepares to follow a site's events.
    public init(_ worker: JobWorker, log: Logger) {
        self.worker = worker
        self.log = log
    }

    /// Follows the events until told to stop.
    public func run() async throws {
        let events = EventReader(directory: try worker.site.outbox("events"), keys: worker.keys.ring)
        let follower = Follower(worker: worker, log: log, events: events, rest: rest)
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await follower.turn()
                try? await Task.sleep(for: interval)
            }
        }
    }

    /// Takes in all events there are and rewrites what they change, once; for commands that end.
    ///
    /// - Parameter jobs: The jobs that are looked at; all without it.
    public func once(jobs: Set<JobID>? = nil) async throws(EngineError) {
        let events = EventReader(directory: try worker.site.outbox("events"), keys: worker.keys.ring)
        await Follower(worker: worker, log: log, events: events, rest: rest, only: jobs).turn()
    }

    private actor Follower {
        private let worker: JobWorker
        private let log: Logger
        private var events: EventReader
        private var activities: [JobID: JobActivity] = [:]
        private var changed: Set<JobID> = []
        /// Folders of jobs that were under way, and when to look again: reading a large ledger takes a while.
        private var underWay: [JobID: (folder: String, until: ContinuousClock.Instant)] = [:]
        /// Jobs whose files could not be written, and when to try again.
        private var resting: [JobID: (until: ContinuousClock.Instant, wait: Duration)] = [:]
        private let firstRest: Duration
        /// The jobs that are looked at; all without it.
        private let only: Set<JobID>?

        init(
            worker: JobWorker,
            log: Logger,
            events: consuming sending EventReader,
            rest: Duration,
            only: Set<JobID>? = nil
        ) {
            self.only = only
            self.worker = worker
            firstRest = rest
            self.log = log
            self.events = events
        }

        func turn() {
            do {
                try events.poll { event in
                    guard only?.contains(event.job) ?? true else { return }
                    _ = activities[event.job, default: newActivity(of: event.job)].apply(event)
                    changed.insert(event.job)
                }
            } catch {
                log.error("events cannot be read", metadata: ["cause": "\(error)"])
            }
            for id in changed {
                if let rest = resting[id], ContinuousClock.now < rest.until { continue }
                do {
                    guard try rewrite(id) else { continue }
                    changed.remove(id)
                    underWay[id] = nil
                    resting[id] = nil
                } catch let error as FileError where error.mayPass {
                    // Written later, from the same events.
                    underWay[id] = (underWay[id]?.folder ?? "", .now + .seconds(30))
                    log.warning("tracking cannot be written now", metadata: ["job": "\(id)", "cause": "\(error)"])
                } catch {
                    underWay[id] = nil
                    // A full disk may be mended; a ledger that does not verify is not read every two seconds.
                    let wait = min((resting[id]?.wait ?? firstRest / 2) * 2, .seconds(3_600))
                    resting[id] = (.now + wait, wait)
                    log.error("tracking cannot be written", metadata: ["job": "\(id)", "cause": "\(error)"])
                }
            }
        }

        private func newActivity(of id: JobID) -> JobActivity {
            JobActivity(
                job: id,
                classifier: worker.classifier,
                addresses: worker.site.configuration.tracking?.visitors.addresses ?? .nothing
            )
        }

        /// Rewrites one job's files; `false` if the job is still under way and does so itself at its end.
        private func rewrite(_ id: JobID) throws -> Bool {
            guard let activity = activities[id], try worker.store.contains(id) else { return true }
            if let known = underWay[id], ContinuousClock.now < known.until || worker.claims.isLocked(known.folder) {
                return false
            }
            let view = try worker.store.read(id)
            let name = view.header.folder
            underWay[id] = (name, .now + .seconds(10))
            guard view.run.closed != nil else { return false }
            let jobs = try worker.site.jobs()
            // Put away by somebody; the events stay where they are.
            guard try jobs.status(of: name) != nil else { return true }
            // Whoever works the folder writes the same files.
            guard let lock = try worker.claims.lock(name) else { return false }
            defer { lock.release(clean: true) }
            let folder = try JobFolder(name, in: jobs)
            guard folder.marker != nil else { return false }
            let directory = folder.directory.guarded { () throws(FileError) in try lock.confirm() }
            let records = try JobRecords(folder: directory, signer: Signer(worker.keys.signing))
            // A process may have ended while it replaced them.
            try records.finishResults()
            guard let texts = try ResultTexts(in: folder), try texts.isSigned(in: folder, worker.keys.signing) else {
                log.warning(
                    "results are not as they were signed; tracking is not rewritten",
                    metadata: ["job": "\(id)"]
                )
                return true
            }
            // Another job may be in a folder of the same name by now, with results of its own.
            guard try texts.belong(to: view) else { return true }
            let switches = JobSwitches.of(view, folder)
            // What came back stands in the results, too; texts are read from the file that was there.
            if activity.hasReturns {
                try records.writeResults(texts, view) { try activity.fold($0, in: view)?.activity }
            }
            try records.writeUpdates(texts, view) { try activity.fold($0, in: view)?.activity }
            let tracking = try records.writeTracking(texts, view) { try activity.fold($0, in: view)?.activity }
            try records.writeEvents(texts, view) { try activity.fold($0, in: view)?.events ?? [] }
            let outcomes = try OutcomeTotals(counting: view)
            try records.writeSummary(
                Summary(
                    view: view,
                    outcomes: outcomes,
                    tracking: tracking,
                    switches: switches,
                    complaintLimit: worker.site.configuration.bounces?.complaints?.limit
                )
            )
            return true
        }
    }
}

extension JobActivity {
    /// What came back from one row of a job whose ledger is at hand: time counts from the receiving server's last answer.
    func fold(_ row: RowNumber, in view: LedgerView) throws(LedgerError) -> RowFold? {
        guard self.contains(row) else { return nil }
        return fold(row, delivered: try view.outcome(of: row)?.finishedAt, links: view.header.links.count)
    }
}

/// What was tracked of a job's messages.
///
/// The ledger knows, whatever became of manifest and configuration since. Only that of an earlier version does not; then the
/// manifest is asked, which alone decided at that time.
enum JobSwitches {
    static func of(_ view: LedgerView, _ manifest: Manifest?) -> Summary.Switches {
        if let decided = Summary.Switches(view.run) { return decided }
        guard let manifest else { return Summary.Switches(opens: true, clicks: true) }
        return Summary.Switches(
            opens: manifest.tracking.opens?.value ?? false,
            clicks: manifest.tracking.clicks?.value ?? false
        )
    }

    static func of(_ view: LedgerView, _ folder: JobFolder) -> Summary.Switches {
        if let decided = Summary.Switches(view.run) { return decided }
        let file = try? folder.pin(Manifest.fileName, as: .manifest)
        let bytes = try? file?.contents()
        return of(view, bytes.flatMap { try? Manifest.parse(bytes: $0, file: Manifest.fileName) })
    }
}
