import Testing

@testable import Engine

@Suite(.timeLimit(.minutes(1))) struct BellTests {
    @Test("Who waits is woken long before the time is over")
    func woken() async {
        let bell = Bell()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await bell.wait(atMost: .seconds(600)) }
            group.addTask {
                for _ in 0..<50 { await Task.yield() }
                bell.ring()
            }
        }
    }

    @Test("A ring that nobody waited for is heard once")
    func kept() async {
        let bell = Bell()
        bell.ring()
        bell.ring()
        await bell.wait(atMost: .seconds(600))
        let start = ContinuousClock.now
        await bell.wait(atMost: .milliseconds(30))
        #expect(ContinuousClock.now - start >= .milliseconds(30))
    }

    @Test("Cancellation ends the wait, before and while")
    func cancelled() async {
        let bell = Bell()
        for isEarly in [true, false] {
            await withTaskGroup(of: Void.self) { group in
                if isEarly { group.cancelAll() }
                group.addTask { await bell.wait(atMost: .seconds(600)) }
                for _ in 0..<50 where !isEarly { await Task.yield() }
                group.cancelAll()
            }
        }
    }
}
