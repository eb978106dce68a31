internal import Core

/// Tells programs from people by the order and the pace of one message's requests.
///
/// Depends on nothing but the events, the delivery's time and the number of links, so that the same events give the same verdicts.
struct PaceRules {
    /// Who made a request.
    struct Verdict: Equatable {
        var isAutomated: Bool
        /// The word of the rule that changed what was recorded; `nil` where nothing did.
        var reason: String?
    }

    /// A request that showed its visitor to be a program.
    private struct Trigger {
        var visitor: UInt32
        var from: Int64
        var to: Int64
        var reason: String
    }

    let rules: AutomationRules.Pace
    /// When the receiving server took the message; whole seconds, rounded down.
    let delivered: Timestamp?
    /// How many links the job's messages have; 0 if that is not known.
    let links: Int

    /// The verdicts on a message's events, which are in order.
    func verdicts(on records: [EventRecord]) -> [Verdict] {
        var verdicts = records.map { Verdict(isAutomated: $0.isAutomated && $0.isRequest, reason: nil) }
        var triggers: [Trigger] = []
        findDecoys(records, &verdicts, &triggers)
        findEarly(records, &verdicts, &triggers)
        let clicks = records.indices.filter { index in
            records[index].kind == .click && !records[index].isDecoy && !verdicts[index].isAutomated
        }
        if let rule = rules.sameSecond {
            findClusters(rule, clicks, records, bySameVisitor: false, &verdicts, &triggers)
        }
        if let rule = rules.burst {
            findClusters(rule, clicks, records, bySameVisitor: true, &verdicts, &triggers)
        }
        if let rule = rules.everyLink { findRounds(rule, clicks, records, &verdicts, &triggers) }
        findHeads(records, &triggers)
        mark(records, triggers, &verdicts)
        return verdicts
    }

    /// Whoever followed a link that nobody sees.
    private func findDecoys(_ records: [EventRecord], _ verdicts: inout [Verdict], _ triggers: inout [Trigger]) {
        guard let reason = rules.decoy else { return }
        for index in records.indices where records[index].isDecoy {
            if !verdicts[index].isAutomated { verdicts[index] = Verdict(isAutomated: true, reason: reason) }
            triggers.append(around(records[index], reason))
        }
    }

    /// Sooner than a person can be.
    private func findEarly(_ records: [EventRecord], _ verdicts: inout [Verdict], _ triggers: inout [Trigger]) {
        guard let rule = rules.afterDelivery, let delivered else { return }
        let start = delivered.seconds * 1_000
        for index in records.indices where records[index].isRequest && !verdicts[index].isAutomated {
            let record = records[index]
            let after = record.milliseconds - start
            let isClick = record.kind == .click
            guard after >= -rule.before, after < (isClick ? rule.clicks : rule.opens) else { continue }
            verdicts[index] = Verdict(isAutomated: true, reason: rule.reason)
            if isClick { triggers.append(around(record, rule.reason)) }
        }
    }

    /// So many different links in less than a time.
    private func findClusters(
        _ rule: AutomationRules.Pace.Cluster,
        _ clicks: [Int],
        _ records: [EventRecord],
        bySameVisitor: Bool,
        _ verdicts: inout [Verdict],
        _ triggers: inout [Trigger]
    ) {
        for (position, first) in clicks.enumerated() {
            var links: Set<Int> = []
            var members: [Int] = []
            for index in clicks[position...] {
                guard records[index].milliseconds - records[first].milliseconds < rule.milliseconds else { break }
                if bySameVisitor, records[index].visitor != records[first].visitor { continue }
                if let link = records[index].link { links.insert(link) }
                members.append(index)
            }
            guard links.count >= rule.links else { continue }
            catches(members, rule.reason, records, &verdicts, &triggers)
        }
    }

    /// Nearly all links of the message in their order.
    private func findRounds(
        _ rule: AutomationRules.Pace.EveryLink,
        _ clicks: [Int],
        _ records: [EventRecord],
        _ verdicts: inout [Verdict],
        _ triggers: inout [Trigger]
    ) {
        let needed = max(rule.least, (links * rule.share + 99) / 100)
        guard links >= rule.least else { return }
        for (position, first) in clicks.enumerated() {
            var members: [Int] = []
            var last = 0
            for index in clicks[position...] {
                guard records[index].milliseconds - records[first].milliseconds < rule.milliseconds else { break }
                guard records[index].visitor == records[first].visitor, let link = records[index].link else { continue }
                if link < last { break }
                if link > last || members.isEmpty { members.append(index) }
                last = link
            }
            guard members.count >= needed else { continue }
            catches(members, rule.reason, records, &verdicts, &triggers)
        }
    }

    /// A visitor that asked by HEAD before.
    private func findHeads(_ records: [EventRecord], _ triggers: inout [Trigger]) {
        guard let rule = rules.afterHead else { return }
        for record in records where record.isHead && record.isRequest {
            let end = record.milliseconds + rule.milliseconds
            triggers.append(
                Trigger(visitor: record.visitor, from: record.milliseconds, to: end, reason: rule.reason)
            )
        }
    }

    private func catches(
        _ members: [Int],
        _ reason: String,
        _ records: [EventRecord],
        _ verdicts: inout [Verdict],
        _ triggers: inout [Trigger]
    ) {
        for index in members where !verdicts[index].isAutomated {
            verdicts[index] = Verdict(isAutomated: true, reason: reason)
            triggers.append(around(records[index], reason))
        }
    }

    private func around(_ record: EventRecord, _ reason: String) -> Trigger {
        Trigger(
            visitor: record.visitor,
            from: record.milliseconds - rules.neighbours,
            to: record.milliseconds + rules.neighbours,
            reason: reason
        )
    }

    /// What a program did beside the request that gave it away.
    private func mark(_ records: [EventRecord], _ triggers: [Trigger], _ verdicts: inout [Verdict]) {
        guard !triggers.isEmpty else { return }
        for index in records.indices where records[index].isRequest && !verdicts[index].isAutomated {
            let record = records[index]
            let trigger = triggers.first { trigger in
                trigger.visitor == record.visitor && (trigger.from...trigger.to).contains(record.milliseconds)
            }
            if let trigger { verdicts[index] = Verdict(isAutomated: true, reason: trigger.reason) }
        }
    }
}
