public import Core

/// What one attempt came to.
public struct AttemptResult: Hashable, Sendable {
    /// The kinds of end that an attempt can have.
    public enum Verdict: String, CaseIterable, Sendable {
        /// The server answered 250 to the message's end: `sent`.
        case accepted
        /// The server refused the row for good, or cannot take it: `failed`.
        case refused
        /// Not delivered, and safe to try again later: a temporary refusal, or a connection lost before the message's end.
        case deferred
        /// The message's end was on its way and no complete answer came: `unknown`, never to be sent again by itself.
        case unknown
        /// No channel that keeps the promise: `held`.
        case held
        /// Handed back through no fault of the row, which may go out again at once; does not count as an attempt.
        case notTried
    }

    /// Who is to be left alone for a while.
    public enum SlowDown: String, CaseIterable, Sendable {
        /// Nobody.
        case nobody
        /// The route: 421 anywhere, or 4.7.x in answer to MAIL, where no recipient is known yet.
        case route
        /// The recipient's domain: 4.7.x in answer to RCPT, DATA or the message's end.
        case recipientDomain
    }

    /// How it ended.
    public var verdict: Verdict
    /// Why, in one stable word; ``Reason/none`` when accepted.
    public var reason: Reason
    /// The server's answer, or our own sentence: valid UTF-8 without control characters and without the recipient's
    /// address, at most 300 characters.
    public var detail: String
    /// The server's host name.
    public var server: String
    /// The verified TLS session that the attempt went over.
    public var tls: TLSEvidence?
    /// The reply code that decided; 0 if no reply did.
    public var code: Int
    /// Whether the server asked to be left alone for a while, and on whose behalf: a hint for whoever sets the pace.
    public var slowDown: SlowDown

    /// Whether the attempt counts against the row's tries.
    public var counts: Bool {
        verdict != .notTried
    }

    /// Creates a result.
    public init(
        _ verdict: Verdict,
        reason: Reason = .none,
        detail: String = "",
        server: String = "",
        tls: TLSEvidence? = nil,
        code: Int = 0,
        slowDown: SlowDown = .nobody
    ) {
        self.verdict = verdict
        self.reason = reason
        self.detail = detail
        self.server = server
        self.tls = tls
        self.code = code
        self.slowDown = slowDown
    }
}
