import Core
import Tracking

/// All that questions can say; each question takes those that mean something to it.
extension Parameter {
    static let from = Parameter(
        name: "from",
        form: .moment,
        about:
            "The first moment that is meant. Of jobs, when they were taken up; of rows, when they ended; of events, when they happened."
    )
    static let before = Parameter(
        name: "before",
        form: .moment,
        about: "The first moment that is no longer meant."
    )
    static let firstDay = Parameter(
        name: "first_day",
        form: .day,
        about: "The first day that is meant, by the site's clocks. Quicker than moments where sums are asked for."
    )
    static let lastDay = Parameter(
        name: "last_day",
        form: .day,
        about: "The last day that is meant; nothing is found if it comes before the first."
    )
    static let sender = Parameter(name: "sender", form: .anyText(longest: 254), about: "The From address.")
    static let senderDomain = Parameter(
        name: "sender_domain",
        form: .text(pattern: Pattern.domain, longest: 253, in: "a domain in its ASCII form"),
        about: "The From address's domain."
    )
    static let recipientDomain = Parameter(
        name: "recipient_domain",
        form: .text(pattern: Pattern.domain, longest: 253, in: "a domain in its ASCII form"),
        about: "The recipients' domain. One with few mailboxes finds nothing: its people could be told by it."
    )
    static let job = Parameter(name: "job", form: .job, about: "The job's number.")
    static let jobInPath = Parameter(name: "job", position: .path, form: .job, about: "The job's number.")
    static let list = Parameter(
        name: "list",
        form: .text(pattern: Pattern.name, longest: 64, in: "a list's name, or (none)"),
        about: "The list that opt-outs apply to; `(none)` for messages without one."
    )
    static let route = Parameter(
        name: "route",
        form: .text(pattern: Pattern.name, longest: 64, in: "a route's name"),
        about: "The route that was taken."
    )
    static let rowKey = Parameter(
        name: "row_key",
        form: .anyText(longest: 200),
        about: "The row's key, as the job's table has it. Takes the scope `row-keys`, too.",
        scope: .rowKeys
    )
    static let status = Parameter(
        name: "status",
        form: .words(RowStatus.allCases.map(\.rawValue)),
        about: "How rows ended; several with commas between."
    )
    static let kind = Parameter(
        name: "kind",
        form: .words(Event.Kind.allCases.map(\.rawValue)),
        about: "What happened; several with commas between."
    )
    static let audience = Parameter(
        name: "class",
        form: .word(Event.Audience.allCases.map(\.rawValue)),
        about: "Who did it, as far as can be told."
    )
    static let link = Parameter(
        name: "link",
        form: .number(1...65_535),
        about: "Which of the message's links, from 1."
    )
    static let limit = Parameter(
        name: "limit",
        form: .number(1...Question.largestPage),
        about: "How many entries a page has at most.",
        usual: .int(Question.usualPage)
    )
    static let after = Parameter(
        name: "after",
        form: .text(pattern: Pattern.mark, longest: 100, in: "what `next` of the page before says"),
        about: "The `next` of the page before; left out for the first page."
    )
    static let format = Parameter(
        name: "format",
        form: .word(["json", "csv"]),
        about: "JSON, or CSV for spreadsheets. Without it `Accept: text/csv` gets CSV.",
        usual: .text("json")
    )

    /// What every question about messages takes.
    static let common = [
        from, before, firstDay, lastDay, sender, senderDomain, recipientDomain, job, list, route, rowKey,
    ]
    static let pages = [limit, after, format]
}
