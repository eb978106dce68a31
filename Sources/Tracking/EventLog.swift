internal import Dispatch
public import Files
internal import OpenSSL
internal import Synchronization

/// Appends events to files of this process's own, and says so only when they are on the disk.
///
/// One JSON object a line in `DATE-HOST-RANDOM.jsonl`; a new file at each start and on each new day (UTC), so that nothing
/// is ever written behind a line that a crash has torn, and several servers never share a file. Whatever waits while the
/// disk is busy is written and synced together, on a queue of its own that no event loop and no task shares.
///
/// After a failed write or sync nobody knows what the disk holds: the log counts a fault and takes no more.
public final class EventLog: Sendable {
    /// Why an event was not taken, or may not be on the disk.
    public struct Refused: Error, CustomStringConvertible {
        /// For a person: what failed first.
        public let description: String
    }

    private struct Waiting {
        var event: Event
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var waiting: [Waiting] = []
        var isWriting = false
        var faults = 0
        var refused: Refused?
    }

    private let state = Mutex(State())
    private let file: Mutex<EventFile>
    private let queue = DispatchQueue(label: "wardpost.events")
    private let clock: @Sendable () -> Int64

    /// Begins a file.
    ///
    /// - Parameters:
    ///   - directory: The events' directory, `outbox/events`.
    ///   - keys: The token keys; lines are authenticated under a key derived from the minting one.
    ///   - host: This machine's name, for the file's name; other characters than letters, digits and hyphens are left out.
    ///   - clock: Milliseconds since 1970, for the file's date.
    public init(
        directory: Directory,
        keys: TokenKeys,
        host: String = EventLog.hostName(),
        clock: @escaping @Sendable () -> Int64 = { wallClock() }
    ) throws {
        self.clock = clock
        file = Mutex(try EventFile(directory: directory, keys: keys, host: host, now: clock()))
    }

    /// Appends an event; returns when it is on the disk, throws ``Refused`` when that is not known.
    public func append(_ event: Event) async throws {
        try await withCheckedThrowingContinuation { continuation in
            let waiting = Waiting(event: event, continuation: continuation)
            let (refused, starts) = state.withLock { state -> (Refused?, Bool) in
                if let refused = state.refused {
                    state.faults += 1
                    return (refused, false)
                }
                state.waiting.append(waiting)
                defer { state.isWriting = true }
                return (nil, !state.isWriting)
            }
            if let refused {
                continuation.resume(throwing: refused)
            } else if starts {
                queue.async { self.writeAll() }
            }
        }
    }

    /// How many events could not be made durable since the start.
    public var faults: Int {
        state.withLock { $0.faults }
    }

    /// Whether the log takes events.
    public var isHealthy: Bool {
        state.withLock { $0.refused == nil }
    }

    /// The name of the file that is written now.
    public var fileName: String {
        file.withLock { $0.name }
    }

    /// Writes and syncs what waits until nothing does.
    private func writeAll() {
        while true {
            let (batch, refused) = state.withLock { state -> ([Waiting], Refused?) in
                defer { state.waiting.removeAll(keepingCapacity: true) }
                if state.waiting.isEmpty { state.isWriting = false }
                return (state.waiting, state.refused)
            }
            if batch.isEmpty { return }
            var failure = refused
            if failure == nil {
                do {
                    try file.withLock { try $0.append(batch.map(\.event), now: clock()) }
                } catch {
                    failure = Refused(description: "\(error)")
                }
            }
            if let failure {
                state.withLock { state in
                    state.refused = failure
                    state.faults += batch.count
                }
            }
            for waiting in batch {
                if let failure {
                    waiting.continuation.resume(throwing: failure)
                } else {
                    waiting.continuation.resume()
                }
            }
        }
    }
}
