/// What a key may ask for; each question has one.
public enum APIScope: String, CaseIterable, Sendable {
    /// Sums: how many were sent, opened, refused.
    case reports
    /// Which jobs there were, and what came of each.
    case jobs
    /// What became of single rows, by number.
    case rows
    /// Single events.
    case events
    /// To ask for a row by its key, beside the question's own scope.
    ///
    /// A row's key is near to a patient: who may ask by it can tell what became of a certain patient's mail.
    case rowKeys = "row-keys"

    /// What it lets a key do, in a sentence.
    public var about: String {
        switch self {
        case .reports: "Sums over jobs and days."
        case .jobs: "Jobs and what came of them."
        case .rows: "What became of single rows, by number; no key and no address."
        case .events: "Single events: opens, clicks, opt-outs, bounces, complaints."
        case .rowKeys: "To ask by a row's key (row_key), beside the question's own scope."
        }
    }
}
