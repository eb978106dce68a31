import Core
import Files
import OpenSSL
import Synchronization
import Tracking

/// Asks, before each message, whether its recipient may still get it.
///
/// Looks for new opt-outs at every question (two `stat` calls where nothing changed), so that one which came in a moment ago
/// counts for the very next message.
final class SuppressionGuard: Sendable {
    private let list: Mutex<SuppressionList>
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
        self.list = Mutex(list)
        self.name = name
        self.isMarketing = isMarketing
        self.onComplaint = onComplaint
    }

    /// Why the recipient gets nothing; `nil` if the message may go.
    ///
    /// - Throws: If the list cannot be read or is damaged: not knowing whether somebody opted out is no licence to send.
    func reason(against recipient: Address) throws -> Reason? {
        try list.withLock { list in
            try refresh(&list)
            return try list.reason(for: recipient, list: name, isMarketing: isMarketing)
        }
    }

    /// Takes in what is new.
    func refresh() throws {
        try list.withLock { try refresh(&$0) }
    }

    private func refresh(_ list: inout SuppressionList) throws {
        try list.refresh { if $0.kind == .complaint { onComplaint($0) } }
    }
}
