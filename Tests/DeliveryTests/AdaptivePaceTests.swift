import Testing

@testable import Delivery

@Suite("A pace that gives way and comes back")
struct AdaptivePaceTests {
    private let start = ContinuousClock.now

    /// Sends as fast as the pace lets it until a moment; when each went.
    private func send(
        _ pace: inout AdaptivePace,
        from begin: Duration,
        to end: Duration,
        atMost perSecond: Int = 1000,
        works: Bool = true
    ) -> [Duration] {
        var sent: [Duration] = []
        var now = start + begin
        while now < start + end {
            switch pace.take(at: now) {
            case .go:
                sent.append(now - start)
                if works { pace.worked(at: now) }
                now += .seconds(1) / perSecond
            case .notBefore(let moment): now = moment
            }
        }
        return sent
    }

    @Test("Without a rate there is no limit until somebody asks; then half of what was really sent")
    func halves() {
        var pace = AdaptivePace(nil, at: start)
        same(send(&pace, from: .zero, to: .seconds(20), atMost: 200).count, 4000)
        same(pace.limit, nil)
        pace.slowDown(at: start + .seconds(20))
        same(pace.isSlowed, true)
        let after = send(&pace, from: .seconds(20), to: .seconds(25)).count
        #expect((490...505).contains(after), "\(after) in 5 s after 200 a second")
    }

    @Test("A rate is halved by what was sent, not by what was allowed")
    func halvesWhatWasSent() {
        var pace = AdaptivePace(.init(1000), at: start)
        _ = send(&pace, from: .zero, to: .seconds(20), atMost: 40)
        pace.slowDown(at: start + .seconds(20))
        let limit = pace.limit ?? 0
        #expect((19.0...21.5).contains(limit), "\(limit)")
    }

    @Test("Connections that are all told at once count as one; seconds later it is another")
    func once() {
        var pace = AdaptivePace(.init(100), at: start)
        _ = send(&pace, from: .zero, to: .seconds(20))
        for _ in 0..<50 { pace.slowDown(at: start + .seconds(20)) }
        let first = pace.limit ?? 0
        #expect((49.0...51).contains(first))
        _ = send(&pace, from: .seconds(20), to: .seconds(24))
        pace.slowDown(at: start + .milliseconds(24_900))
        same(pace.limit, first)
        _ = send(&pace, from: .seconds(24), to: .seconds(40), works: false)
        pace.slowDown(at: start + .seconds(40))
        let second = pace.limit ?? 0
        #expect(second < first * 0.6, "\(second)")
    }

    @Test("Asked again before anything was sent, it stays as it is: there is nothing to halve")
    func nothingSent() {
        var pace = AdaptivePace(nil, at: start)
        pace.slowDown(at: start)
        let first = pace.limit
        same(first, 1)
        for second in 1...100 { pace.slowDown(at: start + .seconds(6 * second)) }
        same(pace.limit, first)
    }

    @Test("It comes back step by step, each as long as the last, to the configured rate")
    func comesBack() {
        var pace = AdaptivePace(.init(100), at: start)
        _ = send(&pace, from: .zero, to: .seconds(30))
        pace.slowDown(at: start + .seconds(30))
        var limits: [Double] = []
        for step in 0..<6 {
            limits.append(pace.limit ?? 0)
            _ = send(&pace, from: .seconds(30 + 11 * step), to: .seconds(41 + 11 * step))
        }
        #expect(zip(limits, limits.dropFirst()).allSatisfy { $0 <= $1 && $1 <= $0 * 1.26 }, "\(limits)")
        same(pace.isSlowed, false)
        same(pace.limit, 100)
        let second = send(&pace, from: .seconds(100), to: .seconds(101)).count
        #expect((100...101).contains(second))
    }

    @Test("Without a configured rate it comes back to no limit")
    func liftsTheLimit() {
        var pace = AdaptivePace(nil, at: start)
        _ = send(&pace, from: .zero, to: .seconds(20), atMost: 100)
        pace.slowDown(at: start + .seconds(20))
        _ = send(&pace, from: .seconds(20), to: .seconds(45))
        same(pace.isSlowed, true)
        _ = send(&pace, from: .seconds(45), to: .seconds(110))
        same(pace.isSlowed, false)
        same(pace.limit, nil)
    }

    @Test("It does not come back while nothing gets through, but forgets after ten minutes")
    func forgets() {
        var pace = AdaptivePace(.init(10), at: start)
        _ = send(&pace, from: .zero, to: .seconds(20))
        pace.slowDown(at: start + .seconds(20))
        _ = send(&pace, from: .seconds(20), to: .seconds(619), works: false)
        same(pace.isSlowed, true)
        _ = pace.take(at: start + .seconds(620))
        same(pace.isSlowed, false)
    }

    @Test("However often it is asked, one message in five seconds goes, or an eighth of a configured rate")
    func lowest() {
        for (rate, lowest) in [(nil, 0.2), (.init(6, per: .seconds(3600)), 6.0 / 3600 / 8)]
            as [(
                RouteSettings.Rate?, Double
            )]
        {
            var pace = AdaptivePace(rate, at: start)
            var now = start
            for _ in 0..<40 {
                while case .notBefore(let moment) = pace.take(at: now) { now = moment }
                now += .seconds(6)
                pace.slowDown(at: now)
            }
            #expect(abs((pace.limit ?? 0) - lowest) < 1e-9)
        }
    }

    @Test("What was put back was not sent: it can be taken again, and no more")
    func giveBack() {
        var pace = AdaptivePace(.init(1), at: start)
        let later = start + .seconds(5)
        for _ in 0..<100 {
            same(pace.take(at: later), .go)
            pace.giveBack()
        }
        same(pace.take(at: later), .go)
        same(pace.take(at: later) == .go, false)
        // Half of what was sent, and that was little.
        pace.slowDown(at: later)
        let slow = later + .seconds(20)
        same(pace.take(at: slow), .go)
        pace.giveBack()
        same(pace.take(at: slow), .go)
        same(pace.take(at: slow) == .go, false)
    }

    @Test(
        "Whatever happens, no window sees more than the configured rate and its burst",
        arguments: [(50, 1, 1), (7, 1, 3), (1000, 1, 10), (13, 60, 5), (1, 3, 1)]
    )
    func property(_ count: Int, _ seconds: Int, _ burst: Int) {
        let period = Duration.seconds(seconds)
        for seed in 1...20 as ClosedRange<UInt64> {
            var random = Walk(state: seed)
            var pace = AdaptivePace(.init(count, per: period, burst: burst), at: start)
            var now = start
            var taken: [ContinuousClock.Instant] = []
            for _ in 0..<3 * count + 300 {
                switch random.below(20) {
                case 0: pace.slowDown(at: now)
                case 1: now += period * random.below(3)
                case 2...4: now += .nanoseconds(1 + random.below(2_000_000_000 * seconds / count))
                case 5: pace.worked(at: now)
                case 6:
                    guard case .go = pace.take(at: now) else { continue }
                    pace.giveBack()
                default:
                    switch pace.take(at: now) {
                    case .go: taken.append(now)
                    case .notBefore(let moment):
                        #expect(moment > now)
                        now = random.below(2) == 0 ? moment : now
                    }
                }
            }
            #expect(most(of: taken, in: period) <= count + burst - 1, "seed \(seed)")
        }
    }

    /// The most that any half-open window of a length holds.
    private func most(of moments: [ContinuousClock.Instant], in window: Duration) -> Int {
        var first = 0
        var most = 0
        for (last, moment) in moments.enumerated() {
            while moment - moments[first] >= window { first += 1 }
            most = max(most, last - first + 1)
        }
        return most
    }
}

/// A repeatable source of chance (SplitMix64).
struct Walk: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    mutating func below(_ limit: Int) -> Int {
        Int(next() % UInt64(limit))
    }
}
