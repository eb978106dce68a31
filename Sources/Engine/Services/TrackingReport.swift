public import Core
import Intake

/// What of a job is tracked, and which rules decide.
public struct TrackingReport: Sendable {
    /// One of the two, and the rule behind it.
    public struct Verdict: Sendable {
        /// What it is about.
        public var act: TrackedAct
        /// Whether it is tracked.
        public var isOn: Bool
        /// The level that decided.
        public var rule: TrackingRule
        /// The key that decided; empty where none did.
        public var setting: String
        /// Where its value stands; `nil` where no key decided.
        public var place: Place?
    }

    /// Opens, then clicks.
    public var verdicts: [Verdict]
    /// How many rows that can go out are not tracked, by their recipients' wish.
    public var untrackedRows: Int
    /// How many of them have a cell that is neither yes nor no.
    public var unclearRows: Int
    /// What the messages' links start with; `nil` if they have none of ours.
    public var baseURL: String?

    init(_ finding: JobChecker.Finding, _ manifest: Manifest, in site: SiteConfiguration) {
        verdicts = TrackedAct.allCases.map { act in
            let verdict = site.verdict(on: act, for: manifest)
            return Verdict(
                act: act,
                isOn: verdict.decision.isOn,
                rule: verdict.decision.rule,
                setting: verdict.setting,
                place: verdict.place
            )
        }
        untrackedRows = finding.untrackedRows
        unclearRows = finding.unclearWishes
        if verdicts.contains(where: \.isOn) || manifest.list != nil || manifest.isMarketing {
            baseURL = site.tracking?.baseURL(forSender: manifest.from.value.address.domain).value
        }
    }

    /// The same in sentences.
    public var lines: [String] {
        var lines = verdicts.map { verdict in
            let by = verdict.place.map { "decided by \(verdict.rule.rawValue): \(verdict.setting) at \($0)" }
            return
                "\(verdict.act.rawValue): \(verdict.isOn ? "tracked" : "not tracked"), \(by ?? "nobody switched it on")"
        }
        if untrackedRows > 0 {
            let unclear = unclearRows > 0 ? " (\(unclearRows) of them unclear)" : ""
            lines.append(
                "\(untrackedRows) row\(untrackedRows == 1 ? " is" : "s are") not tracked by the recipients' wish\(unclear)"
            )
        }
        if let baseURL { lines.append("links lead to \(baseURL)") }
        return lines
    }
}
