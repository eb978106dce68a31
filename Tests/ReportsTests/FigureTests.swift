import Core
import Ledger
import Records
import Testing
import Tracking

@testable import Reports

@Suite("What reports count")
struct FigureTests {
    @Test(
        "Jobs' own summaries add up to the site's figures, whichever way those are told apart",
        arguments: [
            "UTC", "America/Chicago", "Pacific/Auckland",
        ]
    )
    func bothWays(zone: String) async throws {
        let world = try await World(zone: zone)
        let index = world.site.index()
        try index.update()
        let sum = world.sum
        #expect(sum.rows > 100)
        #expect(sum.opens > 20 && sum.optOuts > 5 && sum.bounces > 5 && sum.complaints > 5)
        #expect(try index.figures(ReportFilter()) == sum)
        for dimension in Dimension.allCases { #expect(try index.sum(by: dimension) == sum, "\(dimension)") }
        let span = try #require(try index.span())
        for kind in [Period.Kind.day, .week, .month] {
            var total = Figures()
            var period = Period(kind, of: span.lowerBound)
            while period.first <= span.upperBound {
                let report = try index.report(period, site: "Riverside Clinic")
                total = total + report.total
                for group in report.groups {
                    #expect(group.entries.reduce(Figures()) { $0 + $1.figures } == report.total, "\(group.dimension)")
                }
                period = period.next
            }
            #expect(total == sum, "\(kind)")
        }
    }

    @Test("Each job's figures are those of its summary")
    func jobs() async throws {
        let world = try await World()
        let index = world.site.index()
        try index.update()
        let entries = try index.figures(ReportFilter(), by: .job)
        #expect(entries.count == world.jobs.count)
        for (job, summary) in zip(world.jobs, world.summaries) {
            let figures = try #require(entries.first { $0.name == "\(job)" }).figures
            for status in RowStatus.allCases { #expect(figures[status] == summary.outcomes[status]) }
            #expect(figures.opens == summary.tracking.opens)
            #expect(figures.opened == summary.tracking.rowsOpened)
            #expect(figures.clicks == summary.tracking.clicks)
            #expect(figures.optOuts == summary.tracking.unsubscribed)
        }
    }

    @Test("A row counts on the day of the site's calendar on which it ended, an event on its own")
    func days() async throws {
        let site = try TestSite(zone: "America/Chicago")
        // 05:30 UTC is half past eleven of the evening before.
        let night = Timestamp(year: 2026, month: 11, day: 22, hour: 5, minute: 30)
        let job = try await site.add(1, [TestSite.sent("a", "a@post.example", at: night)])
        try await site.append([
            event(.open, job, 1, at: night + 3_600), event(.open, job, 1, at: night + 90_000),
        ])
        let index = site.index()
        try index.update()
        let days = try index.figures(ReportFilter(), by: .day)
        #expect(days.map(\.name) == ["2026-11-21", "2026-11-22", "2026-11-23"])
        #expect(days.map(\.figures.rows) == [1, 0, 0])
        #expect(days.map(\.figures.opens) == [0, 1, 1])
        // A message is opened once, on the day of the first time.
        #expect(days.map(\.figures.opened) == [0, 1, 0])
    }

    @Test("Events of rows that were not sent, and of jobs without a ledger, count for nothing")
    func strangers() async throws {
        let site = try TestSite()
        let job = try await site.add(
            1,
            [
                TestSite.ended("a", "a@post.example", .failed, .mailboxUnknown), TestSite.sent("b", "b@post.example"),
            ]
        )
        let noon = TestSite.noon + 600
        try await site.append([
            event(.open, job, 1, at: noon), event(.open, job, 2, at: noon), event(.open, job, 99, at: noon),
            event(.open, try TestSite.job(77), 1, at: noon),
        ])
        let index = site.index()
        try index.update()
        let figures = try index.figures(ReportFilter())
        #expect(figures.opens == 1)
        #expect(figures[.failed] == 1 && figures[.sent] == 1)
        // They can be looked at, all the same.
        #expect(try index.events(ReportFilter()).entries.count == 4)
    }

    @Test("What is about no job, somebody's wish to be on a list, counts to none and is named by none")
    func noJob() async throws {
        let site = try TestSite()
        let job = try await site.add(1, [TestSite.sent("a", "a@post.example")])
        let noon = TestSite.noon + 600
        try await site.append([
            event(.subscribe, .noJob, 0, at: noon + 30), event(.confirm, .noJob, 0, at: noon + 60),
            event(.open, job, 1, at: noon),
        ])
        let index = site.index()
        #expect(try index.update().events == 3)
        var wanted = Figures()
        wanted[.sent] = 1
        (wanted.opened, wanted.opens, wanted.allOpens) = (1, 1, 1)
        (wanted.versions, wanted.verifications) = (["TLSv1.3": 1], ["pkix": 1])
        #expect(try index.figures(ReportFilter()) == wanted)
        #expect(try index.figures(ReportFilter(), by: .job).map(\.name) == ["\(job)"])
        #expect(try index.jobs(ReportFilter()).entries.map(\.job) == [job])
        let report = try index.report(try #require(Period("2026-11")), site: "Riverside Clinic")
        #expect(report[.job].map(\.name) == ["\(job)"] && report.total == wanted)
        // Looked at one by one, they are there, with no job and for nobody who may see some jobs alone.
        #expect(try index.events(ReportFilter()).entries.map(\.kind) == [.open, .subscribe, .confirm])
        var filter = ReportFilter()
        filter.onlyJobs = [job]
        #expect(try index.events(filter).entries.map(\.kind) == [.open])
        // Another look, with another event of the kind, is no reason to count anything anew.
        try await site.append([event(.subscribe, .noJob, 0, at: noon + 90)])
        #expect(try index.update().events == 1)
        #expect(try index.figures(ReportFilter()) == wanted)
        #expect(try index.changedPeriods(.month).map(\.description) == ["2026-11"])
    }

    @Test("Domains with few mailboxes are told together, however much mail they get, and cannot be asked for by name")
    func smallDomains() async throws {
        let site = try TestSite()
        let many = (0..<12).map { TestSite.sent("m\($0)", "Person\($0)@Post.Example") }
        let family = (0..<30).map { TestSite.sent("f\($0)", "anna@berger-family.example") }
        try await site.add(1, many + family + [TestSite.ended("x", "none", .invalid, .addressSyntax)])
        let index = site.index(smallestDomain: 10)
        try index.update()
        let entries = try index.figures(ReportFilter(), by: .recipientDomain)
        #expect(entries.map(\.name) == ["post.example", "(other)", "(not known)"])
        #expect(entries.map(\.figures.rows) == [12, 30, 1])
        var filter = ReportFilter()
        filter.recipientDomain = "berger-family.example"
        #expect(try index.figures(filter).isEmpty)
        #expect(try index.rows(filter).entries.isEmpty)
        #expect(try index.rows(ReportFilter(), Page(limit: 1_000)).entries.compactMap(\.recipientDomain).count == 12)
        filter.recipientDomain = "POST.example"
        #expect(try index.figures(filter).rows == 12)
    }

    @Test("Reasons are told with their states, the most frequent first")
    func causes() async throws {
        let site = try TestSite()
        try await site.add(
            1,
            [
                TestSite.sent("a", "a@post.example"), TestSite.ended("b", "b@post.example", .failed, .mailboxUnknown),
                TestSite.ended("c", "c@post.example", .failed, .mailboxUnknown),
                TestSite.ended("d", "d@post.example", .held, .certificateExpired),
            ]
        )
        let index = site.index()
        try index.update()
        let causes = try index.causes(ReportFilter())
        #expect(causes.map(\.reason) == [.mailboxUnknown, .certificateExpired])
        #expect(causes.map(\.count) == [2, 1])
    }
}
