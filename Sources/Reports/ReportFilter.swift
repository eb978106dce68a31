public import Core
public import Tracking

/// What a question is about; what is left out is not asked for.
public struct ReportFilter: Sendable {
    /// Days of the site's calendar.
    public var days: ClosedRange<Day>?
    /// The first moment.
    public var from: Timestamp?
    /// The first moment after what is meant.
    public var before: Timestamp?
    /// The From address.
    public var sender: String?
    /// The From address's domain.
    public var senderDomain: String?
    /// The recipients' domain; one that is told together with others finds nothing.
    public var recipientDomain: String?
    /// The job.
    public var job: JobID?
    /// The list; empty for messages without one.
    public var list: String?
    /// The route.
    public var route: String?
    /// The row's key, as it stands in the table; the index knows only its tag.
    public var rowKey: Protected<String>?
    /// How rows ended.
    public var states: Set<RowStatus>?
    /// What happened.
    public var kinds: Set<Event.Kind>?
    /// Which of the message's links, from 1.
    public var link: Int?
    /// Who did it.
    public var audience: Event.Audience?
    /// The only senders' domains that may be told of, whatever is asked; `nil` for all.
    public var onlySenderDomains: Set<String>?
    /// The only jobs that may be told of, whatever is asked; `nil` for all.
    public var onlyJobs: Set<JobID>?

    /// Asks for everything.
    public init() {}
}

/// A part of a long answer.
public struct Page: Hashable, Sendable {
    /// The most entries that a page may have.
    public static let largest = 10_000
    /// How many entries at most.
    public var limit: Int
    /// The mark that the page before gave; `nil` for the first.
    public var after: String?

    /// Asks for a page.
    public init(limit: Int = 100, after: String? = nil) {
        self.limit = min(max(limit, 1), Self.largest)
        self.after = after
    }
}

/// One page of an answer.
public struct Paged<Entry: Sendable>: Sendable {
    /// The entries, in the answer's order.
    public var entries: [Entry]
    /// What to ask the next page with; `nil` if there is none.
    ///
    /// Holds no cell, and stays good when the index is made anew.
    public var next: String?
}
