import Core
import Intake
import Testing

@Suite struct SiteTimeZoneTests {
    /// A written time, and the moment it means in UTC.
    static let moments: [(zone: String, written: String, utc: String)] = [
        ("UTC", "2026-11-22 08:00", "2026-11-22 08:00:00"),
        ("Etc/UTC", "2026-11-22 08:00:59", "2026-11-22 08:00:59"),
        ("America/Chicago", "2026-11-22 08:00", "2026-11-22 14:00:00"),
        ("America/Chicago", "2026-07-22 08:00", "2026-07-22 13:00:00"),
        ("Europe/Berlin", "2026-11-22 08:00", "2026-11-22 07:00:00"),
        ("Europe/Berlin", "2026-07-22 08:00", "2026-07-22 06:00:00"),
        ("Asia/Kolkata", "2026-07-22 08:00", "2026-07-22 02:30:00"),
        // Clocks leap from 02:00 to 03:00; a time between goes on from before the leap.
        ("America/Chicago", "2026-03-08 01:59:59", "2026-03-08 07:59:59"),
        ("America/Chicago", "2026-03-08 02:00", "2026-03-08 08:00:00"),
        ("America/Chicago", "2026-03-08 02:30", "2026-03-08 08:30:00"),
        ("America/Chicago", "2026-03-08 03:00", "2026-03-08 08:00:00"),
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:30:00"),
        ("Europe/Berlin", "2026-03-29 03:30", "2026-03-29 01:30:00"),
        // Clocks go back from 02:00 to 01:00 (Berlin: from 03:00 to 02:00); the first of two is meant.
        ("America/Chicago", "2026-11-01 00:59:59", "2026-11-01 05:59:59"),
        ("America/Chicago", "2026-11-01 01:30", "2026-11-01 06:30:00"),
        ("America/Chicago", "2026-11-01 02:00", "2026-11-01 08:00:00"),
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30:00"),
        ("Europe/Berlin", "2026-10-25 03:00", "2026-10-25 02:00:00"),
        // An offset of its own settles it.
        ("America/Chicago", "2026-11-01 01:30 -06:00", "2026-11-01 07:30:00"),
        ("America/Chicago", "2026-11-01 01:30:15 Z", "2026-11-01 01:30:15"),
        ("Europe/Berlin", "2026-11-22T08:00:00+0530", "2026-11-22 02:30:00"),
        // Behind the table's end, the yearly rule holds; south of the equator, summer spans the year's end.
        ("America/Chicago", "2075-07-22 08:00", "2075-07-22 13:00:00"),
        ("America/Chicago", "2075-01-22 08:00", "2075-01-22 14:00:00"),
        ("Europe/Berlin", "2075-03-31 02:30", "2075-03-31 01:30:00"),
        ("Australia/Sydney", "2075-01-22 08:00", "2075-01-21 21:00:00"),
        ("Australia/Sydney", "2075-07-22 08:00", "2075-07-21 22:00:00"),
    ]

    @Test(.enabled(if: TimeZoneRules(named: "America/Chicago") != nil, "needs tzdata"), arguments: moments)
    func `a written time means one moment`(zone: String, written: String, utc: String) throws {
        let rules = try #require(TimeZoneRules(named: zone))
        let time = try #require(LocalTime(written))
        #expect(rules.moment(of: time).description == utc)
    }

    @Test(
        .enabled(if: TimeZoneRules(named: "America/Chicago") != nil, "needs tzdata"),
        arguments: ["America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"]
    )
    func `what the clock shows leads back to the moment`(zone: String) throws {
        let rules = try #require(TimeZoneRules(named: zone))
        // Every seventh hour from 2020 to 2044; an hour that comes twice leads to its first.
        for seconds in stride(from: Int64(1_577_836_800), to: 2_335_219_200, by: 7 * 3_600) {
            let moment = Timestamp(seconds: seconds)
            let at = rules.fields(at: moment)
            let date = try #require(CalendarDate(year: at.year, month: at.month, day: at.day))
            let time = try #require(LocalTime(date: date, hour: at.hour, minute: at.minute, second: at.second))
            let back = rules.moment(of: time)
            let shown = back + Int64(rules.offset(at: back))
            #expect(shown == moment + Int64(rules.offset(at: moment)))
            #expect((0...3_600).contains(moment.seconds - back.seconds))
        }
    }

    @Test(arguments: ["", "../../etc/passwd", "/etc/localtime", "America", "America//Chicago", "No/Where", "zone.tab"])
    func `what is no zone is not read`(name: String) {
        #expect(TimeZoneRules(named: name) == nil)
    }

    static let times = [
        "2026-11-22 8:00", "2026-11-22", "2026-11-22 24:00", "2026-11-22 08:60", "2026-11-22 08:00:60",
        "22.11.2026 08:00",
        "2026-02-29 08:00", "2026-13-01 08:00", "2026-11-22 08:00 CET", "2026-11-22 08:00 +1", "2026-11-22 08:00  Z",
        "2026-11-22 08:00 +24:00", " 2026-11-22 08:00", "2026-11-22 08:00 ", "2026-11-22 08:00:", "+026-11-22 08:00",
    ]

    @Test(arguments: times)
    func `what is no time is refused`(text: String) {
        #expect(LocalTime(text) == nil)
    }

    @Test func `a day changes at the zone's midnight`() throws {
        let moment = try #require(Timestamp("2026-01-15 03:00:00"))
        #expect(CalendarDate(of: moment, in: .utc).description == "2026-01-15")
        let chicago = try #require(TimeZoneRules(named: "America/Chicago"))
        #expect(CalendarDate(of: moment, in: chicago).description == "2026-01-14")
    }

    @Test(arguments: ["2028-02-29", "2000-02-29", "2026-12-31", "0001-01-01"])
    func `days of the calendar are read`(text: String) {
        #expect(CalendarDate(text)?.description == text)
    }

    @Test(arguments: [
        "2026-02-29", "1900-02-29", "2026-04-31", "2026-00-01", "2026-1-01", "0000-01-01", "2026/01/01", "",
    ])
    func `days that do not exist are refused`(text: String) {
        #expect(CalendarDate(text) == nil)
    }
}
