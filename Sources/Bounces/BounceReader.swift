import Core

/// Reads what comes into the bounce mailbox: delivery reports (RFC 3464), feedback reports (RFC 5965), and the many forms
/// that mail systems wrote before and beside them.
///
/// It reads anything, from anyone: no input makes it fail, and its work grows with the first mebibyte only. What it says
/// is only what the message says; whether the message is to be believed is for its caller to find out, by the token in
/// the address that it was sent to.
public struct BounceReader: Sendable {
    /// How many bytes of a message are looked at; more need not be read from a file.
    public static let enoughBytes = ReportInput.maximumBytes

    private let rules: BounceRules

    /// A reader with certain rules.
    public init(rules: BounceRules = .standard) {
        self.rules = rules
    }

    /// Reads one message, with either kind of line end, with or without an mbox's separator line before it.
    public func read(_ bytes: [UInt8]) -> ReturnedMessage {
        guard let message = GMimeTree.read(ReportInput.prepared(bytes)) else { return ReturnedMessage(kind: .other) }
        var reading = Reading(message: message, rules: rules)
        return reading.result()
    }
}

/// One message being read: its forms are tried from the surest to the least sure.
private struct Reading {
    let message: MIMEPart
    let rules: BounceRules
    let text: ReportText
    let words: SearchText
    let parts: ReportParts
    let headers: MessageHeaders
    /// The forms that the report may have, by the rules, the likeliest first.
    let forms: [BounceRules.Form]
    private var form: BounceRules.Form? { forms.first }

    init(message: MIMEPart, rules: BounceRules) {
        self.message = message
        self.rules = rules
        text = ReportText(message, ends: rules.ends)
        words = text.searchable
        headers = MessageHeaders(message)
        parts = ReportParts(message, isFromDaemon: headers.isFromDaemon)
        forms = Self.forms(message, words, rules)
    }

    mutating func result() -> ReturnedMessage {
        var found =
            feedback() ?? notification() ?? delivery() ?? freeText() ?? wrapped() ?? automatic()
            ?? ReturnedMessage(kind: .other)
        found.sentTo = headers.sentTo.map { Protected($0) }
        let returned = parts.returned.isEmpty ? text.returned : parts.returned
        found.original.fill(from: returned)
        return found
    }

    private var returned: [HeaderField] {
        parts.returned.isEmpty ? text.returned : parts.returned
    }

    // MARK: The forms

    private func feedback() -> ReturnedMessage? {
        guard let part = parts.feedback else { return nil }
        let report = FeedbackReport(StatusFields(part))
        let addresses = report.addresses.isEmpty ? FeedbackReport.addresses(in: returned) : report.addresses
        var found = complaint(report.kind, addresses, form: "rfc5965")
        found.original.returnPath = report.returnPath.map { Protected($0) }
        found.original.envelopeID = report.envelopeID.map { Protected($0) }
        return found
    }

    private func complaint(_ kind: ReturnedMessage.Kind, _ addresses: [String], form: String) -> ReturnedMessage {
        let reason: Reason = kind == .complaint ? .complained : kind == .optOut ? .optedOut : .none
        return ReturnedMessage(
            kind: kind,
            recipients: addresses.map { address in
                ReportedRecipient(
                    address: Protected(address),
                    action: .delivered,
                    reason: reason,
                    consequence: reason == .none ? .never : rules.classes[reason]?.consequence ?? .atOnce
                )
            },
            form: form
        )
    }

    private func notification() -> ReturnedMessage? {
        guard let first = text.lines.first(where: { !$0.utf8.allSatisfy(Lines.isSpace) }),
            first.utf8.first(where: { !Lines.isSpace($0) }) == UInt8(ascii: "{"),
            let notification = ServiceNotification(text.lines.joined(separator: "\n"))
        else { return nil }
        var found: ReturnedMessage
        switch notification.kind {
        case .complaint: found = complaint(.complaint, notification.findings.map(\.address), form: "amazon-sns")
        default: found = reported(notification.findings, form: "amazon-sns") ?? ReturnedMessage(kind: .other)
        }
        found.original.messageID = notification.messageID.map { Protected($0) }
        found.original.returnPath = notification.returnPath.map { Protected($0) }
        found.original.to = notification.to.map { Protected($0) }
        return found
    }

    private func delivery() -> ReturnedMessage? {
        if !parts.statuses.isEmpty { return delivery(parts.statuses.map { StatusFields($0) }) }
        return inline(text.lines)
    }

    /// A whole report as the text of another.
    private func wrapped() -> ReturnedMessage? {
        inline(text.all)
    }

    /// The fields of a delivery report in the middle of a text.
    private func inline(_ lines: [String]) -> ReturnedMessage? {
        guard headers.isFromMachine else { return nil }
        let start = lines.firstIndex { line in
            guard let name = StatusFields.field(line)?.name else { return false }
            return ["reporting-mta", "final-recipient", "original-recipient"].contains(name)
        }
        return start.flatMap { delivery([StatusFields(lines[$0...])]) }
    }

    private func delivery(_ fields: [StatusFields]) -> ReturnedMessage? {
        var findings: [Finding] = []
        var found = OriginalMessage()
        for group in fields {
            let report = DeliveryReport(group)
            found.envelopeID = report.envelopeID.map { Protected($0) }
            found.messageID = report.messageID.map { Protected($0) }
            findings += report.findings + named(report.nameless)
        }
        guard !findings.isEmpty else { return nil }
        complete(&findings)
        var result = reported(findings, form: "rfc3464", reason: form?.reason)
        result?.original = found
        return result
    }

    private func freeText() -> ReturnedMessage? {
        if form?.kind == .complaint {
            let found = complaint(.complaint, FeedbackReport.addresses(in: returned), form: form?.name ?? "")
            return found.recipients.isEmpty ? nil : found
        }
        if form?.kind == .autoReply { return nil }
        let failed = headers.failedRecipients
        guard form != nil || !failed.isEmpty else { return nil }
        // What a person forwards is a person's letter, whatever it quotes.
        guard headers.isFromMachine || headers.isAutomatic || form?.isKnownByHeader == true else { return nil }
        var findings: [Finding] = []
        if let field = form?.recipientField {
            findings = message.all(field).flatMap { AddressText.all(in: $0) }.map { finding($0) }
        } else if form == nil {
            findings = RecipientFinder(text.lines, form: nil).findings
        }
        var form = form
        // The first form that finds anybody is the report's.
        for candidate in forms where findings.isEmpty && candidate.kind != .complaint {
            guard headers.isFromMachine || headers.isAutomatic || candidate.isKnownByHeader else { continue }
            findings = RecipientFinder(text.lines, form: candidate).findings
            if !findings.isEmpty { form = candidate }
        }
        // `Please write to postmaster@…`: a report is not about who wrote it or who gets it, if it names anybody else.
        let others = findings.filter { $0.address != headers.from && !headers.sentTo.contains($0.address) }
        if !others.isEmpty { findings = others }
        if findings.isEmpty { findings = failed.map { finding($0) } }
        if findings.isEmpty {
            findings = FeedbackReport.addresses(in: returned.filter { $0.name == "to" }).map { finding($0) }
        }
        let isDelay = form?.kind == .delay || rules.delays.contains { words.contains($0) }
        let isReceipt = rules.receipts.contains { words.contains($0) }
        for index in findings.indices {
            if isReceipt { findings[index].action = .delivered }
            if isDelay { findings[index].action = .delayed }
            if form?.readsAll == true { findings[index].diagnostic = whole }
            if findings[index].stage == nil { findings[index].stage = form?.stage }
        }
        return reported(findings, form: form?.name ?? "x-failed-recipients", reason: form?.reason)
    }

    private func automatic() -> ReturnedMessage? {
        let subject = SearchText(message.field("subject") ?? "")
        let isAutomatic =
            headers.isAutomatic || message.field("x-auto-response-suppress") != nil
            || rules.replySubjects.contains { subject.contains($0) }
            || form?.kind == .autoReply
        guard isAutomatic, !headers.isFromDaemon else { return nil }
        let from = headers.from.map { [ReportedRecipient(address: Protected($0), action: .delivered)] } ?? []
        return ReturnedMessage(kind: .autoReply, recipients: from, form: "rfc3834")
    }

    // MARK: What they share

    /// All the words of the report.
    private var whole: String {
        text.lines.prefix(200).joined(separator: "\n")
    }

    private func finding(_ address: String) -> Finding {
        var finding = Finding(address: address)
        finding.diagnostic = whole
        return finding
    }

    private static func forms(_ message: MIMEPart, _ words: SearchText, _ rules: BounceRules) -> [BounceRules.Form] {
        let from = SearchText(message.field("from") ?? "")
        let subject = SearchText(message.field("subject") ?? "")
        let submitted = message.field("auto-submitted")?.lowercased() ?? ""
        return rules.forms.filter { form in
            !(form.isNoReply && submitted.hasPrefix("auto-replied"))
                && (form.from.isEmpty || form.from.contains { from.contains($0) })
                && (form.subject.isEmpty || form.subject.contains { subject.contains($0) })
                && (form.fields.isEmpty || form.fields.contains { message.field($0) != nil })
                && (form.opens.isEmpty || form.opens.contains { words.contains($0) })
        }
    }

    /// Recipients that a report tells of without an address: the header field or the words have it.
    private func named(_ nameless: [Finding]) -> [Finding] {
        guard let template = nameless.first else { return [] }
        var addresses = headers.failedRecipients
        if addresses.isEmpty { addresses = RecipientFinder(text.lines, form: form).findings.map(\.address) }
        if addresses.isEmpty { addresses = FeedbackReport.addresses(in: returned.filter { $0.name == "to" }) }
        return addresses.map { address in
            var finding = template
            finding.address = address
            return finding
        }
    }

    /// Adds what only the report's words say of a recipient.
    private func complete(_ findings: inout [Finding]) {
        let said = RecipientFinder(text.lines, form: nil).findings
        for index in findings.indices {
            let address = findings[index].address
            let words = said.first { $0.address == address || $0.address == findings[index].original }
            if let words {
                if findings[index].diagnostic.isEmpty { findings[index].diagnostic = words.diagnostic }
                findings[index].stage = findings[index].stage ?? stage(words)
            }
            if findings[index].stage == nil { findings[index].stage = form?.stage }
            if form?.readsAll == true { findings[index].diagnostic += "\n" + whole }
        }
    }

    private func stage(_ finding: Finding) -> BounceRules.Stage? {
        let text = SearchText(finding.diagnostic)
        return finding.stage
            ?? rules.stages.first { entry in entry.phrases.contains { text.contains($0) } }?.stage
    }

    private func reported(_ findings: [Finding], form: String, reason: Reason? = nil) -> ReturnedMessage? {
        guard !findings.isEmpty else { return nil }
        let judge = Judge(
            rules: rules,
            report: words,
            dialogueStage: Dialogue.refusedStage(text.lines),
            otherwise: reason
        )
        let recipients = findings.prefix(RecipientFinder.maximum).map { judge.judged($0) }
        let kind: ReturnedMessage.Kind =
            if recipients.contains(where: { $0.action == .failed }) {
                .bounce
            } else if recipients.contains(where: { $0.action == .delayed }) {
                .delay
            } else {
                .delivered
            }
        return ReturnedMessage(kind: kind, recipients: Array(recipients), form: form)
    }
}
