import Core
import Testing

@testable import Delivery

@Suite("A pool with several relays")
struct RelayPoolTests {
    private func pool(_ connections: Int, relays: Int = 3, first: Int = 0) -> Pool {
        let more = (1..<relays).map { RouteSettings.Relay(host: "relay\($0).kit.test") }
        var route = RouteSettings(name: "main", host: "relay0.kit.test", heloName: "h", more: more)
        route.connections = connections
        return Pool(route, first: first)
    }

    private func end(_ kind: ConnectionEnd.Kind, _ reason: Reason = .connect) -> ConnectionEnd {
        ConnectionEnd(kind: kind, reason: reason, detail: "d")
    }

    private func problem(_ reason: Reason, _ relay: Int) -> RouteProblem {
        RouteProblem(reason, detail: "d", server: "relay\(relay).kit.test")
    }

    private func open(_ pool: inout Pool, _ id: Int) {
        same(pool.activated(id), true)
        pool.ready(id)
    }

    @Test("Connections are shared out evenly, from whichever relay it began")
    func evenly() {
        var pool = pool(6, first: 1)
        same(pool.start(), [.open(0, relay: 1)])
        open(&pool, 0)
        same(pool.drew(0), [.open(1, relay: 2)])
        same(pool.drew(0), [.open(2, relay: 0)])
        open(&pool, 1)
        open(&pool, 2)
        same(pool.drew(0), [.open(3, relay: 1)])
        same(pool.drew(0), [.open(4, relay: 2)])
        same(pool.drew(0), [.open(5, relay: 0)])
        same(pool.drew(0), [])
    }

    @Test("While the first is still being called, another may be; each is proved by its first connection")
    func another() {
        var pool = pool(8, relays: 2)
        same(pool.start(), [.open(0)])
        same(pool.wake(), [.open(1, relay: 1)])
        same(pool.wake(), [])
        open(&pool, 1)
        for id in 2...5 { same(pool.drew(1), [.open(id, relay: 1)]) }
        same(pool.drew(1), [])
    }

    @Test("A dead one is set aside for a time that grows, and the others go on without a wait")
    func dead() {
        var pool = pool(3)
        _ = pool.start()
        same(pool.closed(0, end(.lost), carried: 0, chance: 1), [.delay(.seconds(1), relay: 0), .open(1, relay: 1)])
        #expect(pool.problem == nil, "two have not failed")
        same(pool.setAside, [problem(.connect, 0)])
        open(&pool, 1)
        same(pool.drew(1), [.open(2, relay: 2)])
        open(&pool, 2)
        same(pool.delayElapsed(0), [.open(3, relay: 0)])
        same(pool.closed(3, end(.lost), carried: 0, chance: 1), [.delay(.seconds(2), relay: 0), .open(4, relay: 1)])
    }

    @Test("One that failed is tried again when its wait is over, but not while nothing works")
    func again() {
        var pool = pool(4, relays: 2)
        _ = pool.start()
        _ = pool.closed(0, end(.lost), carried: 0, chance: 1)
        same(pool.delayElapsed(0), [.open(2, relay: 0)])
        open(&pool, 2)
        _ = pool.turn(2, hasWorked: true)
        same(pool.setAside, [])
        var other = self.pool(1, relays: 2)
        _ = other.start()
        same(other.closed(0, end(.lost), carried: 0, chance: 1), [.delay(.seconds(1), relay: 0), .open(1, relay: 1)])
        open(&other, 1)
        same(other.delayElapsed(0), [])
        same(other.closed(1, .goodbye, carried: 9, chance: 1), [.open(2, relay: 1)])
    }

    @Test("Where the others have taken all connections, one makes room for a relay that may be back")
    func makesRoom() {
        var pool = pool(3, relays: 2)
        _ = pool.start()
        _ = pool.closed(0, end(.lost), carried: 0, chance: 1)
        for id in 1...3 {
            open(&pool, id)
            _ = pool.drew(id)
        }
        same(pool.delayElapsed(0), [.drain(1)])
        same(pool.closed(1, .goodbye, carried: 5, chance: 1), [.open(4, relay: 0)])
        same(pool.closed(4, end(.lost), carried: 0, chance: 1), [.delay(.seconds(2), relay: 0), .open(5, relay: 1)])
    }

    @Test("A bad certificate sets a relay aside, the others carry the mail, and its good connections leave")
    func untrusted() {
        var pool = pool(4, relays: 2)
        _ = pool.start()
        open(&pool, 0)
        same(pool.drew(0), [.open(1, relay: 1)])
        open(&pool, 1)
        same(pool.drew(1), [.open(2, relay: 0)])
        let first = pool.closed(2, end(.insecure, .certificateName), carried: 0, chance: 1)
        #expect(first == [.delay(.seconds(1), relay: 0), .open(3, relay: 1)])
        open(&pool, 3)
        same(pool.delayElapsed(0), [.open(4, relay: 0)])
        let second = pool.closed(4, end(.insecure, .certificateName), carried: 0, chance: 1)
        #expect(second == [.drain(0), .delay(.seconds(2), relay: 0), .open(5, relay: 1)])
        same(pool.turn(0, hasWorked: true).0, .leave)
        same(pool.turn(1, hasWorked: true).0 == .leave, false)
        same(pool.setAside, [problem(.certificateName, 0)])
    }

    @Test("Held only when none is left that keeps the promise, each of them confirmed")
    func held() {
        var pool = pool(4, relays: 2)
        _ = pool.start()
        _ = pool.closed(0, end(.insecure, .certificateName), carried: 0, chance: 1)
        _ = pool.closed(1, end(.insecure, .certificateExpired), carried: 0, chance: 1)
        same(pool.delayElapsed(0), [.open(2, relay: 0)])
        same(pool.closed(2, end(.insecure, .certificateName), carried: 0, chance: 1), [.delay(.seconds(2), relay: 0)])
        same(pool.delayElapsed(1), [.open(3, relay: 1)])
        let last = pool.closed(3, end(.insecure, .certificateExpired), carried: 0, chance: 1)
        #expect(last == [.finish(.held(problem(.certificateName, 0)))])
    }

    @Test("One that cannot be reached now is not one that breaks its promise: the route goes on trying")
    func unreachable() {
        var pool = pool(4, relays: 2)
        _ = pool.start()
        for round in 0..<6 {
            _ = pool.closed(2 * round, end(.insecure, .certificateName), carried: 0, chance: 1)
            let actions = pool.closed(2 * round + 1, end(.lost), carried: 0, chance: 1)
            #expect(actions.contains { if case .finish = $0 { true } else { false } } == false)
            _ = pool.delayElapsed(0)
            _ = pool.delayElapsed(1)
            _ = pool.wake()
        }
        #expect(pool.problem?.reason == .certificateName)
    }

    @Test("A relay that was out is in again once it is verified, and the other's failures do not end the route")
    func backIn() {
        var pool = pool(2, relays: 2)
        _ = pool.start()
        _ = pool.closed(0, end(.insecure), carried: 0, chance: 1)
        _ = pool.closed(1, end(.insecure), carried: 0, chance: 1)
        same(pool.delayElapsed(0), [.open(2, relay: 0)])
        _ = pool.closed(2, end(.insecure), carried: 0, chance: 1)
        same(pool.delayElapsed(0), [.open(3, relay: 0)])
        open(&pool, 3)
        same(pool.delayElapsed(1), [.open(4, relay: 1)])
        same(pool.closed(4, end(.insecure), carried: 0, chance: 1), [.delay(.seconds(2), relay: 1), .open(5)])
        same(pool.turn(3, hasWorked: true).0 == .leave, false)
    }

    @Test("Credentials that one relay refuses stop the route at once: the others would lock the account")
    func authentication() {
        var pool = pool(4)
        _ = pool.start()
        open(&pool, 0)
        _ = pool.drew(0)
        same(pool.closed(1, end(.authentication, .authentication), carried: 0, chance: 1), [.drain(0)])
        same(
            pool.closed(0, .goodbye, carried: 1, chance: 1),
            [.finish(.stopped(problem(.authentication, 1)))]
        )
    }

    @Test("All refuse us for good: stopped; if one of them was not to be trusted: held, with that one's problem")
    func mixed() {
        for (kind, reason) in [(ConnectionEnd.Kind.refused, Reason.policyRefused), (.insecure, .certificateName)] {
            var pool = pool(2, relays: 2)
            _ = pool.start()
            _ = pool.closed(0, end(.refused, .policyRefused), carried: 0, chance: 1)
            _ = pool.closed(1, end(kind, reason), carried: 0, chance: 1)
            same(pool.delayElapsed(0), [.open(2, relay: 0)])
            _ = pool.closed(2, end(.refused, .policyRefused), carried: 0, chance: 1)
            same(pool.delayElapsed(1), [.open(3, relay: 1)])
            let actions = pool.closed(3, end(kind, reason), carried: 0, chance: 1)
            let expected: RouteEnd =
                kind == .insecure ? .held(problem(reason, 1)) : .stopped(problem(.policyRefused, 0))
            #expect(actions == [.finish(expected)])
        }
    }
}
