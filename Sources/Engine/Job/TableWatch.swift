import Core
import Files
import Intake

/// Notices that a job's recipient table is written to while the job runs.
///
/// Every part is compared as it is read. This looks beside, so that a table that was read to its end is noticed, too, and at
/// once: the rows that were read go no further.
struct TableWatch {
    private let job: PreparedJob
    private var seen: FileStatus

    init(_ job: PreparedJob) {
        self.job = job
        seen = job.table.file.status
    }

    /// What changed, as a clause; `nil` if nothing did.
    ///
    /// A file of another inode is no change: the one that was taken up is still open, and is what is sent.
    mutating func change() async -> String? {
        guard let now = try? job.folder.directory.status(of: job.table.file.name), now.isSameFile(as: seen),
            now.size != seen.size || now.modified != seen.modified
        else { return nil }
        seen = now
        // Touching a file changes its time and nothing else.
        return await Self.difference(job)
    }

    /// Reads the table through and says what is not as it was pinned; a table that cannot be read now is not changed.
    static func difference(_ job: PreparedJob) async -> String? {
        do {
            try await Blocking.run {
                var bytes: [UInt8] = []
                var reader = job.table.file.reader()
                while try reader.read(into: &bytes) {}
            }
            return nil
        } catch PinError.changed(let name) {
            return "\(PinError.changed(name: name))"
        } catch {
            return nil
        }
    }
}
