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
        /// Likewise, though its ledger came from a backup: somebody said which rows are to be sent.
        case recover(LedgerWriter)
        /// Likewise, though its ledger is gone.
        case replace(JobID)
        /// This content was sent before, or may have been; the sentence says when, and what to do.
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

    /// Looks at the runs that this content had so far, first to last.
    func choose(_ first: JobID) async throws -> Choice {
        var id = first
        var earlier: LedgerHeader?
        var ours: JobID?
        var isHalted = false
        while try store.contains(id) {
            switch try await open(id) {
            case .busy: return .busy
            case .restored(let what):
                if let choice = try await recover(id, what) { return choice }
                // Another folder's, which is to be asked about it.
                earlier = try store.read(id).header
            case .unfinished:
                // It was being made when the machine stopped, and nothing was sent under it.
                return earlier == nil ? .new(id, isConfirmed: false) : choice(after: earlier, id)
            case .ledger(let writer):
                if isOurs(writer.header) {
                    // A closed ledger without its end beside the job: the last process ended between the two.
                    if writer.run.closed == nil || active == id { return .resume(writer) }
                    ours = id
                    isHalted = writer.run.stopped == .halted
                }
                earlier = writer.header
                _ = await writer.close()
            }
            guard let next = id.next else { break }
            id = next
        }
        // A job that halted itself goes on by CONFIRM: it was not sent whole, so that is no word for sending it all again.
        if wantsRetry || (isConfirmed && isHalted), let ours {
            switch try await open(ours) {
            case .ledger(let writer): return .resume(writer)
            case .restored(let what): return .held(Self.sentence(ours, what))
            case .busy, .unfinished: return .busy
            }
        }
        return choice(after: earlier, id)
    }

    private func isOurs(_ header: LedgerHeader) -> Bool {
        header.folder == folder || !isThere(header.folder)
    }

    private func choice(after earlier: LedgerHeader?, _ id: JobID) -> Choice {
        guard let earlier else { return .new(id, isConfirmed: false) }
        if isConfirmed { return .new(id, isConfirmed: true) }
        let place = earlier.folder == folder ? "from this folder" : "from the folder \(earlier.folder)"
        return .held(
            "This content was sent before, \(place), taken up at \(earlier.takenUp) UTC as job \(earlier.job)."
                + " Drop an empty file CONFIRM to send it again."
        )
    }

    // MARK: - Backups

    /// What becomes of a run whose ledger is not the one that was written last; `nil` if it is another folder's.
    private func recover(_ id: JobID, _ what: Restored) async throws -> Choice? {
        let isAsked = isConfirmed || wantsRetry
        guard what != .missing else { return isAsked ? .replace(id) : .held(Self.sentence(id, what)) }
        guard isOurs(try store.read(id).header) else { return nil }
        guard isAsked else { return .held(Self.sentence(id, what)) }
        switch try await open(id, acceptingLoss: true) {
        case .ledger(let writer): return .recover(writer)
        case .busy, .unfinished, .restored: return .busy
        }
    }

    /// What a person should know of a ledger that came from a backup.
    static func sentence(_ id: JobID, _ what: Restored) -> String {
        let start =
            "Some of this job may have been sent already: its ledger \(id) is not the one that was written last; \(what)."
        guard what != .missing else {
            return start
                + " Put the ledger back and remove HELD to go on. Otherwise drop an empty file CONFIRM to send to"
                + " every row, or RETRY with the numbers of the rows to send: every other row becomes unknown."
        }
        return start
            + " Put the right one back and remove HELD to go on. Otherwise drop an empty file CONFIRM to send every"
            + " row that has no end in this one, sent since or not; or RETRY with the numbers of the rows to send: every other row"
            + " without an end becomes unknown."
    }

    private enum Found: Sendable {
        case ledger(LedgerWriter)
        case restored(Restored)
        case unfinished
        case busy
    }

    private func open(_ id: JobID, acceptingLoss: Bool = false) async throws -> Found {
        let store = store
        return try await Blocking.run {
            do throws(LedgerError) {
                return .ledger(try store.open(id, acceptingLoss: acceptingLoss))
            } catch {
                switch error {
                case .unfinished: return .unfinished
                case .restored(_, let what): return .restored(what)
                case .busy, .takenOver: return .busy
                default: throw error
                }
            }
        }
    }
}
