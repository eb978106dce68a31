import Core
import Files
import Intake
import Ledger

/// What a `RETRY` file asks for.
///
/// An empty file means all rows that failed, were held or were cancelled. Otherwise each word is a state, a row's number, or a
/// range such as `5-9`. Rows whose fate is `unknown` are taken by that word or by number only, since their messages may have
/// arrived.
struct RetryRequest: Equatable, Sendable {
    static let limit = 1 << 20
    private static let file = JobFiles.Control.retry.rawValue

    /// What the ledger is told, in this order.
    let selections: [RowSelection]

    /// Reads the file in a job's folder.
    init(_ folder: JobFolder) throws {
        let bytes = try folder.directory.read(Self.file, limit: Self.limit)
        try self.init(String(decoding: bytes, as: UTF8.self))
    }

    /// Reads the file's text; refuses words that are nothing of the kind.
    init(_ text: String) throws(Diagnostic) {
        var statuses: Set<RowStatus> = []
        var ranges: [ClosedRange<UInt32>] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            for word in line.split(whereSeparator: { $0.isWhitespace || $0 == "," }) {
                if let status = RowStatus(rawValue: word.lowercased()), status != .sent {
                    statuses.insert(status)
                } else if case .rows(let rows)? = RowSelection(String(word)) {
                    ranges += rows
                } else {
                    throw Diagnostic(
                        "a word is neither a state that can be tried again nor a row's number",
                        at: Place(file: Self.file, line: index + 1),
                        fix: "write rows as 5 or 5-9, or states as failed, held, cancelled, unknown"
                    )
                }
            }
        }
        if statuses.isEmpty, ranges.isEmpty { statuses = [.failed, .held, .cancelled] }
        selections = (statuses.isEmpty ? [] : [.statuses(statuses)]) + (ranges.isEmpty ? [] : [.rows(ranges)])
    }
}
