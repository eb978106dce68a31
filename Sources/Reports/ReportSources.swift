import Core
public import Files
public import Intake
public import Ledger
public import OpenSSL
public import Tracking

/// The files of a site that the index is made from.
public struct ReportSources: Sendable {
    /// The ledgers.
    public var ledgers: LedgerStore
    /// The events, `outbox/events`.
    public var events: Directory
    /// The keys of the events' chains.
    public var eventKeys: TokenKeyRing
    /// The drop area, where jobs' results lie.
    public var jobs: Directory
    /// Where results lie whose folders went away, by job; `nil` if there is no such directory.
    public var unclaimed: Directory?
    /// The key by which results were signed; others are not believed.
    public var records: VerifyingKey
    /// The key of the tags under which rows' keys and mailboxes are known in the index.
    public var tags: SecretBytes
    /// The zone whose midnights part the days.
    public var zone: TimeZoneRules
    /// How programs are told from people.
    public var classifier: Classifier
    /// Which rules those are: with others, all events are counted anew.
    public var rules: String

    /// Names the files.
    public init(
        ledgers: LedgerStore,
        events: Directory,
        eventKeys: TokenKeys,
        jobs: Directory,
        unclaimed: Directory? = nil,
        records: VerifyingKey,
        tags: SecretBytes,
        zone: TimeZoneRules,
        classifier: Classifier = .shipped,
        rules: String = ""
    ) {
        self.ledgers = ledgers
        self.events = events
        self.eventKeys = TokenKeyRing(eventKeys)
        self.jobs = jobs
        self.unclaimed = unclaimed
        self.records = records
        self.tags = tags
        self.zone = zone
        self.classifier = classifier
        self.rules = rules
    }
}

/// Stands for a cell without telling it: a number that only the site can compute.
struct Tagger: Sendable {
    private let key: HMACSHA256

    init(key: SecretBytes) {
        self.key = HMACSHA256(key: key)
    }

    /// The tag of a row's key, as `results.csv` or a person writes it.
    func tag(rowKey: ArraySlice<UInt8>) -> Int64 {
        var text = rowKey
        // The apostrophe that keeps a spreadsheet from running the cell is none of the key's.
        if text.first == UInt8(ascii: "'"), let next = text.dropFirst().first, "=+-@\t\r\n\u{EF}".utf8.contains(next) {
            text = text.dropFirst()
        }
        return tag(UInt8(ascii: "k"), text)
    }

    /// The tag of a mailbox.
    func tag(mailbox: ArraySlice<UInt8>) -> Int64 {
        tag(UInt8(ascii: "m"), mailbox)
    }

    private func tag(_ kind: UInt8, _ text: ArraySlice<UInt8>) -> Int64 {
        let bytes = key.tag(of: [kind] + text)
        return bytes.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
    }
}
