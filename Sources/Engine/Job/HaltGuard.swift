import Core
import Delivery
import Intake
import Synchronization

/// Counts what servers answer for good in one run of a job, and who complained, and says when there is too much of either.
///
/// Beginning a row and taking its answer are ordered by one lock: once the answer or complaint is known that passes the site's
/// measure, no row is begun any more.
final class HaltGuard: Sendable {
    private struct Storage {
        var accepted = 0
        var refused = 0
        var reasons: [Reason: Int] = [:]
        var begun = 0
        var complained: Set<RowNumber> = []
        var isHalted = false
        /// Whether complaints halted it, not refusals.
        var isForComplaints = false
    }

    private let measure: SiteConfiguration.Halt?
    private let complaints: SiteConfiguration.Complaints?
    /// How many rows were sent before this run.
    private let sentBefore: Int
    private let storage = Mutex(Storage())

    /// A guard by a site's measures; one that never halts without them.
    ///
    /// - Parameters:
    ///   - measure: How much may be refused.
    ///   - complaints: How much may be complained about.
    ///   - sentBefore: How many rows were sent before this run: they may complain, too.
    init(
        _ measure: SiteConfiguration.Halt?,
        complaints: SiteConfiguration.Complaints? = nil,
        sentBefore: Int = 0
    ) {
        self.measure = measure
        self.complaints = complaints
        self.sentBefore = sentBefore
    }

    /// Whether complaints are counted.
    var mindsComplaints: Bool { complaints != nil }

    /// Counts a row that is about to be begun; `false` if it must not be.
    func mayBegin() -> Bool {
        guard measure != nil || complaints != nil else { return true }
        return storage.withLock { storage in
            guard !storage.isHalted else { return false }
            storage.begun += 1
            return true
        }
    }

    /// Takes an answer; whether it is the one that passes the measure.
    ///
    /// Only what a server said for good counts: 250 to the message's end, or 5yz to the row.
    func isPassed(by result: AttemptResult) -> Bool {
        guard measure != nil || complaints != nil else { return false }
        let isRefusal = result.verdict == .refused && result.code >= 500
        guard isRefusal || result.verdict == .accepted else { return false }
        return storage.withLock { storage in
            if isRefusal {
                storage.refused += 1
                storage.reasons[result.reason, default: 0] += 1
            } else {
                storage.accepted += 1
            }
            let answered = storage.refused + storage.accepted
            guard let measure, !storage.isHalted, answered >= measure.after,
                measure.refused.isPassed(by: storage.refused, of: answered)
            else { return false }
            storage.isHalted = true
            return true
        }
    }

    /// Takes a row's complaint; a row counts once.
    func note(complaintOf row: RowNumber) {
        guard let complaints else { return }
        storage.withLock { storage in
            guard storage.complained.insert(row).inserted, !storage.isHalted,
                storage.complained.count >= complaints.minimum,
                complaints.share.isPassed(by: storage.complained.count, of: sentBefore + storage.accepted)
            else { return }
            storage.isHalted = true
            storage.isForComplaints = true
        }
    }

    /// Why the job halts, with what was counted so far; `nil` while it does not.
    var sentence: String? {
        let storage = storage.withLock { $0 }
        guard storage.isHalted else { return nil }
        if let complaints, storage.isForComplaints {
            let sent = sentBefore + storage.accepted
            return "Halted: recipients of \(storage.complained.count) of \(sent) sent rows complained;"
                + " this site halts a job at more than \(complaints.share)"
        }
        guard let measure else { return nil }
        let answered = storage.refused + storage.accepted
        let most = storage.reasons.min { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
        let word = most.map { ", most often with \($0.key) (\($0.value))" } ?? ""
        return "Halted: servers refused \(storage.refused) of \(answered) rows\(word);"
            + " this site halts a job at more than \(measure.refused)"
    }

    /// How many rows were begun; counted only where there is a measure.
    var begun: Int { storage.withLock { $0.begun } }
}
