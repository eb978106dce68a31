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
    }

    /// Who probably did it; `class` in the log.
    public enum Audience: String, CaseIterable, Sendable {
        /// As far as we can tell, a person.
        case human
        /// A program: a prefetching browser, a scanner, a proxy.
        case automated
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
    /// The list that the recipient left, empty for all mail; opt-outs have it.
    public var list: String?
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

    /// The most that is kept of what a program calls itself.
    public static let maximumAgentLength = 200

    /// Creates an event; the agent is cleaned and cut.
    public init(
        _ kind: Kind,
        job: JobID,
        row: RowNumber,
        milliseconds: Int64 = wallClock(),
        link: Int? = nil,
        list: String? = nil,
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

    /// What a hostile header may leave behind in a log that people read: visible ASCII and single spaces.
    private static func clean(_ text: String) -> String {
        if text.utf8.count <= maximumAgentLength, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return text }
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
        if let tag { line.append("tag", tag.description) }
        line.append("class", audience.rawValue)
        line.append("why", why)
        line.append("method", method)
        line.append("agent", agent)
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
        if kind == .unsubscribe, tag == nil { return nil }
        self.init(
            kind,
            job: job,
            row: RowNumber(row),
            milliseconds: milliseconds,
            link: line.number("link"),
            list: line.text("list"),
            tag: tag,
            audience: audience,
            why: line.text("why") ?? "",
            method: line.text("method") ?? "",
            agent: line.text("agent") ?? ""
        )
    }
}
