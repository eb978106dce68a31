import Core

/// The words and small texts that the writer and the reader share.
enum LineFormat {
    /// The first word of a ledger.
    static let head = "wardpost-ledger"
    /// The format's version, the second field of a ledger.
    static let version = "1"
    /// Between fields.
    static let tab = UInt8(ascii: "\t")
    /// At the end of each line.
    static let lineFeed = UInt8(ascii: "\n")
    /// No line is longer; a longer one is damage.
    static let longestLine = 1 << 20

    /// `sent=10 failed=2`, without the states that no row is in.
    static func text(of counts: RowCounts) -> String {
        RowStatus.allCases.filter { counts[$0] > 0 }.map { "\($0.rawValue)=\(counts[$0])" }.joined(separator: " ")
    }

    /// The counts again; `nil` for anything else.
    static func counts(_ text: String) -> RowCounts? {
        var counts = RowCounts(rows: 0)
        for part in text.split(separator: " ") {
            let sides = part.split(separator: "=")
            guard sides.count == 2, let status = RowStatus(rawValue: String(sides[0])), let number = Int(sides[1])
            else {
                return nil
            }
            counts[status] = number
        }
        return counts
    }
}

extension RowSelection: CustomStringConvertible {
    /// `failed,held` or `1,5-7`, as in a ledger's line and in a `RETRY` file.
    public var description: String {
        switch self {
        case .deferred: Self.deferredWord
        case .statuses(let statuses):
            RowStatus.allCases.filter(statuses.contains).map(\.rawValue).joined(separator: ",")
        case .rows(let ranges):
            // There is no row 0.
            ranges.filter { $0.upperBound > 0 }.map { max(1, $0.lowerBound)...$0.upperBound }
                .map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
                .joined(separator: ",")
        }
    }

    private static var deferredWord: String { "deferred" }

    /// Reads a selection: row numbers and ranges, or states, between commas, or `deferred`; `nil` for anything else.
    public init?(_ text: String) {
        if text == Self.deferredWord {
            self = .deferred
            return
        }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let statuses = parts.compactMap { RowStatus(rawValue: String($0)) }
        if text.isEmpty || statuses.count == parts.count {
            self = .statuses(Set(statuses))
            return
        }
        var ranges: [ClosedRange<UInt32>] = []
        for part in parts {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { UInt32($0) }
            guard ends.count <= 2, let first = ends.first, let first, let last = ends.last, let last,
                first >= 1, first <= last
            else { return nil }
            ranges.append(first...last)
        }
        self = .rows(ranges)
    }
}
