/// An exact token bucket: no stretch of time ever sees more than the rate's share of it plus the burst.
///
/// Kept as one number, the moment at which the bucket would be full again (the generic cell rate algorithm), in units of
/// an attosecond divided by the rate's count, so that nothing is ever rounded. It starts empty: a process that is restarted again
/// and again gains nothing by it. Time is handed in; the clock is the caller's.
public struct Pace: Sendable {
    /// What a request gave.
    public enum Answer: Hashable, Sendable {
        /// Taken: go.
        case go
        /// Nothing there before that moment.
        case notBefore(ContinuousClock.Instant)
    }

    private let origin: ContinuousClock.Instant
    private let count: Int128
    /// One message's share: the period.
    private let share: Int128
    private let tolerance: Int128
    /// When the bucket is full again, counted from `origin`.
    private var full: Int128
    /// What `full` was before the last one was taken.
    private var before: Int128?

    /// Starts with an empty bucket.
    public init(_ rate: RouteSettings.Rate, at now: ContinuousClock.Instant) {
        origin = now
        count = Int128(max(1, rate.count))
        share = max(1, Self.attoseconds(rate.period))
        tolerance = share * Int128(max(1, rate.burst) - 1)
        full = tolerance + share
    }

    /// Takes one, if one is there.
    public mutating func take(at now: ContinuousClock.Instant) -> Answer {
        let scaled = Self.attoseconds(now - origin) * count
        let earliest = full - tolerance
        guard scaled >= earliest else {
            // Rounded up: a moment too late is no harm, one too early is a turn in vain.
            let nanosecond = 1_000_000_000 * count
            return .notBefore(origin + .nanoseconds(Int64(clamping: (earliest + nanosecond - 1) / nanosecond)))
        }
        before = full
        full = max(full, scaled) + share
        return .go
    }

    /// Puts back the one that was taken last, if it was not used.
    ///
    /// Only the last: if another was taken since, putting an earlier one back would let two go at the same moment.
    public mutating func giveBack() {
        full = before.take() ?? full
    }

    private static func attoseconds(_ duration: Duration) -> Int128 {
        let (seconds, attoseconds) = duration.components
        return Int128(seconds) * 1_000_000_000_000_000_000 + Int128(attoseconds)
    }
}
