import Core
import Records

/// `2026-11.html`: one page to read, print and keep; no script, nothing fetched from anywhere.
struct ReportPage {
    /// Longer tables are cut; the CSV has all of it.
    static let longestTable = 40

    let report: Report
    var html = HTMLText()

    /// The page's text.
    static func html(of report: Report) -> [UInt8] {
        var page = ReportPage(report: report)
        page.write()
        return page.html.bytes
    }

    private var total: Figures { report.total }
    private var notSent: Int { total.rows - total[.sent] }

    private mutating func write() {
        html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n")
        html.raw(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        )
        html.element("title", "\(report.site) – \(PeriodText.title(report.period))")
        html.raw("<style>\n\(ReportStyle.css)</style>\n</head>\n<body>\n<main>\n")
        head()
        figures()
        days()
        outcomes()
        for group in report.groups where group.dimension != .day { table(group.dimension, group.entries) }
        protection()
        notes()
        html.raw("</main>\n</body>\n</html>\n")
    }

    // MARK: - Head

    private mutating func head() {
        html.raw("<header>\n")
        html.element("p", "Mail report · \(report.site)", class: "kind")
        html.element("h1", PeriodText.title(report.period))
        html.element("p", headline, class: "headline")
        let days =
            report.period.first == report.period.last
            ? "" : "\(PeriodText.long(report.period.first)) to \(PeriodText.long(report.period.last)). "
        html.element("p", "\(days)Days are those of \(report.zone).", class: "quiet")
        if !report.isOver { html.element("p", "This period is not over yet.", class: "notice") }
        if report.unreadable > 0 {
            let ledgers = report.unreadable == 1 ? "1 ledger" : "\(grouped(report.unreadable)) ledgers"
            html.element("p", "\(ledgers) cannot be read. What was sent under it is missing here.", class: "notice")
        }
        if let limit = report.complaintLimit, !report.complained.isEmpty { complaints(limit) }
        html.raw("</header>\n")
    }

    private mutating func complaints(_ limit: ComplaintLimit) {
        let jobs = report.complained.map { entry in
            let name = entry.title.isEmpty ? entry.name : entry.title
            return "\(name) (\(grouped(entry.figures.complaints)) of \(grouped(entry.figures[.sent])))"
        }
        let most = 5
        let more = jobs.count > most ? " and \(grouped(jobs.count - most)) more" : ""
        let named = jobs.prefix(most).joined(separator: ", ")
        html.element(
            "p",
            "More recipients complained than the \(limit) that this site puts up with: \(named)\(more).",
            class: "notice"
        )
    }

    private var headline: String {
        let sent = total[.sent]
        if total.rows == 0 {
            return total.isEmpty ? "Nothing was sent." : "Nothing was sent; answers came to earlier messages."
        }
        if sent == total.rows {
            return sent == 1 ? "The message was sent." : "All \(grouped(sent)) messages were sent."
        }
        return "\(grouped(sent)) of \(grouped(total.rows)) messages were sent; \(grouped(notSent)) were not."
    }

    private mutating func figures() {
        html.raw("<section aria-label=\"At a glance\">\n<dl class=\"figures\">\n")
        figure("Sent", total[.sent], share(total[.sent], of: total.rows, "of all rows"))
        figure("Opened", total.opened, share(total.opened, of: total[.sent], "of those sent"))
        figure("Clicked", total.clicked, share(total.clicked, of: total[.sent], "of those sent"))
        figure("Opt-outs", total.optOuts, share(total.optOuts, of: total[.sent], "of those sent"))
        figure("Bounces", total.bounces, share(total.bounces, of: total[.sent], "of those sent"))
        figure("Complaints", total.complaints, share(total.complaints, of: total[.sent], "of those sent"))
        html.raw("</dl>\n</section>\n")
    }

    private mutating func figure(_ name: String, _ count: Int, _ note: String) {
        html.raw("<div>")
        html.element("dt", name)
        html.raw("<dd>")
        html.element("strong", grouped(count))
        html.text(" ")
        html.element("span", note, class: "quiet")
        html.raw("</dd></div>\n")
    }

    private func share(_ count: Int, of all: Int, _ what: String) -> String {
        all == 0 || count > all ? "" : "\(Self.share(count, of: all)) \(what)"
    }

    /// Never rounded to all or to nothing.
    static func share(_ count: Int, of all: Int) -> String {
        guard all > 0, count > 0 else { return "0 %" }
        if count == all { return "100 %" }
        let tenths = count * 1_000 / all
        return tenths == 0 ? "< 0.1 %" : "\(tenths / 10).\(tenths % 10) %"
    }

    // MARK: - Days

    private mutating func days() {
        let entries = report[.day]
        guard report.period.first < report.period.last, !entries.isEmpty else { return }
        let byName = Dictionary(entries.map { ($0.name, $0.figures) }, uniquingKeysWith: { first, _ in first })
        let days = Array(report.period.days)
        let figures = days.map { byName["\($0)"] ?? Figures() }
        html.raw("<section aria-labelledby=\"days\">\n<h2 id=\"days\">Day by day</h2>\n")
        DayChart(
            id: "rows",
            title: "Rows that ended",
            days: days,
            series: [
                DayChart.Series(title: "sent", mark: .column, values: figures.map { $0[.sent] }),
                DayChart.Series(title: "not sent", mark: .hatched, values: figures.map { $0.rows - $0[.sent] }),
            ]
        ).draw(&html)
        DayChart(
            id: "activity",
            title: "What people did",
            days: days,
            series: [
                DayChart.Series(title: "opens", mark: .line, values: figures.map(\.opens)),
                DayChart.Series(title: "clicks", mark: .broken, values: figures.map(\.clicks)),
            ]
        ).draw(&html)
        entriesTable(entries, first: "Day", isLong: true)
        html.raw("</section>\n")
    }

    // MARK: - Outcomes

    private mutating func outcomes() {
        guard total.rows > 0 else { return }
        html.raw("<section aria-labelledby=\"outcomes\">\n<h2 id=\"outcomes\">What became of the rows</h2>\n")
        html.raw("<table>\n<thead><tr><th scope=\"col\">Outcome</th><th scope=\"col\">Why</th>")
        html.raw(
            "<th scope=\"col\" class=\"n\">Rows</th><th scope=\"col\" class=\"n\">Share</th></tr></thead>\n<tbody>\n"
        )
        outcome("sent", "", total[.sent])
        for cause in report.causes { outcome(cause.status.rawValue, cause.reason.rawValue, cause.count) }
        html.raw("</tbody>\n<tfoot><tr><th scope=\"row\" colspan=\"2\">All rows</th>")
        html.element("td", grouped(total.rows), class: "n")
        html.raw("<td></td></tr></tfoot>\n</table>\n</section>\n")
    }

    private mutating func outcome(_ status: String, _ reason: String, _ count: Int) {
        html.raw("<tr>")
        html.raw("<th scope=\"row\">")
        html.text(status)
        html.raw("</th><td>")
        if !reason.isEmpty { html.element("code", reason) }
        html.raw("</td>")
        html.element("td", grouped(count), class: "n")
        html.element("td", Self.share(count, of: total.rows), class: "n")
        html.raw("</tr>\n")
    }
}
