/// What of a message may be tracked; each has switches of its own.
public enum TrackedAct: String, CaseIterable, Sendable {
    /// That the message was opened.
    case opens
    /// That a link of it was followed.
    case clicks
}

/// The rule by which something is tracked or not; the words stand in ledgers, summaries and `check --json`.
public enum TrackingRule: String, CaseIterable, Sendable {
    /// The site's own switch.
    case site
    /// The switch of the From's domain.
    case senderDomain = "sender-domain"
    /// The switch of the From's address.
    case senderAddress = "sender-address"
    /// The job's manifest.
    case job
    /// The recipient's own wish.
    case recipient
    /// Nobody switched it on.
    case unset = "default"
}

/// Whether something is tracked, and by which rule.
public struct TrackingDecision: Hashable, Sendable {
    /// The levels that have a word, the broadest first.
    public static let levels: [TrackingRule] = [.site, .senderDomain, .senderAddress, .job, .recipient]

    /// Whether it is tracked.
    public var isOn: Bool
    /// The rule that decided.
    public var rule: TrackingRule

    /// States a decision.
    public init(_ isOn: Bool, by rule: TrackingRule) {
        self.isOn = isOn
        self.rule = rule
    }

    /// Decides by what the levels say; one that says nothing is left out.
    ///
    /// The strictest wins: one "off" is enough, and of several the broadest level's is named. "On" is the job's word alone;
    /// a broader level's allows it and does not switch it on, so that nothing is tracked that its job did not ask for.
    public init(_ words: [TrackingRule: Bool]) {
        if let strictest = Self.levels.first(where: { words[$0] == false }) {
            self.init(false, by: strictest)
        } else if words[.job] == true {
            self.init(true, by: .job)
        } else {
            self.init(false, by: .unset)
        }
    }
}

/// What was decided for a job's messages.
public struct JobTracking: Hashable, Sendable {
    /// Whether opens are tracked.
    public var opens: TrackingDecision
    /// Whether clicks are tracked.
    public var clicks: TrackingDecision
    /// How many rows are not tracked whatever else holds, by their recipients' wish.
    public var untrackedRows: Int

    /// Collects what was decided.
    public init(opens: TrackingDecision, clicks: TrackingDecision, untrackedRows: Int = 0) {
        self.opens = opens
        self.clicks = clicks
        self.untrackedRows = untrackedRows
    }

    /// The decision on one of the two.
    public subscript(act: TrackedAct) -> TrackingDecision {
        switch act {
        case .opens: opens
        case .clicks: clicks
        }
    }
}
