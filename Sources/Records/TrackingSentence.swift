import Core

/// Whether opens and clicks were tracked, and who decided so, in words.
enum TrackingSentence {
    static func text(_ act: TrackedAct, _ wasTracked: Bool, _ decided: JobTracking) -> String {
        let decision = decided[act]
        guard decision.isOn == wasTracked else { return "tracked at first; then switched off \(place(decision.rule))" }
        if decision.isOn { return "tracked, as the job's manifest asks" }
        return decision.rule == .unset
            ? "not tracked; nobody switched them on" : "not tracked, switched off \(place(decision.rule))"
    }

    private static func place(_ rule: TrackingRule) -> String {
        switch rule {
        case .site: "for the site"
        case .senderDomain: "for the sender's domain"
        case .senderAddress: "for the sender's address"
        case .job: "in the job's manifest"
        case .recipient: "by the recipient"
        case .unset: "by default"
        }
    }
}

extension JSONText {
    /// The rules by which a job is tracked or not, and how many rows are left out.
    mutating func members(_ tracking: JobTracking) {
        member("opens_rule", tracking.opens.rule.rawValue)
        member("clicks_rule", tracking.clicks.rule.rawValue)
        member("rows_not_tracked", tracking.untrackedRows)
    }
}
