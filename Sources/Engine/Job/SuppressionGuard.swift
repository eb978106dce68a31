import Core
import Files
import OpenSSL
import Synchronization
import Tracking

/// Asks, before each message, whether its recipient may still get it.
///
/// Looks for new opt-outs unless it did so within the last millisecond, so that one which came in a moment ago counts for the next
/// message. A look is two `stat` calls where nothing changed, which tens of thousands of messages a second would feel.
final class SuppressionGuard: Sendable {
    private struct State: ~Copyable {
        var list: SuppressionList
        var lastLook = ContinuousClock.now
    }

    private let state: Mutex<State>
    private let name: String?
    private let isMarketing: Bool
    private let onComplaint: @Sendable (Event) -> Void

    /// Follows the site's list for a job.
    ///
    /// - Parameters:
    ///   - list: The site's list.
    ///   - name: The job's list, if it has one.
    ///   - isMarketing: Whether the job's purpose is marketing.
    ///   - onComplaint: Told of each complaint, whatever job it is about; first of those that were there before.
    init(
        _ list: consuming sending SuppressionList,
        list name: String?,
        isMarketing: Bool,
        onComplaint: @escaping @Sendable (Event) -> Void = { _ in }
    ) throws {
        try list.refresh { if $0.kind == .complaint { onComplaint($0) } }
        // Not knowing whether somebody opted out is no licence to send.
        try list.check()
        state = Mutex(State(list: list))
        self.name = name
        self.isMarketing = isMarketing
        self.onComplaint = onComplaint
    }

    /// Why the recipient gets nothing; `nil` if the message may go.
    ///
    /// - Throws: If the list cannot be read or is damaged: not knowing whether somebody opted out is no licence to send.
    func reason(against recipient: Address) throws -> Reason? {
        try state.withLock { state in
            if .now - state.lastLook >= Self.rest { try refresh(&state) }
            return try state.list.reason(for: recipient, list: name, isMarketing: isMarketing)
        }
    }

    /// Takes in what is new.
    func refresh() throws {
        try state.withLock { try refresh(&$0) }
    }

    /// For how long a look at the files is good.
    private static let rest = Duration.milliseconds(1)

    private func refresh(_ state: inout State) throws {
        // From before the look, so that what comes in during it is not taken for seen.
        let now = ContinuousClock.now
        try state.list.refresh { if $0.kind == .complaint { onComplaint($0) } }
        state.lastLook = now
    }
}
