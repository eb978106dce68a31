/// How long to wait before connecting again: a pure function of how often it failed, and of chance.
///
/// With a first delay of 1 s and a longest of 300 s, before chance:
///
/// | failures | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 and more |
/// | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
/// | seconds | 1 | 2 | 4 | 8 | 16 | 32 | 64 | 128 | 256 | 300 |
///
/// Chance takes off up to a half, so that many senders do not come back at the same moment.
struct Backoff: Hashable, Sendable {
    var first: Duration
    var longest: Duration

    /// The wait after so many failures in a row; `chance` is at least 0 and less than 1.
    func delay(after failures: Int, chance: Double) -> Duration {
        guard failures > 0 else { return .zero }
        // Capped before it is shifted, so that no count of failures overflows.
        let doubled = first * (1 << min(failures - 1, 30))
        return min(doubled, longest) * (0.5 + chance / 2)
    }
}
