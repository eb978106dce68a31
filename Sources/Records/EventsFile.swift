import Core
import Files
import Ledger

/// `tracking-events.csv`: one line for each open, click, opt-out, bounce and complaint of a sent row, row by row.
enum EventsFile {
    static let name = "tracking-events.csv"
    static let columns = [
        "row", "key", "kind", "time", "seconds_after_delivery", "link", "class", "why", "device", "visitor", "address",
        "country", "region", "city",
    ]

    /// Whether anything came back from any sent row.
    static func isWanted(_ view: LedgerView, _ events: (RowNumber) throws -> [TrackedEvent]) rethrows -> Bool {
        for row in view.rows.rows(.ended(.sent)) {
            if try !events(row).isEmpty { return true }
        }
        return false
    }

    static func write(
        _ texts: some RowTexts,
        _ view: LedgerView,
        _ events: (RowNumber) throws -> [TrackedEvent],
        to writer: inout FileWriter
    ) throws {
        var csv = SpreadsheetCSV(columns: columns)
        try texts.forEach { row, key, _ in
            guard view.rows.contains(row), view.rows[row].phase == .ended(.sent) else { return }
            let events = try events(row)
            guard !events.isEmpty else { return }
            let delivered = try view.outcome(of: row)?.finishedAt
            for event in events {
                csv.number(row.value)
                csv.cell(key)
                line(event, delivered, view.header.links, &csv)
            }
            if csv.bytes.count >= blockSize { try writer.append(csv.take()) }
        }
        try writer.append(csv.take())
    }

    private static func line(
        _ event: TrackedEvent,
        _ delivered: Timestamp?,
        _ links: [String],
        _ csv: inout SpreadsheetCSV
    ) {
        let seconds = Int64((Double(event.milliseconds) / 1_000).rounded(.down))
        csv.cell(event.kind)
        csv.time(Timestamp(seconds: seconds))
        if let delivered { csv.number(seconds - delivered.seconds) } else { csv.empty() }
        csv.cell(text(of: event.link, links))
        // Only what somebody or something asked for has a class.
        let isRequest = event.kind == "open" || event.kind == "click"
        csv.cell(isRequest ? (event.isAutomated ? "automated" : "human") : "")
        csv.cell(event.why)
        csv.cell(event.device)
        csv.cell(event.visitor)
        csv.cell(event.address)
        csv.cell(event.country)
        csv.cell(event.region)
        csv.cell(event.city)
        csv.endLine()
    }

    private static func text(of link: Int?, _ links: [String]) -> String {
        guard let link else { return "" }
        if link == 0 { return "(decoy)" }
        return link <= links.count ? links[link - 1] : "link \(link)"
    }
}
