import Glibc
import Synchronization

/// Something that is to be done again and again while it lives.
protocol Kept: AnyObject, Sendable {
    /// Does it; how long to wait for the next time, `nil` for no next time.
    func keep() -> Duration?
}

/// Does what must be done every few seconds, on a thread of its own that waits for the disk: one for the process.
final class Keeper: Sendable {
    static let shared = Keeper()

    private struct Entry {
        weak var kept: (any Kept)?
        var due: Moment
    }

    private struct State {
        var entries: [Entry] = []
        var isRunning = false
    }

    private let state = Mutex(State())
    private let bell = Doorbell()

    /// Begins to keep something, after a while; it is not kept alive.
    func add(_ kept: some Kept, after wait: Duration) {
        let starts = state.withLock { state in
            state.entries.append(Entry(kept: kept, due: .now + wait))
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if starts { WriterThread.start { [self] in run() } } else { bell.ring() }
    }

    private func run() {
        while true {
            let next: Moment? = state.withLock { state in
                state.entries.removeAll { $0.kept == nil }
                state.isRunning = !state.entries.isEmpty
                return state.entries.map(\.due).min()
            }
            guard let next else { return }
            let now = Moment.now
            if next > now {
                bell.wait(upTo: next - now)
                continue
            }
            let due: [any Kept] = state.withLock { state in
                let due = state.entries.filter { $0.due <= now }.compactMap(\.kept)
                state.entries.removeAll { $0.due <= now }
                return due
            }
            for kept in due {
                guard let wait = kept.keep() else { continue }
                state.withLock { $0.entries.append(Entry(kept: kept, due: .now + wait)) }
            }
        }
    }
}

/// A moment by this machine's own clock, which nobody sets and which goes on while the machine sleeps.
///
/// Moments of two machines, or of two starts of one, are never compared.
struct Moment: Comparable, Sendable {
    var nanoseconds: UInt64

    static var now: Moment {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return Moment(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    static func < (left: Moment, right: Moment) -> Bool { left.nanoseconds < right.nanoseconds }

    static func + (moment: Moment, duration: Duration) -> Moment {
        Moment(nanoseconds: moment.nanoseconds + duration.nanoseconds)
    }

    static func - (left: Moment, right: Moment) -> Duration {
        .nanoseconds(Int64(left.nanoseconds) - Int64(right.nanoseconds))
    }
}

extension Duration {
    /// How many nanoseconds it has; none if it is negative.
    fileprivate var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        return UInt64(max(0, seconds * 1_000_000_000 + attoseconds / 1_000_000_000))
    }
}
