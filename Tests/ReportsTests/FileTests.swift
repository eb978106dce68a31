import Core
import Files
import Foundation
import OpenSSL
import Records
import TestSupport
import Testing
import Tracking

@testable import Reports

@Suite("Report files")
struct FileTests {
    private func files(_ site: TestSite) throws -> ReportFiles {
        try ReportFiles(
            directory: site.reports(),
            signer: Signer(site.signing),
            check: SignatureCheck(site.signing.verifyingKey)
        )
    }

    @Test("All three forms are written and signed, and stay as they are while nothing changes")
    func signed() async throws {
        let world = try await World()
        let index = world.site.index()
        try index.update()
        let report = try index.report(try #require(Period("2026-11")), site: "Riverside Clinic")
        let files = try files(world.site)
        let names = ["2026-11.csv", "2026-11.json", "2026-11.html"]
        #expect(try files.write(report, as: ReportFormat.allCases, name: "2026-11") == names)
        let directory = try world.site.reports()
        let check = SignatureCheck(world.site.signing.verifyingKey)
        for name in names { #expect(try check.check(name, in: directory) == .good) }
        #expect(try files.write(report, as: ReportFormat.allCases, name: "2026-11") == [])
        // A lost signature is made again, a changed file replaced.
        try directory.remove("2026-11.csv.sig")
        try directory.replace("2026-11.json") { try $0.append("{}\n") }
        #expect(try files.write(report, as: ReportFormat.allCases, name: "2026-11") == ["2026-11.csv", "2026-11.json"])
        for name in names { #expect(try check.check(name, in: directory) == .good) }
    }

    @Test("A job about which more complain than the site puts up with is named, by all that came of it")
    func complaints() async throws {
        let site = try TestSite()
        let loud = try await site.add(1, (0..<50).map { TestSite.sent("a\($0)", "a\($0)@post.example") })
        let quiet = try await site.add(2, (0..<50).map { TestSite.sent("b\($0)", "b\($0)@post.example") })
        let late = TestSite.noon + 30 * 86_400
        try await site.append(
            (1...2).map { event(.complaint, loud, $0, at: TestSite.noon + 60) } + [
                event(.complaint, loud, 3, at: late), event(.complaint, quiet, 1, at: TestSite.noon + 60),
            ]
        )
        let index = site.index()
        try index.update()
        let limit = ComplaintLimit(permille: 20, minimum: 3)
        for (month, isNamed) in [("2026-11", true), ("2026-12", true), ("2027-01", false)] {
            let period = try #require(Period(month))
            let report = try index.report(period, site: "X", complaintLimit: limit)
            #expect(report.complained.map(\.name) == (isNamed ? ["\(loud)"] : []), "\(month)")
            let page = String(decoding: ReportFiles.text(of: report, as: .html), as: UTF8.self)
            #expect(page.contains("than the 2 % that this site puts up with: Job 1 (3 of 50).") == isNamed)
            let json = String(decoding: ReportFiles.text(of: report, as: .json), as: UTF8.self)
            #expect(json.contains("jobs_above_complaint_share"))
            #expect(json.contains("\"complaints\": 3") == isNamed)
            let silent = try index.report(period, site: "X")
            #expect(silent.complained.isEmpty)
            #expect(!String(decoding: ReportFiles.text(of: silent, as: .json), as: UTF8.self).contains("jobs_above"))
        }
    }

    @Test("A late event changes the reports of its day, week and month, and no others")
    func late() async throws {
        let site = try TestSite()
        let october = Timestamp(year: 2026, month: 10, day: 5, hour: 12)
        let old = try await site.add(1, [TestSite.sent("a", "a@post.example", at: october)], takenUp: october)
        try await site.add(2, [TestSite.sent("b", "b@post.example")])
        let index = site.index()
        try index.update()
        for kind in [Period.Kind.day, .week, .month] {
            #expect(
                try index.changedPeriods(kind).map(\.first) == [
                    Period(kind, of: Day(year: 2026, month: 10, day: 5)).first,
                    Period(kind, of: Day(year: 2026, month: 11, day: 10)).first,
                ]
            )
            for period in try index.changedPeriods(kind) { try index.noteTold(period) }
            #expect(try index.changedPeriods(kind).isEmpty)
        }
        try index.update()
        #expect(try index.changedPeriods(.month).isEmpty)
        try await site.append([event(.open, old, 1, at: october + 86_400)])
        try index.update()
        #expect(try index.changedPeriods(.day).map { "\($0)" } == ["2026-10-05", "2026-10-06"])
        #expect(try index.changedPeriods(.week).map { "\($0)" } == ["2026-W41"])
        #expect(try index.changedPeriods(.month).map { "\($0)" } == ["2026-10"])
        try index.noteTold(try #require(Period("2026-10")))
        try index.noteUntold(try #require(Period("2026-10")))
        #expect(try index.changedPeriods(.month).map { "\($0)" } == ["2026-10"])
    }

    @Test("The CSV adds up: each dimension to the whole, by a reading that knows nothing of the index")
    func csv() async throws {
        let world = try await World()
        let index = world.site.index()
        try index.update()
        let span = try #require(try index.span())
        let period = try #require(Period(from: span.lowerBound, to: span.upperBound))
        let text = ReportFiles.text(of: try index.report(period, site: "=Riverside, \"Clinic\""), as: .csv)
        #expect(text.starts(with: [0xEF, 0xBB, 0xBF]))
        let file = try world.site.scratch.write("all.csv", text)
        let script = """
            import csv, sys, collections
            rows = list(csv.DictReader(open(sys.argv[1], encoding="utf-8-sig", newline="")))
            numbers = [name for name in rows[0] if name not in ("period", "first_day", "last_day", "by", "name", "title")]
            sums = collections.defaultdict(collections.Counter)
            for row in rows:
                sums[row["by"]].update({name: int(row[name]) for name in numbers})
            assert rows[0]["by"] == "all" and rows[0]["name"].startswith("'=Riverside"), rows[0]["name"]
            assert len(sums) == 8, sums.keys()
            for by, counts in sums.items():
                assert counts == sums["all"], (by, counts, sums["all"])
            whole = sums["all"]
            states = ["sent", "failed", "invalid", "suppressed", "held", "unknown", "cancelled"]
            assert whole["rows"] == sum(whole[name] for name in states), whole
            print(whole["rows"], whole["sent"], whole["opens"], whole["opt_outs"])
            """
        let answer = try Command.run(["python3", "-c", script, file])
        let sum = world.sum
        #expect(answer.text == "\(sum.rows) \(sum[.sent]) \(sum.opens) \(sum.optOuts)\n")
    }

    @Test("The JSON is JSON, and says what the CSV says")
    func json() async throws {
        let world = try await World(jobs: 2)
        let index = world.site.index()
        try index.update()
        let report = try index.report(try #require(Period("2026-11")), site: "Riverside Clinic")
        let data = Data(ReportFiles.text(of: report, as: .json))
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(object["report"] as? String == "2026-11")
        #expect(object["time_zone"] as? String == "UTC")
        let all = try #require(object["all"] as? [String: Any])
        #expect(all["sent"] as? Int == report.total[.sent])
        let by = try #require(object["by"] as? [String: [[String: Any]]])
        #expect(Set(by.keys) == Set(Dimension.allCases.map(\.rawValue)))
        #expect(by["job"]?.compactMap { $0["title"] as? String }.sorted() == ["Job 0", "Job 1"])
    }

    @Test("The page runs no script and fetches nothing, and escapes what people wrote")
    func page() async throws {
        let world = try await World()
        let index = world.site.index()
        try index.update()
        let report = try index.report(try #require(Period("2026-11")), site: "<script>alert(1)</script> & Sons")
        let html = String(decoding: ReportFiles.text(of: report, as: .html), as: UTF8.self)
        #expect(html.contains("default-src 'none'"))
        #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; Sons"))
        for word in ["<script", "http://", "https://", "<img", "<link", "url(h", "onload", "@import"] {
            #expect(!html.contains(word), "\(word)")
        }
        // Each chart says in words what it shows.
        #expect(html.count(of: "role=\"img\" aria-label=\"") == 2)
        #expect(html.count(of: "class=\"chart\"") == 2)
    }

    @Test(
        "Reports of nothing, of one day and of a year can be made",
        arguments: [
            "2030-01", "2026-11-12", "2026-01-01_2026-12-31",
        ]
    )
    func extremes(name: String) async throws {
        let world = try await World(jobs: 3)
        let index = world.site.index()
        try index.update()
        let report = try index.report(try #require(Period(name)), site: "Riverside Clinic")
        for format in ReportFormat.allCases {
            let text = String(decoding: ReportFiles.text(of: report, as: format), as: UTF8.self)
            #expect(text.contains("Riverside Clinic"))
            #expect(!text.contains("nan") && !text.contains("inf"))
        }
        #expect(report.isOver == (report.period.last < DayClock(zone: world.site.zone).day(of: .now)))
    }

    @Test("No recipient's address and no key stands in any report")
    func canaries() async throws {
        let site = try TestSite()
        let rows = [
            TestSite.sent("CANARYKEY1", "canaryone@post.example"),
            TestSite.ended("CANARYKEY2", "canarytwo@post.example", .failed, .mailboxUnknown),
            TestSite.ended("CANARYKEY3", "canary broken", .invalid, .addressSyntax),
        ]
        let job = try await site.add(1, rows)
        try await site.append([event(.open, job, 1), event(.click, job, 1, link: 1), event(.unsubscribe, job, 1)])
        let index = site.index()
        try index.update()
        let report = try index.report(try #require(Period("2026-11")), site: "Riverside Clinic")
        for format in ReportFormat.allCases {
            let text = String(decoding: ReportFiles.text(of: report, as: format), as: UTF8.self)
            #expect(text.contains("care@riverside.example"))
            #expect(!text.lowercased().contains("canary"), "\(format)")
        }
    }
}

extension String {
    fileprivate func count(of part: String) -> Int {
        ranges(of: part).count
    }
}
