import Core

/// What a report's own header fields say.
struct MessageHeaders {
    /// Who it comes from.
    let from: String?
    /// The addresses that it was sent to.
    let sentTo: [String]
    /// What `X-Failed-Recipients` lists, as Exim and Google write it.
    let failedRecipients: [String]
    /// Whether it is an automatic message by its fields (RFC 3834 and its forerunners).
    let isAutomatic: Bool
    /// Whether it calls itself a mail system's.
    let isFromDaemon: Bool
    /// Whether a mail system wrote it, and not a person or a person's program.
    let isFromMachine: Bool

    private static let machines = [
        "mailer-daemon", "postmaster", "post_master", "mailerdaemon", "mail-daemon", "poostmaster",
    ]
    private static let passedOn = ["re:", "fw:", "fwd:", "aw:", "wg:", "tr:", "rv:", "enc:", "sv:", "vs:", "r:", "i:"]
    private static let destinations = [
        "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "to", "resent-to", "cc",
    ]

    init(_ message: MIMEPart) {
        let sender = message.field("from") ?? ""
        from = AddressText.all(in: sender, atMost: 1).first
        var addresses: [String] = []
        for name in Self.destinations {
            for value in message.all(name).prefix(20) {
                for address in AddressText.all(in: value, atMost: 20) where !addresses.contains(address) {
                    addresses.append(address)
                }
            }
        }
        sentTo = Array(addresses.prefix(50))
        failedRecipients = message.all("x-failed-recipients").flatMap { AddressText.all(in: $0) }
        let submitted = message.field("auto-submitted")?.lowercased() ?? "no"
        let precedence = message.field("precedence")?.lowercased() ?? ""
        isAutomatic =
            submitted != "no" || precedence == "auto_reply" || precedence == "auto-reply"
            || [
                "x-autoreply", "x-autoreply-from", "x-auto-reply-from", "x-autorespond", "x-autoresponder",
                "x-apple-action",
            ]
            .contains { message.field($0) != nil }
        let lower = sender.lowercased()
        let returnPath = message.field("return-path").map { Lines.trimmed($0) }
        isFromDaemon = Self.machines.contains { lower.contains($0) } || lower.contains("mail delivery")
        // Who answers or forwards a report is a person, whatever the envelope says.
        let subject = message.field("subject")?.lowercased() ?? ""
        let isPassedOn = Self.passedOn.contains { subject.hasPrefix($0) }
        isFromMachine =
            isFromDaemon || returnPath == "<>" && !isPassedOn || message.type == "multipart/report"
    }
}

extension OriginalMessage {
    /// Adds what its own header fields say.
    mutating func fill(from fields: [HeaderField]) {
        if messageID == nil { messageID = fields.value("message-id").map { Protected($0) } }
        if feedbackID == nil { feedbackID = fields.value("feedback-id").map { Protected($0) } }
        if returnPath == nil, let path = fields.value("return-path") {
            returnPath = AddressText.all(in: path, atMost: 1).first.map { Protected($0) }
        }
        if to.isEmpty {
            to = fields.values("to").prefix(5).flatMap { AddressText.all(in: $0, atMost: 20) }.map { Protected($0) }
        }
    }
}
