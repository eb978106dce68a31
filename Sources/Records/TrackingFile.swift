import Core
import Files
import Ledger

/// `tracking.csv`: one line per sent row, in the rows' order.
enum TrackingFile {
    static let name = "tracking.csv"
    static let columns = [
        "row", "key", "address", "opens", "first_open_at", "last_open_at", "automated_opens", "clicks",
        "first_click_at",
        "last_click_at", "automated_clicks", "links", "unsubscribed_at", "bounced_at", "complained_at",
    ]

    /// Writes all rows that were sent, and counts on the way.
    static func write(
        _ texts: some RowTexts,
        _ view: LedgerView,
        _ activity: (RowNumber) throws -> RowActivity?,
        to writer: inout FileWriter
    ) throws -> TrackingTotals {
        var totals = TrackingTotals()
        var csv = SpreadsheetCSV(columns: columns)
        let none = RowActivity()
        try texts.forEach { row, key, address in
            guard view.rows.contains(row), view.rows[row].phase == .ended(.sent) else { return }
            let activity = try activity(row) ?? none
            totals.add(activity)
            line(row, key, address, activity, view.header.links, &csv)
            if csv.bytes.count >= blockSize { try writer.append(csv.take()) }
        }
        try writer.append(csv.take())
        return totals
    }

    private static func line(
        _ row: RowNumber,
        _ key: ArraySlice<UInt8>,
        _ address: ArraySlice<UInt8>,
        _ activity: RowActivity,
        _ links: [String],
        _ csv: inout SpreadsheetCSV
    ) {
        csv.number(row.value)
        csv.cell(key)
        csv.cell(address)
        csv.number(activity.opens.count)
        csv.time(activity.opens.first)
        csv.time(activity.opens.last)
        csv.number(activity.automatedOpens.count)
        csv.number(activity.clicks.count)
        csv.time(activity.clicks.first)
        csv.time(activity.clicks.last)
        csv.number(activity.automatedClicks.count)
        csv.cell(text(of: activity.clicksByLink, links))
        csv.time(activity.unsubscribedAt)
        csv.time(activity.bouncedAt)
        csv.time(activity.complainedAt)
        csv.endLine()
    }

    /// `https://riverside.example/portal (2); https://riverside.example/map (1)`, in the message's order.
    private static func text(of clicks: [Int: UInt32], _ links: [String]) -> String {
        clicks.sorted { $0.key < $1.key }.map { link, count in
            let target = link >= 1 && link <= links.count ? links[link - 1] : "link \(link)"
            return "\(target) (\(count))"
        }
        .joined(separator: "; ")
    }
}
