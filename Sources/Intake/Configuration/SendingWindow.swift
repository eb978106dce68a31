public import Core

/// The hours of the week in which messages may go out: `Mon-Fri 08:00-18:00`.
public struct SendingWindow: Hashable, Sendable, CustomStringConvertible {
    /// Some days, and the same hours on each.
    public struct Span: Hashable, Sendable, CustomStringConvertible {
        /// The days it starts on: 0 is Sunday, ascending.
        public var weekdays: [Int]
        /// The minute of the day at which it opens, 0 to 1439.
        public var opens: Int
        /// The minute at which it closes, up to 1440; not above ``opens`` means on the next day.
        public var closes: Int

        /// Whether a minute of the week is inside; the closing minute is not.
        public func contains(weekday: Int, minute: Int) -> Bool {
            if closes > opens {
                return (opens..<closes).contains(minute) && weekdays.contains(weekday)
            }
            if minute >= opens { return weekdays.contains(weekday) }
            return minute < closes && weekdays.contains((weekday + 6) % 7)
        }

        /// The form in which it is written.
        public var description: String {
            "\(weekdays.map { SendingWindow.days[$0] }.joined(separator: ",")) \(clock(opens))-\(clock(closes))"
        }

        private func clock(_ minute: Int) -> String {
            "\(WholeNumber.padded(minute / 60, 2)):\(WholeNumber.padded(minute % 60, 2))"
        }
    }

    /// The names of the days, Sunday first.
    static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    /// The spans; a moment in any of them is in the window.
    public var spans: [Span]

    /// Creates a window.
    public init(_ spans: [Span]) {
        self.spans = spans
    }

    /// Whether a minute of the week is inside; 0 is Sunday.
    public func contains(weekday: Int, minute: Int) -> Bool {
        spans.contains { $0.contains(weekday: weekday, minute: minute) }
    }

    /// Whether a moment is inside.
    public func contains(_ moment: Timestamp, in zone: TimeZoneRules) -> Bool {
        let at = zone.fields(at: moment)
        return contains(weekday: at.weekday, minute: at.hour * 60 + at.minute)
    }

    /// The first moment from the given one on that is inside: the moment itself, or a full minute after it.
    ///
    /// `nil` only for a window without spans: every span opens once in eight days, the hour that a clock leaps over
    /// included.
    public func opening(from moment: Timestamp, in zone: TimeZoneRules) -> Timestamp? {
        if contains(moment, in: zone) { return moment }
        var next = moment + (60 - Int64(zone.fields(at: moment).second))
        // Minute by minute, so that every change of the clocks comes out right; at most 15 days of cheap steps.
        for _ in 0..<(15 * 1_440) {
            if contains(next, in: zone) { return next }
            next = next + 60
        }
        return nil
    }

    /// The spans, with commas between.
    public var description: String {
        spans.map(\.description).joined(separator: "; ")
    }
}
