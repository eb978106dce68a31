import Testing

@testable import Delivery

@Suite("An exact pace")
struct PaceTests {
    private let start = ContinuousClock.now

    @Test("It starts empty, and gives one after its share of the period")
    func startsEmpty() {
        var pace = Pace(.init(50), at: start)
        same(pace.take(at: start), .notBefore(start + .milliseconds(20)))
        same(pace.take(at: start + .nanoseconds(19_999_999)) == .go, false)
        same(pace.take(at: start + .milliseconds(20)), .go)
        same(pace.take(at: start + .milliseconds(20)), .notBefore(start + .milliseconds(40)))
    }

    @Test("Only the last one can be put back: an earlier one would let two go at once")
    func giveBackOnlyTheLast() {
        var pace = Pace(.init(1), at: start)
        same(pace.take(at: start + .seconds(1)), .go)
        same(pace.take(at: start + .milliseconds(2500)), .go)
        pace.giveBack()
        pace.giveBack()
        same(pace.take(at: start + .milliseconds(2500)), .go)
        same(pace.take(at: start + .milliseconds(2500)) == .go, false)
    }

    @Test("What was put back can be taken again, and no more")
    func giveBack() {
        var pace = Pace(.init(1), at: start)
        let later = start + .seconds(5)
        same(pace.take(at: later), .go)
        pace.giveBack()
        same(pace.take(at: later), .go)
        same(pace.take(at: later) == .go, false)
    }

    @Test(
        "No window sees more than the rate and the burst, and a busy sender gets all of it",
        arguments: [(50, 1, 1), (7, 1, 3), (1, 3, 1), (1000, 1, 10), (13, 60, 5)]
    )
    func window(_ count: Int, _ seconds: Int, _ burst: Int) {
        let period = Duration.seconds(seconds)
        var pace = Pace(.init(count, per: period, burst: burst), at: start)
        var now = start
        var taken: [ContinuousClock.Instant] = []
        var random = SystemRandomNumberGenerator()
        while taken.count < 5 * count + burst {
            switch pace.take(at: now) {
            case .go: taken.append(now)
            case .notBefore(let moment):
                // Now and then a rest, which fills the bucket.
                now = moment + (random.next() % 50 == 0 ? period : .zero)
            }
        }
        for (index, first) in taken.enumerated() {
            let within = taken[index...].prefix { $0 - first < period }.count
            #expect(within <= count + burst - 1)
        }
    }

    @Test("A rate that does not divide a second loses a nanosecond a message at most")
    func thirds() {
        var pace = Pace(.init(3), at: start)
        var now = start
        for _ in 0..<3000 {
            while case .notBefore(let moment) = pace.take(at: now) { now = moment }
        }
        #expect(now - start >= .seconds(1000))
        #expect(now - start < .seconds(1000) + .nanoseconds(3000))
    }
}

@Suite("Waiting before connecting again")
struct BackoffTests {
    @Test(
        "The wait doubles up to its limit",
        arguments: [(0, 0.0), (1, 1), (2, 2), (3, 4), (4, 8), (9, 256), (10, 300), (64, 300), (100_000, 300)]
    )
    func table(_ failures: Int, _ seconds: Double) {
        let backoff = Backoff(first: .seconds(1), longest: .seconds(300))
        let longest = backoff.delay(after: failures, chance: 1)
        #expect(longest == .seconds(seconds))
        #expect(backoff.delay(after: failures, chance: 0) == longest / 2)
    }
}
