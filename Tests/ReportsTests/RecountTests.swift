import Core
import Foundation
import Ledger
import Records
import TestSupport
import Testing
import Tracking

@testable import Reports

@Suite("Counted again")
struct RecountTests {
    @Test(
        "Sums by day say what single rows and events say, by every dimension and through every filter",
        arguments: 0..<8
    )
    func sumsAndRows(which: Int) async throws {
        let world = try await World(zone: "America/Chicago")
        let index = world.site.index(smallestDomain: 20)
        try index.update()
        var filter = ReportFilter()
        switch which {
        case 0: break
        case 1: filter.sender = "News@Riverside.example"
        case 2: filter.route = "backup"
        case 3: filter.recipientDomain = "Post.example"
        case 4: filter.states = [.failed, .held]
        case 5: filter.onlyJobs = [world.jobs[0], world.jobs[3]]
        case 6: filter.onlySenderDomains = ["north.example"]
        default: filter.list = "newsletter"
        }
        // The same question, but one that sums do not know enough for.
        var single = filter
        single.from = Timestamp(seconds: 0)
        #expect(!filter.needsRows && single.needsRows)
        let total = try index.figures(filter)
        #expect(!total.isEmpty)
        #expect(try index.figures(single) == total)
        for dimension in Dimension.allCases where dimension != .day {
            let sums = try index.figures(filter, by: dimension)
            #expect(try index.figures(single, by: dimension).filter { !$0.figures.isEmpty } == sums, "\(dimension)")
        }
        // A message counts on the day of its first event, so that days agree only where each is asked by itself.
        for entry in try index.figures(filter, by: .day) {
            let day = try #require(Day(entry.name))
            filter.days = day...day
            #expect(try index.figures(filter) == entry.figures, "\(day)")
        }
    }

    @Test("Kinds and classes that are asked for are all that is counted")
    func kinds() async throws {
        let world = try await World()
        let index = world.site.index()
        try index.update()
        var filter = ReportFilter()
        filter.kinds = [.click]
        var figures = try index.figures(filter)
        #expect(figures.clicks == world.sum.clicks && figures.allClicks == world.sum.allClicks)
        #expect(figures.allOpens == 0 && figures.optOuts == 0 && figures.bounces == 0)
        filter = ReportFilter()
        filter.audience = .automated
        figures = try index.figures(filter)
        #expect(figures.allOpens == world.sum.allOpens - world.sum.opens && figures.opens == 0 && figures.opened == 0)
        #expect(figures.allOpens > 0)
    }

    @Test(
        "A count by Python that knows nothing of the index agrees, also after rows change, messages come back, and jobs go",
        arguments: [UInt64(1), 2]
    )
    func python(seed: UInt64) async throws {
        let site = try TestSite()
        var chance = Chance(seed: seed)
        let index = site.index()
        var jobs: [Int: [TestSite.Row]] = [:]
        var ids: [Int: JobID] = [:]
        for number in 1...5 {
            let rows = (0..<30).map { row(number, $0, &chance) }
            ids[number] = try await site.add(number, rows, list: number % 2 == 0 ? "news" : "")
            jobs[number] = rows
        }
        try await agree(site, index)
        for round in 0..<6 {
            let number = 1 + chance.next(5)
            switch round % 3 {
            case 0:
                guard let rows = jobs[number], let job = ids[number] else { continue }
                // What was refused is sent after all, as `RETRY` does it.
                var changed = rows
                let writer = try site.ledgers.open(job)
                for index in rows.indices where rows[index].outcome?.status == .failed {
                    changed[index] = TestSite.sent(
                        rows[index].key,
                        rows[index].address,
                        at: TestSite.noon + Int64(86_400 * (1 + chance.next(5)))
                    )
                    writer.append(.ended(RowNumber(UInt32(index) + 1), try #require(changed[index].outcome)))
                }
                #expect(await writer.close())
                try site.writeResults(number, changed)
                jobs[number] = changed
            case 1:
                // To rows that were sent and rows that were not, to jobs that are there and jobs that went.
                var events: [Event] = []
                for _ in 0..<40 {
                    let kinds: [Event.Kind] = [.open, .click, .bounce, .complaint, .unsubscribe]
                    var one = event(
                        kinds[chance.next(5)],
                        try #require(ids[1 + chance.next(5)]),
                        UInt32(1 + chance.next(30)),
                        at: TestSite.noon + Int64(600 + chance.next(900_000)),
                        milliseconds: Int64(chance.next(1_000))
                    )
                    if one.kind == .bounce { one.severity = .hard }
                    events.append(one)
                }
                try await site.append(events)
            default:
                guard jobs.removeValue(forKey: number) != nil, let job = ids[number] else { continue }
                try FileManager.default.removeItem(atPath: "\(site.scratch.path)/outbox/ledgers/\(job).ledger")
                try FileManager.default.removeItem(atPath: "\(site.scratch.path)/jobs/job-\(number)")
            }
            try await agree(site, index)
        }
    }

    private func row(_ job: Int, _ index: Int, _ chance: inout Chance) -> TestSite.Row {
        let address = "p\(index)@mail\(chance.next(3)).example"
        let time = TestSite.noon + Int64(chance.next(300_000))
        return chance.next(4) == 0
            ? TestSite.ended("\(job)-\(index)", address, .failed, .mailboxUnknown, at: time)
            : TestSite.sent("\(job)-\(index)", address, at: time, route: chance.next(2) == 0 ? "main" : "backup")
    }

    /// Compares the index, brought up to date, with the count; and with itself, made anew.
    private func agree(_ site: TestSite, _ index: ReportIndex) async throws {
        try index.update()
        let kept = try index.everything()
        var told: [String: Int] = [:]
        for dimension in Dimension.allCases {
            for entry in try index.figures(ReportFilter(), by: dimension) {
                let figures = entry.figures
                let counts = [
                    "sent": figures[.sent], "failed": figures[.failed], "opens": figures.opens,
                    "opened": figures.opened,
                    "clicks": figures.clicks, "clicked": figures.clicked, "optouts": figures.optOuts,
                    "bounces": figures.bounces, "complaints": figures.complaints,
                ]
                for (name, count) in counts where count > 0 {
                    told["\(dimension.rawValue) \(entry.name) \(name)"] = count
                }
            }
        }
        let counted = try recount(site)
        #expect(counted.count > 20)
        #expect(told == counted)
        try index.rebuild()
        #expect(try index.everything() == kept)
    }

    private func recount(_ site: TestSite) throws -> [String: Int] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = ["-c", Self.script, site.scratch.path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return try JSONDecoder().decode([String: Int].self, from: bytes)
    }

    /// Reads results and events with Python's own `csv` and `json`; a job is there if its ledger is.
    private static let script = #"""
        import collections, csv, glob, json, os, sys
        root, counts, sent, first = sys.argv[1], collections.Counter(), {}, {}
        def add(day, places, name):
            for place in [("day", day)] + places: counts[" ".join((*place, name))] += 1
        for path in glob.glob(root + "/outbox/ledgers/*.ledger"):
            head = open(path, encoding="utf-8").readline().split("\t")
            for row in csv.DictReader(open(f"{root}/jobs/{head[6]}/results.csv", encoding="utf-8-sig", newline="")):
                places = [("sender", head[13]), ("sender_domain", head[13].split("@")[1]), ("route", row["route"] or "(none)"),
                          ("list", head[9] or "(none)"), ("job", head[2]), ("recipient_domain", row["address"].split("@")[1])]
                add(row["finished_at"][:10], places, row["status"])
                if row["status"] == "sent": sent[head[2], int(row["row"])] = places
        for path in glob.glob(root + "/outbox/events/*.jsonl"):
            for line in open(path, encoding="utf-8"):
                event = json.loads(line)
                message = event.get("job"), event.get("row")
                if message not in sent: continue
                if event["kind"] in ("open", "click"): add(event["time"][:10], sent[message], event["kind"] + "s")
                place = message, event["kind"]
                first[place] = min(first.get(place, "9"), event["time"])
        names = {"open": "opened", "click": "clicked", "unsubscribe": "optouts", "bounce": "bounces", "complaint": "complaints"}
        for (message, kind), time in first.items(): add(time[:10], sent[message], names[kind])
        json.dump(counts, sys.stdout)
        """#
}
