import Core

/// What a report says of one recipient, before it is judged.
struct Finding {
    var address: String
    var original: String?
    var action: ReportedRecipient.Action = .failed
    /// The `Status` field.
    var status: EnhancedStatus?
    /// What kind of system gave the diagnostic: `smtp`, `x-unix`.
    var diagnosticType = ""
    /// The diagnostic code, or a free report's words on this recipient.
    var diagnostic = ""
    /// The server that refused.
    var host = ""
    /// At which step it refused, where that is known apart from its words.
    var stage: BounceRules.Stage?
    /// Why, where the form of the report decides it.
    var reason: Core.Reason?

    init(address: String) {
        self.address = address
    }
}
