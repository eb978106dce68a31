public import Core

/// When messages may go out: hours of the week, but for holidays.
///
/// The clock on the wall decides. A moment is inside if the zone's clock shows, at that moment, a time of a span that began on
/// one of its weekdays, and neither that day nor the day that the clock shows is a holiday. So
///
/// - where the clocks leap from 02:00 to 03:00, a span from 02:30 to 05:00 opens at 03:00, and one from 02:15 to 02:45 does not
///   open on that day;
/// - where the clocks go back from 02:00 to 01:00, a span from 01:30 to 05:00 opens at the first 01:30, shuts when the clock
///   shows 01:00 again, and opens at the second 01:30; one from 01:00 to 02:00 is open for two hours;
/// - a span from 22:00 to 06:00 belongs to the day on which it opens. On a holiday nothing goes: a span of the evening before
///   shuts at midnight, and one that would open on the holiday stays shut after midnight, too.
public struct SendingHours: Hashable, Sendable {
    /// For how long a moment is looked for, in seconds: 400 days.
    private static let horizon: Int64 = 400 * 86_400

    /// The hours of the week; `nil` for all of them.
    public let window: SendingWindow?
    /// The days that are left out.
    public let holidays: Holidays
    /// The minutes of a day at which anything can change.
    private let changes: [Int64]

    /// Puts hours and holidays together; without either, it is always time.
    public init(_ window: SendingWindow? = nil, holidays: Holidays = Holidays()) {
        self.window = window
        self.holidays = holidays
        let minutes = (window?.spans ?? []).flatMap { [$0.opens, $0.closes % 1_440] }
        changes = Set(minutes + [0]).sorted().map { Int64($0) * 60 }
    }

    /// Whether it is always time.
    public var isAlways: Bool { window == nil && holidays.isEmpty }

    /// Whether a moment is inside.
    public func contains(_ moment: Timestamp, in zone: TimeZoneRules) -> Bool {
        isOpen(at: moment + Int64(zone.offset(at: moment)))
    }

    /// The first moment from the given one on that is inside; `nil` if there is none within 400 days.
    public func opening(from moment: Timestamp, in zone: TimeZoneRules) -> Timestamp? {
        first(from: moment, in: zone, isOpen: true)
    }

    /// The first moment from the given one on that is outside; `nil` if there is none within 400 days.
    public func closing(from moment: Timestamp, in zone: TimeZoneRules) -> Timestamp? {
        first(from: moment, in: zone, isOpen: false)
    }

    /// Goes from one change of the clocks to the next; between two of them, what they show goes on evenly.
    private func first(from moment: Timestamp, in zone: TimeZoneRules, isOpen wanted: Bool) -> Timestamp? {
        if isAlways { return wanted ? moment : nil }
        let last = moment + Self.horizon
        var start = moment
        while start < last {
            let offset = Int64(zone.offset(at: start))
            let end = min(zone.nextChange(after: start) ?? last, last)
            if let found = firstShown(from: start + offset, before: end + offset, isOpen: wanted) {
                return found + -offset
            }
            start = end
        }
        return nil
    }

    /// The first time of an undisturbed clock; times are those of the wall, as if it were UTC.
    private func firstShown(from start: Timestamp, before end: Timestamp, isOpen wanted: Bool) -> Timestamp? {
        var shown = start
        while shown < end {
            if isOpen(at: shown) == wanted { return shown }
            let second = ((shown.seconds % 86_400) + 86_400) % 86_400
            let midnight = shown + -second
            shown = midnight + (changes.first { $0 > second } ?? 86_400)
        }
        return nil
    }

    private func isOpen(at shown: Timestamp) -> Bool {
        let at = shown.fields
        if !holidays.isEmpty, isHoliday(at.year, at.month, at.day) { return false }
        guard let window else { return true }
        let minute = at.hour * 60 + at.minute
        var isYesterdayHoliday: Bool?
        for span in window.spans {
            switch span.age(weekday: at.weekday, minute: minute) {
            case nil: continue
            case 0?: return true
            default:
                let before = isYesterdayHoliday ?? isHolidayBefore(shown)
                isYesterdayHoliday = before
                if !before { return true }
            }
        }
        return false
    }

    private func isHolidayBefore(_ shown: Timestamp) -> Bool {
        guard !holidays.isEmpty else { return false }
        let at = (shown + -86_400).fields
        return isHoliday(at.year, at.month, at.day)
    }

    private func isHoliday(_ year: Int, _ month: Int, _ day: Int) -> Bool {
        CalendarDate(year: year, month: month, day: day).map(holidays.contains) ?? false
    }
}
