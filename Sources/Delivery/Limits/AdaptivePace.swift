import Glibc

/// A pace that gives way when a server asks for it, and comes back by itself.
///
/// Two buckets, and a message needs both: the configured rate's, which is exact and never changes, and one that is there only
/// while the pace is slowed. So whatever happens, no stretch of time sees more than the configured rate's share and burst.
///
/// - Asked to slow down, it goes on at half of what was really sent lately, evenly spaced; connections that are all told so at
///   once count as one. If nothing was sent since it was asked last, there is nothing to halve.
/// - While messages get through, it quickens by a quarter from time to time, until it is what it was: the configured rate, or
///   no limit, which is lifted at twice the speed at which the server complained.
/// - Ten minutes in which nobody asked, and time for four messages, make an end of it, however little was sent.
///
/// Pure: time is handed in, and must not go backwards.
public struct AdaptivePace: Sendable {
    /// How it gives way and comes back.
    public struct Manner: Hashable, Sendable {
        /// Requests to slow down that come within this time of the last one are the same one.
        public var patience: Duration = .seconds(5)
        /// How long one speed is kept before the next step up.
        public var step: Duration = .seconds(10)
        /// How much a step up quickens.
        public var gain = 1.25
        /// After how long without a request all is as before.
        public var forgets: Duration = .seconds(600)
        /// What "lately" is.
        public var memory: Duration = .seconds(5)
        /// The slowest, in messages a second, unless the configured rate is near it.
        public var lowest = 0.2

        /// The usual manner.
        public init() {}
    }

    /// A bucket of one, with a rate of its own.
    private struct Slowness {
        /// Messages a second.
        var rate: Double
        /// At which speed the limit is lifted.
        var goal: Double
        /// Before which moment nothing goes.
        var next: ContinuousClock.Instant
        /// What `next` was before the last one was taken.
        var before: ContinuousClock.Instant?
        /// When somebody asked last.
        var asked: ContinuousClock.Instant
        /// When the rate was changed last.
        var changed: ContinuousClock.Instant
        /// Whether anything was taken since somebody asked.
        var isUsed = false

        var share: Duration { .seconds(1 / rate) }

        mutating func change(to rate: Double, at now: ContinuousClock.Instant) {
            next -= share
            self.rate = rate
            next += share
            before = nil
            changed = now
        }
    }

    private let configured: Double?
    private let manner: Manner
    private var pace: Pace?
    private var slowness: Slowness?
    private var meter: Meter

    /// Starts with an empty bucket; without a rate there is no limit until somebody asks to slow down.
    public init(_ rate: RouteSettings.Rate?, at now: ContinuousClock.Instant) {
        self.init(rate, at: now, manner: Manner())
    }

    /// Starts with an empty bucket and a manner of its own.
    public init(_ rate: RouteSettings.Rate?, at now: ContinuousClock.Instant, manner: Manner) {
        configured = rate.map { Double(max(1, $0.count)) / max(1e-9, $0.period / .seconds(1)) }
        pace = rate.map { Pace($0, at: now) }
        self.manner = manner
        meter = Meter(memory: manner.memory, at: now)
    }

    /// Whether it goes slower than configured.
    public var isSlowed: Bool { slowness != nil }

    /// The limit right now, in messages a second; `nil` for none.
    public var limit: Double? {
        guard let slow = slowness?.rate else { return configured }
        return min(slow, configured ?? slow)
    }

    /// How long one that comes behind others would wait because it is slowed.
    func wait(behind others: Int, at now: ContinuousClock.Instant) -> Duration {
        guard let slowness else { return .zero }
        return max(.zero, slowness.next - now) + slowness.share * others
    }

    /// Takes one, if one is there.
    public mutating func take(at now: ContinuousClock.Instant) -> Pace.Answer {
        if let slow = slowness, now - slow.asked >= max(manner.forgets, slow.share * 4) { slowness = nil }
        if let next = slowness?.next, now < next { return .notBefore(next) }
        if case .notBefore(let moment)? = pace?.take(at: now) { return .notBefore(moment) }
        if let slow = slowness {
            slowness?.before = slow.next
            slowness?.next = max(slow.next, now) + slow.share
            slowness?.isUsed = true
        }
        meter.count(at: now)
        return .go
    }

    /// Puts back the one that was taken last, if it was not used; only before another is taken.
    public mutating func giveBack() {
        pace?.giveBack()
        if let before = slowness?.before.take() { slowness?.next = before }
        meter.discount()
    }

    /// Somebody asked to slow down: goes on at half of what was really sent lately.
    public mutating func slowDown(at now: ContinuousClock.Instant) {
        if let slow = slowness {
            guard now - slow.asked >= manner.patience else { return }
            slowness?.asked = now
            guard slow.isUsed else { return }
        }
        let usual = limit
        let lately = meter.rate(at: now)
        // Who never sent anything cannot have been too fast; one a second is a beginning.
        let speed = lately.map { min($0, usual ?? $0) } ?? usual ?? 2
        let lowest = min(manner.lowest, (configured ?? .infinity) / 8)
        let rate = max(lowest, speed / 2)
        let goal = configured ?? max(slowness?.goal ?? 0, 2 * speed)
        slowness = Slowness(rate: rate, goal: goal, next: now + .seconds(1 / rate), asked: now, changed: now)
    }

    /// A message got through: the next step up, when its time has come.
    public mutating func worked(at now: ContinuousClock.Instant) {
        guard let slow = slowness, now - slow.changed >= manner.step, now - slow.asked >= manner.step else { return }
        let rate = slow.rate * manner.gain
        guard rate < slow.goal else {
            slowness = nil
            return
        }
        slowness?.change(to: rate, at: now)
    }
}

/// How many messages a second were sent lately, fading.
private struct Meter: Sendable {
    private let memory: Duration
    /// Messages a second, of all that is remembered.
    private var rate = 0.0
    private var before: Double?
    private var moment: ContinuousClock.Instant
    /// Of how much of the memory the rate speaks: 0 at the beginning or after a rest, 1 in the long run.
    private var known = 0.0

    init(memory: Duration, at now: ContinuousClock.Instant) {
        self.memory = memory
        moment = now
    }

    mutating func count(at now: ContinuousClock.Instant) {
        fade(to: now)
        before = rate
        rate += .seconds(1) / memory
    }

    mutating func discount() {
        rate = before.take() ?? rate
    }

    /// `nil` if nothing was sent lately.
    mutating func rate(at now: ContinuousClock.Instant) -> Double? {
        fade(to: now)
        guard rate > 0 else { return nil }
        // A hundredth of the memory is the least that can be spoken of.
        return rate / max(known, 0.01)
    }

    private mutating func fade(to now: ContinuousClock.Instant) {
        let age = (now - moment) / memory
        guard age > 0 else { return }
        moment = now
        // What lies further back is no longer "lately".
        guard age < 6 else {
            (rate, known, before) = (0, 0, nil)
            return
        }
        let left = exp(-age)
        rate *= left
        known = 1 - (1 - known) * left
        before = nil
    }
}
