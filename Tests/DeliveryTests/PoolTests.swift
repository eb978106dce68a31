import Core
import Testing

@testable import Delivery

@Suite("The pool of a route's connections")
struct PoolTests {
    private func pool(_ connections: Int) -> Pool {
        var route = RouteSettings(name: "main", host: "relay.kit.test", heloName: "h", dial: nil)
        route.connections = connections
        return Pool(route)
    }

    private func lost(_ kind: ConnectionEnd.Kind, _ reason: Reason = .connect) -> ConnectionEnd {
        ConnectionEnd(kind: kind, reason: reason, detail: "d")
    }

    private func open(_ pool: inout Pool, _ id: Int) {
        same(pool.activated(id), true)
        pool.ready(id)
    }

    @Test("The first connection proves the route; then come a few, then as many as are open, never beyond the limit")
    func grows() {
        var pool = pool(13)
        same(pool.start(), [.open(0)])
        same(pool.wake(), [])
        open(&pool, 0)
        for id in 1...4 { same(pool.drew(0), [.open(id)]) }
        same(pool.drew(0), [])
        open(&pool, 1)
        same(pool.drew(1), [.open(5)])
        same(pool.drew(0), [])
        for id in 2...5 { open(&pool, id) }
        for id in 6...11 { same(pool.drew(0), [.open(id)]) }
        same(pool.drew(0), [])
        for id in 6...8 { open(&pool, id) }
        same(pool.drew(8), [.open(12)])
        same(pool.drew(0), [])
        for id in 9...12 { open(&pool, id) }
        same(pool.drew(0), [])
    }

    @Test("Connections are begun for the messages that wait, as many at once as may be on their way")
    func growsAtOnce() {
        var pool = pool(13)
        same(pool.start(), [.open(0)])
        open(&pool, 0)
        same(pool.drew(0, waiting: 0), [])
        same(pool.drew(0, waiting: 2), [.open(1), .open(2)])
        same(pool.drew(0, waiting: 500), [.open(3), .open(4)])
        same(pool.drew(0, waiting: 500), [])
        for id in 1...4 { open(&pool, id) }
        same(pool.drew(0, waiting: 500), (5...9).map { .open($0) })
        for id in 5...9 { open(&pool, id) }
        same(pool.drew(0, waiting: 500), (10...12).map { .open($0) })
        same(pool.drew(0, waiting: 500), [])
    }

    @Test("One whose last connection failed has one on its way at a time until a message was carried")
    func carefully() {
        var pool = pool(8)
        same(pool.start(), [.open(0)])
        same(pool.closed(0, lost(.lost), carried: 0, chance: 1), [.delay(.seconds(1))])
        same(pool.delayElapsed(0), [.open(1)])
        open(&pool, 1)
        same(pool.drew(1), [.open(2)])
        same(pool.drew(1), [])
        _ = pool.turn(1, hasWorked: true)
        for id in 3...5 { same(pool.drew(1), [.open(id)]) }
        same(pool.drew(1), [])
    }

    @Test("A connection without work is woken before another is opened")
    func wakes() {
        var pool = pool(4)
        _ = pool.start()
        open(&pool, 0)
        guard case (.go(let generation, _), _) = pool.turn(0, hasWorked: false) else {
            Issue.record("no turn")
            return
        }
        same(pool.park(0, generation: generation), true)
        same(pool.wake(), [.wake(0)])
        same(pool.wake(), [.open(1)])
    }

    @Test("A wake between asking and parking is not lost")
    func noLostWake() {
        var pool = pool(1)
        _ = pool.start()
        open(&pool, 0)
        guard case (.go(let generation, _), _) = pool.turn(0, hasWorked: false) else {
            Issue.record("no turn")
            return
        }
        _ = pool.wake()
        same(pool.park(0, generation: generation), false)
    }

    @Test("A failed connection is followed by a growing wait, and no other is opened meanwhile")
    func waits() {
        var pool = pool(4)
        _ = pool.start()
        for (id, seconds) in [(0, 1), (1, 2), (2, 4), (3, 8)] {
            let actions = pool.closed(id, lost(.lost), carried: 0, chance: 1)
            #expect(actions == [.delay(.seconds(seconds))])
            same(pool.wake(), [])
            same(pool.delayElapsed(), [.open(id + 1)])
        }
        #expect(pool.problem?.reason == .connect)
    }

    @Test("Work ends the memory of failures")
    func forgets() {
        var pool = pool(1)
        _ = pool.start()
        _ = pool.closed(0, lost(.lost), carried: 0, chance: 1)
        _ = pool.closed(1, lost(.lost), carried: 0, chance: 1)
        same(pool.delayElapsed(), [.open(1)])
        open(&pool, 1)
        _ = pool.turn(1, hasWorked: true)
        #expect(pool.problem == nil)
        same(pool.closed(1, lost(.lost), carried: 3, chance: 1), [.delay(.seconds(1))])
    }

    @Test("A server that leaves after many messages is met again at once")
    func reconnects() {
        var pool = pool(1)
        _ = pool.start()
        open(&pool, 0)
        _ = pool.drew(0)
        same(pool.closed(0, lost(.lost, .serverBusy), carried: 100, chance: 1), [.open(1)])
    }

    @Test("A certificate that fails is looked at twice, then the route is held")
    func held() {
        var pool = pool(4)
        _ = pool.start()
        same(pool.closed(0, lost(.insecure, .certificateName), carried: 0, chance: 1), [.delay(.seconds(1))])
        same(pool.delayElapsed(), [.open(1)])
        let problem = RouteProblem(.certificateName, detail: "d", server: "relay.kit.test")
        let actions = pool.closed(1, lost(.insecure, .certificateName), carried: 0, chance: 1)
        #expect(actions == [.finish(.held(problem))])
    }

    @Test("A verified connection in between clears the suspicion")
    func cleared() {
        var pool = pool(1)
        _ = pool.start()
        _ = pool.closed(0, lost(.insecure), carried: 0, chance: 1)
        _ = pool.delayElapsed()
        open(&pool, 1)
        _ = pool.closed(1, lost(.lost), carried: 0, chance: 1)
        _ = pool.delayElapsed()
        let actions = pool.closed(2, lost(.insecure), carried: 0, chance: 1)
        #expect(actions.count == 1 && actions != [.finish(.cancelled)])
    }

    @Test("When a later connection fails verification twice, the others finish and leave")
    func heldLater() {
        var pool = pool(4)
        _ = pool.start()
        open(&pool, 0)
        same(pool.drew(0), [.open(1)])
        _ = pool.closed(1, lost(.insecure, .certificateExpired), carried: 0, chance: 1)
        same(pool.delayElapsed(), [.open(2)])
        same(pool.closed(2, lost(.insecure, .certificateExpired), carried: 0, chance: 1), [.drain(0)])
        same(pool.turn(0, hasWorked: true).0, .leave)
        let problem = RouteProblem(.certificateExpired, detail: "d", server: "relay.kit.test")
        same(pool.closed(0, .goodbye, carried: 7, chance: 1), [.finish(.held(problem))])
    }

    @Test("Refused credentials stop the route at once")
    func authentication() {
        var pool = pool(4)
        _ = pool.start()
        let problem = RouteProblem(.authentication, detail: "d", server: "relay.kit.test")
        let actions = pool.closed(0, lost(.authentication, .authentication), carried: 0, chance: 1)
        #expect(actions == [.finish(.stopped(problem))])
    }

    @Test(
        "Kinds of failure that end the route after so many in a row",
        arguments: [(ConnectionEnd.Kind.refused, 2), (.insecure, 2), (.handshakeLost, 4)]
    )
    func confirmations(_ kind: ConnectionEnd.Kind, _ count: Int) {
        var pool = pool(1)
        _ = pool.start()
        for id in 0..<count {
            let actions = pool.closed(id, lost(kind), carried: 0, chance: 1)
            if id < count - 1 {
                same(pool.delayElapsed(), [.open(id + 1)])
            } else {
                #expect(actions.count == 1)
                if case .finish? = actions.first {} else { Issue.record("no end: \(actions)") }
            }
        }
    }

    @Test("When the source has finished, nobody waits for a connection that is still being made")
    func finishes() {
        var pool = pool(4)
        _ = pool.start()
        open(&pool, 0)
        _ = pool.drew(0)
        same(pool.sourceFinished(), [.drain(0)])
        same(pool.closed(0, .goodbye, carried: 1, chance: 1), [.finish(.finished)])
        same(pool.activated(1), false)
    }

    @Test("Cancelled before anything was open")
    func cancelled() {
        var pool = pool(4)
        _ = pool.start()
        same(pool.cancel(), [.finish(.cancelled)])
        same(pool.cancel(), [])
    }

    @Test("Connections share the pace; one timer wakes them in turn")
    func paced() {
        var pool = pool(3)
        _ = pool.start()
        open(&pool, 0)
        same(pool.drew(0), [.open(1)])
        open(&pool, 1)
        let (turn, actions) = pool.turn(0, hasWorked: false, rest: .seconds(1))
        #expect(turn == .parked)
        #expect(actions == [.paceTimer(.seconds(1))])
        same(pool.turn(1, hasWorked: false, rest: .seconds(2)).1, [])
        // A source that has more does not make anybody go sooner.
        same(pool.wake(), [])
        same(pool.paceElapsed(), [.wake(0)])
        let next = pool.turn(0, hasWorked: false)
        guard case .go = next.0 else {
            Issue.record("no turn")
            return
        }
        #expect(next.1 == [.paceTimer(.zero)], "the other one is looked after at once")
        same(pool.drew(0), [])
        same(pool.paceElapsed(), [.wake(1)])
        same(pool.turn(1, hasWorked: false, rest: .seconds(1)).1, [.paceTimer(.seconds(1))])
    }

    @Test("If the connection that a timer would wake is gone, the others are not forgotten")
    func pacedAndGone() {
        var pool = pool(3)
        _ = pool.start()
        open(&pool, 0)
        _ = pool.drew(0)
        open(&pool, 1)
        _ = pool.turn(0, hasWorked: false, rest: .seconds(1))
        _ = pool.turn(1, hasWorked: false, rest: .seconds(1))
        same(pool.paceElapsed(), [.wake(0)])
        same(pool.closed(0, .goodbye, carried: 1, chance: 1), [.paceTimer(.zero)])
        same(pool.paceElapsed(), [.wake(1)])
    }

    @Test("A wake, and an end, ahead of the run: nothing is opened, and the run hears the end")
    func aheadOfTheRun() {
        var pool = pool(1)
        same(pool.wake(), [])
        same(pool.cancel(), [])
        same(pool.start(), [.finish(.cancelled)])
    }

    @Test("One is given up: without work first, else the one that was opened first; it takes no message any more")
    func givesUp() {
        var pool = pool(3)
        _ = pool.start()
        for id in 0...2 {
            open(&pool, id)
            _ = pool.drew(id)
        }
        guard case .go(let generation, _) = pool.turn(2, hasWorked: false).0 else {
            Issue.record("no turn")
            return
        }
        same(pool.park(2, generation: generation), true)
        same(pool.giveUp(), [.drain(2)])
        same(pool.giveUp(), [.drain(0)])
        same(pool.turn(0, hasWorked: true).0, .leave)
        same(pool.closed(2, .goodbye, carried: 3, chance: 1), [])
        same(pool.drew(1), [.open(3)])
        same(pool.giveUp(), [.drain(1)])
        same(pool.giveUp(), [])
    }

    @Test("A connection that had to wait for the others' is of no use once nothing is to be sent")
    func cameTooLate() {
        var pool = pool(2)
        _ = pool.start()
        open(&pool, 0)
        same(pool.drew(0), [.open(1)])
        guard case .go(let generation, _) = pool.turn(0, hasWorked: false).0 else {
            Issue.record("no turn")
            return
        }
        _ = pool.park(0, generation: generation)
        same(pool.mayConnect(1), false)
        same(pool.activated(1), false)
        same(pool.wake(), [.wake(0)])
        same(pool.wake(), [.open(2)])
        same(pool.mayConnect(2), true)
    }
}
