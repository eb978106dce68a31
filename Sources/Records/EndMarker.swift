import Core

/// The file that stands in a job's folder at the end: its name says how the job ended, its text says it to a person.
public enum EndMarker: String, CaseIterable, Sendable {
    /// Every row has ended.
    case done = "DONE"
    /// The job cannot be sent as it is.
    case rejected = "REJECTED"
    /// The job waits for somebody's word.
    case held = "HELD"
    /// The job was stopped.
    case stopped = "STOPPED"

    /// The sentence for a job whose rows have all ended.
    public static func sentence(for summary: Summary) -> String {
        let totals = summary.outcomes
        let sent = totals[.sent]
        let head: String
        if totals.rows == 0 {
            return "The job has no rows; nothing was sent."
        } else if sent == totals.rows {
            head = sent == 1 ? "The one message was sent." : "All \(grouped(sent)) messages were sent."
        } else {
            head = "\(grouped(sent)) of \(grouped(totals.rows)) messages \(sent == 1 ? "was" : "were") sent"
        }
        let rest = RowStatus.allCases.filter { $0 != .sent && totals[$0] > 0 }
            .map { "\(grouped(totals[$0])) \($0.rawValue)" }
        guard !rest.isEmpty else { return head }
        return "\(head); \(rest.joined(separator: ", ")). summary.html says why and what to do."
    }
}

/// A count as people read it: `1,200,000`.
package func grouped(_ number: Int) -> String {
    let digits = String(number)
    var text = ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
        text.append(digit)
    }
    return text
}
