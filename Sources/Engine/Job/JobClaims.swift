import Core
import Files
import Intake
import Ledger

/// Which folder belongs to which process and which job, kept in the site's `outbox`.
///
/// A folder's lock keeps two processes from working it at once. Its note says which content is under way, so that files changed
/// between a crash and the next start are noticed before a row goes out twice.
struct JobClaims: Sendable {
    private let locks: Directory
    private let notes: Directory

    init(site: Site) throws(EngineError) {
        locks = try site.outbox("locks")
        notes = try site.outbox("active")
    }

    /// Takes a folder for this process; `nil` if another has it.
    ///
    /// Held as long as the result lives.
    func lock(_ folder: String) throws(FileError) -> Descriptor? {
        let file = try locks.openAppending(folder)
        return try file.lock() ? file : nil
    }

    /// Removes what a process that was killed left of files it was replacing, in a folder whose lock we hold.
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

    /// Whether some process works a folder now.
    func isLocked(_ folder: String) -> Bool {
        guard (try? locks.status(of: folder)) != nil, let file = try? locks.openAppending(folder) else { return false }
        return (try? file.lock()) == false
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
    func forget(_ folder: String) throws(FileError) {
        try notes.remove(folder)
        try notes.sync()
    }
}
