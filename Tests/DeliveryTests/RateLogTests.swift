import Testing

@testable import Delivery

@Suite("A rate that holds where messages arrive")
struct RateLogTests {
    private let second: RateLog.Moment = 1_000_000_000

    private func log(_ count: Int, per period: Duration = .seconds(1), burst: Int = 1, at now: RateLog.Moment = 0)
        -> RateLog
    {
        RateLog(.init(count, per: period, burst: burst), at: now)
    }

    @Test("It starts empty and is spaced evenly")
    func spacing() {
        var log = log(50, at: 7 * second)
        same(log.take(0, at: 7 * second), .notBefore(7 * second + 20_000_000))
        same(log.take(0, at: 7 * second + 20_000_000), .go)
        same(log.take(0, at: 7 * second + 20_000_000), .notBefore(7 * second + 40_000_000))
    }

    @Test("Messages without an answer count as if all were seen at once")
    func unanswered() {
        var log = log(3)
        for third in 1...3 { same(log.take(0, at: RateLog.Moment(third) * second), .go) }
        same(log.take(0, at: 100 * second), .afterAnAnswer)
        log.ended(0, at: 100 * second)
        guard case .notBefore(let moment) = log.take(0, at: 100 * second) else {
            Issue.record("no wait")
            return
        }
        #expect((101 * second...101 * second + 4_000_000).contains(moment), "a period after the answer, and a slot")
        same(log.take(0, at: moment), .go)
    }

    @Test("A busy sender whose server answers at once has nearly all of the rate")
    func throughput() {
        for (rate, latency) in [(50, 1), (50, 10), (1000, 1)] {
            var log = log(rate)
            var now: RateLog.Moment = 0
            var open: [RateLog.Moment] = []
            var count = 0
            while now < 20 * second {
                if let first = open.first, first <= now {
                    open.removeFirst()
                    log.ended(0, at: first)
                    continue
                }
                switch log.take(0, at: now) {
                case .go:
                    count += 1
                    open.append(now + RateLog.Moment(latency) * 1_000_000)
                case .notBefore(let moment): now = min(moment, open.first.map { max($0, now + 1) } ?? moment)
                case .afterAnAnswer: now = open.first ?? now
                }
            }
            let expected = 20.0 * Double(rate) / (1.003 + Double(latency) / 1000)
            #expect(Double(count) >= expected * 0.98, "\(count) of \(20 * rate) at \(latency) ms")
        }
    }

    @Test(
        "However long answers take and whenever the server looks, no period sees more than the rate and its burst",
        arguments: [(50, 1, 1), (50, 1, 10), (7, 1, 3), (13, 60, 5), (1, 3, 1), (400, 3600, 1)]
    )
    func property(_ count: Int, _ seconds: Int, _ burst: Int) {
        let period = RateLog.Moment(seconds) * second
        for seed in 1...30 as ClosedRange<UInt64> {
            var random = Walk(state: seed)
            var log = log(count, per: .seconds(seconds), burst: burst)
            var now: RateLog.Moment = 0
            var seen: [RateLog.Moment] = []
            // When each was seen, and when its answer is here; processes are killed and log files read again now and then.
            var open: [(seen: RateLog.Moment, answer: RateLog.Moment, process: Int)] = []
            while seen.count < 4 * count + 20 {
                let jitter = random.below(3) == 0 ? period / 2 : period / RateLog.Moment(count)
                open.removeAll { message in
                    guard message.answer <= now else { return false }
                    log.ended(message.process, at: now)
                    return true
                }
                let process = random.below(3)
                if random.below(200) == 0 {
                    // Killed: what was under way is seen at once or never.
                    log.reap(process, at: now)
                    for message in open where message.process == process && message.seen > now {
                        seen.removeAll { $0 == message.seen }
                    }
                    open.removeAll { $0.process == process }
                }
                if random.below(10) == 0 {
                    let rate = RouteSettings.Rate(count, per: .seconds(seconds), burst: burst)
                    guard let read = RateLog(log.bytes, rate: rate, at: now), read == log else {
                        Issue.record("not read as written")
                        return
                    }
                    log = read
                }
                switch log.take(process, at: now) {
                case .go:
                    let seenAt = now + RateLog.Moment(random.below(Int(jitter)))
                    seen.append(seenAt)
                    open.append((seenAt, seenAt + RateLog.Moment(random.below(Int(jitter))), process))
                case .notBefore(let moment):
                    #expect(moment > now)
                    now = min(moment, open.map(\.answer).filter { $0 > now }.min() ?? moment)
                case .afterAnAnswer:
                    guard let next = open.map(\.answer).min() else {
                        Issue.record("waits for an answer that nobody owes")
                        return
                    }
                    now = max(now, next)
                }
            }
            seen.sort()
            var first = 0
            for (last, moment) in seen.enumerated() {
                while moment - seen[first] >= period { first += 1 }
                guard last - first + 1 <= count + burst - 1 else {
                    Issue.record("seed \(seed): \(last - first + 1) within a period")
                    return
                }
            }
        }
    }

    @Test("A process that is gone: what it had under way counts from now for a period")
    func reaped() {
        var log = log(2)
        same(log.take(5, at: second), .go)
        same(log.take(5, at: 2 * second), .go)
        same(log.take(1, at: 3 * second), .afterAnAnswer)
        log.reap(5, at: 3 * second)
        same(log.take(1, at: 3 * second + second / 2) == .go, false)
        same(log.take(1, at: 4 * second + second / 100), .go)
    }

    @Test("A damaged log is not believed, byte by byte")
    func damaged() {
        var log = log(50)
        for moment in 1...40 { _ = log.take(moment % 3, at: RateLog.Moment(moment) * 30_000_000) }
        for _ in 0..<20 { log.ended(1, at: second) }
        let rate = RouteSettings.Rate(50)
        let bytes = log.bytes
        same(bytes.count, RateLog.byteCount)
        #expect(RateLog.byteCount < 4096)
        same(RateLog(bytes, rate: rate, at: second), log)
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(RateLog(damaged, rate: rate, at: second) == nil)
        }
        same(RateLog(Array(bytes.dropLast()), rate: rate, at: second), nil)
    }

    @Test("Under another rate, all that was let go counts from now")
    func anotherRate() {
        var old = log(100, burst: 100, at: 10 * second)
        for _ in 0..<30 { same(old.take(0, at: 11 * second), .go) }
        for _ in 0..<20 { old.ended(0, at: 11 * second) }
        let read = RateLog(old.bytes, rate: .init(25, per: .seconds(10)), at: 12 * second)
        var log = read ?? self.log(1)
        for _ in 0..<10 { log.ended(0, at: 12 * second) }
        guard case .notBefore(let moment) = log.take(0, at: 13 * second) else {
            Issue.record("more than the new rate")
            return
        }
        #expect(moment >= 22 * second)
    }

    @Test("Carried over from before the machine started: counts until the moment has passed by a period")
    func carried() {
        var old = log(10, per: .seconds(3600), burst: 10, at: 50_000 * second)
        for _ in 0..<8 { same(old.take(0, at: 60_000 * second), .go) }
        var new = log(10, per: .seconds(3600), burst: 10, at: 60 * second)
        new.carry(old, writeBack: .seconds(35))
        // Of nineteen, eight went before the start, and ten may have gone in the last moment before it.
        same(new.recent, 18)
        var gone = 0
        for minute in 2..<60 {
            if new.take(0, at: RateLog.Moment(minute) * 60 * second) == .go { gone += 1 }
        }
        same(gone, 1)
        same(new.take(0, at: 3610 * second), .go)
        // A rate by the second has forgotten it before anybody could ask.
        var quick = log(50, at: 60 * second)
        quick.carry(old, writeBack: .seconds(35))
        same(quick.recent, 0)
    }
}
