/// What became of a row, as `results.csv` says it.
///
/// Every row ends in exactly one of these.
public enum RowStatus: String, CaseIterable, Sendable {
    /// The server answered 250 to the message's end.
    case sent
    /// Refused for good.
    case failed
    /// The row itself cannot be sent; nothing was tried.
    case invalid
    /// An opt-out, an earlier hard bounce or complaint, or no authorization.
    case suppressed
    /// No channel that keeps the promise: no TLS, certificate not verified, policy.
    case held
    /// The connection was lost after the message's end and before the answer.
    case unknown
    /// Stopped, or past `not_after`, before it was tried.
    case cancelled
}

/// How a server was known to be the right one.
public enum TLSVerification: String, Sendable {
    /// A chain to a trusted root, and the name among the certificate's SANs (RFC 9525).
    case pkix
    /// A chain to the route's own `ca`, and the name among the SANs.
    case pinned
    /// TLSA records in a signed zone (RFC 7672).
    case dane
    /// An MTA-STS policy in force (RFC 8461), and PKIX.
    case mtaSTS = "mta-sts"
}

/// How far the encryption that was seen reaches.
public enum TLSScope: String, Sendable {
    /// To a relay of the site or its associate.
    case relay
    /// To the recipient domain's own mail exchanger.
    case mx
}

/// What was seen of the TLS session that a message went over.
public struct TLSEvidence: Hashable, Sendable {
    /// How far the encryption reaches.
    public var scope: TLSScope
    /// The protocol as OpenSSL names it: `TLSv1.2` or `TLSv1.3`.
    public var version: String
    /// The suite as OpenSSL names it.
    public var cipher: String
    /// How the server was verified; there is no value for "not".
    public var verification: TLSVerification

    /// Records what was seen.
    public init(scope: TLSScope, version: String, cipher: String, verification: TLSVerification) {
        self.scope = scope
        self.version = version
        self.cipher = cipher
        self.verification = verification
    }
}

/// A row's final state and all that is known about how it came to be.
///
/// Holds no cell: `detail` is the server's text with the row's address taken out.
public struct Outcome: Hashable, Sendable {
    /// What became of the row.
    public var status: RowStatus
    /// Why, in one stable word; ``Reason/none`` for `sent`.
    public var reason: Reason
    /// The server's own answer or our sentence, without any cell of the row.
    public var detail: String
    /// How many times a message was tried; 0 if never.
    public var attempts: Int
    /// When the state was reached.
    public var finishedAt: Timestamp
    /// The route's name; empty if none was taken.
    public var route: String
    /// The server's host name; empty if none was reached.
    public var server: String
    /// The TLS session; `nil` unless one was verified for this row.
    public var tls: TLSEvidence?
    /// The Message-ID without angle brackets; empty if nothing was rendered.
    public var messageID: String

    /// Creates an outcome; leave out what never came to be.
    public init(
        _ status: RowStatus,
        reason: Reason = .none,
        detail: String = "",
        attempts: Int = 0,
        finishedAt: Timestamp,
        route: String = "",
        server: String = "",
        tls: TLSEvidence? = nil,
        messageID: String = ""
    ) {
        self.status = status
        self.reason = reason
        self.detail = detail
        self.attempts = attempts
        self.finishedAt = finishedAt
        self.route = route
        self.server = server
        self.tls = tls
        self.messageID = messageID
    }
}
