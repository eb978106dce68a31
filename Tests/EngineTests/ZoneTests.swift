import Core
import Delivery
import Foundation
import Intake
import Ledger
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// Rows with zones of their own, from the table to the receiver.
@Suite(.timeLimit(.minutes(2)), .enabled(if: TimeZoneRules(named: "Etc/GMT+6") != nil, "needs tzdata"))
struct ZoneTests {
    /// A job whose rows have a zone each.
    static func job(_ zones: [String], manifest: String) -> TestJob {
        var job = TestJob(
            zones.indices.map { "p\($0)@example.test" },
            manifest: manifest,
            columns: "email,ref,note,zone",
            row: { "\($1),P-\($0),Note,\(zones[$0 - 1])" }
        )
        job.files["manifest.yaml"] = job.files["manifest.yaml"]?
            .replacing("  key: ref\n", with: "  key: ref\n  tz: zone\n")
        return job
    }

    /// How UTC's clock shows a moment.
    static func shown(_ moment: Timestamp) -> String { moment.description }

    static func window(_ from: Timestamp, _ to: Timestamp) -> String {
        "window: \(from.description.dropFirst(11).prefix(5))-\(to.description.dropFirst(11).prefix(5))\n"
    }

    @Test("Rows whose own window is shut wait; the others go, and the status says when it goes on where")
    func windows() async throws {
        let bench = try await Bench()
        let now = Timestamp.now
        // Open from two hours ago to two hours from now in UTC: five hours away in the west, over in the east.
        let window = Self.window(now + -7_200, now + 7_200)
        let zones = (0..<60).map { ["UTC", "Etc/GMT+7", "", "Etc/GMT-7"][$0 % 4] }
        try bench.job("visit", Self.job(zones, manifest: window))
        let path = bench.scratch.path("jobs/visit/STOP")
        let status = bench.scratch.path("jobs/visit/status.json")
        let waits = Mutex<(ZoneWait?, String)>((nil, ""))
        let until = Mutex<Timestamp?>(nil)
        let result = try await bench.worker.work("visit") { progress in
            guard progress.ended == 30, progress.waitingUntil != nil else { return }
            // The status is written beside this; the second look finds it.
            let text = (try? String(contentsOfFile: status, encoding: .utf8)) ?? ""
            guard text.contains("Goes on in") else { return }
            waits.withLock { $0 = (progress.zones.first, text) }
            until.withLock { $0 = progress.waitingUntil }
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard case .stopped(let totals) = result else { return #expect(Bool(false)) }
        #expect(totals.counts == [.sent: 30, .cancelled: 30])
        #expect(try bench.results("visit", "status").enumerated().allSatisfy { ($0 % 2 == 0) == ($1 == "sent") })
        let (first, text) = waits.withLock { $0 }
        let minute = now.seconds / 60 * 60
        #expect(first == ZoneWait(zone: "Etc/GMT+7", until: Timestamp(seconds: minute) + 5 * 3_600))
        #expect(until.withLock { $0 } == first?.until)
        #expect(text.contains("Etc/GMT+7 at ") && text.contains("Etc/GMT-7 at ") && text.contains("\"zones\": {"))
    }

    @Test("not_before is the recipient's own: where it has passed rows go, the others when their clock shows it")
    func notBefore() async throws {
        let bench = try await Bench()
        let (start, begun) = (Timestamp.now, ContinuousClock.now)
        let zones = (0..<20).map { $0 % 2 == 0 ? "UTC" : "Etc/GMT-1" }
        try bench.job("visit", Self.job(zones, manifest: "not_before: \(Self.shown(start + 8))\n"))
        #expect(try await bench.work("visit").word == "done")
        #expect(try bench.results("visit", "status").allSatisfy { $0 == "sent" })
        func isLate(_ address: String) -> Bool {
            Int(address.dropFirst().prefix { $0.isNumber }).map { $0 % 2 == 0 } ?? false
        }
        let late = bench.relay.times(isLate)
        let early = bench.relay.times { !isLate($0) }
        try #require(late.count == 10 && early.count == 10)
        #expect(late[0] - begun >= .seconds(7))
        // On a machine that was busy for so long, all were due.
        if early[0] - begun < .seconds(6) { #expect(early[9] < late[0]) }
    }

    @Test(
        "not_after is the recipient's own: where it has passed rows are cancelled, and the job ends with the last one's"
    )
    func notAfter() async throws {
        let bench = try await Bench()
        let zones = ["UTC", "Etc/GMT-3", "", "Etc/GMT+3"]
        try bench.job("visit", Self.job(zones, manifest: "not_after: \(Self.shown(.now + 3_600))\n"))
        #expect(try await bench.work("visit").word == "done")
        #expect(try bench.results("visit", "status") == ["sent", "cancelled", "sent", "sent"])
        #expect(try bench.results("visit", "reason")[1] == "past-not-after")
    }

    @Test("A row that was refused for now until its own time was over has failed with the server's words")
    func overAfterTries() async throws {
        let bench = try await Bench()
        try bench.job("visit", Self.job(["Etc/GMT-3", "UTC"], manifest: "not_after: \(Self.shown(.now + 3_600))\n"))
        let ledger = try bench.ledger("visit")
        ledger.append(.tried(RowNumber(1), attempt: 1, at: .now))
        ledger.append(
            .deferred(
                RowNumber(1),
                Deferral(
                    attempts: 1,
                    at: .now + -60,
                    due: .now + -30,
                    reason: .serverBusy,
                    detail: "451 4.3.0 later",
                    route: "main",
                    server: "localhost"
                )
            )
        )
        #expect(await ledger.close())
        #expect(try await bench.work("visit").word == "done")
        #expect(try bench.results("visit", "status") == ["failed", "sent"])
        #expect(try bench.results("visit", "detail")[0] == "451 4.3.0 later")
    }

    @Test("A zone that does not exist makes its row invalid, and check names line and column, never the cell")
    func unknown() async throws {
        let bench = try await Bench()
        try bench.job("visit", Self.job(["UTC", "Mars/Olympus", "", "no zone"], manifest: ""))
        let report = try JobCheck(site: bench.site).check("visit")
        #expect(report.isGood && report.invalidRows == 2 && report.begins.isEmpty)
        let said = report.problems.map { "\($0)" }
        #expect(said.contains { $0.hasPrefix("recipients.csv:3:4: warning: the row's time zone is none") })
        #expect(said.contains { $0.hasPrefix("recipients.csv:5:4: ") && $0.contains("column \"zone\"") })
        #expect(said.allSatisfy { !$0.contains("Mars") && !$0.contains("no zone") })
        #expect(try await bench.work("visit").word == "done")
        #expect(try bench.results("visit", "status") == ["sent", "invalid", "sent", "invalid"])
        #expect(try bench.results("visit", "reason") == ["", "time-zone", "", "time-zone"])
    }

    @Test("check says when sending begins: once, or for each zone")
    func check() async throws {
        let bench = try await Bench()
        let now = Timestamp.now
        let later = Self.window(now + 3_600, now + 7_200)
        try bench.job("one", .rows(2, manifest: later))
        let one = try JobCheck(site: bench.site).check("one")
        let opening = Timestamp(seconds: now.seconds / 60 * 60) + 3_600
        #expect(one.begins == [ZoneWait(zone: "UTC", until: opening)])
        #expect(one.sentence == "one: ready, 2 rows. Sending begins at \(opening) UTC.")
        try bench.job("two", Self.job(["Etc/GMT+1", "", "Etc/GMT-1"], manifest: later))
        let two = try JobCheck(site: bench.site).check("two")
        #expect(
            two.begins == [ZoneWait(zone: "UTC", until: opening), ZoneWait(zone: "Etc/GMT+1", until: opening + 3_600)]
        )
        #expect(two.sentence.hasSuffix("Sending begins in UTC at \(opening), Etc/GMT+1 at \(opening + 3_600) UTC."))
    }

    @Test("status says of a job under way when it goes on")
    func overview() async throws {
        let bench = try await Bench()
        try bench.job("visit", Self.job(["UTC", "Etc/GMT+1"], manifest: "not_before: 2999-01-01 08:00\n"))
        let path = bench.scratch.path("jobs/visit/STOP")
        let said = Mutex<[String]>([])
        let site = bench.site
        _ = try await bench.worker.work("visit") { progress in
            guard progress.waitingUntil != nil, let entry = try? JobOverview(site: site).one("visit"),
                entry.message.hasPrefix("Goes on")
            else { return }
            said.withLock { $0 = [entry.state, entry.message] }
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        #expect(said.withLock { $0.first } == "waiting")
        let sentence = "Goes on in UTC at 2999-01-01 08:00:00, Etc/GMT+1 at 2999-01-01 09:00:00 UTC."
        #expect(said.withLock { $0.last } == sentence)
    }

    @Test("Holidays of the site and of the job hold the job back; a wrong line refuses it with its place")
    func holidays() async throws {
        let bench = try await Bench(more: "holidays: holidays.ics")
        let days = (-1...1).map { CalendarDate(of: .now + Int64($0) * 86_400, in: .utc) }
        let event =
            "BEGIN:VEVENT\nDTSTART;VALUE=DATE:\("\(days[0])".replacing("-", with: ""))\nDURATION:P2D\nEND:VEVENT\n"
        try bench.scratch.write("holidays.ics", text: "BEGIN:VCALENDAR\n\(event)END:VCALENDAR\n")
        var job = TestJob.rows(2, manifest: "holidays: days.txt\n")
        job.files["days.txt"] = "\(days[2]) tomorrow\n"
        try bench.job("visit", job)
        let next = CalendarDate(of: .now + 2 * 86_400, in: .utc)
        let report = try JobCheck(site: bench.site).check("visit")
        #expect(report.sentence.hasSuffix("Sending begins at \(next) 00:00:00 UTC."))
        try bench.job("visit", TestJob.rows(2, manifest: "holidays: days.txt\n"))
        try bench.scratch.write("jobs/visit/days.txt", text: "2026-12-25\nEaster\n")
        let refused = try JobCheck(site: bench.site).check("visit")
        #expect(
            !refused.isGood && refused.problems.contains { "\($0)".hasPrefix("days.txt:2:1: \"Easter\" is no day") }
        )
        try bench.scratch.write("jobs/visit/days.txt", text: "")
        try bench.scratch.write("holidays.ics", text: "2026-13-01\n")
        let site = try JobCheck(site: bench.site).check("visit")
        #expect(site.problems.contains { "\($0)".hasPrefix("holidays.ics:1:1: ") })
    }

    @Test("A row whose window shuts while it is queued does not go out, and is put off until it opens")
    func shutsMeanwhile() async throws {
        let bench = try await Bench()
        let now = Timestamp.now
        try bench.job("visit", Self.job(["UTC", "Etc/GMT+7"], manifest: Self.window(now + -7_200, now + 7_200)))
        let job = try bench.prepared("visit")
        let ledger = try bench.ledger("visit")
        let source = try bench.source(job, ledger, begun: now)
        source.set(.open)
        source.begin()
        // Queued as if its window had been open when it was read.
        for row in 1...2 as ClosedRange<UInt32> {
            _ = source.board.claim(RowNumber(row), now: now)
            let ready = ReadyRow(
                row: Row(number: RowNumber(row), line: Int(row), cells: ["a@example.test", "P", "Note", ""]),
                recipient: try Address(localPart: "a", domain: "example.test"),
                attachments: [],
                attempts: 0,
                zone: row == 1 ? 1 : 2
            )
            _ = source.queue.push(ready)
        }
        guard case .message(let message) = source.next() else { return #expect(Bool(false)) }
        #expect(message.ticket.row == RowNumber(1))
        guard case .later = source.next() else { return #expect(Bool(false)) }
        #expect(source.board.snapshot.postponed == 1 && source.board.snapshot.inFlight == 1)
        #expect(source.board.earliestDue == Timestamp(seconds: now.seconds / 60 * 60) + 5 * 3_600)
    }
}
