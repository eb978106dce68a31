import Core
import Testing

@testable import Tracking

/// Each rule about order and pace by itself, up to its edges.
@Suite("Order and pace")
struct PaceTests {
    private static let delivered = Timestamp(milliseconds: Fixture.noon)

    /// An event some milliseconds after the delivery.
    private func event(
        _ milliseconds: Int64,
        _ kind: Event.Kind = .click,
        link: Int? = 1,
        by visitor: UInt32 = 1,
        method: String = "GET"
    ) -> Event {
        var event = Event(
            kind,
            job: Fixture.job,
            row: RowNumber(1),
            milliseconds: Self.delivered.seconds * 1_000 + milliseconds,
            link: kind == .click ? link : nil,
            audience: method == "HEAD" ? .automated : .human,
            why: method == "HEAD" ? "head" : "request",
            method: method,
            agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        )
        event.visitor = VisitorMark(value: visitor)
        return event
    }

    private func words(_ events: [Event], links: Int = 4, knowsDelivery: Bool = true) throws -> [String] {
        var activity = JobActivity(job: Fixture.job)
        for event in events { activity.apply(event) }
        let delivered = knowsDelivery ? Self.delivered : nil
        let fold = try #require(activity.fold(RowNumber(1), delivered: delivered, links: links))
        return fold.events.map { $0.isAutomated ? $0.why : "-" }
    }

    @Test("an open before the delivery and a click up to a second behind it are a program's")
    func tooSoon() throws {
        #expect(try words([event(-1, .open)]) == ["too-soon"])
        #expect(try words([event(0, .open)]) == ["-"])
        #expect(try words([event(999)]) == ["too-soon"])
        #expect(try words([event(1_000)]) == ["-"])
        #expect(try words([event(-600_000)]) == ["too-soon"])
        #expect(try words([event(-600_001)]) == ["-"])
        #expect(try words([event(0)], knowsDelivery: false) == ["-"])
    }

    @Test("an early open says nothing of what comes later; an early click does")
    func earlyNeighbours() throws {
        #expect(try words([event(-500, .open), event(20_000)]) == ["too-soon", "-"])
        #expect(
            try words([event(400, .open), event(500), event(20_000, link: 3)]) == Array(repeating: "too-soon", count: 3)
        )
        #expect(try words([event(500), event(60_501, link: 3)]) == ["too-soon", "-"])
    }

    @Test("whoever follows the decoy is a program for a minute before and behind, and nobody else is")
    func decoy() throws {
        let events = [
            event(10_000, .open), event(11_000, link: 2), event(70_000, link: 0), event(130_000, link: 3),
            event(131_500, link: 1), event(70_000, link: 2, by: 2),
        ]
        #expect(try words(events) == ["decoy", "decoy", "decoy", "-", "decoy", "-"])
    }

    @Test("different links in the same second are a program's, the same link twice is a double click")
    func sameSecond() throws {
        #expect(try words([event(10_000), event(10_999, link: 2)]) == ["same-second", "same-second"])
        #expect(try words([event(10_000), event(11_000, link: 2)]) == ["-", "-"])
        #expect(try words([event(10_000), event(10_200)]) == ["-", "-"])
        #expect(try words([event(10_000), event(10_999, link: 2, by: 2)]) == ["same-second", "same-second"])
    }

    @Test("four links in less than five seconds are a program's if one visitor follows them")
    func burst() throws {
        let links = [4, 2, 3, 1]
        let quick = links.enumerated().map { event(10_000 + Int64($0.offset) * 1_666, link: $0.element) }
        #expect(try words(quick) == Array(repeating: "burst", count: 4))
        let slower = links.enumerated().map { event(10_000 + Int64($0.offset) * 1_667, link: $0.element) }
        #expect(try words(slower) == Array(repeating: "-", count: 4))
        let several = links.enumerated().map {
            event(10_000 + Int64($0.offset) * 1_200, link: $0.element, by: UInt32($0.offset))
        }
        #expect(try words(several) == Array(repeating: "-", count: 4))
    }

    @Test("all links in order within ten seconds are a program's; some of them, or out of order, are not")
    func everyLink() throws {
        func round(_ links: [Int], step: Int64) -> [Event] {
            links.enumerated().map { event(10_000 + Int64($0.offset) * step, link: $0.element) }
        }
        #expect(try words(round([1, 2, 3], step: 4_000), links: 3) == Array(repeating: "every-link", count: 3))
        #expect(try words(round([1, 2, 3], step: 5_000), links: 3) == ["-", "-", "-"])
        #expect(try words(round([1, 3, 2], step: 4_000), links: 3) == ["-", "-", "-"])
        #expect(try words(round([1, 2, 3], step: 4_000), links: 4) == ["-", "-", "-"])
        #expect(try words(round([1, 2, 4, 5], step: 2_000), links: 5) == Array(repeating: "every-link", count: 4))
        #expect(try words(round([1, 2], step: 4_000), links: 2) == ["-", "-"])
        #expect(try words(round([1, 2, 3], step: 4_000), links: 0) == ["-", "-", "-"])
    }

    @Test("a GET behind a HEAD of the same visitor is a program's, one before it or by another is not")
    func afterHead() throws {
        let head = event(10_000, method: "HEAD")
        #expect(try words([head, event(70_000)]) == ["head", "after-head"])
        #expect(try words([head, event(70_001)]) == ["head", "-"])
        #expect(try words([event(9_000), head]) == ["-", "head"])
        #expect(try words([head, event(11_000, by: 2)]) == ["head", "-"])
    }

    @Test("rules that a file leaves out are not followed")
    func without() throws {
        let rules = try AutomationRules.parse(bytes: Array("rules: []".utf8), file: "r")
        var activity = JobActivity(job: Fixture.job, classifier: Classifier(rules))
        for event in [event(0), event(10, link: 2), event(20, link: 0), event(30, method: "HEAD")] {
            activity.apply(event)
        }
        let fold = try #require(activity.fold(RowNumber(1), delivered: Self.delivered, links: 4))
        // What the server wrote stays: it has seen headers that are gone.
        #expect(fold.events.map(\.isAutomated) == [false, false, false, true])
    }

    @Test("today's rules catch what was recorded under yesterday's as a person's")
    func later() throws {
        var event = Fixture.open(1)
        event = Event(.click, job: event.job, row: event.row, milliseconds: Fixture.noon, link: 1, agent: "curl/8.5.0")
        var activity = JobActivity(job: Fixture.job)
        activity.apply(event)
        #expect(activity[RowNumber(1)].automatedReasons == ["program": 1])
    }

    @Test("a message that is asked for without end takes a bounded place, and every request counts, in any order")
    func flood() throws {
        let count = 3 * JobActivity.mostEvents
        let events = (0..<count).map { event(60_000 + Int64($0) * 70_000, $0 % 3 == 0 ? .open : .click, link: 1) }
        var folds: [RowFold] = []
        for order in [
            events, events.reversed(), events.filter { $0.kind == .open } + events.filter { $0.kind == .click },
        ] {
            var activity = JobActivity(job: Fixture.job)
            for event in order { activity.apply(event) }
            folds.append(try #require(activity.fold(RowNumber(1), delivered: Self.delivered, links: 4)))
        }
        #expect(folds[0].events.count == JobActivity.mostEvents)
        #expect(folds[0].activity.opens.count == UInt32(count / 3))
        #expect(folds[0].activity.clicks.count == UInt32(count * 2 / 3))
        #expect(folds[0].activity.clicks.last == events.last?.time)
        #expect(folds[1] == folds[0])
        #expect(folds[2] == folds[0])
    }

    @Test("people's devices are counted, programs' are not; each event has its place")
    func devices() throws {
        var activity = JobActivity(job: Fixture.job)
        var first = event(10_000, .open)
        first.place = VisitorPlace(country: "US", region: "Texas", city: "Austin")
        var second = event(90_000, .open, by: 2)
        second.place = VisitorPlace(country: "FR")
        var program = event(91_000, link: 0, by: 3)
        program.place = VisitorPlace(country: "IE")
        for event in [first, event(20_000, .open), second, program] { activity.apply(event) }
        let fold = try #require(activity.fold(RowNumber(1), delivered: Self.delivered))
        #expect(fold.events.map(\.country) == ["US", "", "FR", "IE"])
        #expect(fold.events.map(\.city) == ["Austin", "", "", ""])
        let row = fold.activity
        #expect(row.devices == ["Linux": 2])
        #expect(row.deviceCount == 2)
        #expect(row.automatedReasons == ["decoy": 1])
    }
}
