import Compose
import Core
import Dispatch
import Synchronization

/// A row that is ready to be rendered, on its way from the feeder to a connection.
struct ReadyRow: Sendable {
    var row: Row
    var recipient: Address
    var attachments: [AttachmentContent]
    /// How many times it was tried before.
    var attempts: Int
}

/// A bounded queue between the thread that reads rows and the event loops that send them.
///
/// The feeder waits when it is full, until half of it is taken: to be woken for every single row costs more than reading
/// one. The event loops never wait.
final class RowQueue: Sendable {
    /// A ring, so that a row is let go when it is taken, however long the queue never runs empty.
    private struct Storage {
        var ring: [ReadyRow?]
        var first = 0
        var count = 0
        var isClosed = false
        var isFeederWaiting = false

        /// Whether the feeder waits and may go on.
        mutating func wakesFeeder() -> Bool {
            guard isFeederWaiting, isClosed || count <= ring.count / 2 else { return false }
            isFeederWaiting = false
            return true
        }

        mutating func append(_ row: ReadyRow) {
            ring[(first + count) % ring.count] = row
            count += 1
        }

        mutating func removeFirst() -> ReadyRow? {
            guard count > 0 else { return nil }
            defer {
                first = (first + 1) % ring.count
                count -= 1
            }
            return ring[first].take()
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

    private let storage: Mutex<Storage>
    private let room = DispatchSemaphore(value: 0)

    init(capacity: Int) {
        storage = Mutex(Storage(ring: Array(repeating: nil, count: capacity)))
    }

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

    /// Takes the next row, if there is one.
    func pop() -> ReadyRow? {
        let (row, wakes) = storage.withLock { ($0.removeFirst(), $0.wakesFeeder()) }
        if wakes { room.signal() }
        return row
    }

    /// Whether nothing waits to be taken.
    var isEmpty: Bool {
        storage.withLock { $0.count == 0 }
    }

    /// Lets nothing more in and wakes the feeder; gives back what nobody took.
    func close() -> [ReadyRow] {
        let (rest, wakes) = storage.withLock { storage in
            storage.isClosed = true
            var rest: [ReadyRow] = []
            while let row = storage.removeFirst() { rest.append(row) }
            return (rest, storage.wakesFeeder())
        }
        if wakes { room.signal() }
        return rest
    }
}
