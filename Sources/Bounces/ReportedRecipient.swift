public import Core

/// One recipient that a report speaks of, and what became of the message there.
public struct ReportedRecipient: Sendable {
    /// What the reporting server did (RFC 3464 section 2.3.3).
    public enum Action: String, Sendable, CaseIterable {
        /// It gave up.
        case failed
        /// It still tries.
        case delayed
        /// It delivered.
        case delivered
        /// It passed the message to a server that sends no reports.
        case relayed
        /// It delivered to several in the recipient's place.
        case expanded
    }

    /// Whether the failure says that the address is dead.
    public enum Severity: String, Sendable, CaseIterable {
        /// There is no such mailbox, and there will be none.
        case hard
        /// Another message may get through.
        case soft
    }

    /// The address, as the report writes it.
    public var address: Protected<String>
    /// The address that was written to, where the report knows it to be another (`Original-Recipient`).
    public var originalAddress: Protected<String>?
    /// What the reporting server did.
    public var action: Action
    /// The enhanced status code (RFC 3463), `5.1.1`; empty if none is known.
    public var status: String
    /// The server's reply code, where one is known.
    public var replyCode: Int?
    /// What the server said; at most 4 KiB of it.
    public var diagnostic: Protected<String>
    /// Why, in one word of the rules.
    public var reason: Reason
    /// Hard or soft; `nil` where nothing failed.
    public var severity: Severity?
    /// What follows for the address, by the rules.
    public var consequence: Consequence

    /// Creates a recipient.
    public init(
        address: Protected<String>,
        originalAddress: Protected<String>? = nil,
        action: Action,
        status: String = "",
        replyCode: Int? = nil,
        diagnostic: Protected<String> = Protected(""),
        reason: Reason = .none,
        severity: Severity? = nil,
        consequence: Consequence = .never
    ) {
        self.address = address
        self.originalAddress = originalAddress
        self.action = action
        self.status = status
        self.replyCode = replyCode
        self.diagnostic = diagnostic
        self.reason = reason
        self.severity = severity
        self.consequence = consequence
    }
}

/// What a failure means for the address: whether it goes on the suppression list.
public enum Consequence: Hashable, Sendable {
    /// It is suppressed at once.
    case atOnce
    /// It is suppressed when so many messages in a row have failed; `nil` leaves the number to the site.
    case after(Int?)
    /// It is not suppressed, however often this happens: the fault is not the address's.
    case never
}
