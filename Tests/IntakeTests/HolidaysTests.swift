import Core
import Intake
import Testing

/// Holidays files: a list of days, or iCalendar; what is wrong is said with its line.
@Suite struct HolidaysTests {
    static func read(_ text: String) -> String {
        do throws(Diagnostics) {
            return try Holidays.parse(Array(text.utf8), file: "h.txt").days.sorted().map(\.description)
                .joined(separator: " ")
        } catch {
            return error.description
        }
    }

    static let lists: [(text: String, days: String)] = [
        ("", ""),
        ("# none this year\n\n", ""),
        ("2026-12-25\n2026-12-26\n", "2026-12-25 2026-12-26"),
        ("2026-12-25 Christmas Day\r\n  2026-12-26\tBoxing Day\r\n", "2026-12-25 2026-12-26"),
        ("\u{FEFF}2026-12-25,Christmas Day\n2026-12-25;again", "2026-12-25"),
        ("2028-02-29 # leap day", "2028-02-29"),
        (
            "25.12.2026\n2026-02-30 no such day\n2026-12-26",
            "h.txt:1:1: \"25.12.2026\" is no day; write a day such as 2026-12-25 first; its name may follow\n"
                + "h.txt:2:1: \"2026-02-30\" is no day; write a day such as 2026-12-25 first; its name may follow"
        ),
        (
            "2026-12-25\n\n   Christmas\n",
            "h.txt:3:4: \"Christmas\" is no day; write a day such as 2026-12-25 first; its name may follow"
        ),
        ("2026-12-25\u{0}", "h.txt: the file is no UTF-8 text"),
    ]

    @Test(arguments: lists)
    func `a list of days is read line by line`(text: String, days: String) {
        #expect(Self.read(text) == days)
    }

    static func calendar(_ lines: String) -> String {
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + lines.replacing("\n", with: "\r\n") + "\r\nEND:VCALENDAR\r\n"
    }

    static func event(_ lines: String) -> String {
        calendar("BEGIN:VEVENT\n\(lines)\nEND:VEVENT")
    }

    static let calendars: [(text: String, days: String)] = [
        (event("DTSTART;VALUE=DATE:20261225\nSUMMARY:Christmas"), "2026-12-25"),
        (event("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261226"), "2026-12-25"),
        (event("DTSTART;VALUE=DATE:20261231\nDTEND;VALUE=DATE:20270102"), "2026-12-31 2027-01-01"),
        (event("DTSTART;VALUE=DATE:20261225\nDURATION:P2D"), "2026-12-25 2026-12-26"),
        (event("DTSTART;VALUE=DATE\n :20261\n 225"), "2026-12-25"),
        (event("dtstart;value=date:20261225\nSTATUS:CANCELLED"), ""),
        (
            event("DTSTART;VALUE=DATE:20261225\nBEGIN:VALARM\nTRIGGER:-PT15M\nDURATION:PT5M\nEND:VALARM"),
            "2026-12-25"
        ),
        (
            event("DTSTART:20261225T090000Z"),
            "h.txt:4:1: DTSTART is no whole day; a holiday lasts from midnight to midnight: make it an event of all day"
        ),
        (
            event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY"),
            "h.txt:5:1: repeated events are not read; export each year's days as events of their own, or write a list of days"
        ),
        (event("SUMMARY:Christmas"), "h.txt:3:1: the event has no DTSTART; export the calendar anew"),
        (
            event("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261224"),
            "h.txt:3:1: the event ends before it begins, or lasts more than a year; correct it"
        ),
        (
            calendar("BEGIN:VEVENT\nDTSTART;VALUE=DATE:20261225"),
            "h.txt:3:1: the event is not closed; export the calendar anew"
        ),
    ]

    @Test(arguments: calendars)
    func `whole days of a calendar are read, and what would be misread is refused`(text: String, days: String) {
        #expect(Self.read(text) == days)
    }

    @Test func `a file without end is refused`() {
        let lines = (0..<10_001).map { number in
            let at = (Timestamp(year: 2026, month: 1, day: 1) + Int64(number) * 86_400).fields
            return "\(at.year)-\(at.month < 10 ? "0" : "")\(at.month)-\(at.day < 10 ? "0" : "")\(at.day)"
        }
        #expect(Self.read(lines.joined(separator: "\n")).hasPrefix("h.txt:10001:1: there are more than 10000 days"))
    }

    @Test func `sites and manifests name their file, and the job's must be there before it is taken up`() throws {
        let site = try SiteConfigurationTests.parse(SiteConfigurationTests.contract + "\nholidays: holidays.ics")
        #expect(site.holidays?.value == "holidays.ics")
        let text = ManifestTests.contract + "\nholidays: days.txt\n"
        let manifest = try Manifest.parse(bytes: Array(text.utf8))
        #expect(manifest.holidays?.value == "days.txt")
        #expect(manifest.requiredFiles { _ in false }.contains(RequiredFile("days.txt")))
    }

    @Test(arguments: [
        ("holidays: ../days.txt", "\"holidays\" cannot be \"../days.txt\""),
        ("holidays: recipients.csv", "the recipient file cannot be sent"),
        ("holidays: [a, b]", "\"holidays\" must be a text"),
    ])
    func `a manifest's file is one of its folder`(line: String, said: String) {
        let found = (try? Manifest.parse(bytes: Array((ManifestTests.contract + "\n\(line)\n").utf8))) == nil
        #expect(found)
        do throws(Diagnostics) {
            _ = try Manifest.parse(bytes: Array((ManifestTests.contract + "\n\(line)\n").utf8))
        } catch {
            #expect(error.description.contains(said), "\(error)")
        }
    }

    @Test func `the column of time zones is one that the manifest names`() throws {
        let text = ManifestTests.contract.replacing("  key: ", with: "  tz: zone\n  key: ")
        let manifest = try Manifest.parse(bytes: Array(text.utf8))
        #expect(manifest.columns.zone?.value == "zone")
        #expect(manifest.namedColumns.contains { $0.value == "zone" })
    }
}
