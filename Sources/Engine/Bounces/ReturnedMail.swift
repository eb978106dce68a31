public import Core

/// One mail of the bounce mailbox, and what it came to; nothing of it is an address or what a server said of one.
public struct ReturnedMail: Sendable {
    /// What a mail came to.
    public enum Verdict: String, CaseIterable, Sendable {
        /// A mailbox is dead.
        case hardBounce = "hard-bounce"
        /// A message was given up, and the next one may get through.
        case softBounce = "soft-bounce"
        /// A recipient complained.
        case complaint
        /// A recipient wants out.
        case optOut = "opt-out"
        /// It says what another mail said before.
        case countedBefore = "counted-before"
        /// A message is late: that is no bounce.
        case delay
        /// A message was delivered, as somebody asked to be told.
        case delivered
        /// An answer that nobody wrote.
        case autoReply = "auto-reply"
        /// No report.
        case other
        /// A report without a token of ours.
        case noToken = "no-token"
        /// A report with a token that we did not make.
        case forgedToken = "forged-token"
        /// A report with a token of ours about a message that is not known here.
        case unknownMessage = "unknown-message"
        /// It cannot be read.
        case unreadable

        /// Whether it became an event.
        public var isCounted: Bool {
            switch self {
            case .hardBounce, .softBounce, .complaint, .optOut: true
            default: false
            }
        }

        /// Whether a person may want to look at it.
        var isLeftOver: Bool {
            switch self {
            case .other, .noToken, .forgedToken, .unknownMessage, .unreadable: true
            default: false
            }
        }
    }

    /// The file's name.
    public var name: String
    /// What it came to.
    public var verdict: Verdict
    /// What it says by itself, whether it is believed or not.
    public var facts = Facts()
    /// What follows for the mailbox: `suppress`, `count` or `none`; empty where nothing was counted.
    public var consequence = ""
    /// The message's job; `nil` if that is not known.
    public var job: JobID?
    /// The message's row; `nil` if that is not known.
    public var row: RowNumber?

    /// What a mail says by itself.
    public struct Facts: Hashable, Sendable {
        /// `bounce`, `delay`, `complaint`…; empty if it cannot be read.
        public var kind = ""
        /// The form that it was read as; empty for none.
        public var form = ""
        /// `hard` or `soft`; empty where nothing failed.
        public var severity = ""
        /// Why the message came back, in one word; empty for none.
        public var reason = ""
        /// The enhanced status code; empty for none.
        public var status = ""
    }

    init(_ name: String, _ verdict: Verdict) {
        self.name = name
        self.verdict = verdict
    }
}
