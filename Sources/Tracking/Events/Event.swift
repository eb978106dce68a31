public import Core

/// Something that happened to a message after it was sent.
///
/// Appended to the event log, never edited.
public struct Event: Hashable, Sendable {
    /// What happened.
    public enum Kind: String, CaseIterable, Sendable {
        /// The pixel was fetched.
        case open
        /// A link was followed.
        case click
        /// The recipient opted out.
        case unsubscribe
        /// A message kept for pick-up was read.
        case pickup
        /// The message came back.
        case bounce
        /// The recipient complained.
        case complaint
        /// The recipient took an opt-out back.
        case resubscribe
        /// Somebody asked to be put on a list; nothing is done before it is confirmed.
        case subscribe
        /// Whoever reads the mailbox confirmed that it is to be put on a list.
        case confirm
    }

    /// Whether a message that came back may be tried again.
    public enum Severity: String, CaseIterable, Sendable {
        /// The mailbox is not there, or will not take the message at any time.
        case hard
        /// It could not be delivered for now.
        case soft
    }

    /// Who probably did it; `class` in the log.
    public enum Audience: String, CaseIterable, Sendable {
        /// As far as we can tell, a person.
        case human
        /// A program: a prefetching browser, a scanner, a proxy.
        case automated
    }

    /// What follows from a bounce for its mailbox.
    public enum Consequence: String, CaseIterable, Sendable {
        /// It gets no more mail.
        case suppress
        /// It gets no more mail when that happens often enough.
        case count
        /// Nothing: the fault is not the mailbox's.
        case nothing = "none"
    }

    /// When, in milliseconds since 1970-01-01 00:00:00 UTC.
    public var milliseconds: Int64
    /// What happened.
    public var kind: Kind
    /// The message's job.
    public var job: JobID
    /// The message's row.
    public var row: RowNumber
    /// Which of the message's links, from 1; clicks have it.
    public var link: Int?
    /// The list that the recipient left or wants again, empty for all mail; opt-outs have it.
    public var list: String?
    /// `marketing` where the recipient's wish is about mail of that purpose, whatever its list.
    public var scope: String?
    /// The mailbox; opt-outs have it.
    public var tag: AddressTag?
    /// Who probably did it.
    public var audience: Audience
    /// Why we think so, in one word.
    public var why: String
    /// The request's method.
    public var method: String
    /// What the requesting program calls itself: visible ASCII only, cut at ``maximumAgentLength``.
    public let agent: String
    /// Tells the devices that one message was read on apart, and nothing else: see ``VisitorMark``.
    public var visitor: VisitorMark?
    /// The address that the request came from, as far as the site keeps it.
    public var address: String?
    /// Where that address is, as far as the site looks it up.
    public var place: VisitorPlace?
    /// Whether a message that came back may be tried again; bounces have it.
    public var severity: Severity?
    /// Why a message came back, in one word; bounces and complaints have it.
    public var reason: String?
    /// The enhanced status code of a message that came back, such as `5.1.1`.
    public var status: String?
    /// What follows from a bounce for its mailbox; `nil` where that is not said.
    public var consequence: Consequence?
    /// What a visitor typed in, sealed to the site's public key; subscriptions have it.
    public var sealed: String?

    /// The most that is kept of what a program calls itself.
    public static let maximumAgentLength = 200

    /// Creates an event; the agent is cleaned and cut.
    ///
    /// What few events have is set afterwards.
    public init(
        _ kind: Kind,
        job: JobID,
        row: RowNumber,
        milliseconds: Int64 = wallClock(),
        link: Int? = nil,
        list: String? = nil,
        scope: String? = nil,
        tag: AddressTag? = nil,
        audience: Audience = .human,
        why: String = "",
        method: String = "",
        agent: String = ""
    ) {
        self.milliseconds = milliseconds
        self.kind = kind
        self.job = job
        self.row = row
        self.link = link
        self.list = list
        self.scope = scope
        self.tag = tag
        self.audience = audience
        self.why = why
        self.method = method
        self.agent = Self.clean(agent)
    }

    /// When, in whole seconds.
    public var time: Timestamp {
        Timestamp(milliseconds: milliseconds)
    }

    /// Whether a bounce keeps all further mail from its mailbox: as it says, or else if it is final.
    public var suppresses: Bool {
        kind == .bounce && (consequence.map { $0 == .suppress } ?? (severity != .soft))
    }

    private static func isVisible(_ text: String) -> Bool {
        // Where the bytes lie is asked once, not for each of them.
        unsafe text.utf8.withContiguousStorageIfAvailable { unsafe $0.allSatisfy { (0x20...0x7E).contains($0) } }
            ?? text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    /// What a hostile header may leave behind in a log that people read: visible ASCII and single spaces.
    private static func clean(_ text: String) -> String {
        if text.utf8.count <= maximumAgentLength, isVisible(text) { return text }
        let bytes = text.unicodeScalars.prefix(maximumAgentLength).map { scalar in
            (0x20...0x7E).contains(scalar.value) ? UInt8(scalar.value) : UInt8(ascii: "?")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Event {
    /// Appends the members of the event's line, without braces.
    func appendMembers(to line: inout JSONLine) {
        line.append("time", time.description)
        line.append("ms", Int(milliseconds - time.seconds * 1_000))
        line.append("kind", kind.rawValue)
        line.append("job", job.description)
        line.append("row", Int(row.value))
        if let link { line.append("link", link) }
        if let list { line.append("list", list) }
        if let scope { line.append("scope", scope) }
        if let tag { line.append("tag", tag.description) }
        line.append("class", audience.rawValue)
        line.append("why", why)
        line.append("method", method)
        line.append("agent", agent)
        if let visitor { line.append("visitor", visitor.description) }
        if let address { line.append("address", address) }
        if let place {
            line.append("country", place.country)
            if !place.region.isEmpty { line.append("region", place.region) }
            if !place.city.isEmpty { line.append("city", place.city) }
        }
        if let severity { line.append("severity", severity.rawValue) }
        if let reason { line.append("reason", reason) }
        if let status { line.append("status", status) }
        if let consequence { line.append("consequence", consequence.rawValue) }
        if let sealed { line.append("sealed", sealed) }
    }

    /// Reads a line's members back; `nil` if one is missing or wrong, or the kind is one of a later version.
    init?(_ line: JSONObject) {
        guard let milliseconds = line.moment,
            let kind = line.text("kind").flatMap(Kind.init(rawValue:)),
            let job = line.text("job").flatMap({ JobID($0) }),
            let row = line.number("row").flatMap({ UInt32(exactly: $0) }),
            let audience = line.text("class").flatMap(Audience.init(rawValue:))
        else { return nil }
        let tag = line.text("tag").flatMap { AddressTag(hex: $0) }
        if kind == .unsubscribe || kind == .resubscribe, tag == nil { return nil }
        self.init(
            kind,
            job: job,
            row: RowNumber(row),
            milliseconds: milliseconds,
            link: line.number("link"),
            list: line.text("list"),
            scope: line.text("scope"),
            tag: tag,
            audience: audience,
            why: line.text("why") ?? "",
            method: line.text("method") ?? "",
            agent: line.text("agent") ?? ""
        )
        visitor = line.text("visitor").flatMap { VisitorMark($0) }
        address = line.text("address")
        place = line.text("country").map {
            VisitorPlace(country: $0, region: line.text("region") ?? "", city: line.text("city") ?? "")
        }
        severity = line.text("severity").flatMap(Severity.init(rawValue:))
        reason = line.text("reason")
        status = line.text("status")
        consequence = line.text("consequence").flatMap(Consequence.init(rawValue:))
        sealed = line.text("sealed")
    }
}
