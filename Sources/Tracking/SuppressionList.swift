public import Core
public import Files
public import OpenSSL

/// The site's suppression list as it stands: the list's file, and what recipients did.
///
/// Meant to be refreshed before each message, which costs a few microseconds if nothing changed, so that an opt-out is
/// honoured by the next message that would go out. About 40 bytes of memory a mailbox.
public struct SuppressionList: ~Copyable {
    /// Who is on it.
    public private(set) var suppressed = SuppressionSet()
    /// How many lines of the file were left out because they are damaged or forged.
    public private(set) var fileFaults = 0
    /// The first of them, for a person.
    public private(set) var firstFileFault: ChainFault?
    /// Makes the tags of addresses.
    public let tagger: AddressTagger

    private let outbox: Directory
    private let key: HMACSHA256
    private var follower: ChainFollower
    private let events: EventReader?

    /// Follows the list.
    ///
    /// - Parameters:
    ///   - outbox: The site's `outbox`.
    ///   - key: The site's suppression key.
    ///   - events: Follows the events; `nil` where there is no tracking.
    public init(outbox: Directory, key: SecretBytes, events: EventReader?) {
        self.outbox = outbox
        self.key = SuppressionFile.derived(key)
        tagger = AddressTagger(key: key)
        follower = SuppressionFile.follower(self.key)
        self.events = events
    }

    /// Takes in what is new; hands over the new events, of every kind and job, on the way.
    ///
    /// The first call reads everything.
    public mutating func refresh(_ onEvent: (Event) -> Void = { _ in }) throws {
        var faults = 0
        var firstFault: ChainFault?
        var suppressed = SuppressionSet()
        swap(&suppressed, &self.suppressed)
        defer { swap(&suppressed, &self.suppressed) }
        try follower.poll(in: outbox) { fault in
            faults += 1
            firstFault = firstFault ?? fault
        } _: { line in
            if let record = SuppressionRecord(line) { suppressed.apply(record) }
        }
        fileFaults += faults
        firstFileFault = firstFileFault ?? firstFault
        try events?.poll { event in
            suppressed.apply(event)
            onEvent(event)
        }
    }

    /// Why a message must not go to an address; `nil` if it may.
    ///
    /// - Parameters:
    ///   - address: The recipient.
    ///   - list: The message's list, if it has one.
    ///   - isMarketing: Whether its purpose is marketing.
    public func reason(for address: Address, list: String? = nil, isMarketing: Bool = false) -> Reason? {
        suppressed.reason(for: tagger.tag(of: address), list: list, isMarketing: isMarketing)
    }

    /// Hands over each record that is in force now, from the file first, then from the events; ``refresh(_:)`` first.
    ///
    /// Reads the files again and keeps nothing, so that a list of any length can be printed.
    public func forEachRecord(_ body: (SuppressionRecord) -> Void) throws {
        var file = SuppressionFile.follower(key)
        try file.poll(in: outbox, fault: { _ in }) { line in
            if let record = SuppressionRecord(line), suppressed.holds(record) { body(record) }
        }
        try events?.fromTheBeginning().poll { event in
            if suppressed.holds(event), let record = SuppressionRecord(event) { body(record) }
        }
    }
}
