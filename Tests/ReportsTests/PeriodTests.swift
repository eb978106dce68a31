import Core
import Intake
import Testing

@testable import Reports

@Suite("Days and periods")
struct PeriodTests {
    @Test(
        "A period's name reads back, and names its first and last day",
        arguments: [
            ("2026-11-22", "2026-11-22", "2026-11-22", Period.Kind.day),
            ("2026-11", "2026-11-01", "2026-11-30", .month),
            ("2024-02", "2024-02-01", "2024-02-29", .month),
            ("2026-12", "2026-12-01", "2026-12-31", .month),
            ("2026-W47", "2026-11-16", "2026-11-22", .week),
            // ISO 8601: the first week is the one with the year's first Thursday.
            ("2026-W01", "2025-12-29", "2026-01-04", .week),
            ("2020-W53", "2020-12-28", "2021-01-03", .week),
            ("2026-11-03_2026-11-09", "2026-11-03", "2026-11-09", .days),
        ]
    )
    func names(name: String, first: String, last: String, kind: Period.Kind) throws {
        let period = try #require(Period(name))
        #expect(period.kind == kind)
        #expect("\(period.first)" == first)
        #expect("\(period.last)" == last)
        #expect("\(period)" == name)
    }

    @Test("Days that are just a week or a month are called by its name")
    func wholes() throws {
        #expect("\(try #require(Period("2026-11-01_2026-11-30")))" == "2026-11")
        #expect("\(try #require(Period("2026-11-16_2026-11-22")))" == "2026-W47")
    }

    @Test(
        "What is no period is none",
        arguments: [
            "", "2026", "2026-13", "2026-11-31", "2026-W54", "2025-W53", "2026-W00", "2026-11-09_2026-11-03",
            "2026-w47",
            "2026-11-01_", "../2026-11",
        ]
    )
    func refused(name: String) {
        #expect(Period(name) == nil)
    }

    @Test("Periods follow each other without a gap", arguments: [Period.Kind.day, .week, .month])
    func follow(kind: Period.Kind) {
        var period = Period(kind, of: Day(year: 2023, month: 12, day: 27))
        for _ in 0..<60 {
            let next = period.next
            #expect(next.kind == kind)
            #expect(next.first == period.last.advanced(by: 1))
            period = next
        }
    }

    @Test(
        "A moment belongs to the day that the site's clocks show, also where they are changed",
        arguments: [
            ("UTC", "2026-11-22 23:59:59", "2026-11-22"),
            ("America/Chicago", "2026-11-22 05:59:59", "2026-11-21"),
            ("America/Chicago", "2026-11-22 06:00:00", "2026-11-22"),
            // The clocks went back on the first of November: midnight is an hour later in UTC.
            ("America/Chicago", "2026-11-01 04:59:59", "2026-10-31"),
            ("America/Chicago", "2026-11-01 05:00:00", "2026-11-01"),
            ("America/Chicago", "2026-11-02 05:59:59", "2026-11-01"),
            ("Pacific/Kiritimati", "2026-11-22 10:00:00", "2026-11-23"),
        ]
    )
    func days(zone: String, moment: String, day: String) throws {
        let clock = DayClock(zone: try #require(TimeZoneRules(named: zone)))
        #expect("\(clock.day(of: try #require(Timestamp(moment))))" == day)
    }

    @Test("The clock gives the same for moments in any order, and a day begins where it says")
    func orders() throws {
        let zone = try #require(TimeZoneRules(named: "America/Chicago"))
        var clock = DayClock(zone: zone)
        let start = Timestamp(year: 2026, month: 1, day: 1).seconds
        let moments = (0..<400).map { start + Int64($0) * 79_999 }
        let forward = moments.map { clock.day(of: $0) }
        let backward = moments.reversed().map { clock.day(of: $0) }
        #expect(forward == backward.reversed())
        for day in stride(from: Day(number: 20_500), to: Day(number: 20_900), by: 1) {
            let begin = clock.start(of: day)
            #expect(clock.day(of: begin) == day)
            #expect(clock.day(of: begin + -1) == day.advanced(by: -1))
        }
    }

    @Test(
        "A scale has at most five steps of 1, 2 or 5",
        arguments: [
            (1, 1, 1), (5, 1, 5), (6, 2, 6), (11, 5, 15), (47, 10, 50), (999, 200, 1_000), (12_345, 5_000, 15_000),
        ]
    )
    func scales(peak: Int, step: Int, highest: Int) {
        #expect(Scale(peak: peak).step == step)
        #expect(Scale(peak: peak).highest == highest)
    }
}
