import Core
import Delivery
import Intake
import Synchronization

/// Mail to the domains of one provider, to a group of domains or to one domain, and how fast it may go.
///
/// All jobs of a site share it, however many connections they have: a message to one of its domains goes when the lane gives
/// way, and at no other moment.
final class Lane: Sendable {
    /// The provider's, group's or domain's name.
    let name: String
    /// The configured pace.
    let rate: RouteSettings.Rate?
    /// When it began.
    let begun: ContinuousClock.Instant
    private let state: Mutex<State>
    private let slowed = Atomic(false)

    private struct State {
        /// The slowness that servers ask for.
        var pace: AdaptivePace
        /// The configured pace, exact where the messages arrive: one counts from here until a period after its answer.
        var log: RateLog?
    }

    /// How long a message waits that only an answer to another can let go.
    private static let anAnswer: Duration = .milliseconds(20)

    init(_ name: String, _ rate: RouteSettings.Rate?, at now: ContinuousClock.Instant) {
        self.name = name
        self.rate = rate
        begun = now
        state = Mutex(State(pace: AdaptivePace(nil, at: now), log: rate.map { RateLog($0, at: 0) }))
    }

    /// Whether messages may have to wait for it: it has a limit, or its server asked to slow down.
    var isLimited: Bool { rate != nil || slowed.load(ordering: .relaxed) }

    /// Takes the right to send one message; ``ended(at:)`` must follow, whatever becomes of it.
    func take(at now: ContinuousClock.Instant) -> Pace.Answer {
        state.withLock { state in
            defer { note(state.pace) }
            let answer = state.pace.take(at: now)
            guard case .go = answer, let taken = state.log?.take(0, at: moment(now)), taken != .go else {
                return answer
            }
            state.pace.giveBack()
            switch taken {
            case .notBefore(let moment): return .notBefore(begun + .nanoseconds(moment))
            case .afterAnAnswer, .go: return .notBefore(now + Self.anAnswer)
            }
        }
    }

    /// A message for which the right was taken has its answer, or will not go.
    func ended(at now: ContinuousClock.Instant = .now) {
        guard rate != nil else { return }
        state.withLock { $0.log?.ended(0, at: moment(now)) }
    }

    /// A server that speaks for these recipients asked to slow down.
    func slowDown(at now: ContinuousClock.Instant) {
        state.withLock { state in
            state.pace.slowDown(at: now)
            note(state.pace)
        }
    }

    /// A message to these recipients was taken.
    func worked(at now: ContinuousClock.Instant) {
        guard slowed.load(ordering: .relaxed) else { return }
        state.withLock { state in
            state.pace.worked(at: now)
            note(state.pace)
        }
    }

    /// About how long so many messages take.
    func duration(of messages: Int) -> Duration {
        let configured = rate.map { Double($0.count) / max(1e-9, $0.period / .seconds(1)) }
        let slow = state.withLock { $0.pace.limit }
        let limit = min(configured ?? 1_000, slow ?? .infinity)
        return .seconds(Double(messages) / max(limit, 1e-6))
    }

    private func moment(_ now: ContinuousClock.Instant) -> RateLog.Moment {
        let (seconds, attoseconds) = (now - begun).components
        return max(0, seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    private func note(_ pace: borrowing AdaptivePace) {
        if slowed.load(ordering: .relaxed) != pace.isSlowed { slowed.store(pace.isSlowed, ordering: .relaxed) }
    }
}

/// The lanes of a site in this process.
///
/// Every recipient has one, so that an answer that asks to slow down finds it; most of them are never limited. Providers and
/// groups are few; of single domains only so many are kept, and those first that somebody waits for. A lane that was let go begins
/// anew with an empty bucket, so that nothing is gained by being forgotten.
final class DomainPaces: Sendable {
    private struct Storage {
        /// By domain.
        var lanes: [String: Lane] = [:]
        /// Those of providers and groups, by name: several domains have one.
        var shared: [String: Lane] = [:]
        var limit: Int
        var last: (domain: String, lane: Lane)?
    }

    private let limits: DomainLimits
    private let usualLimit: Int
    private let storage: Mutex<Storage>

    /// Begins with empty buckets.
    ///
    /// - Parameters:
    ///   - limits: What the site says.
    ///   - kept: About how many domains are remembered.
    init(_ limits: DomainLimits, keeping kept: Int = 4_096) {
        self.limits = limits
        usualLimit = kept
        storage = Mutex(Storage(limit: kept))
    }

    /// How many domains are remembered.
    var count: Int { storage.withLock { $0.lanes.count } }

    /// The lane of a recipient's domain.
    func lane(of domain: String) -> Lane {
        storage.withLock { storage in
            if let last = storage.last, last.domain == domain { return last.lane }
            let lane = storage.lanes[domain] ?? make(domain, &storage)
            storage.last = (domain, lane)
            return lane
        }
    }

    private func make(_ domain: String, _ storage: inout Storage) -> Lane {
        if storage.lanes.count >= storage.limit { sweep(&storage) }
        let found = limits.lane(of: domain)
        if !found.isSingle, let lane = storage.shared[found.name] {
            storage.lanes[domain] = lane
            return lane
        }
        let new = Lane(found.name, found.rate.map { RouteSettings.Rate($0) }, at: .now)
        storage.lanes[domain] = new
        if !found.isSingle { storage.shared[found.name] = new }
        return new
    }

    /// Forgets the domains whose lanes nobody holds; those of providers and groups stay, under their names.
    private func sweep(_ storage: inout Storage) {
        storage.last = nil
        var gone: [String] = []
        for index in storage.lanes.indices {
            let lane = storage.lanes[index].value
            let isSlowed = lane.rate == nil && lane.isLimited
            guard !isSlowed || storage.shared[lane.name] != nil else { continue }
            gone.append(storage.lanes[index].key)
        }
        for domain in gone {
            guard let index = storage.lanes.index(forKey: domain) else { continue }
            // A lane that somebody holds and that is made anew would let twice as much through.
            let isShared = storage.shared[storage.lanes.values[index].name] != nil
            if isShared || isKnownUniquelyReferenced(&storage.lanes.values[index]) { storage.lanes.remove(at: index) }
        }
        // Where most are held, looking at them for each new one would take longer than keeping it.
        storage.limit = max(usualLimit, 2 * storage.lanes.count)
    }
}
