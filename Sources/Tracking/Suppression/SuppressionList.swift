public import Core
public import Files
public import OpenSSL

/// The site's suppression list as it stands: the list's file, and what recipients did.
///
/// Meant to be refreshed before each message, which costs a few microseconds if nothing changed, so that an opt-out is
/// honoured by the next message that would go out.
///
/// What was read before stands in an index on the disk, so that neither time nor memory grows with the list: memory holds
/// what came since, and the index is written anew when that is much.
public struct SuppressionList: ~Copyable {
    /// Why nobody can say who is on the list: a line of it, or of the events, is damaged or forged.
    ///
    /// Not knowing whether somebody opted out is no licence to send.
    public struct Damaged: Error, CustomStringConvertible {
        /// The first damage that nobody has looked at.
        public let fault: ChainFault
        /// How much of it there is.
        public let count: Int

        /// For a person, with what to do.
        public var description: String {
            let more = count > 1 ? " and \(count - 1) more" : ""
            return "the suppression list is damaged (\(fault)\(more)); `wardpost suppress mend` puts it right"
        }
    }

    /// When the index is written.
    struct Tuning: Sendable {
        /// How many entries memory may hold over it.
        var mostEntries = 400_000
        /// After how many lines the first look leaves a new one behind.
        var mostLines = 20_000
        /// Whether there is one at all.
        var hasIndex = true
    }

    /// Who is on it.
    public private(set) var suppressed = SuppressionSet()
    /// Damage that somebody has to look at.
    public private(set) var faults: [ChainFault] = []
    /// Makes the tags of addresses.
    public let tagger: AddressTagger

    private let outbox: Directory
    private let key: HMACSHA256
    private let indexKey: HMACSHA256
    private let tuning: Tuning
    private var follower: ChainFollower
    private var events: EventReader?
    private var isOpen = false
    private var canWrite = true
    private var lines = 0
    private var mended: Set<MendedPlace> = []
    private var complaints: [Event] = []

    /// Follows the list.
    ///
    /// - Parameters:
    ///   - outbox: The site's `outbox`.
    ///   - key: The site's suppression key.
    ///   - events: Follows the events; `nil` where there is no tracking.
    public init(outbox: Directory, key: SecretBytes, events: EventReader?) {
        self.init(outbox: outbox, key: key, events: events, tuning: Tuning())
    }

    init(outbox: Directory, key: SecretBytes, events: EventReader?, tuning: Tuning) {
        self.outbox = outbox
        self.key = SuppressionFile.derived(key)
        indexKey = SuppressionIndex.derived(key)
        tagger = AddressTagger(key: key)
        follower = SuppressionFile.follower(self.key)
        self.events = events
        self.tuning = tuning
    }

    /// How much damage somebody has to look at.
    public var fileFaults: Int { faults.count }

    /// The first of it, for a person.
    public var firstFileFault: ChainFault? { faults.first }

    /// Takes in what is new; hands over the new events, of every kind and job, on the way.
    ///
    /// The first call hands over every complaint that there ever was, and of the other events those that the index has not.
    public mutating func refresh(_ onEvent: (Event) -> Void = { _ in }) throws {
        let isFirst = !isOpen
        if isFirst { open(onEvent) }
        do {
            while try !readOn(onEvent) { writeIndex() }
        } catch is SuppressionIndex.Damaged {
            try begin(onEvent)
        }
        faults.removeAll { mended.contains(MendedPlace(file: $0.file, offset: $0.offset)) }
        if suppressed.table.count >= tuning.mostEntries || isFirst && lines >= tuning.mostLines { writeIndex() }
    }

    /// Why a message must not go to an address; `nil` if it may.
    ///
    /// - Parameters:
    ///   - address: The recipient.
    ///   - list: The message's list, if it has one.
    ///   - isMarketing: Whether its purpose is marketing.
    /// - Throws: ``Damaged`` while nobody can say, or whatever keeps the index from being read.
    public mutating func reason(
        for address: Address,
        list: String? = nil,
        isMarketing: Bool = false
    ) throws -> Reason? {
        try check()
        let tag = tagger.tag(of: address)
        do {
            return try suppressed.reason(for: tag, list: list, isMarketing: isMarketing)
        } catch is SuppressionIndex.Damaged {
            // It was made from the files, and can be again.
            try begin { _ in }
            try check()
            return try suppressed.reason(for: tag, list: list, isMarketing: isMarketing)
        }
    }

    private mutating func begin(_ onEvent: (Event) -> Void) throws {
        try outbox.remove(SuppressionIndex.name)
        suppressed = SuppressionSet()
        follower = SuppressionFile.follower(key)
        events = events?.fromTheBeginning()
        (faults, mended, complaints, lines) = ([], [], [], 0)
        isOpen = true
        while try !readOn(onEvent) { writeIndex() }
        faults.removeAll { mended.contains(MendedPlace(file: $0.file, offset: $0.offset)) }
    }

    /// Throws ``Damaged`` if there is damage that nobody has looked at.
    public func check() throws {
        if let first = faults.first { throw Damaged(fault: first, count: faults.count) }
    }

    /// Hands over each record that is in force now, from the file first, then from the events; ``refresh(_:)`` first.
    ///
    /// Reads the files again and keeps nothing, so that a list of any length can be printed.
    public func forEachRecord(_ body: (SuppressionRecord) throws -> Void) throws {
        var file = SuppressionFile.follower(key)
        try file.poll(in: outbox, fault: { _ in }) { line in
            if let record = SuppressionRecord(line), try suppressed.holds(record) { try body(record) }
        }
        try events?.fromTheBeginning().poll(while: { true }, fault: { _ in }) { event in
            if try suppressed.holds(event), let record = SuppressionRecord(event) { try body(record) }
        }
    }

    // MARK: - Changes by hand

    /// How many entries a removal would lift.
    public func countLifted(by removal: SuppressionRecord) throws -> Int {
        try suppressed.countLifted(by: removal)
    }

    /// What the list would make of an imported record.
    public enum Standing: Sendable {
        /// It is new.
        case new
        /// The list says so already, as of then or later.
        case known
        /// It was on the list and was lifted since.
        case lifted
    }

    /// What the list makes of an imported record; a new one counts from now on, so that it is known when it comes again.
    public mutating func take(_ record: SuppressionRecord) throws -> Standing {
        let moment = try suppressed.moment(of: record)
        // Without a time of its own it is known if it is there at all.
        if let moment, record.since == nil || moment >= TagState.storable(record.moment) { return .known }
        if record.since != nil, suppressed.isLifted(record) { return .lifted }
        try suppressed.apply(record)
        return .new
    }

    // MARK: - Reading

    private mutating func open(_ onEvent: (Event) -> Void) {
        isOpen = true
        guard tuning.hasIndex, let index = SuppressionIndex(in: outbox, key: indexKey) else { return }
        suppressed = SuppressionSet(index)
        follower = SuppressionFile.follower(key, from: index.contents.file)
        events = events?.goingOn(from: index.contents.events)
        mended = index.contents.mended
        complaints = index.contents.complaints
        for complaint in complaints { onEvent(complaint) }
    }

    /// Reads on until all is read, or memory holds enough; whether all is read.
    private mutating func readOn(_ onEvent: (Event) -> Void) throws -> Bool {
        var found: [ChainFault] = []
        var lines = 0
        var mended: Set<MendedPlace> = []
        var complaints: [Event] = []
        var suppressed = SuppressionSet()
        swap(&suppressed, &self.suppressed)
        defer {
            swap(&suppressed, &self.suppressed)
            self.lines += lines
            self.mended.formUnion(mended)
            self.complaints += complaints
            faults += found.prefix(max(0, Self.mostFaults - faults.count))
        }
        let most = canWrite && tuning.hasIndex ? tuning.mostEntries : Int.max
        let isRead = try follower.poll(in: outbox, while: { suppressed.table.count < most }) { fault in
            found.append(fault)
        } _: { line in
            lines += 1
            if let record = SuppressionRecord(line) {
                try suppressed.apply(record)
            } else if let place = MendedPlace(line) {
                mended.insert(place)
            }
        }
        guard isRead else { return false }
        guard let events else { return true }
        return try events.poll(while: { suppressed.table.count < most }) { fault in
            found.append(fault)
        } _: { event in
            lines += 1
            try suppressed.apply(event)
            if event.kind == .complaint { complaints.append(event) }
            onEvent(event)
        }
    }

    /// More damage than this is not told apart.
    private static let mostFaults = 10_000

    /// Writes the index anew and goes on over it; without it where that cannot be done.
    private mutating func writeIndex() {
        guard tuning.hasIndex, canWrite, faults.isEmpty else {
            canWrite = false
            return
        }
        let contents = SuppressionIndex.Contents(
            listNames: suppressed.listNames,
            removals: suppressed.removals.all.flatMap { tag, all in all.map { (tag, $0) } },
            file: follower.checkpoint,
            events: events?.checkpoints ?? [:],
            complaints: complaints,
            mended: mended
        )
        do {
            try SuppressionIndex.write(suppressed, contents, in: outbox, key: indexKey)
            guard let index = SuppressionIndex(in: outbox, key: indexKey) else { throw SuppressionIndex.Damaged() }
            suppressed = SuppressionSet(index)
            lines = 0
        } catch {
            // Memory has it all, as without an index.
            canWrite = false
        }
    }
}
