/// How long a row waits after a temporary refusal.
///
/// Grows twofold from `first` to `longest`, and is spread by a fifth either way so that rows refused together do not come
/// back together. With the usual minute and hour:
///
/// | attempts so far | wait without the spread |
/// | --- | --- |
/// | 1 | 1 min |
/// | 2 | 2 min |
/// | 3 | 4 min |
/// | 7 and more | 60 min |
struct Backoff: Sendable {
    /// Seconds after the first refusal.
    var first: Int64 = 60
    /// The longest wait in seconds.
    var longest: Int64 = 3_600

    /// The wait in seconds after some attempts; `spread` is a number from 0 to 1.
    func delay(afterAttempts attempts: Int, spread: Double) -> Int64 {
        // Capped before the shift, so that no number of attempts overflows.
        let doublings = min(max(attempts - 1, 0), 20)
        let wait = min(longest, first << Int64(doublings))
        return max(1, Int64((Double(wait) * (0.8 + 0.4 * spread)).rounded()))
    }
}
