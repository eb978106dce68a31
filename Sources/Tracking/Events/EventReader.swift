internal import Core
public import Files
internal import OpenSSL

/// Follows a directory of event files: each look brings what was appended since the last one, verified.
///
/// Meant to be asked often: if nothing changed, a look costs one `stat` for the directory and one for each file that may
/// still grow. Memory holds a place in each file, and no event.
public final class EventReader {
    /// How many lines were left out because they are damaged or forged, or files whose header is.
    public private(set) var faults = 0
    /// The first of them, twenty at most, for a person.
    public private(set) var firstFaults: [ChainFault] = []

    private let directory: Directory
    private let keys: TokenKeyRing
    private let clock: @Sendable () -> Int64
    private var starts: [String: ChainCheckpoint] = [:]
    private var followers: [Follower] = []
    private var known: [String: Int] = [:]
    /// The followers of files that may still grow.
    private var growing: [Int] = []
    private var seenChange: Int64 = -1
    private var listedAt: Int64 = .min
    private var checkedAllAt: Int64 = .min

    /// Where an earlier reading ended, by file, until the file is followed.
    private var places: [String: EventPosition] = [:]

    /// Follows a directory from its files' beginning, or from where an earlier reading ended.
    public convenience init(
        directory: Directory,
        keys: TokenKeys,
        from places: [EventPosition] = [],
        clock: @escaping @Sendable () -> Int64 = { wallClock() }
    ) {
        self.init(directory: directory, keys: TokenKeyRing(keys), from: places, clock: clock)
    }

    /// The same under keys that may be replaced: files under a new one are read without another start.
    public init(
        directory: Directory,
        keys: TokenKeyRing,
        from places: [EventPosition] = [],
        clock: @escaping @Sendable () -> Int64 = { wallClock() }
    ) {
        self.directory = directory
        self.places = Dictionary(places.map { ($0.file, $0) }, uniquingKeysWith: { first, _ in first })
        self.keys = keys
        self.clock = clock
    }

    /// Hands over each new event, in the order of its file; returns how many there were.
    @discardableResult
    public func poll(_ body: (Event) -> Void) throws -> Int {
        var count = 0
        try poll(while: { true }, fault: { _ in }) { event in
            count += 1
            body(event)
        }
        return count
    }

    /// Hands over about `limit` new events, whole chunks of lines; returns how many, none when there are no more.
    ///
    /// Throws ``EventsReplaced`` if a file is not the one from which an earlier reading is to go on.
    @discardableResult
    public func poll(about limit: Int, _ body: (Event) -> Void) throws -> Int {
        let now = clock()
        if try mustList(now) { try list(now) }
        if let lost = places.keys.min() { throw EventsReplaced(file: lost) }
        var count = 0
        try read(while: { count < limit }, fault: { _ in }) { event in
            count += 1
            body(event)
        }
        return count
    }

    /// How far each file was read that was read further since this was last asked.
    public func newPositions() throws -> [EventPosition] {
        try followers.compactMap { try $0.newPosition(in: directory) }
    }

    /// The same in pieces.
    ///
    /// - Parameters:
    ///   - mayGoOn: Asked after each chunk of lines; what is left then comes with the next look.
    ///   - fault: Told of each line that is left out.
    ///   - body: Takes each new event.
    /// - Returns: Whether all there is was read.
    @discardableResult
    func poll(while mayGoOn: () -> Bool, fault: (ChainFault) -> Void, _ body: (Event) throws -> Void) throws -> Bool {
        let now = clock()
        if try mustList(now) { try list(now) }
        return try read(while: mayGoOn, fault: fault, body)
    }

    @discardableResult
    private func read(
        while mayGoOn: () -> Bool,
        fault: (ChainFault) -> Void,
        _ body: (Event) throws -> Void
    ) throws -> Bool {
        for index in growing {
            guard mayGoOn() else { return false }
            let isRead = try followers[index].poll(directory, while: mayGoOn) { found in
                faults += 1
                if firstFaults.count < 20 { firstFaults.append(found) }
                fault(found)
            } _: { event in
                try body(event)
            }
            guard isRead else { return false }
        }
        return true
    }

    /// How far each file was read, by its name.
    var checkpoints: [String: ChainCheckpoint] {
        var all = starts
        for follower in followers {
            if let checkpoint = follower.checkpoint { all[follower.name] = checkpoint }
        }
        return all
    }

    /// Another reader of the same files, which goes on where an earlier one stopped.
    func goingOn(from starts: [String: ChainCheckpoint]) -> EventReader {
        let reader = fromTheBeginning()
        reader.starts = starts
        return reader
    }

    /// All new events at once.
    public func poll() throws -> [Event] {
        var events: [Event] = []
        try poll { events.append($0) }
        return events
    }

    /// Another reader of the same files, which has read nothing yet.
    func fromTheBeginning() -> EventReader {
        EventReader(directory: directory, keys: keys, clock: clock)
    }

    /// Whether names may have come since the last listing.
    ///
    /// A change in the same tick of the file server's clock as the listing leaves no trace, so a young directory is
    /// listed again, and any directory once a second, since a server's clock may differ from ours.
    private func mustList(_ now: Int64) throws -> Bool {
        let changed = try directory.status().modified
        defer { seenChange = changed }
        return changed != seenChange || abs(now &- listedAt) >= 1_000 || listedAt <= changed / 1_000_000 + 50
    }

    private func list(_ now: Int64) throws {
        listedAt = now
        for name in try directory.list() where name.hasSuffix(EventFile.suffix) && !name.hasPrefix(".") {
            guard known[name] == nil else { continue }
            known[name] = followers.count
            let keys = keys
            let start = starts[name]
            let follower = Follower(
                ChainFollower(name: name, format: "events", from: start) { keys.eventKey($0) },
                isRead: start != nil
            )
            if let place = places.removeValue(forKey: name), try !follower.resume(at: place, in: directory) {
                throw EventsReplaced(file: name)
            }
            followers.append(follower)
        }
        // A log begins a new file each day: those of earlier days are looked at once a minute, for a copy that came late.
        let checksAll = abs(now &- checkedAllAt) >= 60_000
        if checksAll { checkedAllAt = now }
        let yesterday = Timestamp(milliseconds: now - 2 * 86_400_000).day
        growing = followers.indices.filter { checksAll || !followers[$0].isRead || followers[$0].day >= yesterday }
    }
}

/// A follower and what its file's name says; a class, since a place in a file cannot be copied.
private final class Follower {
    private var follower: ChainFollower
    private(set) var isRead: Bool
    private var told: Int64 = 0
    let name: String
    let day: String

    init(_ follower: consuming ChainFollower, isRead: Bool) {
        name = follower.name
        day = String(follower.name.prefix(10))
        self.isRead = isRead
        self.follower = follower
    }

    var checkpoint: ChainCheckpoint? {
        follower.checkpoint
    }

    func poll(
        _ directory: Directory,
        while mayGoOn: () -> Bool,
        fault: (ChainFault) -> Void,
        _ body: (Event) throws -> Void
    ) throws -> Bool {
        let isComplete = try follower.poll(in: directory, while: mayGoOn, fault: fault) { line in
            // A kind that a later version writes is no fault.
            if let event = Event(line) { try body(event) }
        }
        if isComplete { isRead = true }
        return isComplete
    }

    /// How far the file was read, if that is further than when this was last asked.
    func newPosition(in directory: Directory) throws -> EventPosition? {
        guard follower.offset > told, let position = try follower.position(in: directory) else { return nil }
        told = position.offset
        return position
    }

    func resume(at place: EventPosition, in directory: Directory) throws -> Bool {
        told = place.offset
        return try follower.resume(at: place, in: directory)
    }
}
