public import Core

/// What a message in the bounce mailbox turned out to be.
///
/// Nothing in it prints: addresses and what servers said of them stand in ``Core/Protected`` values.
public struct ReturnedMessage: Sendable {
    /// What kind of message it is.
    public enum Kind: String, Sendable, CaseIterable {
        /// A message was given up for at least one recipient.
        case bounce
        /// A message is late and still being tried; it says nothing of the end.
        case delay
        /// A message arrived or was passed on, as somebody asked to be told.
        case delivered
        /// A recipient complained (RFC 5965 and what came before it).
        case complaint
        /// A recipient's provider asks in the recipient's name to be left out (a feedback report of type `opt-out`).
        case optOut = "opt-out"
        /// An answer that nobody wrote: an absence, a receipt, a challenge.
        case autoReply = "auto-reply"
        /// None of these.
        case other
    }

    /// What kind of message it is.
    public var kind: Kind
    /// The recipients it reports on, in its order; for an automatic reply, who it comes from.
    public var recipients: [ReportedRecipient]
    /// What it says of the message that it answers.
    public var original: OriginalMessage
    /// The addresses that the report itself was sent to, as its header fields have them (`Return-Path` not among them):
    /// one of them is the return path that we gave the message, with its token.
    public var sentTo: [Protected<String>]
    /// Which form it was read as: `rfc3464`, `rfc5965`, or a form's name in the rules.
    ///
    /// Empty for kind ``Kind/other``.
    public var form: String

    /// Creates a message.
    public init(
        kind: Kind,
        recipients: [ReportedRecipient] = [],
        original: OriginalMessage = OriginalMessage(),
        sentTo: [Protected<String>] = [],
        form: String = ""
    ) {
        self.kind = kind
        self.recipients = recipients
        self.original = original
        self.sentTo = sentTo
        self.form = form
    }
}

/// What a report says of the message that it answers.
public struct OriginalMessage: Sendable {
    /// Its `Message-ID`, with the brackets.
    public var messageID: Protected<String>?
    /// Its `Feedback-ID`.
    public var feedbackID: Protected<String>?
    /// Its envelope's sender, where the report tells.
    public var returnPath: Protected<String>?
    /// The envelope identifier of RFC 3461, where the report repeats it.
    public var envelopeID: Protected<String>?
    /// Its `To` addresses.
    public var to: [Protected<String>]

    /// Creates a description; of nothing, unless told.
    public init(
        messageID: Protected<String>? = nil,
        feedbackID: Protected<String>? = nil,
        returnPath: Protected<String>? = nil,
        envelopeID: Protected<String>? = nil,
        to: [Protected<String>] = []
    ) {
        self.messageID = messageID
        self.feedbackID = feedbackID
        self.returnPath = returnPath
        self.envelopeID = envelopeID
        self.to = to
    }
}
