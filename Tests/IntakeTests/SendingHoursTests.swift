import Core
import Foundation
import Intake
import TestSupport
import Testing

private let hasZones = TimeZoneRules(named: "America/Chicago") != nil

/// When windows open and shut by the clock on a wall, where the clocks are changed and on holidays.
@Suite(.enabled(if: hasZones, "needs tzdata")) struct SendingHoursTests {
    static func hours(_ window: String, _ holidays: [String] = []) throws -> SendingHours {
        let days = try holidays.map { try #require(CalendarDate($0)) }
        let spans = SendingWindow(window)
        #expect((spans == nil) == window.isEmpty)
        return SendingHours(spans, holidays: Holidays(Set(days)))
    }

    /// A window, a zone, a moment on the zone's own clock (with offset), when it opens from there, and when it shuts from then.
    static let table: [(window: String, holidays: [String], zone: String, from: String, opens: String, shuts: String)] =
        [
            // Clocks leap from 02:00 to 03:00 on 8 March 2026 in Chicago.
            (
                "02:30-05:00", [], "America/Chicago", "2026-03-08 00:00 -06:00", "2026-03-08 08:00:00",
                "2026-03-08 10:00:00"
            ),
            (
                "02:15-02:45", [], "America/Chicago", "2026-03-08 00:00 -06:00", "2026-03-09 07:15:00",
                "2026-03-09 07:45:00"
            ),
            (
                "01:30-02:30", [], "America/Chicago", "2026-03-08 00:00 -06:00", "2026-03-08 07:30:00",
                "2026-03-08 08:00:00"
            ),
            ("00:00-24:00", [], "America/Chicago", "2026-03-08 00:00 -06:00", "2026-03-08 06:00:00", "never"),
            // They go back from 02:00 to 01:00 on 1 November 2026: the hour from 01:00 comes twice.
            (
                "01:30-05:00", [], "America/Chicago", "2026-11-01 00:00 -05:00", "2026-11-01 06:30:00",
                "2026-11-01 07:00:00"
            ),
            (
                "01:30-05:00", [], "America/Chicago", "2026-11-01 01:00 -06:00", "2026-11-01 07:30:00",
                "2026-11-01 11:00:00"
            ),
            (
                "01:00-02:00", [], "America/Chicago", "2026-11-01 00:00 -05:00", "2026-11-01 06:00:00",
                "2026-11-01 08:00:00"
            ),
            (
                "00:30-01:30", [], "America/Chicago", "2026-11-01 00:00 -05:00", "2026-11-01 05:30:00",
                "2026-11-01 06:30:00"
            ),
            (
                "00:30-01:30", [], "America/Chicago", "2026-11-01 01:40 -05:00", "2026-11-01 07:00:00",
                "2026-11-01 07:30:00"
            ),
            (
                "22:00-06:00", [], "America/Chicago", "2026-10-31 12:00 -05:00", "2026-11-01 03:00:00",
                "2026-11-01 12:00:00"
            ),
            // South of the equator: forward on 4 October, back on 5 April 2026; Lord Howe by half an hour.
            (
                "02:30-05:00", [], "Australia/Sydney", "2026-10-04 00:00 +10:00", "2026-10-03 16:00:00",
                "2026-10-03 18:00:00"
            ),
            (
                "02:30-02:45", [], "Australia/Sydney", "2026-04-05 00:00 +11:00", "2026-04-04 15:30:00",
                "2026-04-04 15:45:00"
            ),
            (
                "02:30-02:45", [], "Australia/Sydney", "2026-04-05 02:50 +11:00", "2026-04-04 16:30:00",
                "2026-04-04 16:45:00"
            ),
            (
                "02:15-02:45", [], "Australia/Lord_Howe", "2026-10-04 00:00 +10:30", "2026-10-03 15:30:00",
                "2026-10-03 15:45:00"
            ),
            (
                "00:15-00:45", [], "America/Santiago", "2026-09-06 00:00 -04:00", "2026-09-07 03:15:00",
                "2026-09-07 03:45:00"
            ),
            // Past midnight: the weekday is that of the opening.
            ("Fri 22:00-06:00", [], "UTC", "2026-11-20 12:00 Z", "2026-11-20 22:00:00", "2026-11-21 06:00:00"),
            ("Fri 22:00-06:00", [], "UTC", "2026-11-21 03:00 Z", "2026-11-21 03:00:00", "2026-11-21 06:00:00"),
            ("Fri 22:00-06:00", [], "UTC", "2026-11-20 03:00 Z", "2026-11-20 22:00:00", "2026-11-21 06:00:00"),
            // Several, side by side and overlapping.
            (
                "Mon-Fri 08:00-12:00, 13:00-18:00", [], "UTC", "2026-11-23 12:30 Z", "2026-11-23 13:00:00",
                "2026-11-23 18:00:00"
            ),
            (
                "Mon 08:00-12:00, Mon 10:00-14:00", [], "UTC", "2026-11-23 09:00 Z", "2026-11-23 09:00:00",
                "2026-11-23 14:00:00"
            ),
            (
                "Sat 20:00-04:00, Sun 02:00-06:00", [], "UTC", "2026-11-22 03:00 Z", "2026-11-22 03:00:00",
                "2026-11-22 06:00:00"
            ),
            // Holidays: whole days of the zone, and what would have opened on them.
            ("", ["2026-11-22"], "UTC", "2026-11-22 03:00 Z", "2026-11-23 00:00:00", "never"),
            ("", ["2026-11-22"], "America/Chicago", "2026-11-22 03:00 -06:00", "2026-11-23 06:00:00", "never"),
            ("", ["2026-11-22"], "Pacific/Auckland", "2026-11-22 03:00 +13:00", "2026-11-22 11:00:00", "never"),
            ("", ["2026-12-25"], "UTC", "2026-12-24 03:00 Z", "2026-12-24 03:00:00", "2026-12-25 00:00:00"),
            (
                "08:00-18:00", ["2026-12-25", "2026-12-26"], "UTC", "2026-12-24 19:00 Z", "2026-12-27 08:00:00",
                "2026-12-27 18:00:00"
            ),
            ("22:00-06:00", ["2026-12-25"], "UTC", "2026-12-24 23:00 Z", "2026-12-24 23:00:00", "2026-12-25 00:00:00"),
            ("22:00-06:00", ["2026-12-25"], "UTC", "2026-12-25 00:00 Z", "2026-12-26 22:00:00", "2026-12-27 06:00:00"),
            ("22:00-06:00", ["2026-12-25"], "UTC", "2026-12-26 01:00 Z", "2026-12-26 22:00:00", "2026-12-27 06:00:00"),
            (
                "Mon 08:00-09:00", ["2026-11-23"], "UTC", "2026-11-22 00:00 Z", "2026-11-30 08:00:00",
                "2026-11-30 09:00:00"
            ),
        ]

    @Test(arguments: table.indices)
    func `a window opens and shuts by the wall's clock`(index: Int) throws {
        let (window, holidays, name, from, opens, shuts) = Self.table[index]
        let hours = try Self.hours(window, holidays)
        let zone = try #require(TimeZoneRules(named: name))
        let start = zone.moment(of: try #require(LocalTime(from)))
        let opening = try #require(hours.opening(from: start, in: zone))
        #expect(opening.description == opens)
        #expect(hours.closing(from: opening, in: zone)?.description ?? "never" == shuts)
        #expect(hours.contains(opening, in: zone))
        if opening > start { #expect(!hours.contains(start, in: zone) && !hours.contains(opening + -1, in: zone)) }
    }

    @Test func `hours that never come are found to be so, and quickly`() throws {
        let year = (0..<450).map { (Timestamp(year: 2026, month: 11, day: 1) + Int64($0) * 86_400).fields }
        let holidays = year.map {
            "\($0.year)-\($0.month < 10 ? "0" : "")\($0.month)-\($0.day < 10 ? "0" : "")\($0.day)"
        }
        let hours = try Self.hours("Mon 08:00-09:00", holidays)
        let zone = try #require(TimeZoneRules(named: "America/Chicago"))
        let time = processorTime {
            #expect(hours.opening(from: Timestamp(year: 2026, month: 11, day: 1), in: zone) == nil)
        }
        #expect(time < .seconds(1))
        let always = try Self.hours("")
        #expect(always.isAlways && always.closing(from: Timestamp(seconds: 0), in: zone) == nil)
    }

    @Test func `the clocks' changes are found one after the other, in the table and behind it`() throws {
        for (name, count) in [("America/Chicago", 80), ("Australia/Sydney", 80), ("UTC", 0), ("Asia/Kolkata", 0)] {
            let zone = try #require(TimeZoneRules(named: name))
            var moment = Timestamp(year: 2020, month: 1, day: 1)
            let end = Timestamp(year: 2060, month: 1, day: 1)
            var changes = 0
            while let next = zone.nextChange(after: moment), next < end {
                #expect(next > moment)
                if zone.offset(at: next) != zone.offset(at: next + -1) { changes += 1 }
                moment = next
            }
            #expect(changes == count, "\(name)")
        }
    }

    // MARK: - Another judge

    struct Case: Codable {
        var zone: String
        /// Weekdays (0 is Sunday), opens, closes.
        var spans: [[[Int]]]
        var holidays: [String]
        var from: Int64
        var opens: Int64
        var shuts: Int64
    }

    /// Python's zoneinfo, minute by minute: nothing of ours.
    static let judge = """
        import json, sys
        from datetime import datetime, timedelta
        from zoneinfo import ZoneInfo
        wrong = minutes = 0
        for line in sys.stdin:
            case = json.loads(line)
            zone, holidays = ZoneInfo(case["zone"]), set(case["holidays"])
            def inside(t):
                at = datetime.fromtimestamp(t, zone)
                today, minute = at.date(), at.hour * 60 + at.minute
                if str(today) in holidays: return False
                for days, (opens, closes) in case["spans"]:
                    overnight = closes <= opens
                    if minute >= opens and (overnight or minute < closes) and at.isoweekday() % 7 in days: return True
                    before = today - timedelta(days=1)
                    if overnight and minute < closes and before.isoweekday() % 7 in days and str(before) not in holidays:
                        return True
                return False
            def check(start, end, what):
                global wrong, minutes
                t = start
                while t < end:
                    minutes += 1
                    if inside(t) == what:
                        print("too late", case, t); wrong += 1; return
                    t = t - t % 60 + 60
                if inside(end) != what: print("too early", case, end); wrong += 1
            check(case["from"], case["opens"], True)
            check(case["opens"], case["shuts"], False)
        print(minutes, "minutes")
        sys.exit(1 if wrong else 0)
        """

    static let zones = [
        "America/Chicago", "America/New_York", "America/Los_Angeles", "America/St_Johns", "America/Sao_Paulo",
        "America/Santiago", "America/Asuncion", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Africa/Casablanca",
        "Africa/Cairo", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tehran", "Asia/Gaza", "Asia/Tokyo", "Australia/Sydney",
        "Australia/Lord_Howe", "Australia/Perth", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia",
        "Pacific/Kiritimati", "Antarctica/Troll", "UTC",
    ]

    @Test(.enabled(if: Command.exists("python3"), "needs python3"), .timeLimit(.minutes(2)))
    func `thousands of random moments are judged as Python's zoneinfo judges them`() throws {
        var random = Numbers(state: 20_261_122)
        var lines: [UInt8] = []
        let encoder = JSONEncoder()
        var count = 0
        while count < 3_000 {
            let name = Self.zones[random.next(Self.zones.count)]
            let zone = try #require(TimeZoneRules(named: name))
            var start = Timestamp(year: 2015, month: 1, day: 1) + Int64(random.next(30 * 365 * 86_400))
            // Three of four near a change of the clocks, if there are any.
            if random.next(4) > 0, let change = zone.nextChange(after: start) {
                start = change + Int64(random.next(2 * 86_400)) + -86_400
            }
            let spans = (0..<(1 + random.next(3))).map { _ in
                let weekdays = random.next(2) == 0 ? Array(0...6) : (0...6).filter { _ in random.next(3) > 0 }
                // Often in the small hours, where clocks are changed.
                let opens = random.next(2) == 0 ? random.next(240) : random.next(1_440)
                let closes = random.next(3) == 0 ? random.next(300) : opens + 1 + random.next(1_440 - opens)
                return SendingWindow.Span(
                    weekdays: weekdays.isEmpty ? [random.next(7)] : weekdays,
                    opens: opens,
                    closes: closes == opens ? opens + 1 : closes
                )
            }
            var holidays: Set<CalendarDate> = []
            for _ in 0..<random.next(4) {
                holidays.insert(CalendarDate(of: start + Int64(random.next(4 * 86_400)), in: zone))
            }
            let hours = SendingHours(SendingWindow(spans), holidays: Holidays(holidays))
            let opening = try #require(hours.opening(from: start, in: zone))
            guard opening.seconds - start.seconds < 3 * 86_400 else { continue }
            let closing = hours.closing(from: opening, in: zone)
            let shuts = closing.map { $0.seconds - opening.seconds < 2 * 86_400 ? $0 : nil } ?? nil
            let line = Case(
                zone: name,
                spans: spans.map { [$0.weekdays, [$0.opens, $0.closes]] },
                holidays: holidays.map(\.description),
                from: start.seconds,
                opens: opening.seconds,
                shuts: (shuts ?? opening).seconds
            )
            guard shuts != nil else { continue }
            lines += try encoder.encode(line) + [0x0A]
            count += 1
        }
        let result = try Command.run(["python3", "-c", Self.judge], input: Data(lines))
        #expect(result.status == 0, "\(String(decoding: result.output.prefix(2_000), as: UTF8.self))")
    }

    /// The same numbers at every run.
    struct Numbers {
        var state: UInt64

        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
    }
}
