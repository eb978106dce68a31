import Core
import Intake
import TestSupport
import Testing

@testable import Engine

@Suite struct JobScheduleTests {
    /// 2026-11-20 is a Friday.
    static let friday = Timestamp(year: 2026, month: 11, day: 20, hour: 12)
    static let hour: Int64 = 3_600
    static let day: Int64 = 86_400

    static func schedule(
        _ lines: String = "",
        begun: Timestamp = friday,
        zone: String = "UTC"
    ) throws -> JobSchedule {
        let text = TestJob(manifest: lines).files["manifest.yaml"] ?? ""
        let manifest = try Manifest.parse(bytes: Array(text.utf8), file: Manifest.fileName)
        let zone = try #require(TimeZoneRules(named: zone))
        return JobSchedule(manifest, begun: begun, zone: zone)
    }

    @Test("A job without times may send at once, for a day")
    func none() throws {
        let schedule = try Self.schedule()
        #expect(schedule.opening(from: Self.friday) == nil)
        #expect(schedule.deadline == Self.friday + Self.day)
    }

    @Test("not_before is waited for, and the day begins then")
    func notBefore() throws {
        let schedule = try Self.schedule("not_before: 2026-11-22 08:00\n")
        let opening = Timestamp(year: 2026, month: 11, day: 22, hour: 8)
        #expect(schedule.opening(from: Self.friday) == opening)
        #expect(schedule.opening(from: opening) == nil)
        #expect(schedule.deadline == opening + Self.day)
    }

    @Test("not_after is the deadline, whatever else is said")
    func notAfter() throws {
        let schedule = try Self.schedule("not_after: 2026-11-20 20:00\nwindow: Mon-Fri 08:00-18:00\n")
        #expect(schedule.deadline == Timestamp(year: 2026, month: 11, day: 20, hour: 20))
    }

    @Test("Times are the site's: one in winter, one in summer")
    func zones() throws {
        let winter = try Self.schedule("not_before: 2026-11-22 08:00\n", zone: "America/Chicago")
        #expect(winter.notBefore == Timestamp(year: 2026, month: 11, day: 22, hour: 14))
        let summer = try Self.schedule("not_before: 2026-07-22 08:00\n", zone: "America/Chicago")
        #expect(summer.notBefore == Timestamp(year: 2026, month: 7, day: 22, hour: 13))
    }

    @Test("A window shuts and opens")
    func window() throws {
        let schedule = try Self.schedule("window: Mon-Fri 08:00-18:00\n")
        #expect(schedule.opening(from: Self.friday) == nil)
        let monday = Timestamp(year: 2026, month: 11, day: 23, hour: 8)
        #expect(schedule.opening(from: Self.friday + 6 * Self.hour) == monday)
        #expect(schedule.opening(from: Self.friday + Self.day) == monday)
    }

    @Test("not_before inside a shut window waits for the window")
    func both() throws {
        let schedule = try Self.schedule("not_before: 2026-11-21 10:00\nwindow: Mon-Fri 08:00-18:00\n")
        #expect(schedule.opening(from: Self.friday) == Timestamp(year: 2026, month: 11, day: 23, hour: 8))
    }

    @Test("A job dropped on a Saturday has all of Monday, though its window was shut for more than a day")
    func weekend() throws {
        let schedule = try Self.schedule("window: Mon-Fri 08:00-18:00\n", begun: Self.friday + Self.day)
        #expect(schedule.deadline == Timestamp(year: 2026, month: 11, day: 24, hour: 8))
    }

    @Test("A job begun a minute before the week's end goes on after the weekend")
    func endOfWeek() throws {
        let schedule = try Self.schedule(
            "window: Mon-Fri 08:00-18:00\n",
            begun: Timestamp(year: 2026, month: 11, day: 20, hour: 17, minute: 59)
        )
        let monday = Timestamp(year: 2026, month: 11, day: 23, hour: 8)
        #expect(schedule.deadline == monday + Self.day)
        #expect(schedule.opening(from: monday) == nil)
    }

    @Test("A window keeps to the wall's clock when the clocks change")
    func daylight() throws {
        // The clocks go back on Sunday, 2026-11-01, in Chicago.
        let schedule = try Self.schedule(
            "window: Mon-Fri 08:00-18:00\n",
            begun: Timestamp(year: 2026, month: 10, day: 30, hour: 15),
            zone: "America/Chicago"
        )
        let friday = Timestamp(year: 2026, month: 10, day: 30, hour: 23)
        #expect(schedule.opening(from: friday) == Timestamp(year: 2026, month: 11, day: 2, hour: 14))
        #expect(schedule.opening(from: friday + -2) == nil)
    }
}
