public import Core

/// What is made of one event, by all that is known of its message's requests.
public struct EventVerdict: Hashable, Sendable {
    /// Who it was.
    public var audience: Event.Audience
    /// Why we think so, in one word; of a message that came back, why it did.
    public var why: String
    /// The device, for opens and clicks.
    public var device: DeviceFamily?
}

extension Classifier {
    /// The verdicts on one message's events, in the order in which they are given.
    ///
    /// The same as ``JobActivity`` comes to: the first ``JobActivity/mostEvents`` in time are looked at together, those behind
    /// them count as they were recorded.
    ///
    /// - Parameters:
    ///   - events: All events of one row of one job.
    ///   - delivered: When the receiving server took the message; the ledger knows.
    ///   - links: How many links the job's messages have; 0 if that is not known.
    public func verdicts(on events: [Event], delivered: Timestamp?, links: Int) -> [EventVerdict] {
        var texts = EventTexts()
        let records = events.map { EventRecord($0, self, &texts) }
        let order = records.indices.sorted { records[$0].precedes(records[$1], texts) }
        let first = order.prefix(JobActivity.mostEvents)
        let pace = PaceRules(rules: rules.pace, delivered: delivered, links: links)
        var verdicts = records.map { record in
            EventVerdict(
                audience: record.isAutomated ? .automated : .human,
                why: texts[record.why],
                device: record.isRequest ? record.device : nil
            )
        }
        for (index, verdict) in zip(first, pace.verdicts(on: first.map { records[$0] })) where verdict.isAutomated {
            verdicts[index].audience = .automated
            if let reason = verdict.reason { verdicts[index].why = reason }
        }
        return verdicts
    }

    /// What the rules of today say of an event that was recorded as a person's; what was recorded of any other.
    func judged(_ event: Event) -> Verdict {
        guard event.audience == .human, event.kind == .open || event.kind == .click else {
            return (event.audience, event.why)
        }
        let verdict = classify(event.kind, method: event.method, agent: event.agent)
        return verdict.audience == .automated ? verdict : (event.audience, event.why)
    }
}
