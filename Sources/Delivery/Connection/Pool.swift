import Core
import DequeModule

/// A route's connections: how many, when another, when none any more.
///
/// Pure: events in, actions out.
///
/// - The first connection proves the route. From then on as many may be on their way as there are open ones, while
///   messages wait and no connection is without work.
/// - A failed one is followed by a wait that grows (``Backoff``); meanwhile the others go on.
/// - TLS that cannot be trusted, and a greeting that refuses for good, count only if the next connection shows the same.
///   Then the route ends: no row may go where it was seen, however many connections worked before.
struct Pool {
    typealias ID = Int

    /// What is to be done.
    enum Action: Hashable {
        /// Connect.
        case open(ID)
        /// Say ``Pool/delayElapsed()`` after that time.
        case delay(Duration)
        /// Say ``Pool/paceElapsed()`` at that moment.
        case paceTimer(ContinuousClock.Instant)
        /// Have the connection ask for a message again.
        case wake(ID)
        /// Have the connection finish what is under way and say goodbye.
        case drain(ID)
        /// Have the connection stop at once.
        case stop(ID)
        /// Report the end; nothing is left.
        case finish(RouteEnd)
    }

    /// What a connection that could take a message is told.
    enum Turn: Hashable {
        /// Ask the source.
        ///
        /// `follow` asks for ``Pool/drew(_:)`` if it gives a message.
        case go(generation: Int, follow: Bool)
        /// Wait until woken.
        case parked
        /// Say goodbye.
        case leave
    }

    private enum Phase {
        case connecting
        case active
        case ready
    }

    private let maximum: Int
    private let limits: Limits
    private let server: String
    private let backoff: Backoff
    private var phases: [ID: Phase] = [:]
    private var nextID = 0
    private var readyCount = 0
    private var connectingCount = 0
    /// Ready, and told that there is nothing.
    private var idle: Deque<ID> = []
    /// Ready, and told by the pace to wait.
    private var paced: Deque<ID> = []
    private var pace: Pace?
    private var isPaceTimerSet = false
    private var isDelayed = false
    /// Whether messages wait, as far as is known.
    private var isWanted = true
    /// Counts calls of `wake`, so that one that comes between asking the source and parking is not missed.
    private var generation = 0
    private var failures = 0
    private var failuresByKind: [ConnectionEnd.Kind: Int] = [:]
    private var end: RouteEnd?
    private var isFinished = false
    /// The last failure since a connection worked.
    private(set) var problem: RouteProblem?

    init(_ route: RouteSettings, now: ContinuousClock.Instant) {
        maximum = max(1, route.connections)
        limits = route.limits
        server = route.host
        backoff = Backoff(first: route.limits.firstDelay, longest: route.limits.longestDelay)
        pace = route.rate.map { Pace($0, at: now) }
    }

    // MARK: From outside

    /// Opens the first connection.
    mutating func start() -> [Action] {
        grow() + settle()
    }

    /// The source has something again.
    mutating func wake() -> [Action] {
        generation &+= 1
        isWanted = true
        return wakeIdle() ?? grow()
    }

    /// The source has nothing for a while: connections that end are not replaced.
    mutating func rest() {
        isWanted = false
    }

    /// No more: what has not sent its end is given back.
    mutating func cancel() -> [Action] {
        end = end ?? .cancelled
        return leaveAll { .stop($0) }
    }

    // MARK: From connections

    /// There is a connection; says whether it is still wanted.
    mutating func activated(_ id: ID) -> Bool {
        guard phases[id] == .connecting, end == nil else { return false }
        phases[id] = .active
        return true
    }

    /// A verified session can carry mail.
    mutating func ready(_ id: ID) {
        guard phases[id] == .active else { return }
        phases[id] = .ready
        connectingCount -= 1
        readyCount += 1
        failuresByKind = [:]
    }

    /// A connection could take a message; `hasWorked` says that it has carried one to its end.
    mutating func turn(_ id: ID, hasWorked: Bool, now: ContinuousClock.Instant) -> (Turn, [Action]) {
        guard end == nil else { return (.leave, []) }
        if hasWorked, failures > 0 {
            failures = 0
            problem = nil
        }
        guard pace != nil else {
            return (.go(generation: generation, follow: readyCount < maximum || !idle.isEmpty), [])
        }
        switch pace?.take(at: now) {
        case .notBefore(let moment):
            paced.append(id)
            return (.parked, paceTimer(moment))
        case .go, nil:
            return (.go(generation: generation, follow: true), nextPaced(now))
        }
    }

    /// The source gave a message, so there may be more for others.
    mutating func drew(_ id: ID) -> [Action] {
        isWanted = true
        return wakeIdle() ?? grow()
    }

    /// The source had nothing.
    ///
    /// Says whether to ask again, since something came meanwhile.
    mutating func park(_ id: ID, generation asked: Int) -> Bool {
        pace?.giveBack()
        guard asked == generation else { return false }
        idle.append(id)
        isWanted = false
        return true
    }

    /// The source will have nothing ever again.
    mutating func sourceFinished() -> [Action] {
        end = end ?? .finished
        return leaveAll { .drain($0) }
    }

    /// A connection is gone, or never came to be; it had carried so many messages.
    ///
    /// `chance` is for the wait.
    mutating func closed(_ id: ID, _ how: ConnectionEnd, carried: Int, chance: Double) -> [Action] {
        switch phases.removeValue(forKey: id) {
        case .ready?: readyCount -= 1
        case .connecting?, .active?: connectingCount -= 1
        case nil: return []
        }
        idle.removeAll { $0 == id }
        paced.removeAll { $0 == id }
        guard how.kind != .goodbye else { return grow() + settle() }
        let problem = RouteProblem(how.reason, detail: how.detail, server: server)
        self.problem = problem
        failuresByKind[how.kind, default: 0] += 1
        if end == nil, let decided = decision(how.kind, problem) {
            end = decided
            return leaveAll { .drain($0) }
        }
        if carried >= 10 {
            failures = 0
            return grow() + settle()
        }
        failures = carried > 0 ? 1 : failures + 1
        guard end == nil, !isDelayed else { return settle() }
        isDelayed = true
        return [.delay(backoff.delay(after: failures, chance: chance))]
    }

    // MARK: Timers

    /// The wait after a failure is over.
    mutating func delayElapsed() -> [Action] {
        isDelayed = false
        return grow()
    }

    /// The pace may have something again.
    mutating func paceElapsed() -> [Action] {
        isPaceTimerSet = false
        return paced.popFirst().map { [.wake($0)] } ?? []
    }

    // MARK: Inside

    private func decision(_ kind: ConnectionEnd.Kind, _ problem: RouteProblem) -> RouteEnd? {
        let count = failuresByKind[kind, default: 0]
        switch kind {
        case .goodbye, .lost: return nil
        case .refused: return count >= limits.confirmations ? .stopped(problem) : nil
        case .insecure: return count >= limits.confirmations ? .held(problem) : nil
        case .handshakeLost: return count >= limits.handshakeLosses ? .held(problem) : nil
        case .authentication: return .stopped(problem)
        }
    }

    private mutating func grow() -> [Action] {
        guard end == nil, isWanted, !isDelayed, idle.isEmpty, paced.isEmpty else { return [] }
        guard phases.count < maximum, connectingCount < (failures > 0 ? 1 : max(1, readyCount)) else { return [] }
        let id = nextID
        nextID += 1
        phases[id] = .connecting
        connectingCount += 1
        return [.open(id)]
    }

    private mutating func wakeIdle() -> [Action]? {
        idle.popFirst().map { [.wake($0)] }
    }

    private mutating func nextPaced(_ now: ContinuousClock.Instant) -> [Action] {
        guard !paced.isEmpty, !isPaceTimerSet, var next = pace else { return [] }
        guard case .notBefore(let moment) = next.take(at: now) else {
            return paceTimer(now)
        }
        return paceTimer(moment)
    }

    private mutating func paceTimer(_ moment: ContinuousClock.Instant) -> [Action] {
        guard !isPaceTimerSet else { return [] }
        isPaceTimerSet = true
        return [.paceTimer(moment)]
    }

    /// Sends everybody home.
    ///
    /// Who is still connecting is not waited for: it will find that nobody wants it.
    private mutating func leaveAll(_ action: (ID) -> Action) -> [Action] {
        idle = []
        paced = []
        for (id, phase) in phases where phase == .connecting {
            phases[id] = nil
            connectingCount -= 1
        }
        return phases.keys.sorted().map(action) + settle()
    }

    private mutating func settle() -> [Action] {
        guard let end, phases.isEmpty, !isFinished else { return [] }
        isFinished = true
        return [.finish(end)]
    }
}
