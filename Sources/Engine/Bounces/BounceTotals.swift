public import Core

/// What mails came to, counted.
public struct BounceTotals: Sendable, CustomStringConvertible {
    /// How many mails came to what.
    public private(set) var counts: [ReturnedMail.Verdict: Int] = [:]
    /// The jobs that something came back from that was not there before.
    public private(set) var jobs: Set<JobID> = []

    /// Nothing counted yet.
    public init() {}

    /// How many mails were read.
    public var read: Int {
        counts.values.reduce(0, +)
    }

    mutating func add(_ mail: ReturnedMail) {
        counts[mail.verdict, default: 0] += 1
        if mail.verdict.isCounted, let job = mail.job { jobs.insert(job) }
    }

    /// `12 read: 3 hard bounces, 1 complaint, 8 counted before`.
    public var description: String {
        let parts = ReturnedMail.Verdict.allCases.compactMap { verdict in
            counts[verdict].map { "\($0) \(verdict.words(one: $0 == 1))" }
        }
        return "\(read) read" + (parts.isEmpty ? "" : ": " + parts.joined(separator: ", "))
    }
}

extension ReturnedMail.Verdict {
    /// What to call one or several of them.
    fileprivate func words(one: Bool) -> String {
        switch self {
        case .hardBounce: one ? "hard bounce" : "hard bounces"
        case .softBounce: one ? "soft bounce" : "soft bounces"
        case .complaint: one ? "complaint" : "complaints"
        case .optOut: one ? "opt-out" : "opt-outs"
        case .countedBefore: "counted before"
        case .delay: one ? "delay warning" : "delay warnings"
        case .delivered: one ? "delivery notice" : "delivery notices"
        case .autoReply: one ? "automatic reply" : "automatic replies"
        case .other: "no report"
        case .noToken: "without a token"
        case .forgedToken: "with a forged token"
        case .unknownMessage: "about an unknown message"
        case .unreadable: "unreadable"
        }
    }
}
