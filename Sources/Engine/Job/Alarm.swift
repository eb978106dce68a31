import NIOCore
import NIOPosix
import Synchronization

/// Wakes somebody at a moment: connections that found only rows whose turn has not come.
///
/// Only the earliest moment is kept; who is woken too early asks again and is told the next one.
final class Alarm: Sendable {
    private struct State {
        var due: ContinuousClock.Instant?
        var ring: (@Sendable () -> Void)?
    }

    private let loop: any EventLoop
    private let state = Mutex(State())

    init(_ group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton) {
        loop = group.next()
    }

    /// Says who is to be woken.
    func start(_ ring: @escaping @Sendable () -> Void) {
        state.withLock { $0.ring = ring }
    }

    /// Wakes nobody any more.
    func stop() {
        state.withLock { $0 = State() }
    }

    /// Rings at that moment, or before.
    func set(at moment: ContinuousClock.Instant) {
        let isNew = state.withLock { state in
            guard state.ring != nil else { return false }
            if let due = state.due, due <= moment { return false }
            state.due = moment
            return true
        }
        guard isNew else { return }
        let wait = (moment - .now).components
        let nanoseconds = wait.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let delay = nanoseconds.overflow ? Int64.max / 2 : nanoseconds.partialValue + wait.attoseconds / 1_000_000_000
        loop.scheduleTask(in: .nanoseconds(max(0, delay))) { [self] in fire(moment) }
    }

    private func fire(_ moment: ContinuousClock.Instant) {
        let ring: (@Sendable () -> Void)? = state.withLock { state in
            if state.due == moment { state.due = nil }
            return state.ring
        }
        ring?()
    }
}
