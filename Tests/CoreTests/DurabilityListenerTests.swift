import Core
import Synchronization
import Testing

@Suite struct DurabilityListenerTests {
    private final class Log: Sendable {
        let calls = Mutex<[String]>([])
    }

    private final class Listener: DurabilityListener {
        private let name: String
        private let log: Log

        init(_ name: String, _ log: Log) {
            (self.name, self.log) = (name, log)
        }

        func settled(_ numbers: [UInt64], isDurable: Bool) {
            log.calls.withLock { $0.append("\(name)\(numbers)\(isDurable ? "+" : "-")") }
        }
    }

    @Test("Each listener hears its own news in one piece and in order", arguments: [true, false])
    func bundles(_ isDurable: Bool) {
        let log = Log()
        let (first, second) = (Listener("a", log), Listener("b", log))
        var promises: [DurabilityPromise] = []
        for number in 1...3 as ClosedRange<UInt64> {
            promises.append(DurabilityPromise(first, number: number))
            promises.append(DurabilityPromise(second, number: number * 10))
        }
        promises.keep(isDurable)
        let sign = isDurable ? "+" : "-"
        #expect(log.calls.withLock { $0 } == ["a[1, 2, 3]\(sign)", "b[10, 20, 30]\(sign)"])
        [DurabilityPromise]().keep(true)
        #expect(log.calls.withLock { $0.count } == 2)
    }

    @Test("A closure is called once, and not before what was promised earlier")
    func closures() {
        let log = Log()
        let listener = Listener("a", log)
        var promises = [DurabilityPromise(listener, number: 1)]
        for name in ["x", "y"] {
            promises.append(DurabilityPromise { isDurable in log.calls.withLock { $0.append("\(name)\(isDurable)") } })
        }
        promises.append(DurabilityPromise(listener, number: 2))
        promises.keep(true)
        #expect(log.calls.withLock { $0 } == ["a[1, 2]+", "xtrue", "ytrue"])
    }

    @Test("Among many listeners each promise is kept once")
    func many() {
        let log = Log()
        let listeners = (0..<30).map { Listener("\($0):", log) }
        (0..<300).map { DurabilityPromise(listeners[$0 * 7 % 30], number: UInt64($0)) }.keep(true)
        let numbers = log.calls.withLock { $0 }
            .flatMap { $0.drop { $0 != "[" }.dropFirst().prefix { $0 != "]" }.split(separator: ", ").map { Int($0) } }
        #expect(numbers.count == 300 && Set(numbers).count == 300)
    }

    @Test("A promise that stands alone is kept at once")
    func alone() {
        let log = Log()
        DurabilityPromise(Listener("a", log), number: 7)(false)
        #expect(log.calls.withLock { $0 } == ["a[7]-"])
    }
}
