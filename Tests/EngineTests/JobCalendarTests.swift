import Core
import Intake
import Testing

@testable import Engine

/// When each row may go, by the clocks of its own zone.
@Suite(.enabled(if: TimeZoneRules(named: "America/Chicago") != nil, "needs tzdata")) struct JobCalendarTests {
    /// 2026-11-20 is a Friday; it is noon in London.
    static let friday = Timestamp(year: 2026, month: 11, day: 20, hour: 12)

    static func calendar(
        _ lines: String,
        zones names: [String],
        site: String = "UTC",
        holidays: Holidays = Holidays()
    ) throws -> (JobCalendar, [Int]) {
        let text = (TestJob(manifest: lines).files["manifest.yaml"] ?? "")
            .replacing("  key: ref\n", with: "  key: ref\n  tz: zone\n")
        let manifest = try Manifest.parse(bytes: Array(text.utf8))
        let zones = RowZones(try #require(TimeZoneRules(named: site)))
        let numbers = try names.map { try #require(zones.number(of: Array($0.utf8)[...])) }
        return (JobCalendar(manifest, begun: friday, zones: zones, holidays: holidays), numbers)
    }

    @Test("A window is each zone's own")
    func windows() throws {
        let names = ["America/New_York", "America/Chicago", "Asia/Tokyo", ""]
        let (calendar, zones) = try Self.calendar("window: Mon-Fri 08:00-18:00\n", zones: names)
        // 07:00 in New York, 06:00 in Chicago, 21:00 in Tokyo, noon at the site.
        let monday = Timestamp(year: 2026, month: 11, day: 22, hour: 23)
        #expect(calendar.standing(zones[0], at: Self.friday) == .shut(until: Self.friday + 3_600))
        #expect(calendar.standing(zones[1], at: Self.friday) == .shut(until: Self.friday + 2 * 3_600))
        #expect(calendar.standing(zones[2], at: Self.friday) == .shut(until: monday))
        #expect(calendar.standing(zones[3], at: Self.friday) == .open)
        #expect(calendar.opening(from: Self.friday) == nil)
        #expect(calendar.waits(at: Self.friday).map(\.zone) == ["America/New_York", "America/Chicago", "Asia/Tokyo"])
        // What is known of a zone is right as time goes on.
        #expect(calendar.standing(zones[0], at: Self.friday + 3_600) == .open)
        #expect(calendar.standing(zones[3], at: Self.friday + 6 * 3_600) == .shut(until: Self.friday + 68 * 3_600))
    }

    @Test("Without a row of the site's zone, its hours are none of the job's")
    func siteUnused() throws {
        let (calendar, _) = try Self.calendar("window: 20:00-22:00\n", zones: ["Asia/Tokyo"])
        #expect(calendar.opening(from: Self.friday) == nil)
        #expect(
            calendar.waits(at: Self.friday + 3_600) == [ZoneWait(zone: "Asia/Tokyo", until: Self.friday + 23 * 3_600)]
        )
    }

    @Test("not_before and not_after without an offset are read in each row's zone, with one they are a moment")
    func times() throws {
        let local = "not_before: 2026-11-20 12:30\nnot_after: 2026-11-20 14:00\n"
        let (calendar, zones) = try Self.calendar(local, zones: ["Europe/Berlin", "Asia/Tokyo", "America/Chicago"])
        #expect(calendar.standing(zones[0], at: Self.friday) == .open)
        #expect(calendar.standing(zones[0], at: Self.friday + 3_601) == .over)
        #expect(calendar.standing(zones[1], at: Self.friday) == .over)
        #expect(calendar.standing(zones[2], at: Self.friday) == .shut(until: Self.friday + 6 * 3_600 + 1_800))
        #expect(calendar.deadline == Self.friday + 8 * 3_600)
        let absolute = "not_before: 2026-11-20 12:30 Z\nnot_after: 2026-11-20 14:00 Z\n"
        let (other, numbers) = try Self.calendar(absolute, zones: ["Europe/Berlin", "Asia/Tokyo"])
        #expect(numbers.allSatisfy { other.standing($0, at: Self.friday) == .shut(until: Self.friday + 1_800) })
        #expect(other.deadline == Self.friday + 2 * 3_600)
    }

    @Test("Holidays are days of the row's zone")
    func holidays() throws {
        let day = try #require(CalendarDate("2026-11-21"))
        let (calendar, zones) = try Self.calendar(
            "",
            zones: ["Pacific/Auckland", "Europe/London"],
            holidays: Holidays([day])
        )
        // It is the 21st already in Auckland, and until noon in London.
        #expect(calendar.standing(zones[0], at: Self.friday) == .shut(until: Self.friday + 23 * 3_600))
        #expect(calendar.standing(zones[1], at: Self.friday) == .open)
        #expect(calendar.standing(zones[1], at: Self.friday + 12 * 3_600) == .shut(until: Self.friday + 36 * 3_600))
    }

    @Test("A window that does not open before the deadline is over at once")
    func neverOpens() throws {
        let (calendar, zones) = try Self.calendar(
            "not_after: 2026-11-20 20:00 Z\nwindow: 08:00-10:00\n",
            zones: ["Europe/Berlin", "America/Chicago"]
        )
        #expect(calendar.standing(zones[0], at: Self.friday) == .over)
        #expect(calendar.standing(zones[1], at: Self.friday) == .shut(until: Self.friday + 2 * 3_600))
    }

    @Test(
        "Cells that name a zone, and cells that do not",
        arguments: [
            ("America/Chicago", true), (" America/Chicago ", true), ("UTC", true), ("", true), ("  ", true),
            ("Etc/GMT+6", true), ("America/Chicgo", false), ("CST6CDT,M3.2.0,M11.1.0", false), ("+06:00", false),
            ("../etc/passwd", false), ("/usr/share/zoneinfo/UTC", false), ("right/UTC", false), ("America", false),
        ] as [(String, Bool)]
    )
    func cells(cell: String, isZone: Bool) {
        let zones = RowZones(.utc)
        for _ in 0..<2 { #expect((zones.number(of: Array(cell.utf8)[...]) != nil) == isZone) }
    }
}
