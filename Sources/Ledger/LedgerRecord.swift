public import Core

/// What a ledger says of its job in its first line: enough to know the job again, and nothing of any row.
public struct LedgerHeader: Hashable, Sendable {
    /// The job.
    public var job: JobID
    /// When the job was taken up; every message's `Date` is this.
    public var takenUp: Timestamp
    /// The job folder's name at that time.
    public var folder: String
    /// The manifest's `name`.
    public var name: String
    /// The manifest's `purpose`.
    public var purpose: String
    /// The manifest's `list`; empty if there is none.
    public var list: String
    /// How many rows the job has.
    public var rows: Int
    /// SHA-256 over the job's pinned content.
    public var contentDigest: [UInt8]
    /// The domain of the job's Message-IDs, left out of the rows' records; empty to write them in full.
    public var messageDomain: String
    /// The version of Wardpost that took up the job.
    public var version: String
    /// The From address, which reports go by when the job's folder is gone; empty in ledgers of earlier versions.
    public var sender: String
    /// The tracked links' targets as the template has them; the first is link 1.
    public var links: [String]

    /// Describes a job that is about to be worked.
    public init(
        job: JobID,
        takenUp: Timestamp,
        folder: String,
        name: String,
        purpose: String,
        list: String = "",
        rows: Int,
        contentDigest: [UInt8],
        messageDomain: String = "",
        version: String,
        sender: String = "",
        links: [String] = []
    ) {
        self.job = job
        self.takenUp = takenUp
        self.folder = folder
        self.name = name
        self.purpose = purpose
        self.list = list
        self.rows = rows
        self.contentDigest = contentDigest
        self.messageDomain = messageDomain
        self.version = version
        self.sender = sender
        self.links = links
    }
}

/// A try that ended in a temporary refusal: the row will be tried again.
public struct Deferral: Hashable, Sendable {
    /// How many times the row was tried, this try included.
    public var attempts: Int
    /// When the refusal came.
    public var at: Timestamp
    /// When the row may be tried again.
    public var due: Timestamp
    /// Why, in one stable word.
    public var reason: Reason
    /// The server's own answer or our sentence, without any cell of the row.
    public var detail: String
    /// The route's name; empty if none was taken.
    public var route: String
    /// The server's host name; empty if none was reached.
    public var server: String
    /// The TLS session; `nil` unless one was verified for this try.
    public var tls: TLSEvidence?

    /// Describes a try.
    public init(
        attempts: Int,
        at: Timestamp,
        due: Timestamp,
        reason: Reason,
        detail: String = "",
        route: String = "",
        server: String = "",
        tls: TLSEvidence? = nil
    ) {
        self.attempts = attempts
        self.at = at
        self.due = due
        self.reason = reason
        self.detail = detail
        self.route = route
        self.server = server
        self.tls = tls
    }
}

/// Which rows somebody wants tried again, or sooner than they would be.
///
/// Never a row that was sent: that would be a second message, whatever the request says.
public enum RowSelection: Hashable, Sendable {
    /// All rows in these states.
    case statuses(Set<RowStatus>)
    /// Rows by number, whatever state they ended in; those that were refused for now are tried now.
    case rows([ClosedRange<UInt32>])
    /// All rows that were refused for now: they are tried now.
    case deferred
}

/// One line of a ledger after its head.
///
/// `channel` lines are not here: the writer makes them when it first meets a route, server and TLS session.
public enum LedgerRecord: Hashable, Sendable {
    /// A row's message is about to go out; on its way to the disk before the message's last byte leaves.
    case tried(RowNumber, attempt: Int, at: Timestamp)
    /// A row is where it will stay.
    case ended(RowNumber, Outcome)
    /// A row was refused for now.
    case deferred(RowNumber, Deferral)
    /// A process began to work the job.
    case started(at: Timestamp, process: Int, host: String)
    /// What was tracked of the messages that went out from then on.
    case tracking(at: Timestamp, JobTracking)
    /// The file was copied from one that another process had written and not closed: in which file number, and who that was.
    case takenOver(at: Timestamp, number: Int, process: Int, host: String)
    /// Somebody dropped `PAUSE`.
    case paused(at: Timestamp)
    /// `PAUSE` was removed.
    case resumed(at: Timestamp)
    /// The job was stopped, and why.
    case stopped(at: Timestamp, reason: Reason)
    /// Somebody wants ended rows tried again.
    case retried(at: Timestamp, RowSelection)
    /// Somebody confirmed that content that went out before shall go out again; the file that said so.
    case confirmed(at: Timestamp, file: String)
    /// Every row has ended; the counts repeat what the rows' records say, for a person.
    case closed(at: Timestamp, counts: RowCounts)
}

/// Where a record stands among all records of its ledger; a greater one becomes durable no sooner.
public struct LedgerSequence: Hashable, Comparable, Sendable {
    /// The count of records up to and with this one, the head included.
    public let value: UInt64

    /// Orders records as they stand in the file.
    public static func < (left: LedgerSequence, right: LedgerSequence) -> Bool {
        left.value < right.value
    }
}
