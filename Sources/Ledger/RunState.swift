public import Core

/// What the job as a whole has been through, by its ledger.
public struct RunState: Hashable, Sendable {
    /// How many processes have begun to work it.
    public internal(set) var starts = 0
    /// When the first did.
    public internal(set) var firstStart: Timestamp?
    /// When the latest did.
    public internal(set) var lastStart: Timestamp?
    /// Whether it was paused and not resumed.
    public internal(set) var isPaused = false
    /// Why it was stopped; `nil` if it was not, or was asked for again since.
    public internal(set) var stopped: Reason?
    /// How many times ended rows were asked for again.
    public internal(set) var retries = 0
    /// The file that confirmed a repetition, if one did.
    public internal(set) var confirmedBy: String?
    /// What is tracked of its messages, as the latest start has it; `nil` in ledgers of versions that did not write it.
    public internal(set) var tracking: JobTracking?
    /// What was tracked of some of its messages at least.
    public internal(set) var tracked: Set<TrackedAct> = []
    /// When every row had ended; `nil` while some have not.
    public internal(set) var closed: Timestamp?
    /// When the latest event of the job, not of a row, happened.
    public internal(set) var lastEvent: Timestamp?

    mutating func take(_ record: LedgerRecord) {
        switch record {
        case .tried, .ended, .deferred:
            return
        case .started(let time, _, _):
            starts += 1
            firstStart = firstStart ?? time
            lastStart = time
            lastEvent = time
        case .tracking(let time, let decided):
            tracking = decided
            tracked.formUnion(TrackedAct.allCases.filter { decided[$0].isOn })
            lastEvent = time
        case .takenOver(let time, _, _, _):
            lastEvent = time
        case .paused(let time):
            isPaused = true
            lastEvent = time
        case .resumed(let time):
            isPaused = false
            lastEvent = time
        case .stopped(let time, let reason):
            stopped = reason
            lastEvent = time
        case .retried(let time, _):
            retries += 1
            stopped = nil
            closed = nil
            lastEvent = time
        case .confirmed(let time, let file):
            confirmedBy = file
            lastEvent = time
        case .closed(let time, _):
            closed = time
            lastEvent = time
        }
    }
}
