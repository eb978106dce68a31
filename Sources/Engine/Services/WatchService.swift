import Core
import Files
import Intake
public import Logging
public import ServiceLifecycle

/// Takes up jobs as they come, several at a time, until it is told to stop; jobs under way then go on at the next start.
public struct WatchService: Service {
    /// How many jobs send at once; those that are paused, wait for their time or for their relay do not count.
    public var jobsAtOnce = 4
    /// How long at most between two looks at the drop area: shares give no notice of what other machines do.
    public var interval: Duration = .seconds(2)
    /// How long a folder rests that could not be worked now; twice as long each time, up to 16 times as long.
    public var rest: Duration = .seconds(5)

    private let worker: JobWorker
    private let log: Logger

    /// Prepares to watch a site's drop area.
    public init(_ worker: JobWorker, log: Logger) {
        self.worker = worker
        self.log = log
    }

    /// Watches until the task is cancelled or shut down.
    public func run() async throws {
        let jobs = try worker.site.jobs()
        let watcher = FolderWatcher(jobs)
        let state = WatchState()
        log.notice(
            "watching",
            metadata: ["notices": "\(watcher.hasNotices)", "settle": "\(worker.site.configuration.settle)"]
        )
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                while !Task.isCancelled {
                    // On a thread of its own: a folder with many files keeps no other job's steering waiting.
                    for name in (try? await Blocking.run { take(jobs, watcher, state) }) ?? [] {
                        group.addTask { await work(name, state) }
                    }
                    let wait = state.wait(upTo: interval)
                    guard (try? await watcher.wait(upTo: wait)) != nil else { return }
                }
            }
        }
        log.notice("stopped watching")
    }

    /// The folders to take up now.
    private func take(_ jobs: Directory, _ watcher: FolderWatcher, _ state: WatchState) -> [String] {
        let names: [String]
        do {
            let stop = try worker.site.stopAll(jobs)
            if state.isNews(stopAll: stop) {
                log.notice(
                    stop == nil ? "STOP-ALL is gone; jobs are taken up again" : "STOP-ALL is there; no job is taken up",
                    metadata: stop.map { ["file": "\($0)"] } ?? [:]
                )
            }
            if stop != nil { return [] }
            names = try jobs.list().filter { !$0.hasPrefix(".") && (try? jobs.status(of: $0))?.kind == .directory }
        } catch {
            log.error("the drop area cannot be read", metadata: ["cause": "\(error)"])
            return []
        }
        state.keep(names)
        let settle = Duration.seconds(worker.site.configuration.settle)
        return names.filter { name in
            guard state.mayLook(at: name) else { return false }
            let needs = RequiredFiles(site: worker.site)
            switch state.scan(name, in: jobs, watcher, settle: settle, required: needs.of) {
            case .ready: return state.claim(name, limit: jobsAtOnce)
            case .finished(let marker):
                return Self.isAskedFor(marker, name, jobs) && state.claim(name, limit: jobsAtOnce)
            case .refused(let problem):
                if state.isNews(problem, for: name) {
                    log.warning("folder refused", metadata: ["folder": "\(name)", "problem": "\(problem.problem)"])
                }
                return false
            case .gone, .incomplete, .settling: return false
            }
        }
    }

    /// Whether somebody wants more of a job that ended.
    private static func isAskedFor(_ marker: JobFiles.Marker, _ name: String, _ jobs: Directory) -> Bool {
        guard let folder = try? JobFolder(name, in: jobs) else { return false }
        switch marker {
        case .rejected: return false
        case .held: return folder.has(.confirm) || folder.has(.retry)
        case .done, .stopped: return folder.has(.retry)
        }
    }

    private func work(_ name: String, _ state: WatchState) async {
        do throws(EngineError) {
            switch try await worker.work(name, report: { state.note($0, of: name) }) {
            case .tryAgain(let why):
                log.warning("job cannot go on now", metadata: ["folder": "\(name)", "cause": "\(why)"])
                state.release(name, afterFailure: rest)
            case .suspended: state.release(name, restingFor: .zero)
            // Whoever has it may only have looked at it.
            case .busy: state.release(name, restingFor: min(rest, .seconds(5)))
            case .finishedBefore: state.release(name, restingFor: min(rest, .seconds(30)))
            case .done, .stopped, .held, .rejected, .interrupted: state.release(name, restingFor: .zero)
            }
        } catch {
            log.error("job cannot be worked", metadata: ["folder": "\(name)", "cause": "\(error)"])
            state.release(name, afterFailure: rest)
        }
    }
}
