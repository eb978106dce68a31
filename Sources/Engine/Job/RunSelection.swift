import Core
import Intake
import Ledger

/// Decides under which run of its content a folder goes out: a new one, one that was interrupted, or none.
struct RunSelection {
    /// What was decided.
    enum Choice {
        /// This content was never sent, or its repetition was confirmed.
        case new(JobID, isConfirmed: Bool)
        /// This run was begun from this folder and is to go on; its ledger, held.
        case resume(LedgerWriter)
        /// This content was sent before; the sentence says when.
        case held(String)
        /// Another process holds the ledger.
        case busy
    }

    let store: LedgerStore
    let folder: String
    /// The job that the folder was being worked as when its process ended.
    let active: JobID?
    /// Whether `CONFIRM` is there.
    let isConfirmed: Bool
    /// Whether `RETRY` is there.
    let wantsRetry: Bool
    /// Whether a folder of that name is in the drop area: content whose folder is gone was moved, not copied.
    let isThere: (String) -> Bool
    /// Whether a ledger's last writer failed.
    let hasFailed: (JobID) -> Bool

    /// Looks at the runs that this content had so far, first to last.
    func choose(_ first: JobID) async throws -> Choice {
        var id = first
        var earlier: LedgerHeader?
        var ours: JobID?
        while try store.contains(id) {
            let found = try await open(id)
            if case .busy = found { return .busy }
            // It was being made when the machine stopped, and nothing was sent under it.
            guard case .ledger(let writer) = found else { break }
            if writer.header.folder == folder || !isThere(writer.header.folder) {
                // A closed ledger without its end beside the job: the last process ended between the two.
                if writer.run.closed == nil || active == id { return .resume(writer) }
                ours = id
            }
            earlier = writer.header
            _ = await writer.close()
            guard let next = id.next else { break }
            id = next
        }
        if wantsRetry, let ours {
            switch try await open(ours) {
            case .ledger(let writer): return .resume(writer)
            case .busy, .unfinished: return .busy
            }
        }
        guard let earlier else { return .new(id, isConfirmed: false) }
        if isConfirmed { return .new(id, isConfirmed: true) }
        let place = earlier.folder == folder ? "from this folder" : "from the folder \(earlier.folder)"
        return .held(
            "This content was sent before, \(place), taken up at \(earlier.takenUp) UTC as job \(earlier.job)."
                + " Drop an empty file CONFIRM to send it again."
        )
    }

    private enum Found: Sendable {
        case ledger(LedgerWriter)
        case unfinished
        case busy
    }

    private func open(_ id: JobID) async throws -> Found {
        let (store, hasFailed) = (store, hasFailed(id))
        return try await Blocking.run {
            do throws(LedgerError) {
                return .ledger(try store.open(id, afterFailedSync: hasFailed))
            } catch {
                switch error {
                case .unfinished: return .unfinished
                case .busy: return .busy
                default: throw error
                }
            }
        }
    }
}
