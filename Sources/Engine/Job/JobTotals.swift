public import Core
import Ledger

/// What a job came to: how many rows ended how.
public struct JobTotals: Hashable, Sendable, CustomStringConvertible {
    /// How many rows ended in each state; states without rows are left out.
    public let counts: [RowStatus: Int]
    /// How many rows there are.
    public let rows: Int

    init(_ view: LedgerView) {
        var counts: [RowStatus: Int] = [:]
        for status in RowStatus.allCases where view.rows.counts[status] > 0 {
            counts[status] = view.rows.counts[status]
        }
        self.counts = counts
        rows = view.rows.count
    }

    /// Whether every row was sent, or left out as it should be.
    public var isAllSentOrSuppressed: Bool {
        counts[.sent, default: 0] + counts[.suppressed, default: 0] == rows
    }

    /// One sentence for a person, as "4 of 6 rows sent, 1 failed, 1 invalid".
    public var description: String {
        let rest = RowStatus.allCases.dropFirst().compactMap { status in
            counts[status].map { ", \($0) \(status.rawValue)" }
        }
        return "\(counts[.sent, default: 0]) of \(rows) rows sent\(rest.joined())."
    }
}
