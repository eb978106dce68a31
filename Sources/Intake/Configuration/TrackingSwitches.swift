public import Core
import YAML

/// What one level says of opens and clicks; `nil` where it says nothing.
public struct TrackingSwitches: Hashable, Sendable {
    /// Whether opens may be tracked.
    public var opens: Placed<Bool>?
    /// Whether clicks may be tracked.
    public var clicks: Placed<Bool>?

    /// The keys under which they stand.
    static let keys = TrackedAct.allCases.map(\.rawValue)

    /// Collects what a level says.
    public init(opens: Placed<Bool>? = nil, clicks: Placed<Bool>? = nil) {
        self.opens = opens
        self.clicks = clicks
    }

    init(_ fields: MappingReader) {
        self.init(opens: fields.flag("opens"), clicks: fields.flag("clicks"))
    }

    /// The switch of one of the two.
    public subscript(act: TrackedAct) -> Placed<Bool>? {
        switch act {
        case .opens: opens
        case .clicks: clicks
        }
    }
}

/// What was decided for a job, and where the rule stands.
public struct TrackingVerdict: Hashable, Sendable {
    /// What was decided.
    public var decision: TrackingDecision
    /// The key that decided, as its file has it: `tracking.senders."x.example".opens`; empty where none did.
    public var setting: String
    /// Where its value stands; `nil` where no key decided.
    public var place: Place?
}

extension SiteConfiguration {
    /// Whether a job's messages are tracked, and which rule says so; a recipient's own wish comes on top.
    public func verdict(on act: TrackedAct, for manifest: Manifest) -> TrackingVerdict {
        let from = manifest.from.value.address
        var found: [TrackingRule: (key: String, isOn: Placed<Bool>)] = [:]
        func hear(_ rule: TrackingRule, _ path: String, _ switches: TrackingSwitches?) {
            if let isOn = switches?[act] { found[rule] = ("\(path).\(act.rawValue)", isOn) }
        }
        hear(.site, "tracking", tracking?.switches)
        for sender in tracking?.senders ?? [] where sender.covers(from) {
            let rule: TrackingRule = sender.mailbox == nil ? .senderDomain : .senderAddress
            hear(rule, "tracking.senders.\(Words.quoted(sender.name.value))", sender.switches)
        }
        hear(.job, "tracking", manifest.tracking)
        let decision = TrackingDecision(found.mapValues(\.isOn.value))
        let deciding = found[decision.rule]
        return TrackingVerdict(decision: decision, setting: deciding?.key ?? "", place: deciding?.isOn.place)
    }
}

/// What a recipient's cell says of tracking.
///
/// Only a plain "no", or nothing, lets a row be tracked; what is not understood is taken for a wish not to be.
public enum TrackingWish: Sendable {
    /// There is no wish.
    case silent
    /// The recipient is not to be tracked.
    case optedOut
    /// The cell is neither yes nor no: the recipient is not tracked, and somebody should look.
    case unclear

    /// The column's name where the manifest gives no other.
    public static let column = "no_tracking"
    /// What means that the recipient is not to be tracked; upper and lower case are one.
    public static let yes: Set<String> = ["yes", "y", "true", "1", "x", "on", "sí", "si", "s"]
    /// What means that there is no such wish, besides an empty cell.
    public static let no: Set<String> = ["no", "n", "false", "0", "off"]

    /// Reads a cell.
    public init(_ cell: ArraySlice<UInt8>) {
        var cell = cell
        while let first = cell.first, first == 0x20 || first == 0x09 { cell.removeFirst() }
        while let last = cell.last, last == 0x20 || last == 0x09 { cell.removeLast() }
        guard !cell.isEmpty else {
            self = .silent
            return
        }
        let word = cell.count <= 8 ? String(decoding: cell, as: UTF8.self).lowercased() : ""
        self = Self.no.contains(word) ? .silent : Self.yes.contains(word) ? .optedOut : .unclear
    }

    /// Whether a header's name is the column's, however it is written: `No Tracking`, `NO-TRACKING`, `noTracking`.
    public static func isColumn(_ name: String) -> Bool {
        plain(name) == "notracking"
    }

    /// Whether a header's name may have been meant for it.
    public static func isNear(_ name: String) -> Bool {
        let name = plain(name)
        return ["donottrack", "dnt", "trackingoptout", "optouttracking", "untracked"].contains(name)
            || name.utf8.count >= 8 && Suggestion.nearest(to: String(name.prefix(60)), in: ["notracking"]) != nil
    }

    private static func plain(_ name: String) -> String {
        String(name.lowercased().filter { !" _-.\u{A0}".contains($0) })
    }
}
