/// Where a job stands, as `status.json` says it.
public enum JobState: String, CaseIterable, Sendable {
    /// Its time has not come, or another job is before it.
    case waiting
    /// It cannot be sent as it is.
    case rejected
    /// It could be sent, and somebody has to say so first.
    case held
    /// It is being sent.
    case running
    /// Somebody dropped `PAUSE`.
    case paused
    /// Somebody dropped `STOP`, or it had to be stopped.
    case stopped
    /// Every row has ended.
    case done

    /// Whether it stays so until somebody does something.
    var isLasting: Bool {
        switch self {
        case .rejected, .held, .stopped, .done: true
        case .waiting, .running, .paused: false
        }
    }
}
