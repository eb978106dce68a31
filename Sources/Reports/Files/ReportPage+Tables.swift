import Core
import Records

extension ReportPage {
    /// One dimension: a bar for what was sent, and the numbers beside it.
    mutating func table(_ dimension: Dimension, _ entries: [ReportIndex.Entry]) {
        guard !entries.isEmpty else { return }
        let id = dimension.rawValue
        html.raw("<section aria-labelledby=\"\(id)\">\n<h2 id=\"\(id)\">By ")
        html.text(dimension.phrase)
        html.raw("</h2>\n")
        entriesTable(entries, first: dimension.title, isLong: false)
        if dimension == .recipientDomain {
            html.element(
                "p",
                "Domains of which fewer than \(report.smallestDomain) mailboxes were ever written to are told together as (other). "
                    + "(not known) are rows without a valid address, or of jobs that run or whose folders were put away.",
                class: "quiet"
            )
        }
        html.raw("</section>\n")
    }

    /// A table of entries; all of them if it is long by nature.
    mutating func entriesTable(_ entries: [ReportIndex.Entry], first: String, isLong: Bool) {
        let shown = isLong ? entries[...] : entries.prefix(Self.longestTable)
        let most = shown.map { $0.figures[.sent] }.max() ?? 0
        html.raw("<div class=\"wide\"><table class=\"entries\(isLong ? " days" : "")\">\n<thead><tr><th scope=\"col\">")
        html.text(first)
        html.raw("</th><th scope=\"col\" class=\"n\" colspan=\"2\">Sent</th>")
        for title in [
            "Failed", "Held", "Unknown", "Left out", "Opened", "Opens", "Clicks", "Opt-outs", "Bounces", "Complaints",
        ] {
            html.raw("<th scope=\"col\" class=\"n\">\(title)</th>")
        }
        html.raw("</tr></thead>\n<tbody>\n")
        for entry in shown { row(entry, most) }
        html.raw("</tbody>\n</table></div>\n")
        if shown.count < entries.count {
            html.element(
                "p",
                "\(grouped(entries.count - shown.count)) more are in \(report.period).csv.",
                class: "quiet"
            )
        }
    }

    private mutating func row(_ entry: ReportIndex.Entry, _ most: Int) {
        let figures = entry.figures
        html.raw("<tr><th scope=\"row\">")
        html.text(entry.title.isEmpty ? entry.name : entry.title)
        if entry.title != entry.name, !entry.title.isEmpty {
            html.raw("<span class=\"under\">")
            html.text(entry.name)
            html.raw("</span>")
        }
        html.raw("</th><td class=\"bar\">")
        if most > 0, figures[.sent] > 0 {
            let length = max(1, figures[.sent] * 100 / most)
            html.raw("<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">")
            html.raw("<rect class=\"column\" width=\"\(length)\" height=\"10\"/></svg>")
        }
        html.raw("</td>")
        let leftOut = figures[.invalid] + figures[.suppressed] + figures[.cancelled]
        for count in [
            figures[.sent], figures[.failed], figures[.held], figures[.unknown], leftOut, figures.opened, figures.opens,
            figures.clicks, figures.optOuts, figures.bounces, figures.complaints,
        ] {
            html.element("td", grouped(count), class: count == 0 ? "n zero" : "n")
        }
        html.raw("</tr>\n")
    }

    /// TLS versions and how servers were verified.
    mutating func protection() {
        let sent = report.total[.sent]
        guard sent > 0 else { return }
        html.raw(
            "<section aria-labelledby=\"protection\">\n<h2 id=\"protection\">How sent messages were protected</h2>\n"
        )
        html.raw("<table>\n<thead><tr><th scope=\"col\">What was seen</th><th scope=\"col\"></th>")
        html.raw(
            "<th scope=\"col\" class=\"n\">Messages</th><th scope=\"col\" class=\"n\">Share</th></tr></thead>\n<tbody>\n"
        )
        for (version, count) in report.total.versions.sorted(by: { $0.key > $1.key }) {
            let name = version.hasPrefix("TLSv") ? "TLS \(version.dropFirst(4))" : version
            protection(name.isEmpty ? "no TLS" : name, count, of: sent)
        }
        for verification in Figures.allVerifications {
            guard let count = report.total.verifications[verification.rawValue] else { continue }
            protection("Server verified by \(verification.phrase)", count, of: sent)
        }
        html.raw("</tbody>\n</table>\n</section>\n")
    }

    private mutating func protection(_ name: String, _ count: Int, of sent: Int) {
        html.raw("<tr><th scope=\"row\">")
        html.text(name)
        html.raw(
            "</th><td class=\"bar\"><svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
        )
        html.raw("<rect class=\"column\" width=\"\(max(1, count * 100 / sent))\" height=\"10\"/></svg></td>")
        html.element("td", grouped(count), class: "n")
        html.element("td", Self.share(count, of: sent), class: "n")
        html.raw("</tr>\n")
    }

    /// How to read it, and how to check it.
    mutating func notes() {
        html.raw("<section aria-labelledby=\"notes\">\n<h2 id=\"notes\">How to read this</h2>\n<dl class=\"facts\">\n")
        note("Days", "A row counts on the day on which it ended, an open or click on the day on which it happened.")
        note(
            "Opened, clicked",
            "Messages, each once, on the day of the first open or click by a person as far as can be told."
        )
        note("Opens, clicks", "Every one by a person. The CSV and JSON files have those by programs, too.")
        note(
            "Opt-outs, bounces, complaints",
            "Messages, each once, whenever they were sent: they may be of an earlier period."
        )
        note("Left out", "Invalid rows, opt-outs and the like, and what was cancelled before it was tried.")
        html.raw(
            "</dl>\n<div class=\"check\"><p class=\"quiet\">This page and the files beside it are signed, so that anyone can check that they "
        )
        html.raw("were not changed:</p>\n<pre><code>openssl dgst -sha256 -verify records.pub.pem -signature ")
        html.text("\(report.period).html.sig \(report.period).html")
        html.raw("</code></pre></div>\n</section>\n")
    }

    private mutating func note(_ name: String, _ text: String) {
        html.raw("<div>")
        html.element("dt", name)
        html.element("dd", text)
        html.raw("</div>\n")
    }
}

extension Dimension {
    /// After "by".
    fileprivate var phrase: String {
        switch self {
        case .day: "day"
        case .sender: "sender"
        case .senderDomain: "sender’s domain"
        case .route: "route"
        case .list: "list"
        case .job: "job"
        case .recipientDomain: "recipients’ domain"
        }
    }
}

extension TLSVerification {
    /// After "verified by".
    fileprivate var phrase: String {
        switch self {
        case .pkix: "public certificate authority"
        case .pinned: "the site’s own certificate authority"
        case .dane: "DANE"
        case .mtaSTS: "MTA-STS"
        }
    }
}
