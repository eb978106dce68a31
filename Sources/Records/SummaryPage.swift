import Core
import Ledger

/// `summary.html`: one page that staff can read, print and keep; no script, nothing fetched from anywhere.
struct SummaryPage {
    private let summary: Summary
    private var html = HTMLText()

    /// The page's text.
    static func html(_ summary: Summary) -> [UInt8] {
        var page = SummaryPage(summary: summary)
        page.write()
        return page.html.bytes
    }

    private var totals: OutcomeTotals { summary.outcomes }

    private mutating func write() {
        html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n")
        html.raw(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        )
        html.element("title", "\(summary.job.name) – what was sent")
        html.raw("<style>\n\(SummaryStyle.css)</style>\n</head>\n<body>\n<main>\n")
        head()
        outcomes()
        causes()
        protection()
        activity()
        facts()
        html.raw("</main>\n</body>\n</html>\n")
    }

    // MARK: - Sections

    private mutating func head() {
        html.raw("<header>\n")
        html.element("p", "Mail merge report", class: "kind")
        html.element("h1", summary.job.name)
        html.element("p", headline, class: totals.notSent + totals.open == 0 ? "headline good" : "headline")
        html.element("p", span, class: "quiet")
        if summary.hasTooManyComplaints, let limit = summary.complaintLimit {
            html.element(
                "p",
                "Recipients of \(grouped(summary.tracking.complained)) of \(grouped(totals[.sent])) sent rows complained: more than "
                    + "the \(limit) that this site puts up with. Find out what they did not expect before more like it is sent.",
                class: "notice"
            )
        }
        html.raw("</header>\n")
    }

    private var headline: String {
        let sent = totals[.sent]
        if totals.rows == 0 { return "This job has no rows." }
        if sent == totals.rows {
            return sent == 1 ? "The message was sent." : "All \(grouped(sent)) messages were sent."
        }
        let head =
            sent == 0
            ? "None of the \(grouped(totals.rows)) messages is known to have been sent"
            : "\(grouped(sent)) of \(grouped(totals.rows)) messages \(Self.verb(sent)) sent"
        let unknown = totals[.unknown]
        let suppressed = totals[.suppressed]
        let refused = totals.notSent - unknown - suppressed
        var rest: [String] = []
        if refused > 0 { rest.append("\(grouped(refused)) could not be") }
        if suppressed > 0 { rest.append("\(grouped(suppressed)) \(Self.verb(suppressed)) left out on purpose") }
        if unknown > 0 { rest.append("\(grouped(unknown)) may have arrived") }
        if totals.open > 0 {
            rest.append("\(grouped(totals.open)) \(totals.open == 1 ? "is" : "are") still to be sent")
        }
        return "\(head); \(rest.joined(separator: ", "))."
    }

    private static func verb(_ count: Int) -> String {
        count == 1 ? "was" : "were"
    }

    private var span: String {
        guard let first = totals.firstSent, let last = totals.lastSent else {
            return "Taken up \(summary.job.takenUp) UTC."
        }
        return first == last ? "Sent \(first) UTC." : "Sent from \(first) to \(last) UTC."
    }

    private mutating func outcomes() {
        let present = RowStatus.allCases.filter { totals[$0] > 0 }
        html.raw("<section aria-labelledby=\"outcomes\">\n<h2 id=\"outcomes\">What became of each row</h2>\n")
        if totals.rows > 0 {
            let label =
                present.map { "\($0.title) \(grouped(totals[$0]))" } + (totals.open > 0 ? ["Open \(totals.open)"] : [])
            html.raw("<div class=\"bar\" role=\"img\"")
            html.attribute("aria-label", label.joined(separator: ", "))
            html.raw(">")
            for status in present {
                html.raw("<span class=\"\(status.rawValue)\" style=\"flex-grow:\(totals[status])\"></span>")
            }
            if totals.open > 0 { html.raw("<span class=\"open\" style=\"flex-grow:\(totals.open)\"></span>") }
            html.raw("</div>\n")
        }
        html.raw(
            "<table class=\"outcomes\">\n<thead><tr><th scope=\"col\">Outcome</th><th scope=\"col\" class=\"n\">Rows</th>"
        )
        html.raw("<th scope=\"col\" class=\"n\">Share</th><th scope=\"col\">Meaning</th></tr></thead>\n<tbody>\n")
        for status in present {
            row(status.rawValue, status.title, totals[status], status.meaning)
        }
        if totals.open > 0 { row("open", "Open", totals.open, "Not finished yet.") }
        html.raw("</tbody>\n<tfoot><tr><th scope=\"row\">All rows</th>")
        html.element("td", grouped(totals.rows), class: "n")
        html.raw("<td class=\"n\"></td><td></td></tr></tfoot>\n</table>\n</section>\n")
    }

    private mutating func row(_ style: String, _ title: String, _ count: Int, _ meaning: String) {
        html.raw("<tr><th scope=\"row\"><span class=\"dot \(style)\" aria-hidden=\"true\"></span>")
        html.text(title)
        html.raw("</th>")
        html.element("td", grouped(count), class: "n")
        html.element("td", share(of: count), class: "n")
        html.element("td", meaning)
        html.raw("</tr>\n")
    }

    /// Never rounded to all or to nothing.
    private func share(of count: Int) -> String {
        guard totals.rows > 0 else { return "" }
        if count == totals.rows { return "100 %" }
        let tenths = count * 1_000 / totals.rows
        return tenths == 0 ? "< 0.1 %" : "\(tenths / 10).\(tenths % 10) %"
    }

    private mutating func causes() {
        // What nobody needs to do anything about comes last.
        let all = totals.causesByCount
        let causes = all.filter { $0.cause.status != .suppressed } + all.filter { $0.cause.status == .suppressed }
        guard !causes.isEmpty else { return }
        html.raw(
            "<section aria-labelledby=\"causes\">\n<h2 id=\"causes\">Why rows were not sent, and what to do</h2>\n<ul class=\"causes\">\n"
        )
        for (cause, count) in causes {
            let advice = Advice(cause)
            html.raw("<li class=\"\(cause.status.rawValue)\"><p class=\"count\">")
            html.element("strong", grouped(count))
            html.text(count == 1 ? " row " : " rows ")
            html.element("span", cause.status.title.lowercased(), class: "tag")
            html.raw("</p><div>")
            html.element("h3", advice.meaning)
            html.element("p", advice.remedy)
            if cause.reason != .none {
                html.raw("<p class=\"quiet\">Reason in results.csv: ")
                html.element("code", cause.reason.rawValue)
                html.raw("</p>")
            }
            html.raw("</div></li>\n")
        }
        html.raw("</ul>\n</section>\n")
    }

    private mutating func protection() {
        guard totals[.sent] > 0 else { return }
        html.raw(
            "<section aria-labelledby=\"protection\">\n<h2 id=\"protection\">How the messages were protected</h2>\n"
        )
        html.element("p", TLSSentence.text(totals))
        html.raw("<table>\n<thead><tr><th scope=\"col\">Protocol</th><th scope=\"col\">Cipher</th>")
        html.raw(
            "<th scope=\"col\">Server verified by</th><th scope=\"col\" class=\"n\">Messages</th></tr></thead>\n<tbody>\n"
        )
        let rows = totals.tls.sorted { ($1.value, $0.key.order) < ($0.value, $1.key.order) }
        for (evidence, count) in rows {
            html.raw("<tr>")
            html.element("td", TLSSentence.title(ofProtocol: evidence.version))
            html.raw("<td>")
            html.element("code", evidence.cipher)
            html.raw("</td>")
            html.element("td", TLSSentence.title(of: evidence.verification))
            html.element("td", grouped(count), class: "n")
            html.raw("</tr>\n")
        }
        html.raw("</tbody>\n</table>\n</section>\n")
    }

    private mutating func activity() {
        let tracking = summary.tracking
        let isTracked = summary.switches.opens || summary.switches.clicks
        guard totals[.sent] > 0, isTracked || !tracking.isEmpty else { return }
        html.raw(
            "<section aria-labelledby=\"activity\">\n<h2 id=\"activity\">What came back</h2>\n<dl class=\"figures\">\n"
        )
        if summary.switches.opens {
            figure(
                "Opened",
                tracking.rowsOpened,
                "\(grouped(tracking.opens)) opens by people, "
                    + "\(grouped(tracking.automatedOpens)) by machines"
            )
        }
        if summary.switches.clicks {
            figure(
                "Clicked",
                tracking.rowsClicked,
                "\(grouped(tracking.clicks)) clicks by people, "
                    + "\(grouped(tracking.automatedClicks)) by machines"
            )
        }
        figure("Opted out", tracking.unsubscribed, "left out of later messages")
        figure("Came back", tracking.bounced, "could not be delivered after all")
        figure("Complained", tracking.complained, "reported the message as unwanted")
        html.raw("</dl>\n")
        links()
        reasons()
        html.element(
            "p",
            "Opens and clicks by mail programs, virus scanners and the like are told apart as far as that can be done; "
                + "take the numbers as a tendency, not as proof that a message was read.",
            class: "quiet"
        )
        if let last = tracking.last { html.element("p", "As of \(last) UTC.", class: "quiet") }
        html.raw("</section>\n")
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

    private mutating func links() {
        guard summary.switches.clicks, !summary.job.links.isEmpty else { return }
        html.raw(
            "<table>\n<thead><tr><th scope=\"col\">Link</th><th scope=\"col\" class=\"n\">Clicks</th></tr></thead>\n<tbody>\n"
        )
        for (index, target) in summary.job.links.enumerated() {
            html.raw("<tr>")
            html.element("td", target, class: "long")
            html.element("td", grouped(summary.tracking.clicksByLink[index + 1, default: 0]), class: "n")
            html.raw("</tr>\n")
        }
        html.raw("</tbody>\n</table>\n")
    }

    /// Why opens and clicks count as a program's; the same words stand in tracking.csv and tracking-events.csv.
    private mutating func reasons() {
        let reasons = summary.tracking.automatedReasons.byCount
        guard !reasons.isEmpty else { return }
        html.raw("<table>\n<thead><tr><th scope=\"col\">By machines, because of</th>")
        html.raw("<th scope=\"col\" class=\"n\">Opens and clicks</th></tr></thead>\n<tbody>\n")
        for (reason, count) in reasons {
            html.raw("<tr><td>")
            html.element("code", reason)
            html.raw("</td>")
            html.element("td", grouped(count), class: "n")
            html.raw("</tr>\n")
        }
        html.raw("</tbody>\n</table>\n")
    }

    private mutating func facts() {
        html.raw("<section aria-labelledby=\"facts\">\n<h2 id=\"facts\">About this job</h2>\n<dl class=\"facts\">\n")
        fact("Folder", summary.job.folder)
        fact("Purpose", summary.job.purpose)
        if !summary.job.list.isEmpty { fact("List", summary.job.list) }
        if let decided = summary.switches.decided {
            fact("Opens", TrackingSentence.text(.opens, summary.switches.opens, decided))
            fact("Clicks", TrackingSentence.text(.clicks, summary.switches.clicks, decided))
            if decided.untrackedRows > 0, summary.switches.opens || summary.switches.clicks {
                fact("Not tracked by their own wish", "\(rows(decided.untrackedRows))")
            }
        }
        fact("Route", totals.routes.byCount.map { "\($0.name) (\(grouped($0.count)))" }.joined(separator: ", "))
        fact("Taken up", "\(summary.job.takenUp) UTC")
        if let last = totals.lastEnded { fact("Last row ended", "\(last) UTC") }
        fact("Tries in all", grouped(totals.attempts))
        let interruptions = summary.run.starts - 1
        if interruptions > 0 {
            fact(
                "Interrupted",
                "\(interruptions == 1 ? "once" : "\(interruptions) times"), and gone on from the ledger"
            )
        }
        fact("Job", "\(summary.job.job)")
        html.raw(
            "</dl>\n<p class=\"quiet\">Each row's own outcome is in results.csv. It is signed, so that anyone can check that it "
        )
        html.raw("was not changed:</p>\n<pre><code>openssl dgst -sha256 -verify records.pub.pem ")
        html.raw("-signature results.csv.sig results.csv</code></pre>\n</section>\n")
    }

    private func rows(_ count: Int) -> String {
        count == 1 ? "1 row" : "\(grouped(count)) rows"
    }

    private mutating func fact(_ name: String, _ value: String) {
        guard !value.isEmpty else { return }
        html.raw("<div>")
        html.element("dt", name)
        html.element("dd", value)
        html.raw("</div>\n")
    }
}

extension TLSEvidence {
    /// Texts that put equal counts into one order.
    fileprivate var order: String {
        [version, cipher, verification.rawValue, scope.rawValue].joined(separator: " ")
    }
}
