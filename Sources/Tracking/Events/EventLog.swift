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
/// After a failed write or sync nobody knows what the disk holds: the events of that group are refused, the file is left as it is
/// and never written to again, and a new one is begun as soon as that can be done, tried once a second.
public final class EventLog: Sendable {
    /// Why an event was not taken, or may not be on the disk.
    public struct Refused: Error, CustomStringConvertible {
        /// For a person: what failed first.
        public let description: String
    }

    private struct Waiting {
        var events: EventBatch
        var done: @Sendable (Refused?) -> Void
    }

    private struct State {
        var waiting: [Waiting] = []
        var isWriting = false
        var faults = 0
        var written = 0
        /// Why the latest events were not taken; `nil` while they are.
        var refused: Refused?
        /// Until when no new file is begun.
        var rest = ContinuousClock.now
    }

    /// The keys, which may be replaced.
    private final class Keys: Sendable {
        let now: Mutex<TokenKeys>

        init(_ keys: TokenKeys) {
            now = Mutex(keys)
        }
    }

    private let state = Mutex(State())
    /// The file that is written; `nil` after one failed.
    private let file: Mutex<EventFile?>
    private let keys: Keys
    private let begin: @Sendable () throws -> EventFile
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
        let ring = Keys(keys)
        self.keys = ring
        begin = {
            try EventFile(directory: directory, keys: { ring.now.withLock { $0 } }, host: host, now: clock())
        }
        file = Mutex(try begin())
    }

    /// Takes other keys: the next event begins a file under the one that mints, if that is another.
    public func use(_ keys: TokenKeys) {
        self.keys.now.withLock { $0 = keys }
    }

    /// Appends an event; returns when it is on the disk, throws ``Refused`` when that is not known.
    public func append(_ event: Event) async throws {
        var batch = EventBatch()
        batch.append(event)
        let events = batch
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            append(events) { refused in
                if let refused {
                    continuation.resume(throwing: refused)
                } else {
                    continuation.resume()
                }
            }
        }
    }

    /// Appends events, and says once, on any thread, that they are on the disk or why that is not known.
    func append(_ events: EventBatch, _ done: @escaping @Sendable (Refused?) -> Void) {
        let (refused, starts) = state.withLock { state -> (Refused?, Bool) in
            if let refused = state.refused, ContinuousClock.now < state.rest {
                state.faults += events.count
                return (refused, false)
            }
            state.waiting.append(Waiting(events: events, done: done))
            defer { state.isWriting = true }
            return (nil, !state.isWriting)
        }
        if let refused {
            done(refused)
        } else if starts {
            queue.async { self.writeAll() }
        }
    }

    /// How many events could not be made durable since the start.
    public var faults: Int {
        state.withLock { $0.faults }
    }

    /// How many events were made durable since the start.
    public var written: Int {
        state.withLock { $0.written }
    }

    /// Whether the log takes events.
    public var isHealthy: Bool {
        state.withLock { $0.refused == nil }
    }

    /// The name of the file that is written now.
    public var fileName: String {
        file.withLock { $0?.name ?? "" }
    }

    /// Begins a new file if the last one failed and that can be done now.
    public func recover() async {
        await withCheckedContinuation { continuation in
            queue.async {
                self.tryAgain()
                continuation.resume()
            }
        }
    }

    /// Returns when all that was appended before is written, or refused.
    func flush() async {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume() }
        }
    }

    private func tryAgain() {
        let isDue = state.withLock { $0.refused != nil && ContinuousClock.now >= $0.rest }
        guard isDue else { return }
        do {
            try write([])
        } catch {
            refuse(Refused(description: "\(error)"), events: 0)
        }
    }

    /// Appends events to the file, or to a new one after one failed.
    private func write(_ events: [EventBatch]) throws {
        try file.withLock { file in
            let isCurrent = (file?.keyID).map { $0 == keys.now.withLock(\.minting.id) }
            do {
                if isCurrent == false { file = try begin() }
            } catch {
                // The old one is still good.
            }
            if isCurrent == nil { file = try begin() }
            do {
                try file?.append(events, now: clock())
            } catch {
                file = nil
                throw error
            }
        }
        state.withLock { state in
            state.refused = nil
            state.written += events.reduce(0) { $0 + $1.count }
        }
    }

    /// Takes note of a failure, and tries again a little later even if no event comes: who asks whether all is well is told
    /// so as soon as it is.
    private func refuse(_ failure: Refused, events: Int) {
        state.withLock { state in
            state.refused = failure
            state.rest = .now + .seconds(1)
            state.faults += events
        }
        queue.asyncAfter(deadline: .now() + .milliseconds(1_050)) { [weak self] in self?.tryAgain() }
    }

    /// Writes and syncs what waits until nothing does.
    private func writeAll() {
        while true {
            let batch = state.withLock { state -> [Waiting] in
                defer { state.waiting.removeAll(keepingCapacity: true) }
                if state.waiting.isEmpty { state.isWriting = false }
                return state.waiting
            }
            if batch.isEmpty { return }
            var failure: Refused?
            do {
                try write(batch.map(\.events))
            } catch {
                let cause = Refused(description: "\(error)")
                failure = cause
                refuse(cause, events: batch.reduce(0) { $0 + $1.events.count })
            }
            for waiting in batch { waiting.done(failure) }
        }
    }
}
