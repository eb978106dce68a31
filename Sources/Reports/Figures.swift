public import Core

/// What a report counts.
///
/// A row counts on the day on which it ended, an event on the day on which it happened; what is counted once a message
/// (opened, clicked, opt-outs, bounces, complaints) on the day of the first. So days add up to weeks, months and all time, and jobs
/// to the site.
public struct Figures: Hashable, Sendable {
    private var states = Array(repeating: 0, count: RowStatus.allCases.count)
    /// Messages that a person opened, as far as can be told.
    public var opened = 0
    /// Opens by people.
    public var opens = 0
    /// Opens by people and programs.
    public var allOpens = 0
    /// Messages in which a person clicked, as far as can be told.
    public var clicked = 0
    /// Clicks by people.
    public var clicks = 0
    /// Clicks by people and programs.
    public var allClicks = 0
    /// Messages whose recipients opted out.
    public var optOuts = 0
    /// Messages that came back.
    public var bounces = 0
    /// Messages whose recipients complained.
    public var complaints = 0
    /// Sent messages by the TLS protocol's version, as OpenSSL names it.
    public var versions: [String: Int] = [:]
    /// Sent messages by how the server was verified.
    public var verifications: [String: Int] = [:]

    /// Nothing counted.
    public init() {}

    /// How many rows ended so.
    public subscript(status: RowStatus) -> Int {
        get { states[status.code] }
        set { states[status.code] = newValue }
    }

    /// All rows that ended.
    public var rows: Int { states.reduce(0, +) }

    /// Whether nothing was counted.
    public var isEmpty: Bool { self == Figures() }

    /// Adds two counts.
    public static func + (left: Figures, right: Figures) -> Figures {
        var sum = left
        for status in RowStatus.allCases { sum[status] += right[status] }
        sum.opened += right.opened
        sum.opens += right.opens
        sum.allOpens += right.allOpens
        sum.clicked += right.clicked
        sum.clicks += right.clicks
        sum.allClicks += right.allClicks
        sum.optOuts += right.optOuts
        sum.bounces += right.bounces
        sum.complaints += right.complaints
        sum.versions.merge(right.versions, uniquingKeysWith: +)
        sum.verifications.merge(right.verifications, uniquingKeysWith: +)
        return sum
    }
}

extension RowStatus {
    /// The number under which the index keeps it; another order needs another version of the index.
    var code: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    init?(code: Int) {
        guard Self.allCases.indices.contains(code) else { return nil }
        self = Self.allCases[code]
    }
}

/// By what a report tells its figures apart.
public enum Dimension: String, CaseIterable, Sendable {
    /// The day of the site's calendar.
    case day
    /// The From address.
    case sender
    /// The From address's domain.
    case senderDomain = "sender_domain"
    /// The route.
    case route
    /// The list that opt-outs apply to.
    case list
    /// The job.
    case job
    /// The recipients' domain; those with few mailboxes are told together.
    case recipientDomain = "recipient_domain"

    /// Its name for people.
    public var title: String {
        switch self {
        case .day: "Day"
        case .sender: "Sender"
        case .senderDomain: "Sender’s domain"
        case .route: "Route"
        case .list: "List"
        case .job: "Job"
        case .recipientDomain: "Recipients’ domain"
        }
    }
}
