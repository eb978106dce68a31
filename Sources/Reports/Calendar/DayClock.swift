public import Core
public import Intake

/// On which day of the site's calendar a moment lies.
public struct DayClock: Sendable {
    /// The site's zone.
    public let zone: TimeZoneRules
    /// The offset that was found last, and from when to when it holds.
    private var offset: Int64 = 0
    private var valid: Range<Int64> = 0..<0

    /// Goes by a zone's clocks.
    public init(zone: TimeZoneRules) {
        self.zone = zone
    }

    /// The day's number; quick for moments that come nearly in order.
    public mutating func day(of seconds: Int64) -> Int {
        if !valid.contains(seconds) {
            let moment = Timestamp(seconds: seconds)
            offset = Int64(zone.offset(at: moment))
            valid = seconds..<(zone.nextChange(after: moment)?.seconds ?? .max)
        }
        let wall = seconds + offset
        return Int(wall >= 0 ? wall / 86_400 : (wall - 86_399) / 86_400)
    }

    /// The day of a moment.
    public func day(of moment: Timestamp) -> Day {
        var clock = self
        return Day(number: clock.day(of: moment.seconds))
    }

    /// When a day begins.
    public func start(of day: Day) -> Timestamp {
        let date = day.date
        guard
            let local = CalendarDate(year: date.year, month: date.month, day: date.day).flatMap({
                LocalTime(date: $0, hour: 0, minute: 0)
            })
        else { return Timestamp(seconds: Int64(day.number) * 86_400) }
        return zone.moment(of: local)
    }
}
