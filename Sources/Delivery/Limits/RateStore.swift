import Glibc
import Synchronization

/// Where a rate's log is kept: in memory, or where other processes see it and the next one finds it.
public protocol RateStore: Sendable {
    /// Changes the log while nobody else can; returns `nil` if somebody else is at it right now.
    ///
    /// Called on event loops: quick, and never waits. The body is told which process of the log's it is. An error means that
    /// nothing may be let go: what was could not be noted.
    func update<Value: Sendable>(
        at now: RateLog.Moment,
        _ body: (inout RateLog, _ process: Int) -> Value
    ) throws -> Value?
}

/// A log of this process alone.
public final class MemoryRateStore: RateStore {
    private let log: Mutex<RateLog>

    /// Begins with an empty bucket.
    public init(_ rate: RouteSettings.Rate, at now: RateLog.Moment = BootClock.now) {
        log = Mutex(RateLog(rate, at: now))
    }

    /// Changes the log.
    public func update<Value: Sendable>(
        at now: RateLog.Moment,
        _ body: (inout RateLog, _ process: Int) -> Value
    ) -> Value? {
        log.withLock { body(&$0, 0) }
    }
}

/// The time since the machine started, sleep included: what all processes of a machine have in common.
public enum BootClock {
    /// Now, in nanoseconds.
    public static var now: RateLog.Moment {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return RateLog.Moment(time.tv_sec) * 1_000_000_000 + RateLog.Moment(time.tv_nsec)
    }
}
