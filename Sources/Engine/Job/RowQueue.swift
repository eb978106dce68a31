import Compose
import Core
import Delivery
import Dispatch
import Synchronization

/// A row that is ready to be rendered, on its way from the feeder to a connection.
struct ReadyRow: Sendable {
    var row: Row
    var recipient: Address
    var attachments: [AttachmentContent]
    /// How many times it was tried before.
    var attempts: Int
    /// What its recipient's domain is counted with.
    var lane: Lane?
    /// Whose clocks count for it.
    var zone = 0
    /// Its message, if it was made ahead.
    var ahead: MessageAhead?

    /// About how much memory it takes.
    var size: Int {
        attachments.reduce(256 + row.bytes.count + (ahead?.message.content.count ?? 0)) { $0 + $1.bytes.count }
    }
}

/// A bounded queue between the thread that reads rows and the event loops that send them.
///
/// The feeder waits when it is full, until half of it is taken: to be woken for every single row costs more than reading
/// one. The event loops never wait.
///
/// Rows whose lane is limited stand beside, in a short queue for each lane, so that they hold nobody up; see ``LaneRows``. They
/// are never waited for: a row that finds its lane's queue full is refused, and is read again later.
final class RowQueue: Sendable {
    /// A ring, so that a row is let go when it is taken, however long the queue never runs empty.
    private struct Storage {
        var ring: [ReadyRow?]
        var first = 0
        var count = 0
        var isClosed = false
        var isFeederWaiting = false
        /// The bytes of the messages that were made ahead.
        var ahead = 0
        var lanes: LaneRows

        /// Whether the feeder waits and may go on.
        mutating func wakesFeeder() -> Bool {
            guard isFeederWaiting, isClosed || count <= ring.count / 2 else { return false }
            isFeederWaiting = false
            return true
        }

        mutating func append(_ row: ReadyRow) {
            ahead += row.ahead?.message.content.count ?? 0
            ring[(first + count) % ring.count] = row
            count += 1
        }

        mutating func removeFirst() -> ReadyRow? {
            guard count > 0 else { return nil }
            defer {
                first = (first + 1) % ring.count
                count -= 1
            }
            let row = ring[first].take()
            ahead -= row?.ahead?.message.content.count ?? 0
            return row
        }

        /// The next row that may go, and what is to be told of its lane.
        mutating func next(at now: ContinuousClock.Instant) -> (Popped, LaneRows.Need?) {
            if let (row, need) = lanes.removeFirst(at: now) { return (.row(row), need) }
            while let row = removeFirst() {
                guard let lane = row.lane else { return (.row(row), nil) }
                switch lane.take(at: now) {
                case .go: return (.row(row), nil)
                // It was not limited when the row was read.
                case .notBefore(let moment): lanes.append(row, lane, until: moment)
                }
            }
            return (lanes.earliest.map(Popped.wait) ?? .nothing, nil)
        }
    }

    /// What became of a row that was to be added.
    enum Pushed {
        /// It is the only one, so that nobody may be looking.
        case first
        /// It stands behind others.
        case another
        /// The queue was closed.
        case refused
    }

    /// What became of a row that was to be added to its lane.
    enum Parked: Equatable {
        /// It waits; the first of its lane goes at about that moment.
        case waits(ContinuousClock.Instant)
        /// There are enough for a while.
        case full
        /// The queue was closed.
        case refused
    }

    /// What a connection gets.
    enum Popped {
        case row(ReadyRow)
        /// Nothing before that moment.
        case wait(ContinuousClock.Instant)
        case nothing
    }

    private let storage: Mutex<Storage>
    private let room = DispatchSemaphore(value: 0)
    /// Told when a lane has room for rows that were left out; quick, and called with no lock held.
    private let onNeed: Mutex<(@Sendable (Lane) -> Void)?> = Mutex(nil)

    init(capacity: Int, lanes: LaneRows.Bounds = LaneRows.Bounds()) {
        storage = Mutex(Storage(ring: Array(repeating: nil, count: capacity), lanes: LaneRows(lanes)))
    }

    /// Says who reads rows that were left out.
    func setNeed(_ body: (@Sendable (Lane) -> Void)?) {
        onNeed.withLock { $0 = body }
    }

    // MARK: - Feeders

    /// The bytes of the messages in it that were made ahead.
    var ahead: Int { storage.withLock { $0.ahead } }

    /// Adds a row, waiting for room.
    ///
    /// For the feeder's own thread only.
    func push(_ row: ReadyRow) -> Pushed {
        while true {
            let pushed: Pushed? = storage.withLock { storage in
                guard !storage.isClosed else { return .refused }
                guard storage.count < storage.ring.count else {
                    storage.isFeederWaiting = true
                    return nil
                }
                storage.append(row)
                return storage.count == 1 ? .first : .another
            }
            if let pushed { return pushed }
            room.wait()
        }
    }

    /// Adds a row to its lane, without waiting.
    ///
    /// - Parameter isLeftOut: Whether it is one that was left out before; others stand behind those.
    func park(_ row: ReadyRow, _ lane: Lane, isLeftOut: Bool = false) -> Parked {
        storage.withLock { storage in
            guard !storage.isClosed else { return .refused }
            return storage.lanes.push(row, lane, isLeftOut: isLeftOut)
        }
    }

    /// Whether a row would find room in its lane.
    func hasRoom(_ lane: Lane, isLeftOut: Bool = false) -> Bool {
        storage.withLock { !$0.isClosed && $0.lanes.hasRoom(lane, isLeftOut: isLeftOut) }
    }

    /// Asks to be told when the lane has room, for a row that found none; `false` if too many lanes are told of already.
    func leaveOut(_ lane: Lane) -> Bool {
        storage.withLock { $0.lanes.leaveOut(lane) }
    }

    /// How many rows were left out for a lane and not read again.
    func leftOut(_ lane: Lane) -> Int {
        storage.withLock { $0.lanes.leftOut(lane) }
    }

    /// A row that was left out is back, or at its end.
    func tookBack(_ lane: Lane) {
        storage.withLock { $0.lanes.tookBack(lane) }
    }

    /// No row is left out for any lane, whatever was noted.
    func tookAllBack() {
        storage.withLock { $0.lanes.tookAllBack() }
    }

    /// Says that a lane's need was seen to, so that the next one is told; `true` if there is one already.
    func endNeed(_ lane: Lane) -> Bool {
        storage.withLock { $0.lanes.endNeed(lane) }
    }

    /// About when a row could go that finds its lane full.
    func estimate(_ lane: Lane) -> Duration {
        lane.duration(of: storage.withLock { $0.lanes.count(lane) + 1 })
    }

    // MARK: - Connections

    /// Takes the next row that may go now.
    func pop(at now: ContinuousClock.Instant = .now) -> Popped {
        let (popped, need, wakes) = storage.withLock { storage in
            let (popped, need) = storage.next(at: now)
            return (popped, need, storage.wakesFeeder())
        }
        if wakes { room.signal() }
        if let need { onNeed.withLock { $0 }?(need.lane) }
        return popped
    }

    /// Whether a row could be taken now.
    func hasWork(at now: ContinuousClock.Instant = .now) -> Bool {
        waiting(at: now) > 0
    }

    /// How many rows could be taken now, one of all lanes together at most.
    func waiting(at now: ContinuousClock.Instant = .now) -> Int {
        storage.withLock { $0.count + ($0.lanes.earliest.map { $0 <= now ? 1 : 0 } ?? 0) }
    }

    /// How many rows wait, and how many of them for their lane.
    var counts: (all: Int, parked: Int) {
        storage.withLock { ($0.count + $0.lanes.count, $0.lanes.count) }
    }

    /// Lets nothing more in and wakes the feeder; gives back what nobody took.
    func close() -> [ReadyRow] {
        let (rest, wakes) = storage.withLock { storage in
            storage.isClosed = true
            var rest = storage.lanes.removeAll()
            while let row = storage.removeFirst() { rest.append(row) }
            return (rest, storage.wakesFeeder())
        }
        if wakes { room.signal() }
        setNeed(nil)
        return rest
    }
}
