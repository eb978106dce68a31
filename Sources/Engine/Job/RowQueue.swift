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
/// The feeder waits when it is full; the event loops never wait.
final class RowQueue: Sendable {
    private struct Storage {
        var rows: [ReadyRow] = []
        var first = 0
        var isClosed = false
    }

    private let storage = Mutex(Storage())
    private let room: DispatchSemaphore

    init(capacity: Int) {
        room = DispatchSemaphore(value: capacity)
    }

    /// Adds a row, waiting for room; `false` if the queue was closed.
    ///
    /// For the feeder's own thread only.
    func push(_ row: ReadyRow) -> Bool {
        room.wait()
        return storage.withLock { storage in
            guard !storage.isClosed else {
                // The next one that waits shall not wait either.
                room.signal()
                return false
            }
            storage.rows.append(row)
            return true
        }
    }

    /// Takes the next row, if there is one.
    func pop() -> ReadyRow? {
        let row: ReadyRow? = storage.withLock { storage in
            guard storage.first < storage.rows.count else { return nil }
            let row = storage.rows[storage.first]
            storage.first += 1
            if storage.first == storage.rows.count {
                storage.rows.removeAll(keepingCapacity: true)
                storage.first = 0
            }
            return row
        }
        if row != nil { room.signal() }
        return row
    }

    /// Lets nothing more in and wakes the feeder; gives back what nobody took.
    func close() -> [ReadyRow] {
        let rest = storage.withLock { storage in
            storage.isClosed = true
            let rest = Array(storage.rows[storage.first...])
            storage.rows = []
            storage.first = 0
            return rest
        }
        room.signal()
        return rest
    }
}
