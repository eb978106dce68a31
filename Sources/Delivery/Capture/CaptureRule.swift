/// What a ``CaptureServer`` does with a recipient, so that a rehearsal can have its refusals too.
public struct CaptureRule: Sendable {
    /// When the rule is asked.
    public enum Stage: Sendable {
        /// At RCPT.
        case recipient
        /// At the message's end; the rule is asked for the first recipient.
        case message
    }

    /// What to do.
    public enum Action: Sendable {
        /// Say 250.
        case accept
        /// Give this answer; a message answered with anything but 2xx is not stored.
        case answer(code: Int, text: String)
        /// Close the connection without an answer. At the message's end the message is stored first: the sender cannot know.
        case drop
        /// Say nothing, for ever, and listen no more. At the message's end the message is stored first.
        case silence
    }

    let action: @Sendable (_ stage: Stage, _ recipient: String) -> Action

    /// A rule of one's own.
    public init(_ action: @escaping @Sendable (_ stage: Stage, _ recipient: String) -> Action) {
        self.action = action
    }

    /// Decides by how the address begins.
    ///
    /// | begins with | answer |
    /// | --- | --- |
    /// | `bounce` | 550 5.1.1 at RCPT: no such mailbox |
    /// | `full` | 552 5.2.2 at RCPT: mailbox full |
    /// | `defer` | 451 4.2.0 at RCPT: try again later |
    /// | `refuse` | 554 5.7.1 at the message's end: not accepted |
    /// | `drop` | the message is stored and the connection lost before the answer |
    ///
    /// All others are taken.
    public static let rehearsal = CaptureRule { stage, recipient in
        switch stage {
        case .recipient:
            if recipient.hasPrefix("bounce") { return .answer(code: 550, text: "5.1.1 no such mailbox") }
            if recipient.hasPrefix("full") { return .answer(code: 552, text: "5.2.2 mailbox full") }
            if recipient.hasPrefix("defer") { return .answer(code: 451, text: "4.2.0 try again later") }
        case .message:
            if recipient.hasPrefix("refuse") { return .answer(code: 554, text: "5.7.1 message not accepted") }
            if recipient.hasPrefix("drop") { return .drop }
        }
        return .accept
    }
}
