import Core
import Ledger

/// `summary.json` and `summary.html`.
enum SummaryFiles {
    static let json = "summary.json"
    static let html = "summary.html"

    /// The JSON text.
    static func text(of summary: Summary) -> [UInt8] {
        JSONText.object { json in
            json.member("job", summary.job.job.description)
            json.member("name", summary.job.name)
            json.member("folder", summary.job.folder)
            json.member("purpose", summary.job.purpose)
            json.member("list", summary.job.list)
            json.member("state", summary.state.rawValue)
            json.member("rows", summary.outcomes.rows)
            json.object("counts") { json in
                for status in RowStatus.allCases { json.member(status.rawValue, summary.outcomes[status]) }
                json.member("open", summary.outcomes.open)
            }
            json.list("reasons", summary.outcomes.causesByCount) { json, entry in
                json.member("status", entry.cause.status.rawValue)
                json.member("reason", entry.cause.reason.rawValue)
                json.member("count", entry.count)
            }
            json.member("attempts", summary.outcomes.attempts)
            json.member("starts", summary.run.starts)
            json.object("times") { json in
                json.member("taken_up", summary.job.takenUp)
                json.member("first_sent", summary.outcomes.firstSent)
                json.member("last_sent", summary.outcomes.lastSent)
                json.member("last_ended", summary.outcomes.lastEnded)
                json.member("closed", summary.run.closed)
            }
            json.counts("routes", summary.outcomes.routes.byCount)
            json.object("tls") { json in
                json.counts("scope", summary.outcomes.sent { $0.scope.rawValue })
                json.counts("version", summary.outcomes.sent { $0.version })
                json.counts("cipher", summary.outcomes.sent { $0.cipher })
                json.counts("verification", summary.outcomes.sent { $0.verification.rawValue })
            }
            json.object("tracking") { tracking(summary, &$0) }
        }
    }

    private static func tracking(_ summary: Summary, _ json: inout JSONText) {
        let totals = summary.tracking
        json.member("opens_tracked", summary.switches.opens)
        json.member("clicks_tracked", summary.switches.clicks)
        if let decided = summary.switches.decided { json.members(decided) }
        json.member("rows_opened", totals.rowsOpened)
        json.member("opens", totals.opens)
        json.member("automated_opens", totals.automatedOpens)
        json.member("rows_clicked", totals.rowsClicked)
        json.member("clicks", totals.clicks)
        json.member("automated_clicks", totals.automatedClicks)
        json.list("links", Array(summary.job.links.enumerated())) { json, link in
            json.member("link", link.offset + 1)
            json.member("target", link.element)
            json.member("clicks", totals.clicksByLink[link.offset + 1, default: 0])
        }
        json.counts("automated_reasons", totals.automatedReasons.byCount)
        json.counts("devices", totals.devices.byCount)
        json.member("rows_on_several_devices", totals.rowsOnSeveralDevices)
        json.member("unsubscribed", totals.unsubscribed)
        json.member("bounced", totals.bounced)
        json.member("complained", totals.complained)
        if summary.complaintLimit != nil { json.member("complaint_share_passed", summary.hasTooManyComplaints) }
        json.member("last_event", totals.last)
    }
}
