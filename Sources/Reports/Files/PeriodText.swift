import Core

/// Days and periods in words.
enum PeriodText {
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]

    /// `22 November 2026`.
    static func long(_ day: Day) -> String {
        "\(day.date.day) \(months[day.date.month - 1]) \(day.date.year)"
    }

    /// `22 Nov`, or the day of the month alone.
    static func short(_ day: Day, withMonth: Bool) -> String {
        withMonth ? "\(day.date.day) \(months[day.date.month - 1].prefix(3))" : "\(day.date.day)"
    }

    /// `November 2026`, `Week 47 of 2026`.
    static func title(_ period: Period) -> String {
        switch period.kind {
        case .day: return long(period.first)
        case .month: return "\(months[period.first.date.month - 1]) \(period.first.date.year)"
        case .week:
            let name = "\(period)"
            return "Week \(Int(name.suffix(2)) ?? 0) of \(name.prefix(4))"
        case .days: return "\(long(period.first)) to \(long(period.last))"
        }
    }
}
