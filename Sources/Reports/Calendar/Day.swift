import Core

/// A day of the calendar, whose midnights are the site's.
public struct Day: Hashable, Comparable, Strideable, Sendable, CustomStringConvertible {
    /// Days since 1970-01-01.
    public let number: Int

    /// Takes a day by its number.
    public init(number: Int) {
        self.number = number
    }

    /// The day of a date; the date is not checked.
    public init(year: Int, month: Int, day: Int) {
        number = Int(Timestamp(year: year, month: month, day: day).seconds / 86_400)
    }

    /// Reads `2026-11-22`; `nil` for anything else.
    public init?(_ text: String) {
        guard let midnight = Timestamp("\(text) 00:00:00") else { return nil }
        number = Int(midnight.seconds / 86_400)
    }

    /// The date; weekday 1 is Monday, 7 is Sunday.
    public var date: (year: Int, month: Int, day: Int, weekday: Int) {
        let at = Timestamp(seconds: Int64(number) * 86_400).fields
        return (at.year, at.month, at.day, (at.weekday + 6) % 7 + 1)
    }

    /// `2026-11-22`.
    public var description: String {
        String(Timestamp(seconds: Int64(number) * 86_400).description.prefix(10))
    }

    /// The day of its month, from 1.
    public var dayOfMonth: Int { date.day }

    /// Orders days.
    public static func < (left: Day, right: Day) -> Bool {
        left.number < right.number
    }

    /// How many days lie between this and another.
    public func distance(to other: Day) -> Int {
        other.number - number
    }

    /// The day so many days later.
    public func advanced(by days: Int) -> Day {
        Day(number: number + days)
    }
}
