import Core
import Files
import Intake
import Synchronization

/// What a watcher remembers between two looks: how each folder looked, which are worked, which rest.
final class WatchState: Sendable {
    private struct Storage {
        var scans: [String: FolderScan] = [:]
        var worked: Set<String> = []
        /// Those of the worked ones that send nothing now.
        var waiting: Set<String> = []
        var resting: [String: ContinuousClock.Instant] = [:]
        /// How often in a row a folder could not be worked.
        var failures: [String: Int] = [:]
        var told: [String: Diagnostic] = [:]
        var nextLook: ContinuousClock.Instant?
        var stopAll: String?
    }

    private let storage = Mutex(Storage())

    /// Forgets folders that are gone.
    func keep(_ names: [String]) {
        let names = Set(names)
        storage.withLock { storage in
            storage.scans = storage.scans.filter { names.contains($0.key) }
            storage.resting = storage.resting.filter { names.contains($0.key) }
            storage.told = storage.told.filter { names.contains($0.key) }
            storage.failures = storage.failures.filter { names.contains($0.key) }
            storage.nextLook = nil
        }
    }

    /// Whether a folder is neither worked nor resting.
    func mayLook(at name: String) -> Bool {
        storage.withLock { storage in
            guard !storage.worked.contains(name) else { return false }
            guard let until = storage.resting[name] else { return true }
            return ContinuousClock.now >= until
        }
    }

    /// Looks at a folder, and compares it with how it was.
    func scan(
        _ name: String,
        in jobs: Directory,
        _ watcher: FolderWatcher,
        settle: Duration,
        required: (JobFolder) -> [RequiredFile]?
    ) -> FolderScan.State {
        // Not under the lock, which running jobs take to say how far they are: the folder may have many files.
        let known = storage.withLock { $0.scans[name] }
        if known == nil, let folder = try? jobs.open(subdirectory: name) { _ = watcher.watch(folder) }
        var scan = known ?? FolderScan(name, in: jobs)
        let state = scan.state(settle: settle, now: .now, required: required)
        return storage.withLock { storage in
            storage.scans[name] = scan
            if case .settling(let until) = state { storage.nextLook = min(storage.nextLook ?? until, until) }
            return state
        }
    }

    /// Takes a folder to work it, if there is room for one more job.
    func claim(_ name: String, limit: Int) -> Bool {
        storage.withLock { storage in
            guard storage.worked.count - storage.waiting.count < limit else { return false }
            return storage.worked.insert(name).inserted
        }
    }

    /// Notes how far a job is: one that waits for tomorrow must not keep others from being sent today.
    func note(_ progress: JobProgress, of name: String) {
        storage.withLock { storage in
            guard storage.worked.contains(name) else { return }
            if progress.isWaiting { storage.waiting.insert(name) } else { storage.waiting.remove(name) }
        }
    }

    /// Gives a folder back that could not be worked now; it rests the longer the more often that happens.
    func release(_ name: String, afterFailure rest: Duration) {
        let failures = storage.withLock { storage in
            defer { storage.failures[name, default: 0] += 1 }
            return storage.failures[name, default: 0]
        }
        put(name, restingFor: rest * (1 << min(failures, 4)))
    }

    /// Gives a folder back.
    func release(_ name: String, restingFor rest: Duration) {
        storage.withLock { $0.failures[name] = nil }
        put(name, restingFor: rest)
    }

    private func put(_ name: String, restingFor rest: Duration) {
        storage.withLock { storage in
            storage.worked.remove(name)
            storage.waiting.remove(name)
            storage.scans[name] = nil
            storage.resting[name] = rest > .zero ? ContinuousClock.now + rest : nil
        }
    }

    /// Whether a folder's problem was not told yet.
    func isNews(_ problem: Diagnostic, for name: String) -> Bool {
        storage.withLock { $0.told.updateValue(problem, forKey: name) != problem }
    }

    /// Whether `STOP-ALL` came or went since the last look.
    func isNews(stopAll: String?) -> Bool {
        storage.withLock { storage in
            defer { storage.stopAll = stopAll }
            return (storage.stopAll == nil) != (stopAll == nil)
        }
    }

    /// How long to wait for the next look: less than usual if a folder is about to be settled.
    func wait(upTo interval: Duration) -> Duration {
        let until = storage.withLock { $0.nextLook }
        guard let until else { return interval }
        return max(.milliseconds(20), min(interval, until - ContinuousClock.now))
    }
}
