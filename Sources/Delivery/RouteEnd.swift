public import Core

/// Why a route is not at work: what happened, in one word and one sentence.
public struct RouteProblem: Hashable, Sendable {
    /// The stable word.
    public var reason: Reason
    /// The server's answer, or our own sentence.
    public var detail: String
    /// The server's host name.
    public var server: String

    /// Creates a problem.
    public init(_ reason: Reason, detail: String, server: String) {
        self.reason = reason
        self.detail = detail
        self.server = server
    }
}

/// How a route's run ended.
///
/// Every message that was given out has had its result by then.
public enum RouteEnd: Hashable, Sendable {
    /// The source had nothing more.
    case finished
    /// The task was cancelled; what was not given out stays with the source.
    case cancelled
    /// TLS cannot be had or the server cannot be verified, and a second connection showed the same.
    ///
    /// No row may go out over this route.
    case held(RouteProblem)
    /// The server refuses us, not a row: our credentials (``Reason/authentication``), or any mail at all.
    case stopped(RouteProblem)
}
