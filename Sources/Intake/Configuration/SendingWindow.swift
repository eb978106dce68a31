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

        /// Creates a span.
        public init(weekdays: [Int], opens: Int, closes: Int) {
            self.weekdays = weekdays
            self.opens = opens
            self.closes = closes
        }

        /// Whether a minute of the week is inside; the closing minute is not.
        public func contains(weekday: Int, minute: Int) -> Bool {
            age(weekday: weekday, minute: minute) != nil
        }

        /// How many days ago the span opened that a minute of the week is in, 0 or 1; `nil` if it is in none.
        func age(weekday: Int, minute: Int) -> Int? {
            if minute >= opens, minute < closes || closes <= opens { return weekdays.contains(weekday) ? 0 : nil }
            guard closes <= opens, minute < closes else { return nil }
            return weekdays.contains((weekday + 6) % 7) ? 1 : nil
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

    /// Whether a moment is inside, holidays or not.
    public func contains(_ moment: Timestamp, in zone: TimeZoneRules) -> Bool {
        SendingHours(self).contains(moment, in: zone)
    }

    /// The first moment from the given one on that is inside, holidays or not.
    public func opening(from moment: Timestamp, in zone: TimeZoneRules) -> Timestamp? {
        SendingHours(self).opening(from: moment, in: zone)
    }

    /// The spans, with commas between.
    public var description: String {
        spans.map(\.description).joined(separator: "; ")
    }
}
