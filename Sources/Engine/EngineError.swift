public import Core

/// Why a command could not do its work: what the exit status says, and the sentences for people.
public struct EngineError: Error, Sendable, CustomStringConvertible {
    /// The classes of refusal, after `sysexits.h`.
    public enum Code: Int32, Sendable {
        /// The command was called wrongly.
        case usage = 64
        /// The job is refused as it is.
        case jobRefused = 65
        /// It may work later: another process has the job, the disk is full.
        case tryAgain = 75
        /// The site's configuration or keys are refused.
        case configuration = 78
    }

    /// The class.
    public var code: Code
    /// The problems, one a line.
    public var problems: [Diagnostic]

    /// Creates an error of several problems.
    public init(_ code: Code, _ problems: [Diagnostic]) {
        self.code = code
        self.problems = problems
    }

    /// Creates an error of one problem.
    public init(_ code: Code, _ problem: String, at place: Place? = nil, fix: String = "") {
        self.init(code, [Diagnostic(problem, at: place, fix: fix)])
    }

    /// One problem a line.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
