import Core
import Records

/// `2026-11.json`: the same as the CSV, for programs.
enum ReportJSON {
    static func text(of report: Report) -> [UInt8] {
        JSONText.object { json in
            json.member("report", "\(report.period)")
            json.member("site", report.site)
            json.member("kind", report.period.kind.rawValue)
            json.member("first_day", "\(report.period.first)")
            json.member("last_day", "\(report.period.last)")
            json.member("time_zone", report.zone)
            json.member("is_over", report.isOver)
            json.member("domains_from", report.smallestDomain)
            json.member("unreadable_ledgers", report.unreadable)
            if report.complaintLimit != nil {
                json.list("jobs_above_complaint_share", report.complained) { json, entry in
                    json.member("job", entry.name)
                    json.member("title", entry.title)
                    json.member("sent", entry.figures[.sent])
                    json.member("complaints", entry.figures.complaints)
                }
            }
            json.object("all") { figures(report.total, &$0) }
            json.list("reasons", report.causes) { json, cause in
                json.member("status", cause.status.rawValue)
                json.member("reason", cause.reason.rawValue)
                json.member("count", cause.count)
            }
            json.object("by") { json in
                for group in report.groups {
                    json.list(group.dimension.rawValue, group.entries) { json, entry in
                        json.member("name", entry.name)
                        if entry.title != entry.name { json.member("title", entry.title) }
                        figures(entry.figures, &json)
                    }
                }
            }
        }
    }

    /// One set of figures' members.
    static func figures(_ figures: Figures, _ json: inout JSONText) {
        json.member("rows", figures.rows)
        for status in RowStatus.allCases { json.member(status.rawValue, figures[status]) }
        for number in figures.activity { json.member(number.name, number.count) }
        json.object("tls_version") { counts(figures.versions, &$0) }
        json.object("tls_verification") { counts(figures.verifications, &$0) }
    }

    private static func counts(_ counts: [String: Int], _ json: inout JSONText) {
        for (name, count) in counts.sorted(by: { $0.key < $1.key }) { json.member(name, count) }
    }
}
