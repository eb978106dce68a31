public import Core

/// What the clocks of a time zone show at any moment: its offset changes from the system's tz database (RFC 9636).
///
/// Foundation would bring this and thirty megabytes more.
public struct TimeZoneRules: Hashable, Sendable {
    /// The zone's name in the tz database, `America/Chicago`.
    public let name: String

    /// The moments at which the offset changes, ascending, in seconds since the epoch.
    let transitions: [Int64]
    /// The offset from each transition on, in seconds east of UTC.
    let offsets: [Int]
    /// The offset before the first transition.
    let first: Int
    /// The yearly rule for all time after the last transition; `nil` if the last offset stays.
    let rule: YearlyRule?

    /// Coordinated Universal Time, which needs no database.
    public static let utc = TimeZoneRules(name: "UTC", transitions: [], offsets: [], first: 0, rule: nil)

    /// Creates rules from their parts.
    init(name: String, transitions: [Int64], offsets: [Int], first: Int, rule: YearlyRule?) {
        self.name = name
        self.transitions = transitions
        self.offsets = offsets
        self.first = first
        self.rule = rule
    }

    /// Seconds east of UTC at a moment.
    public func offset(at moment: Timestamp) -> Int {
        guard let last = transitions.last, moment.seconds < last else {
            return rule?.offset(at: moment.seconds) ?? offsets.last ?? first
        }
        let next = index(after: moment.seconds)
        return next == 0 ? first : offsets[next - 1]
    }

    /// The first moment after the given one at which the clocks may be changed; `nil` if they never are again.
    public func nextChange(after moment: Timestamp) -> Timestamp? {
        if let last = transitions.last, moment.seconds < last {
            return Timestamp(seconds: transitions[index(after: moment.seconds)])
        }
        return rule?.nextChange(after: moment.seconds).map { Timestamp(seconds: $0) }
    }

    /// The first transition after a moment, by halving.
    private func index(after seconds: Int64) -> Int {
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The calendar and clock of the zone at a moment; weekday 0 is Sunday.
    public func fields(
        at moment: Timestamp
    ) -> (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, weekday: Int) {
        (moment + Int64(offset(at: moment))).fields
    }

    /// The moment that a written time means; the time's own offset comes before the zone's.
    ///
    /// Where clocks are put back and a time comes twice, the first is meant. Where they are put forward and a time does
    /// not come at all, the offset before the change counts, so that 02:30 becomes 03:30. Both as RFC 5545
    /// section 3.3.5 has it; who means the other writes an offset.
    public func moment(of time: LocalTime) -> Timestamp {
        let wall = Timestamp(
            year: time.date.year,
            month: time.date.month,
            day: time.date.day,
            hour: time.hour,
            minute: time.minute,
            second: time.second
        )
        if let offset = time.offset { return wall + Int64(-offset) }
        // No offset is a day or more, so these are in force before and after any change near the time.
        let before = offset(at: wall + -86_400)
        let after = offset(at: wall + 86_400)
        let matches = [before, after].filter { offset(at: wall + Int64(-$0)) == $0 }
        return wall + Int64(-(matches.max() ?? before))
    }
}
