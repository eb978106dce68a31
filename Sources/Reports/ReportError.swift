/// Why the index or a report could not be made.
public struct ReportError: Error, Sendable, CustomStringConvertible {
    /// The classes.
    public enum Code: Sendable {
        /// What was asked for is no question, or a page's mark is none of ours.
        case question
        /// A file could not be read or written now.
        case files
        /// SQLite failed.
        case database
    }

    /// The class.
    public let code: Code
    /// What happened, in a sentence, without any cell.
    public let description: String

    /// Describes a failure.
    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
