import Core

/// The days that a report is about.
public struct Period: Hashable, Sendable, CustomStringConvertible {
    /// What makes the days one period.
    public enum Kind: String, CaseIterable, Sendable {
        /// One day.
        case day
        /// From Monday to Sunday (ISO 8601).
        case week
        /// A month of the calendar.
        case month
        /// Any other run of days.
        case days
    }

    /// What kind of period it is.
    public let kind: Kind
    /// The first day.
    public let first: Day
    /// The last day.
    public let last: Day

    private init(_ kind: Kind, _ first: Day, _ last: Day) {
        self.kind = kind
        self.first = first
        self.last = last
    }

    /// The period of a kind in which a day lies; the day itself for ``Kind/days``.
    public init(_ kind: Kind, of day: Day) {
        let date = day.date
        switch kind {
        case .day, .days: self.init(.day, day, day)
        case .week:
            let monday = day.advanced(by: 1 - date.weekday)
            self.init(.week, monday, monday.advanced(by: 6))
        case .month:
            let next = date.month == 12 ? (date.year + 1, 1) : (date.year, date.month + 1)
            let last = Day(year: next.0, month: next.1, day: 1).advanced(by: -1)
            self.init(.month, Day(year: date.year, month: date.month, day: 1), last)
        }
    }

    /// All days from one to another; a day, week or month if they are just that.
    ///
    /// `nil` if they are in the wrong order.
    public init?(from first: Day, to last: Day) {
        guard first <= last else { return nil }
        for kind in [Kind.day, .week, .month] {
            let whole = Period(kind, of: first)
            if whole.first == first, whole.last == last {
                self = whole
                return
            }
        }
        self.init(.days, first, last)
    }

    /// Reads a name: `2026-11-22`, `2026-W47`, `2026-11`, or `2026-11-01_2026-11-15`; `nil` for anything else.
    public init?(_ name: String) {
        let parts = name.split(separator: "_", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2 {
            guard let first = Day(parts[0]), let last = Day(parts[1]) else { return nil }
            self.init(from: first, to: last)
            return
        }
        if let day = Day(name) {
            self.init(.day, of: day)
        } else if let day = Day(name + "-01") {
            self.init(.month, of: day)
        } else if let week = Self.week(name) {
            self = week
        } else {
            return nil
        }
    }

    private static func week(_ name: String) -> Period? {
        guard name.utf8.count == 8, let year = Int(name.prefix(4)), let number = Int(name.suffix(2)) else { return nil }
        // The fourth of January is in the first week.
        let week = Period(.week, of: Day(year: year, month: 1, day: 4).advanced(by: 7 * (number - 1)))
        return week.description == name ? week : nil
    }

    /// What files are called after it: `2026-11-22`, `2026-W47`, `2026-11`.
    public var description: String {
        switch kind {
        case .day: return "\(first)"
        case .days: return "\(first)_\(last)"
        case .month: return String("\(first)".prefix(7))
        case .week:
            let thursday = first.advanced(by: 3)
            let year = thursday.date.year
            let number = (thursday.number - Day(year: year, month: 1, day: 1).number) / 7 + 1
            return "\(year)-W\(WholeNumber.padded(number, 2))"
        }
    }

    /// The period of the same kind that follows.
    public var next: Period {
        let day = last.advanced(by: 1)
        guard kind == .days else { return Period(kind, of: day) }
        return Period(.days, day, day.advanced(by: first.distance(to: last)))
    }

    /// Its days.
    public var days: ClosedRange<Day> { first...last }
}
