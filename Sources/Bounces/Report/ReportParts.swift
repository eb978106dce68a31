/// The parts of a report by what they are for.
struct ReportParts {
    /// The texts of `message/delivery-status` parts.
    private(set) var statuses: [String] = []
    /// The text of the `message/feedback-report` part.
    private(set) var feedback: String?
    /// The header fields of the message that came back.
    private(set) var returned: [HeaderField] = []

    /// Looks through a message's parts.
    ///
    /// A message inside it is what came back, not part of the report; only where a mail system wrapped a report into
    /// another, and the outer one says nothing, is the inner one looked into.
    init(_ message: MIMEPart, isFromDaemon: Bool) {
        collect(message, depth: 0)
        guard statuses.isEmpty, feedback == nil, isFromDaemon || message.type == "multipart/report" else { return }
        for part in message.parts {
            guard let inner = part.message, inner.type == "multipart/report" else { continue }
            returned = []
            collect(inner, depth: 1)
        }
    }

    private mutating func collect(_ part: MIMEPart, depth: Int) {
        guard depth < 6 else { return }
        switch part.type {
        case "message/delivery-status", "message/global-delivery-status":
            if let text = part.text, statuses.count < 20 { statuses.append(text) }
        case "message/feedback-report":
            if feedback == nil { feedback = part.text }
        case "text/rfc822-headers", "message/global-headers":
            if returned.isEmpty, let text = part.text { returned = StatusFields(text).groups.first ?? [] }
        default:
            if let inner = part.message {
                if returned.isEmpty { returned = inner.fields }
            } else if case .parts(let parts) = part.body {
                for inner in parts { collect(inner, depth: depth + 1) }
            }
        }
    }
}
