import Core
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Delivery

/// The moments at which a server saw messages' ends.
final class Sightings: Sendable {
    private let moments = Mutex<[ContinuousClock.Instant]>([])

    func note() {
        moments.withLock { $0.append(.now) }
    }

    var all: [ContinuousClock.Instant] { moments.withLock { $0.sorted() } }

    /// The most that any half-open window of that length holds.
    func most(in window: Duration) -> Int {
        let moments = all
        var (first, most) = (0, 0)
        for (last, moment) in moments.enumerated() {
            while moment - moments[first] >= window { first += 1 }
            most = max(most, last - first + 1)
        }
        return most
    }
}

@Suite("What a route's jobs share, as the server sees it", .timeLimit(.minutes(3)))
struct SharedRouteTests {
    @Test("Two jobs have the route's 4 connections and its 50 a second together")
    func twoJobs() async throws {
        let seen = Sightings()
        let peer = try await Peer { event in
            if event.verb == "." { seen.note() }
            return .usual
        }
        var route = peer.route(connections: 4)
        route.rate = .init(50)
        let budget = RouteBudget(route)
        let shared = route
        let (first, second) = (ListSource(90), ListSource(60))
        async let one = first.send(over: shared, budget: budget)
        async let two = second.send(over: shared, budget: budget)
        let ends = try await [one, two]
        #expect(ends == [.finished, .finished])
        #expect(first.results.values.allSatisfy { $0.verdict == .accepted } && first.results.count == 90)
        #expect(second.results.values.allSatisfy { $0.verdict == .accepted } && second.results.count == 60)
        #expect(peer.record.mostOpen <= 4)
        #expect(seen.most(in: .seconds(1)) <= 50)
        try await peer.close()
    }

    @Test("A job that starts later gets its share of the connections while the first is at work")
    func later() async throws {
        let peer = try await Peer { $0.verb == "." ? .usualAfter(.milliseconds(2)) : .usual }
        let route = peer.route(connections: 4)
        let budget = RouteBudget(route)
        let first = ListSource(100_000)
        let long = Task { try await first.send(over: route, budget: budget) }
        while peer.record.open < 4 { try await Task.sleep(for: .milliseconds(1)) }
        let second = ListSource(100)
        #expect(try await second.send(over: route, budget: budget) == .finished)
        #expect(second.results.count == 100 && first.waiting > 0, "the first had not ended")
        long.cancel()
        #expect(try await long.value == .cancelled)
        #expect(peer.record.mostOpen <= 4, "\(peer.record.mostOpen)")
        try await peer.close()
    }

    @Test(
        "64 connections, answers that take their time, stops and starts: never one more in any second",
        arguments: [1, 10]
    )
    func exact(_ burst: Int) async throws {
        let seen = Sightings()
        let peer = try await Peer { event in
            guard event.verb == "." else { return .usual }
            seen.note()
            return .usualAfter(.milliseconds(.random(in: 0..<60)))
        }
        var route = peer.route(connections: 64)
        route.rate = .init(50, burst: burst)
        route.timeouts.stop = .seconds(1)
        // What is kept when a process ends.
        let store = MemoryRateStore(.init(50, burst: burst))
        let source = ListSource(180)
        let start = ContinuousClock.now
        for part in [900, 1300] {
            let budget = RouteBudget(route, store: store)
            let run = Task { [route] in try await source.send(over: route, budget: budget) }
            try await Task.sleep(for: .milliseconds(part))
            run.cancel()
            _ = try await run.value
        }
        #expect(try await source.send(over: route, budget: RouteBudget(route, store: store)) == .finished)
        let took = ContinuousClock.now - start
        #expect(source.results.count == 180)
        #expect(seen.all.count == 180)
        let most = seen.most(in: .seconds(1))
        #expect(most <= 50 + burst - 1, "\(most) in a second")
        #expect(took > .seconds(3), "\(took) for 180 at 50 a second")
        try await peer.close()
    }

    @Test("A job's own rate holds besides the route's")
    func ownRate() async throws {
        let seen = Sightings()
        let peer = try await Peer { event in
            if event.verb == "." { seen.note() }
            return .usual
        }
        let route = peer.route(connections: 8)
        let source = ListSource(45)
        let end = try await source.send(over: route, rate: MemoryRateStore(.init(20)))
        #expect(end == .finished)
        #expect(seen.most(in: .seconds(1)) <= 20)
        try await peer.close()
    }

    @Test("A refused recipient uses nothing of the rate")
    func refused() async throws {
        let peer = try await Peer { $0.verb == "RCPT" && $0.message % 10 != 0 ? .say("550 5.1.1 no\r\n") : .usual }
        let rate = RouteSettings.Rate(1000, per: .seconds(3600), burst: 1000)
        var route = peer.route(connections: 1)
        route.rate = rate
        // As full as can be: a bucket that began long ago.
        let store = MemoryRateStore(rate, at: BootClock.now - 3_600_000_000_000)
        let source = ListSource(100)
        #expect(try await source.send(over: route, budget: RouteBudget(route, store: store)) == .finished)
        #expect(source.results.values.count { $0.verdict == .accepted } == 10)
        let (recent, open) = try #require(store.update(at: BootClock.now) { log, _ in (log.recent, log.open) })
        #expect(recent == 10 && open == 0, "a tenth of them went")
        try await peer.close()
    }

    @Test("421 slows the route, which the server sees, and it comes back by itself")
    func slowsAndReturns() async throws {
        let seen = Sightings()
        let asked = Mutex<(at: ContinuousClock.Instant, before: Int)?>(nil)
        let peer = try await Peer { event in
            if event.verb == "." { seen.note() }
            guard event.verb == "MAIL", seen.all.count >= 150 else { return .usual }
            return asked.withLock { asked in
                guard asked == nil else { return .usual }
                asked = (.now, seen.all.count)
                return .sayAndClose("421 4.7.0 too fast\r\n")
            }
        }
        var route = peer.route(connections: 4)
        route.rate = .init(100)
        var manner = AdaptivePace.Manner()
        manner.step = .milliseconds(650)
        let budget = RouteBudget(route, store: nil, group: MultiThreadedEventLoopGroup.singleton, manner: manner)
        let source = ListSource(600)
        let run = Task { [route] in try await source.send(over: route, budget: budget) }
        while budget.notice.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        let notice = budget.notice
        let limit = try #require(budget.gate.slowLimit)
        try await Task.sleep(for: .milliseconds(600))
        let (moment, before) = try #require(asked.withLock { $0 })
        // Those that had leave before the server spoke are let go by then.
        let window = ContinuousClock.now - moment
        let after = seen.all.count - before
        // Half of what was sent in the last seconds, which a machine that was busy then sent unevenly.
        #expect(limit < 100)
        // A machine that woke us late shows what came after the first step back, too.
        let slow = min(window, manner.step)
        let most = limit * (slow / .seconds(1)) + 100 * ((window - slow) / .seconds(1)) + 6
        #expect(Double(after) <= most, "\(after) in \(window) at \(limit) a second")
        // Half of those that were open, which on a busy machine need not have been all.
        #expect(notice.hasPrefix("Slowed to about ") && notice.contains(" over "), "\(notice)")
        #expect(notice.contains("since relay.kit.test asked for it (421 to MAIL)"), "\(notice)")
        #expect(try await run.value == .finished)
        #expect(budget.notice.isEmpty, "\(budget.notice)")
        #expect(budget.gate.slowLimit == nil)
        #expect(seen.most(in: .seconds(1)) <= 100)
        #expect(source.results.count == 600 && source.results.values.allSatisfy { $0.verdict == .accepted })
        try await peer.close()
    }

    @Test("4.7.x to RCPT is the domain's affair, and 421 on a connection that has had its share nobody's")
    func slowsNobody() async throws {
        let peer = try await Peer { event in
            if event.verb == "RCPT", event.message == 3 { return .say("450 4.7.1 later\r\n") }
            return event.verb == "MAIL" && event.message == 15 ? .sayAndClose("421 enough\r\n") : .usual
        }
        let route = peer.route()
        let budget = RouteBudget(route)
        let source = ListSource(60)
        #expect(try await source.send(over: route, budget: budget) == .finished)
        #expect(budget.notice.isEmpty, "\(budget.notice)")
        #expect(source.results.values.contains { $0.slowDown == .recipientDomain })
        try await peer.close()
    }
}
