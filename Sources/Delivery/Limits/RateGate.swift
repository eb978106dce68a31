import DequeModule
import NIOCore
import Synchronization

/// Lets messages' content go as fast as a rate allows, in the order in which they asked, over all connections that share it.
///
/// The rate is kept in a ``RateLog``; on top of it, and without a rate in its place, stands the slowness that servers ask for.
final class RateGate: Sendable {
    private struct State {
        var pace: AdaptivePace
        var waiting: Deque<Clearance> = []
        /// Messages that connections have taken and that have not asked yet.
        var begun = 0
        /// Messages that ended and could not be noted yet.
        var owed = 0
        var isTimerSet = false
        /// Before which moment the rate gives nothing, as last seen.
        var earliest: RateLog.Moment = 0
        var share: RateLog.Moment = 0
        var trouble: String?
    }

    private enum Turn {
        case go
        case wait(Duration)
    }

    /// How far ahead of its leave a message may be begun: for the ledger and the envelope, while the server waits for content.
    private static let lead: RateLog.Moment = 500_000_000
    /// When to look again at a log that somebody else is at, that waits for another process's answer, or that failed.
    private static let (busy, foreign, failed): (Duration, Duration, Duration) =
        (.milliseconds(1), .milliseconds(20), .seconds(1))

    private let store: (any RateStore)?
    private let group: any EventLoopGroup
    private let state: Mutex<State>
    private let slowed = Atomic(false)

    /// A gate before a log; without one it stands open until somebody asks to slow down.
    init(_ store: (any RateStore)?, group: any EventLoopGroup, manner: AdaptivePace.Manner = .init()) {
        self.store = store
        self.group = group
        var state = State(pace: AdaptivePace(nil, at: .now, manner: manner))
        let now = BootClock.now
        if let seen = try? store?.update(at: now, { log, _ in (log.earliest, log.share) }) {
            (state.earliest, state.share) = seen
        }
        self.state = Mutex(state)
    }

    // MARK: - Messages

    /// A connection takes a message that will ask for leave.
    func began() {
        state.withLock { $0.begun += 1 }
    }

    /// That message asks now, or never will.
    func noLongerBegun() {
        state.withLock { $0.begun -= 1 }
    }

    /// How long a connection should wait before it takes a message, so that a server need not wait long for the content.
    ///
    /// `nil` if it can take one now. This is a matter of manners; what is exact is ``request(_:)``.
    func rest() -> Duration? {
        state.withLock { state in
            let ahead = state.waiting.count + state.begun
            var wait = state.pace.wait(behind: ahead, at: .now)
            if store != nil {
                wait = max(wait, .nanoseconds(state.earliest - BootClock.now) + .nanoseconds(state.share) * ahead)
            }
            let rest = wait - .nanoseconds(Self.lead)
            return rest > .zero ? rest : nil
        }
    }

    /// Asks for leave; says whether it is there, else ``Clearance/passed()`` is called when it is.
    func request(_ clearance: Clearance) -> Bool {
        state.withLock { state in
            if state.waiting.isEmpty {
                switch turn(&state) {
                case .go: return true
                case .wait(let time): setTimer(time, &state)
                }
            }
            state.waiting.append(clearance)
            return false
        }
    }

    /// Leaves the queue; `false` if it does not stand there any more.
    func withdraw(_ clearance: Clearance) -> Bool {
        state.withLock { state in
            guard let place = state.waiting.firstIndex(where: { $0 === clearance }) else { return false }
            state.waiting.remove(at: place)
            return true
        }
    }

    /// A message that had leave is over.
    func ended() {
        guard store != nil else { return }
        state.withLock { state in
            state.owed += 1
            if state.waiting.isEmpty { settle(&state) }
        }
        letGo()
    }

    // MARK: - Slowing down

    /// A server asks to be left alone for a while.
    func slowDown() {
        state.withLock { $0.pace.slowDown(at: .now) }
        slowed.store(true, ordering: .relaxed)
    }

    /// A message got through.
    func worked() {
        guard slowed.load(ordering: .relaxed) else { return }
        let isSlowed = state.withLock { state in
            state.pace.worked(at: .now)
            return state.pace.isSlowed
        }
        slowed.store(isSlowed, ordering: .relaxed)
        if !isSlowed { letGo() }
    }

    /// How many messages a second may go while it is slowed; `nil` if it is not.
    var slowLimit: Double? {
        guard slowed.load(ordering: .relaxed) else { return nil }
        return state.withLock { $0.pace.limit }
    }

    /// Why nothing goes at all, if the log cannot be kept.
    var trouble: String? {
        guard store != nil else { return nil }
        return state.withLock { $0.trouble }
    }

    // MARK: - Inside

    /// Lets go whoever may go now; calls them with the lock let go.
    private func letGo() {
        let free = state.withLock { state in
            var free: [Clearance] = []
            while let first = state.waiting.first {
                switch turn(&state) {
                case .go:
                    state.waiting.removeFirst()
                    free.append(first)
                    continue
                case .wait(let time): setTimer(time, &state)
                }
                break
            }
            return free
        }
        for clearance in free { clearance.passed() }
    }

    private func turn(_ state: inout State) -> Turn {
        if case .notBefore(let moment) = state.pace.take(at: .now) { return .wait(moment - .now) }
        guard store != nil else { return .go }
        let now = BootClock.now
        let answer = note(&state, at: now) { log, process in
            (log.take(process, at: now), log.earliest, log.share)
        }
        let wait: Duration
        switch answer {
        case .success(let (answer, earliest, share)?):
            (state.earliest, state.share) = (earliest, share)
            switch answer {
            case .go: return .go
            case .notBefore(let moment): wait = .nanoseconds(max(1, moment - now))
            case .afterAnAnswer: wait = Self.foreign
            }
        case .success(nil): wait = Self.busy
        case .failure: wait = Self.failed
        }
        state.pace.giveBack()
        return .wait(wait)
    }

    private func settle(_ state: inout State) {
        let now = BootClock.now
        switch note(&state, at: now, { log, _ in log.earliest }) {
        case .success(let earliest?): state.earliest = earliest
        case .success(nil): setTimer(Self.busy, &state)
        case .failure: setTimer(Self.failed, &state)
        }
    }

    /// Changes the log, and notes in it first what is owed.
    private func note<Value: Sendable>(
        _ state: inout State,
        at now: RateLog.Moment,
        _ body: (inout RateLog, Int) -> Value
    ) -> Result<Value?, any Error> {
        let owed = state.owed
        let result = Result {
            try store?.update(at: now) { log, process in
                for _ in 0..<owed { log.ended(process, at: now) }
                return body(&log, process)
            }
        }
        switch result {
        case .success(.some): (state.owed, state.trouble) = (0, nil)
        case .success(nil): break
        case .failure(let error): state.trouble = "the rate cannot be kept: \(error)"
        }
        return result
    }

    private func setTimer(_ time: Duration, _ state: inout State) {
        guard !state.isTimerSet else { return }
        state.isTimerSet = true
        group.next().scheduleTask(in: TimeAmount(time)) { [self] in
            self.state.withLock { state in
                state.isTimerSet = false
                if state.owed > 0, state.waiting.isEmpty { settle(&state) }
            }
            letGo()
        }
    }
}
