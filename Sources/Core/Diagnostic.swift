/// One problem in what people gave us: where it is, what it is, and what to do about it.
///
/// The text never carries a cell of the recipient table: it names the row and the column, not the value.
public struct Diagnostic: Error, Hashable, Sendable, CustomStringConvertible {
    /// Whether the problem stops the job, or is only worth knowing.
    public enum Severity: String, Sendable {
        /// The job (or the row) cannot go out like this.
        case error
        /// The job goes out; somebody should still look.
        case warning
    }

    /// Where the problem is; `nil` if no single file is to blame.
    public var place: Place?
    /// What is wrong, as a clause without a full stop.
    public var problem: String
    /// What to do about it; empty if the problem says it all.
    public var fix: String
    /// Whether it stops the job.
    public var severity: Severity
    /// The row it concerns, if it concerns one alone; such a problem makes the row `invalid`, not the job refused.
    public var row: RowNumber?
    /// Whether it may be gone the next time, with nothing changed in what people gave us: the disk did not let us look.
    public var mayPass = false

    /// Creates a diagnostic.
    public init(
        _ problem: String,
        at place: Place? = nil,
        fix: String = "",
        severity: Severity = .error,
        row: RowNumber? = nil
    ) {
        self.place = place
        self.problem = problem
        self.fix = fix
        self.severity = severity
        self.row = row
    }

    /// `file:line:column: problem; fix` on one line, as the command line prints it.
    public var description: String {
        let prefix = place.map { "\($0): " } ?? ""
        let suffix = fix.isEmpty ? "" : "; \(fix)"
        return prefix + (severity == .warning ? "warning: " : "") + problem + suffix
    }
}

/// Several problems found in one pass, thrown together so that a person can mend them all at once.
public struct Diagnostics: Error, Hashable, Sendable, CustomStringConvertible {
    /// The problems, in the order in which they were found; never empty when thrown.
    public var all: [Diagnostic]

    /// Wraps the problems of one pass.
    public init(_ all: [Diagnostic]) {
        self.all = all
    }

    /// One problem a line.
    public var description: String {
        all.map(\.description).joined(separator: "\n")
    }
}
