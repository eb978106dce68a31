import Core
import Ledger
import Records
import Testing
import Tracking

@testable import Reports

@Suite("Questions")
struct QueryTests {
    @Test("Pages give everything once, in order, whatever their size", arguments: [1, 7, 100])
    func pages(size: Int) async throws {
        let world = try await World(jobs: 4)
        let index = world.site.index()
        try index.update()
        let events = try all(size) { try index.events(ReportFilter(), $0) }
        #expect(events == (try index.events(ReportFilter(), Page(limit: 10_000)).entries))
        #expect(events.map(\.milliseconds) == events.map(\.milliseconds).sorted())
        #expect(events.count > 50)
        let rows = try all(size) { try index.rows(ReportFilter(), $0) }
        #expect(rows.count == world.summaries.reduce(0) { $0 + $1.outcomes.ended })
        #expect(Set(rows.map { "\($0.job) \($0.row)" }).count == rows.count)
        let jobs = try all(size) { try index.jobs(ReportFilter(), $0) }
        #expect(Set(jobs.map(\.job)) == Set(world.jobs))
        #expect(jobs.map(\.takenUp) == jobs.map(\.takenUp).sorted())
    }

    @Test("A page's mark is good for an index that was made anew")
    func marks() async throws {
        let world = try await World(jobs: 4)
        let index = world.site.index()
        try index.update()
        let first = try index.events(ReportFilter(), Page(limit: 20))
        let rest = try index.events(ReportFilter(), Page(limit: 10_000, after: first.next)).entries
        let rows = try index.rows(ReportFilter(), Page(limit: 20))
        let otherRows = try index.rows(ReportFilter(), Page(limit: 10_000, after: rows.next)).entries
        try index.rebuild()
        #expect(try index.events(ReportFilter(), Page(limit: 10_000, after: first.next)).entries == rest)
        #expect(try index.rows(ReportFilter(), Page(limit: 10_000, after: rows.next)).entries == otherRows)
    }

    @Test(
        "A mark that is none is refused",
        arguments: ["", "x y", "1.2", "'; DROP TABLE job --", "9999999999999999999999"]
    )
    func badMarks(mark: String) async throws {
        let index = try await World(jobs: 1).site.index()
        #expect(throws: ReportError.self) { try index.events(ReportFilter(), Page(after: mark)) }
        #expect(throws: ReportError.self) { try index.rows(ReportFilter(), Page(after: mark)) }
        #expect(throws: ReportError.self) { try index.jobs(ReportFilter(), Page(after: mark)) }
    }

    @Test("Each filter lets through what it says, the same from sums as from single rows")
    func filters() async throws {
        let world = try await World(zone: "America/Chicago")
        let index = world.site.index()
        try index.update()
        let rows = try index.rows(ReportFilter(), Page(limit: 10_000)).entries
        let events = try index.events(ReportFilter(), Page(limit: 10_000)).entries
        let jobs = try index.jobs(ReportFilter(), Page(limit: 1_000)).entries

        var filter = ReportFilter()
        filter.sender = "News@Riverside.example"
        let ours = Set(jobs.filter { $0.sender == "news@riverside.example" }.map(\.job))
        #expect(ours.count == 2)
        #expect(try index.rows(filter, Page(limit: 10_000)).entries == rows.filter { ours.contains($0.job) })
        #expect(try index.events(filter, Page(limit: 10_000)).entries == events.filter { ours.contains($0.job) })
        #expect(try index.figures(filter).rows == rows.count { ours.contains($0.job) })

        filter = ReportFilter()
        filter.senderDomain = "north.example"
        filter.states = [.failed, .held]
        let north = Set(jobs.filter { $0.senderDomain == "north.example" }.map(\.job))
        let refused = rows.filter { north.contains($0.job) && ($0.status == .failed || $0.status == .held) }
        #expect(!refused.isEmpty)
        #expect(try index.rows(filter, Page(limit: 10_000)).entries == refused)
        #expect(try index.figures(filter).rows == refused.count)

        filter = ReportFilter()
        filter.list = ""
        filter.route = "backup"
        let unlisted = Set(jobs.filter { $0.list.isEmpty }.map(\.job))
        #expect(
            try index.rows(filter, Page(limit: 10_000)).entries
                == rows.filter { unlisted.contains($0.job) && $0.route == "backup" }
        )

        filter = ReportFilter()
        filter.kinds = [.click]
        filter.link = 2
        filter.audience = .human
        let clicks = events.filter { $0.kind == .click && $0.link == 2 && $0.audience == .human }
        #expect(!clicks.isEmpty)
        #expect(try index.events(filter, Page(limit: 10_000)).entries == clicks)

        filter = ReportFilter()
        filter.recipientDomain = "xn--mnchen-3ya.example"
        let domain = rows.filter { $0.recipientDomain == "xn--mnchen-3ya.example" }
        #expect(!domain.isEmpty)
        #expect(try index.rows(filter, Page(limit: 10_000)).entries == domain)
        #expect(try index.figures(filter).rows == domain.count)
    }

    @Test("Moments part what days part, where they are midnights")
    func times() async throws {
        let world = try await World(zone: "America/Chicago")
        let index = world.site.index()
        try index.update()
        let span = try #require(try index.span())
        let middle = Day(number: (span.lowerBound.number + span.upperBound.number) / 2)
        var days = ReportFilter()
        days.days = span.lowerBound...middle
        var moments = ReportFilter()
        moments.before = DayClock(zone: world.site.zone).start(of: middle.advanced(by: 1))
        let byDays = try index.figures(days)
        var byMoments = try index.figures(moments)
        #expect(byDays.rows > 0 && byDays.rows < world.sum.rows)
        #expect(byDays.opens == byMoments.opens && byDays.allClicks == byMoments.allClicks)
        #expect(byDays.opened == byMoments.opened && byDays.optOuts == byMoments.optOuts)
        #expect(
            try index.events(days, Page(limit: 10_000)).entries == index.events(moments, Page(limit: 10_000)).entries
        )
        byMoments.opens = byDays.opens
        #expect(byMoments == byDays)
    }

    @Test(
        "A row is found by its key, though the index does not know it",
        arguments: ["00017", "-5", "=1+1", "Müller, J"]
    )
    func keys(key: String) async throws {
        let site = try TestSite()
        let one = try await site.add(1, [TestSite.sent("x", "x@post.example"), TestSite.sent(key, "a@post.example")])
        let two = try await site.add(2, [TestSite.sent(key, "b@post.example")])
        let late = TestSite.noon + 600
        try await site.append([
            event(.open, one, 1, at: late), event(.open, one, 2, at: late),
            event(.click, one, 2, at: late + 9, link: 1),
            event(.open, two, 1, at: late),
        ])
        let index = site.index()
        try index.update()
        var filter = ReportFilter()
        filter.rowKey = Protected(key)
        #expect(try index.rows(filter).entries.map { "\($0.job) \($0.row)" } == ["\(one) 2", "\(two) 1"])
        #expect(try index.events(filter).entries.map(\.row.value).sorted() == [1, 2, 2])
        #expect(try index.jobs(filter).entries.map(\.job) == [one, two])
        let figures = try index.figures(filter)
        #expect(figures[.sent] == 2 && figures.opens == 2 && figures.opened == 2 && figures.clicks == 1)
        filter.rowKey = Protected("nobody")
        #expect(try index.rows(filter).entries.isEmpty)
        #expect(try index.figures(filter).isEmpty)
    }

    private func all<Entry>(_ size: Int, _ ask: (Page) throws -> Paged<Entry>) throws -> [Entry] {
        var entries: [Entry] = []
        var after: String?
        repeat {
            let page = try ask(Page(limit: size, after: after))
            #expect(page.entries.count <= size)
            entries += page.entries
            after = page.next
        } while after != nil
        return entries
    }
}
