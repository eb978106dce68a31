import Core
import Files
import Ledger

/// `results.csv`: one line per row, in the rows' order.
enum ResultsFile {
    static let name = "results.csv"
    static let columns = [
        "row", "key", "address", "status", "reason", "detail", "attempts", "finished_at", "route", "server",
        "tls_scope",
        "tls_version", "tls_cipher", "tls_verification", "message_id",
    ]

    /// Writes all rows that have ended, and counts them on the way.
    ///
    /// A row that was sent stays so whatever came of it later, since `sent` says what the server answered; that the message came back
    /// or was complained about stands as its reason.
    static func write(
        _ texts: some RowTexts,
        _ view: LedgerView,
        _ activity: (RowNumber) throws -> RowActivity? = { _ in nil },
        to writer: inout FileWriter
    ) throws -> OutcomeTotals {
        var totals = OutcomeTotals(view)
        var csv = SpreadsheetCSV(columns: columns)
        try texts.forEach { row, key, address in
            guard view.rows.contains(row), var outcome = try view.outcome(of: row) else { return }
            totals.add(outcome)
            if outcome.status == .sent, let reason = try activity(row)?.returned { outcome.reason = reason }
            line(row, key, address, outcome, &csv)
            if csv.bytes.count >= blockSize { try writer.append(csv.take()) }
        }
        try writer.append(csv.take())
        return totals
    }

    private static func line(
        _ row: RowNumber,
        _ key: ArraySlice<UInt8>,
        _ address: ArraySlice<UInt8>,
        _ outcome: Outcome,
        _ csv: inout SpreadsheetCSV
    ) {
        csv.number(row.value)
        csv.cell(key)
        csv.cell(address)
        csv.cell(outcome.status.rawValue)
        csv.cell(outcome.reason.rawValue)
        csv.cell(outcome.detail)
        csv.number(outcome.attempts)
        csv.time(outcome.finishedAt)
        csv.cell(outcome.route)
        csv.cell(outcome.server)
        csv.cell(outcome.tls?.scope.rawValue ?? "")
        csv.cell(outcome.tls?.version ?? "")
        csv.cell(outcome.tls?.cipher ?? "")
        csv.cell(outcome.tls?.verification.rawValue ?? "")
        csv.cell(outcome.messageID)
        csv.endLine()
    }
}

extension RowActivity {
    /// Why the message did no good though it was sent; `nil` if nothing says so.
    fileprivate var returned: Reason? {
        if bouncedAt != nil { return .bounced }
        return complainedAt == nil ? nil : .complained
    }
}

/// How much text is gathered before it goes to a file.
let blockSize = 1 << 16
