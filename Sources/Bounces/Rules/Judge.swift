import Core

/// Decides why a message came back, and what follows.
struct Judge {
    let rules: BounceRules
    /// The words of the whole report.
    let report: SearchText
    /// The step at which the quoted dialogue broke off.
    let dialogueStage: BounceRules.Stage?
    /// The reason of this form of report, where no rule finds one.
    var otherwise: Reason?

    /// What is known of one refusal.
    private struct Facts {
        var text: SearchText
        var status: EnhancedStatus?
        var code: Int?
        var stage: BounceRules.Stage?
        var host: String
    }

    /// The recipient with its reason and what follows.
    func judged(_ finding: Finding) -> ReportedRecipient {
        let text = SearchText(Self.quoted(finding.diagnostic))
        let own = EnhancedStatus(in: text)
        var facts = Facts(
            text: text,
            status: Self.preferred(own, finding.status),
            code: ReplyCode.first(in: text),
            stage: finding.stage ?? stage(text),
            host: finding.host
        )
        if facts.stage == nil { facts.stage = dialogueStage ?? stage(report) }
        let severityClass = finding.reason.map { ($0, rules.classes[$0]) } ?? reason(facts, finding)
        let isTemporary = facts.status.map { $0.level == 4 } ?? facts.code.map { $0 < 500 } ?? false
        var recipient = ReportedRecipient(
            address: Protected(finding.address),
            originalAddress: finding.original.map { Protected($0) },
            action: finding.action,
            status: facts.status?.text ?? "",
            replyCode: facts.code,
            diagnostic: Protected(Self.beginning(finding.diagnostic))
        )
        guard finding.action == .failed || finding.action == .delayed else { return recipient }
        recipient.reason = severityClass.0
        let isDelay = finding.action == .delayed
        let severity = isTemporary ? severityClass.1?.whenTemporary : severityClass.1?.severity
        recipient.severity = isDelay ? .soft : severity ?? .soft
        recipient.consequence = isDelay ? .never : consequence(severityClass.1, recipient.severity)
        return recipient
    }

    /// As much of a text as is kept, cut between two characters: half of one would become U+FFFD, which is longer.
    private static func beginning(_ text: String) -> String {
        let bytes = text.utf8
        guard var end = bytes.index(bytes.startIndex, offsetBy: SearchText.maximum, limitedBy: bytes.endIndex),
            end < bytes.endIndex
        else { return text }
        while bytes[end] & 0xC0 == 0x80 { bytes.formIndex(before: &end) }
        return String(text[..<end])
    }

    /// `5.1.0 - Unknown address error 550-'5.7.1 Access denied'` (Cisco ESA): what counts is what the server said.
    private static func quoted(_ diagnostic: String) -> String {
        let bytes = Array(diagnostic.utf8.prefix(SearchText.maximum))
        for index in bytes.indices.dropLast(6) where bytes[index] == 0x20 && bytes[index + 4] == UInt8(ascii: "-") {
            let code = bytes[(index + 1)...(index + 3)]
            guard bytes[index + 5] == UInt8(ascii: "'"), code.first == 0x34 || code.first == 0x35,
                code.allSatisfy({ (0x30...0x39).contains($0) })
            else { continue }
            return String(decoding: code + [0x20] + bytes[(index + 6)...], as: UTF8.self)
        }
        return diagnostic
    }

    /// A reason that is hard in general and soft for now suppresses nobody at once.
    private func consequence(
        _ found: BounceRules.ReasonClass?,
        _ severity: ReportedRecipient.Severity?
    ) -> Consequence {
        guard let found else { return .never }
        if severity == .soft, found.severity == .hard, found.consequence == .atOnce { return .after(nil) }
        return found.consequence
    }

    /// What the refusing server said itself goes before what the reporting one made of it; a code that says something
    /// before one that says nothing.
    private static func preferred(_ own: EnhancedStatus?, _ field: EnhancedStatus?) -> EnhancedStatus? {
        if let own, !own.isGeneral { return own }
        if let field, !field.isGeneral { return field }
        return own ?? field
    }

    /// In this order: a rule for the server's words, its status code, a rule for the report's words, what is left.
    private func reason(_ facts: Facts, _ finding: Finding) -> (Reason, BounceRules.ReasonClass?) {
        var found = rule(facts)
        if found == nil, let status = facts.status {
            found = rules.statuses.first { $0.pattern.matches(status) }?.reason
        }
        if found == nil, !Self.isTelling(facts.text) || facts.code == nil && facts.status == nil {
            var wider = facts
            wider.text = report
            found = rule(wider)
        }
        let reason = found ?? rest(facts, finding)
        return (reason, rules.classes[reason])
    }

    /// Whether a server's answer has words of its own, so that those around it add nothing.
    private static func isTelling(_ text: SearchText) -> Bool {
        text.bytes.lazy.filter { (0x61...0x7A).contains($0) || $0 >= 0x80 }.count >= 8
    }

    private func rest(_ facts: Facts, _ finding: Finding) -> Reason {
        if let otherwise { return otherwise }
        if finding.action == .delayed { return .expired }
        if finding.diagnosticType == "x-unix" { return .deliveryProgram }
        if facts.stage == .connect { return .senderBlocked }
        return BounceRules.fallback
    }

    private func rule(_ facts: Facts) -> Reason? {
        guard !facts.text.isEmpty else { return nil }
        return rules.rules.first { applies($0, facts) }?.reason
    }

    private func applies(_ rule: BounceRules.Rule, _ facts: Facts) -> Bool {
        if !rule.stages.isEmpty {
            guard let stage = facts.stage, rule.stages.contains(stage) else { return false }
        }
        if !rule.codes.isEmpty {
            guard let code = facts.code, rule.codes.contains(code) else { return false }
        }
        if !rule.statuses.isEmpty {
            guard let status = facts.status, rule.statuses.contains(where: { $0.matches(status) }) else { return false }
        }
        if !rule.hosts.isEmpty, !rule.hosts.contains(where: { facts.host.hasSuffix($0) }) { return false }
        if !rule.says.isEmpty, !rule.says.contains(where: { facts.text.contains($0) }) { return false }
        return !rule.unless.contains { facts.text.contains($0) }
    }

    private func stage(_ text: SearchText) -> BounceRules.Stage? {
        rules.stages.first { entry in entry.phrases.contains { text.contains($0) } }?.stage
    }
}
