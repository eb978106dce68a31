import Core
import Reports
import Tracking

/// All questions of the API.
extension Operation {
    static let all = [figures, reasons, jobs, job, rows, events]

    private static let otherTimes = ["week", "month"]

    static let figures = Operation(
        "/v1/figures",
        "listFigures",
        "Sums",
        about: """
            What was sent and what came back, in all or apart by day, week, month, sender, sender's domain, route, list, job or \
            recipients' domain. A row counts on the day on which it ended, an event on its own; what counts once a message \
            (opened, clicked, opt-outs, bounces, complaints) on the day of the first. Days come in their order, all else with the \
            most rows first; of more than `limit`, the first.
            """,
        scope: .reports,
        parameters: [
            Parameter(
                name: "by",
                form: .word(Dimension.allCases.map(\.rawValue) + otherTimes),
                about: "By what sums are told apart; one sum without it."
            )
        ] + Parameter.common + [.status, .kind, .audience, .link, .limit, .format],
        entry: "Figures",
        fields: [
            Field(
                "name",
                Schema.string(),
                "What the sums are about: a day, a domain, a job's number; empty for all. In parentheses what stands for several or for none."
            ) { .text($0.name) },
            Field("title", Schema.string(), "The same for people; for a job, its name.") { .text($0.title) },
        ] + sums { $0.figures }
    ) { (question, index) -> Found<Sum> in
        Found(try sums(question, index), upTo: question.page.limit)
    }

    /// Sums, and what they are about.
    private struct Sum: Sendable {
        var name: String
        var title: String
        var figures: Figures
    }

    private static func sums(_ question: Question, _ index: ReportIndex) throws -> [Sum] {
        guard let by = question.by else {
            return [Sum(name: "", title: "", figures: try index.figures(question.filter))]
        }
        if let dimension = Dimension(rawValue: by) {
            return try index.figures(question.filter, by: dimension)
                .map { Sum(name: $0.name, title: $0.title, figures: $0.figures) }
        }
        let kind: Period.Kind = by == "week" ? .week : .month
        var periods: [(name: String, figures: Figures)] = []
        for entry in try index.figures(question.filter, by: .day) {
            guard let day = Day(entry.name) else { continue }
            let name = Period(kind, of: day).description
            if periods.last?.name == name {
                periods[periods.count - 1].figures = periods[periods.count - 1].figures + entry.figures
            } else {
                periods.append((name, entry.figures))
            }
        }
        return periods.map { Sum(name: $0.name, title: $0.name, figures: $0.figures) }
    }

    static let reasons = Operation(
        "/v1/reasons",
        "listReasons",
        "Why rows were not sent",
        about: "Why rows ended other than `sent`, in the words of results.csv; the most frequent first.",
        scope: .reports,
        parameters: [
            .firstDay, .lastDay, .sender, .senderDomain, .recipientDomain, .job, .list, .route, .limit, .format,
        ],
        entry: "Reason",
        fields: [
            Field("status", Schema.word(RowStatus.allCases.map(\.rawValue)), "How the rows ended.") {
                .text($0.status.rawValue)
            },
            Field("reason", Schema.string(), "Why, in one stable word.") { .text($0.reason.rawValue) },
            Field("count", Schema.count, "How many rows.") { .number($0.count) },
        ]
    ) { (question, index) -> Found<ReportIndex.Cause> in
        Found(try index.causes(question.filter), upTo: question.page.limit)
    }

    static let jobs = Operation(
        "/v1/jobs",
        "listJobs",
        "Jobs",
        about: "Jobs by when they were taken up, the oldest first, each with its sums.",
        scope: .jobs,
        parameters: Parameter.common + Parameter.pages,
        entry: "Job",
        fields: jobFields
    ) { question, index in
        Found(try index.jobs(question.filter, question.page))
    }

    static let job = Operation(
        "/v1/jobs/{job}",
        "getJob",
        "One job",
        about: "One job with its sums.",
        scope: .jobs,
        parameters: [.jobInPath, .format],
        entry: "Job",
        fields: jobFields,
        isSingle: true
    ) { question, index in
        Found(try index.jobs(question.filter, Page(limit: 1)))
    }

    static let rows = Operation(
        "/v1/rows",
        "listRows",
        "Rows",
        about: """
            What became of single rows, by their jobs' times and their numbers. Keys and addresses stand in the jobs' own \
            results.csv and nowhere here; `row` is the number there.
            """,
        scope: .rows,
        parameters: Parameter.common + [.status] + Parameter.pages,
        entry: "Row",
        fields: [
            Field("job", Schema.string(pattern: Parameter.jobPattern), "The job's number.") { .text("\($0.job)") },
            Field("row", Schema.count, "The row's number, from 1.") { .number(Int($0.row.value)) },
            Field("status", Schema.word(RowStatus.allCases.map(\.rawValue)), "How it ended.") {
                .text($0.status.rawValue)
            },
            Field("reason", Schema.string(), "Why, in one stable word; empty for sent rows.") {
                .text($0.reason.rawValue)
            },
            Field("attempts", Schema.count, "How many times it was tried.") { .number($0.attempts) },
            Field("finished_at", Schema.time, "When it ended.") { .moment($0.finishedAt) },
            Field("route", Schema.string().orNull, "The route; null if none was taken.") { .orNone($0.route) },
            Field("server", Schema.string().orNull, "The server; null if none was reached.") { .orNone($0.server) },
            Field("tls_version", Schema.string().orNull, "The TLS protocol's version, where a server was verified.") {
                .orNone($0.tlsVersion)
            },
            Field("tls_verification", Schema.string().orNull, "How the server was verified.") {
                .orNone($0.tlsVerification)
            },
            Field(
                "recipient_domain",
                Schema.string().orNull,
                "The recipient's domain; null where it is not known, or has few mailboxes."
            ) { .optional($0.recipientDomain) },
        ]
    ) { (question, index) -> Found<ReportIndex.IndexedRow> in
        Found(try index.rows(question.filter, question.page))
    }

    static let events = Operation(
        "/v1/events",
        "listEvents",
        "Events",
        about: "What happened to messages after they were sent, the oldest first.",
        scope: .events,
        parameters: Parameter.common + [.status, .kind, .audience, .link] + Parameter.pages,
        entry: "Event",
        fields: [
            Field("time", Schema.time, "When.") { .milliseconds($0.milliseconds) },
            Field("kind", Schema.word(Event.Kind.allCases.map(\.rawValue)), "What happened.") {
                .text($0.kind.rawValue)
            },
            Field(
                "job",
                Schema.string(pattern: Parameter.jobPattern).orNull,
                "The message's job; null for a wish to be on a list, which is about no message."
            ) { .optional($0.job == .noJob ? nil : "\($0.job)") },
            Field("row", Schema.count.orNull, "The message's row; null likewise.") {
                .optional($0.job == .noJob ? nil : Int($0.row.value))
            },
            Field("link", Schema.count.orNull, "Which of the message's links, from 1; clicks have it.") {
                .optional($0.link)
            },
            Field("class", Schema.word(Event.Audience.allCases.map(\.rawValue)), "Who did it, as far as can be told.") {
                .text($0.audience.rawValue)
            },
            Field("why", Schema.string(), "Why we think so, in one word.") { .text($0.why) },
            Field("device", Schema.string().orNull, "What kind of device it came from, where that is known.") {
                .optional($0.device)
            },
        ]
    ) { (question, index) -> Found<ReportIndex.IndexedEvent> in
        Found(try index.events(question.filter, question.page))
    }

    private static let jobFields: [Field<ReportIndex.IndexedJob>] =
        [
            Field("job", Schema.string(pattern: Parameter.jobPattern), "The job's number.") { .text("\($0.job)") },
            Field("job_name", Schema.string(), "The manifest's name.") { .text($0.name) },
            Field("purpose", Schema.string(), "The manifest's purpose.") { .text($0.purpose) },
            Field("list", Schema.string().orNull, "The list that opt-outs apply to.") { .orNone($0.list) },
            Field("sender", Schema.string().orNull, "The From address, where the ledger has it.") {
                .orNone($0.sender)
            },
            Field("sender_domain", Schema.string(), "The From address's domain.") { .text($0.senderDomain) },
            Field("taken_up_at", Schema.time, "When it was taken up.") { .moment($0.takenUp) },
            Field("closed_at", Schema.time.orNull, "When its last row ended; null while it has not.") {
                .optional($0.closed)
            },
            Field("job_rows", Schema.count, "How many rows it has.") { .number($0.rows) },
        ] + sums { $0.figures }

    /// The sums of whatever has figures.
    private static func sums<Entry>(_ figures: @escaping @Sendable (Entry) -> Figures) -> [Field<Entry>] {
        let states = RowStatus.allCases.map { status in
            Field<Entry>(status.rawValue, Schema.count, "Rows that ended as `\(status.rawValue)`.") {
                .number(figures($0)[status])
            }
        }
        let others: [Field<Entry>] = [
            Field("opened", Schema.count, "Messages that a person opened, as far as can be told.") {
                .number(figures($0).opened)
            },
            Field("opens", Schema.count, "Opens by people.") { .number(figures($0).opens) },
            Field("all_opens", Schema.count, "Opens by people and programs.") { .number(figures($0).allOpens) },
            Field("clicked", Schema.count, "Messages in which a person clicked.") { .number(figures($0).clicked) },
            Field("clicks", Schema.count, "Clicks by people.") { .number(figures($0).clicks) },
            Field("all_clicks", Schema.count, "Clicks by people and programs.") { .number(figures($0).allClicks) },
            Field("opt_outs", Schema.count, "Messages whose recipients opted out.") { .number(figures($0).optOuts) },
            Field("bounces", Schema.count, "Messages that came back.") { .number(figures($0).bounces) },
            Field("complaints", Schema.count, "Messages whose recipients complained.") {
                .number(figures($0).complaints)
            },
            Field("tls_versions", Schema.counts, "Sent messages by the TLS protocol's version.") {
                .counts(figures($0).versions)
            },
            Field("tls_verifications", Schema.counts, "Sent messages by how the server was verified.") {
                .counts(figures($0).verifications)
            },
        ]
        return [Field("rows", Schema.count, "All rows that ended.") { .number(figures($0).rows) }] + states + others
    }
}
