import Core
import Testing

@testable import Tracking

@Suite("Job activity")
struct ActivityTests {
    private func event(
        _ kind: Event.Kind,
        _ row: UInt32,
        _ seconds: Int64,
        link: Int? = nil,
        audience: Event.Audience = .human
    ) -> Event {
        Event(
            kind,
            job: Fixture.job,
            row: RowNumber(row),
            milliseconds: Fixture.noon + seconds * 1_000,
            link: link,
            audience: audience,
            agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        )
    }

    @Test("opens and clicks count by row, people and programs apart")
    func counts() {
        var activity = JobActivity(job: Fixture.job)
        for event in [
            event(.open, 1, 5), event(.open, 1, 0), event(.open, 1, 9, audience: .automated),
            event(.click, 1, 17, link: 2), event(.click, 1, 18, link: 2), event(.click, 1, 28, link: 1),
            event(.click, 1, 28, link: 1, audience: .automated), event(.open, 2, 3),
        ] {
            let isTaken = activity.apply(event)
            #expect(isTaken)
        }
        let noon = Timestamp(milliseconds: Fixture.noon)
        let row = activity[RowNumber(1)]
        #expect(row.opens.count == 2)
        #expect(row.opens.first == noon)
        #expect(row.opens.last == noon + 5)
        #expect(row.automatedOpens.count == 1)
        #expect(row.clicks.count == 3)
        #expect(row.automatedClicks.count == 1)
        #expect(row.clicksByLink == [1: 1, 2: 2])
        #expect(activity[RowNumber(2)].opens.count == 1)
        #expect(activity[RowNumber(3)].isEmpty)
        #expect(activity.count == 2)
    }

    @Test("opt-out, bounce and complaint keep their first time")
    func ends() {
        var activity = JobActivity(job: Fixture.job)
        for kind in [Event.Kind.unsubscribe, .bounce, .complaint] {
            activity.apply(event(kind, 1, 4))
            activity.apply(event(kind, 1, 2))
        }
        let expected = Timestamp(milliseconds: Fixture.noon) + 2
        let row = activity[RowNumber(1)]
        #expect(row.unsubscribedAt == expected)
        #expect(row.bouncedAt == expected)
        #expect(row.complainedAt == expected)
    }

    @Test("the order of events does not matter")
    func order() {
        let events = (0..<40).map { index in
            event(Event.Kind.allCases[index % 6], UInt32(index % 3), Int64(index * 7 % 11), link: index % 4)
        }
        var forward = JobActivity(job: Fixture.job)
        var backward = JobActivity(job: Fixture.job)
        events.forEach { forward.apply($0) }
        events.reversed().forEach { backward.apply($0) }
        for row in 0..<3 as Range<UInt32> { #expect(forward[RowNumber(row)] == backward[RowNumber(row)]) }
    }

    @Test("another job's events are passed over")
    func otherJob() {
        var activity = JobActivity(job: Fixture.otherJob)
        let isTaken = activity.apply(event(.open, 1, 0))
        #expect(!isTaken)
        #expect(activity.count == 0)
    }
}

@Suite("Classifier")
struct ClassifierTests {
    @Test(
        "requests are told apart by method and headers",
        arguments: [
            ("GET", [:], Event.Audience.human, "request"),
            ("HEAD", [:], .automated, "head"),
            ("GET", ["sec-purpose": "prefetch"], .automated, "prefetch"),
            ("GET", ["sec-purpose": "prefetch;prerender"], .automated, "prefetch"),
            ("GET", ["sec-purpose": "Prerender"], .automated, "prerender"),
            ("GET", ["purpose": "prefetch"], .automated, "prefetch"),
            ("GET", ["purpose": "preview"], .automated, "preview"),
            ("GET", ["x-moz": "PREFETCH"], .automated, "prefetch"),
            ("GET", ["x-purpose": "preview"], .automated, "preview"),
            ("GET", ["x-purpose": ""], .human, "request"),
            ("HEAD", ["purpose": "prefetch"], .automated, "head"),
        ] as [(String, [String: String], Event.Audience, String)]
    )
    func table(method: String, headers: [String: String], audience: Event.Audience, why: String) {
        let result = Classifier.shipped.classify(RequestFacts(method: method, header: { headers[$0] }))
        #expect(result.audience == audience)
        #expect(result.why == why)
    }
}
