import Core
import Files
import Intake
import Ledger

/// Which folder belongs to which process and which job, kept in the site's `outbox`.
///
/// A folder's lease keeps two processes from working it at once. Its note says which content is under way, so that files changed
/// between a crash and the next start are noticed before a row goes out twice.
struct JobClaims: Sendable {
    private let folders: Leases
    private let jobs: Leases
    private let notes: Directory

    /// Opens the claims of a site.
    ///
    /// - Parameters:
    ///   - site: The site.
    ///   - time: How long a holder is missed before another follows; as the configuration says without it.
    init(site: Site, time: Duration? = nil) throws(EngineError) {
        let time = time ?? .seconds(site.configuration.lease)
        let leases = try site.outbox("leases")
        folders = Leases(in: leases, kind: "folders", time: time)
        jobs = Leases(in: leases, kind: "jobs", time: time)
        notes = try site.outbox("active")
    }

    /// The leases of jobs, which ledgers are written under.
    var ledgers: Leases { jobs }

    /// Takes a folder for this process; `nil` if another has it.
    ///
    /// Held as long as the result lives.
    func lock(_ folder: String) throws(FileError) -> Lease? {
        switch try folders.take(folder) {
        case .held(let lease): return lease
        case .busy:
            // Whoever has the folder has the job, too: if it is gone, we need not wait for each in turn.
            if let active = try? active(folder) { jobs.watch("\(active)") }
            return nil
        }
    }

    /// Takes a folder as ``lock(_:)`` does, and waits for as long as it takes to tell whether another is still at work.
    func lockPatiently(_ folder: String) async throws -> Lease? {
        // Three times as long as it takes to miss somebody who has our own lease time.
        for _ in 0..<36 {
            // The job first, so that it is missed no less long than the folder when that comes free.
            if let active = try? active(folder) { jobs.watch("\(active)") }
            let answer = try await Blocking.run { [folders] in try folders.take(folder) }
            switch answer {
            case .held(let lease): return lease
            case .busy(let rival): if rival.isAtWork { return nil }
            }
            try await Task.sleep(for: folders.time / 12)
        }
        return nil
    }

    /// Removes what a process that was killed left of files it was replacing, in a folder whose lease we hold.
    func sweep(_ folder: JobFolder) {
        for name in (try? folder.directory.list()) ?? [] where name.hasPrefix(".") && JobFiles.isOurs(name) {
            try? folder.directory.remove(name)
        }
        let (prefix, suffix) = (".\(folder.name).", ".tmp")
        for name in (try? notes.list()) ?? [] where name.hasPrefix(prefix) && name.hasSuffix(suffix) {
            // Not those of a folder whose name goes on after a dot.
            if !name.dropFirst(prefix.count).dropLast(suffix.count).contains(".") { try? notes.remove(name) }
        }
    }

    /// Whether some process works a folder now, as far as one look can tell.
    func isLocked(_ folder: String) -> Bool {
        folders.holder(of: folder) != nil
    }

    /// The job that a folder was being worked as when its process ended; `nil` if none was under way.
    func active(_ folder: String) throws -> JobID? {
        guard try notes.status(of: folder) != nil else { return nil }
        let text = String(decoding: try notes.read(folder, limit: 256), as: UTF8.self)
        guard let id = JobID(text.filter { !$0.isWhitespace }) else {
            throw FileError(.read, "outbox/active/\(folder)", code: 5, explanation: "it names no job")
        }
        return id
    }

    /// Notes, durably, that a folder is under way as a job.
    func note(_ folder: String, _ id: JobID) throws {
        try notes.replace(folder, permissions: 0o600) { try $0.append("\(id)\n") }
    }

    /// Takes the note away once the job has ended.
    ///
    /// Not synced: a note that a crash brings back names a job whose ledger is closed, and is taken away again.
    func forget(_ folder: String) throws(FileError) {
        try notes.remove(folder)
    }
}
