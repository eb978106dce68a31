import Core
import Files
import Ledger

/// `ehr-updates.csv`: what the system that the recipients came from should know of its addresses, by the row's key.
///
/// One line for each row and finding, in the rows' order; no address, since the key says whose it is.
enum UpdatesFile {
    static let name = "ehr-updates.csv"
    static let columns = ["row", "key", "update", "reason", "since", "list"]

    /// What is to be done with the row's address in the source system.
    enum Update: String {
        /// Nobody gets mail there; ask for another one.
        case dead
        /// The recipient wants no more of it.
        case optedOut = "opted-out"
        /// It is reached without TLS only.
        case noTLS = "no-tls"
    }

    /// Whether there is a line to write; found without a look at keys and addresses.
    static func hasLines(_ view: LedgerView, _ activity: (RowNumber) throws -> RowActivity?) throws -> Bool {
        for number in 1..<UInt32(view.header.rows + 1)
        where try !findings(RowNumber(number), view, activity).isEmpty {
            return true
        }
        return false
    }

    /// Writes all lines.
    static func write(
        _ texts: some RowTexts,
        _ view: LedgerView,
        _ activity: (RowNumber) throws -> RowActivity?,
        to writer: inout FileWriter
    ) throws {
        var csv = SpreadsheetCSV(columns: columns)
        try texts.forEach { row, key, _ in
            guard view.rows.contains(row) else { return }
            for finding in try findings(row, view, activity) {
                csv.number(row.value)
                csv.cell(key)
                csv.cell(finding.update.rawValue)
                csv.cell(finding.reason)
                csv.time(finding.since)
                csv.cell(finding.update == .optedOut ? view.header.list : "")
                csv.endLine()
            }
            if csv.bytes.count >= blockSize { try writer.append(csv.take()) }
        }
        try writer.append(csv.take())
    }

    /// What is known of a row's address.
    private static func findings(
        _ row: RowNumber,
        _ view: LedgerView,
        _ activity: (RowNumber) throws -> RowActivity?
    ) throws -> [Finding] {
        switch view.rows[row].phase {
        case .ended(.sent), .ended(.unknown): try activity(row).map { findings($0) } ?? []
        case .ended(.failed), .ended(.suppressed): try view.outcome(of: row).flatMap { finding($0) }.map { [$0] } ?? []
        default: []
        }
    }

    private typealias Finding = (update: Update, reason: String, since: Timestamp)

    /// What came back from a message says.
    private static func findings(_ activity: RowActivity) -> [Finding] {
        var found: [Finding] = []
        if let bounce = activity.bounce {
            if bounce.reason == Reason.noTLS.rawValue {
                found.append((.noTLS, bounce.reason, bounce.at))
            } else if bounce.suppresses {
                found.append((.dead, bounce.reason, bounce.at))
            }
        }
        if let complained = activity.complainedAt {
            found.append((.optedOut, Reason.complained.rawValue, complained))
        } else if let unsubscribed = activity.unsubscribedAt {
            found.append((.optedOut, Reason.optedOut.rawValue, unsubscribed))
        }
        return found
    }

    /// What a row came to says, where it says something of the address: rows that were held met a relay without TLS, not a
    /// recipient.
    private static func finding(_ outcome: Outcome) -> Finding? {
        let since = outcome.finishedAt
        switch (outcome.status, outcome.reason) {
        case (.failed, .mailboxUnknown), (.suppressed, .bounced):
            return (.dead, outcome.reason.rawValue, since)
        case (.suppressed, .optedOut), (.suppressed, .complained):
            return (.optedOut, outcome.reason.rawValue, since)
        default: return nil
        }
    }
}
