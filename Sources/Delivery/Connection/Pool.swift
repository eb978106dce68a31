import Core
import DequeModule

/// A route's connections: how many, to which relay, when another, when none any more.
///
/// Pure: events in, actions out.
///
/// - The first connection to a relay proves it. From then on four may be on their way, or as many as there are open ones if that is
///   more, but no more at a time than messages wait, and none while a connection is without work.
/// - A failed one sets its relay aside for a time that grows (``Backoff``); meanwhile the others go on.
/// - A relay whose TLS cannot be trusted twice in a row is out, and its connections leave, however many worked before; it is tried
///   again like any other that failed. When all are out, the route ends. Refused credentials end it at once.
struct Pool {
    typealias ID = Int

    /// What is to be done.
    enum Action: Hashable {
        /// Connect to that relay, as soon as the route has a connection to spare.
        case open(ID, relay: Int = 0)
        /// Say ``Pool/delayElapsed(_:)`` after that time.
        case delay(Duration, relay: Int = 0)
        /// Say ``Pool/paceElapsed()`` after that time.
        case paceTimer(Duration)
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
        /// `follow` asks for ``Pool/drew(_:waiting:)`` if it gives a message.
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
        /// Ready, and asked to leave.
        case leaving
    }

    private let maximum: Int
    private let backoff: Backoff
    private var relays: [RelayHealth]
    /// Where to begin among relays that have equally many connections.
    private var turnOfRelay: Int
    private var phases: [ID: (phase: Phase, relay: Int)] = [:]
    private var nextID = 0
    /// Ready, and told that there is nothing.
    private var idle: Deque<ID> = []
    /// Ready, and told by the pace to wait.
    private var paced: Deque<ID> = []
    private var isPaceTimerSet = false
    /// Whether messages wait, as far as is known.
    private var isWanted = true
    /// Counts calls of `wake`, so that one that comes between asking the source and parking is not missed.
    private var generation = 0
    private var hasBegun = false
    private var end: RouteEnd?
    private var isFinished = false

    /// A pool without connections; the first goes to the relay of that number.
    init(_ route: RouteSettings, first relay: Int = 0) {
        maximum = max(1, route.connections)
        backoff = Backoff(first: route.limits.firstDelay, longest: route.limits.longestDelay)
        relays = route.relays.map { RelayHealth($0.host, limits: route.limits) }
        turnOfRelay = relay % relays.count
    }

    /// What keeps the route from sending right now, if something does: no relay has worked since its last failure.
    var problem: RouteProblem? {
        guard relays.allSatisfy({ $0.problem != nil }) else { return nil }
        return relays.lazy.compactMap(\.problem).first { $0.reason != .connect } ?? relays[0].problem
    }

    /// The relays that do not work now, while others do.
    var setAside: [RouteProblem] {
        let problems = relays.compactMap { $0.isResting || $0.verdict != nil ? $0.problem : nil }
        return problems.count < relays.count ? problems : []
    }

    // MARK: From outside

    /// Opens the first connection.
    mutating func start() -> [Action] {
        hasBegun = true
        return grow() + settle()
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

    /// Another job has none and needs one more than we do.
    mutating func giveUp() -> [Action] {
        let unused = idle.popFirst() ?? paced.popFirst()
        let ready = phases.lazy.filter { $0.value.phase == .ready }.map(\.key)
        guard let id = unused ?? ready.min() else { return [] }
        return [leave(id)]
    }

    // MARK: From connections

    /// Whether a connection that had to wait until one was to spare is still of use; if not, it is forgotten.
    mutating func mayConnect(_ id: ID) -> Bool {
        guard phases[id]?.phase == .connecting, let relay = phases[id]?.relay else { return false }
        if end == nil, isWanted, idle.isEmpty, paced.isEmpty { return true }
        phases[id] = nil
        relays[relay].connecting -= 1
        return false
    }

    /// There is a connection; says whether it is still wanted.
    mutating func activated(_ id: ID) -> Bool {
        guard phases[id]?.phase == .connecting, end == nil else { return false }
        phases[id]?.phase = .active
        return true
    }

    /// A verified session can carry mail.
    mutating func ready(_ id: ID) {
        guard let (phase, relay) = phases[id], phase == .active else { return }
        phases[id]?.phase = .ready
        relays[relay].isReady()
    }

    /// A connection could take a message; `hasWorked` says that it has carried one to its end, `rest` for how long the pace asks
    /// it to wait.
    mutating func turn(_ id: ID, hasWorked: Bool, rest: Duration? = nil) -> (Turn, [Action]) {
        guard end == nil, let (phase, relay) = phases[id], phase != .leaving else { return (.leave, nextPaced()) }
        if hasWorked, relays[relay].problem != nil { relays[relay].worked() }
        guard let rest else {
            let follow = phases.count < maximum || !idle.isEmpty
            return (.go(generation: generation, follow: follow), nextPaced())
        }
        paced.append(id)
        return (.parked, paceTimer(rest))
    }

    /// The source gave a message, and has about so many for others.
    mutating func drew(_ id: ID, waiting: Int = 1) -> [Action] {
        isWanted = true
        guard waiting > 0 else { return [] }
        if let woken = wakeIdle() { return woken }
        var actions: [Action] = []
        // At once, so that their handshakes pass while others answer.
        while actions.count < waiting, let next = grow().first { actions.append(next) }
        return actions
    }

    /// The source had nothing.
    ///
    /// Says whether to ask again, since something came meanwhile.
    mutating func park(_ id: ID, generation asked: Int) -> Bool {
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
        guard let (phase, relay) = phases.removeValue(forKey: id) else { return [] }
        switch phase {
        case .ready, .leaving: relays[relay].ready -= 1
        case .connecting, .active: relays[relay].connecting -= 1
        }
        idle.removeAll { $0 == id }
        paced.removeAll { $0 == id }
        guard how.kind != .goodbye else { return nextPaced() + grow() + settle() }
        let failures = relays[relay].failed(how, carried: carried)
        if end == nil, let decided = decision(relay) {
            end = decided
            return leaveAll { .drain($0) }
        }
        // Where it was seen no row may go, however many connections to it worked before.
        let leaving = relays[relay].verdict == nil ? [] : leaveRelay(relay)
        guard end == nil, let failures, !relays[relay].isResting else {
            return leaving + nextPaced() + grow() + settle()
        }
        relays[relay].isResting = true
        let delay = backoff.delay(after: failures, chance: chance)
        return leaving + [.delay(delay, relay: relay)] + nextPaced() + grow() + settle()
    }

    // MARK: Timers

    /// The wait after a relay's failure is over.
    ///
    /// If the others have taken all connections, one of them makes room: else a relay that was away for a moment would stay
    /// without mail.
    mutating func delayElapsed(_ relay: Int = 0) -> [Action] {
        relays[relay].isResting = false
        let actions = grow()
        let isUnused = relays[relay].ready + relays[relay].connecting == 0
        guard actions.isEmpty, isUnused, end == nil, isWanted, idle.isEmpty, paced.isEmpty, phases.count >= maximum,
            let busiest = relays.indices.max(by: { relays[$0].ready < relays[$1].ready }), relays[busiest].ready > 1,
            let id = phases.filter({ $0.value.relay == busiest && $0.value.phase == .ready }).keys.min()
        else { return actions }
        return [leave(id)]
    }

    /// The pace may have something again.
    mutating func paceElapsed() -> [Action] {
        isPaceTimerSet = false
        return paced.popFirst().map { [.wake($0)] } ?? []
    }

    // MARK: Inside

    /// How the route ends by a relay's last failure: at once if our credentials are refused, else when no relay is left.
    ///
    /// Where one of them does not keep the promise, that is what people must hear.
    private func decision(_ relay: Int) -> RouteEnd? {
        if case .stopped(let problem)? = relays[relay].verdict, problem.reason == .authentication {
            return relays[relay].verdict
        }
        let verdicts = relays.compactMap(\.verdict)
        guard verdicts.count == relays.count else { return nil }
        return verdicts.first { if case .held = $0 { true } else { false } } ?? verdicts.first
    }

    private mutating func grow() -> [Action] {
        guard hasBegun, end == nil, isWanted, idle.isEmpty, paced.isEmpty, phases.count < maximum else { return [] }
        let relay = relays.indices.filter { relays[$0].canGrow }
            .min { burden($0) < burden($1) }
        guard let relay else { return [] }
        turnOfRelay = (relay + 1) % relays.count
        let id = nextID
        nextID += 1
        phases[id] = (.connecting, relay)
        relays[relay].connecting += 1
        return [.open(id, relay: relay)]
    }

    /// How little a relay is fit for the next connection: while nothing works, one that failed is no good before the others; then
    /// by how many it has.
    private func burden(_ relay: Int) -> (Int, Int, Int) {
        let health = relays[relay]
        let isDoubtful = health.problem != nil && relays.allSatisfy { $0.ready == 0 }
        let distance = (relay - turnOfRelay + relays.count) % relays.count
        return (isDoubtful ? 1 : 0, health.ready + health.connecting, distance)
    }

    private mutating func wakeIdle() -> [Action]? {
        // While the pace has others wait, those come first.
        guard paced.isEmpty else { return [] }
        return idle.popFirst().map { [.wake($0)] }
    }

    /// One timer wakes those whom the pace has wait, one after the other.
    private mutating func nextPaced() -> [Action] {
        paced.isEmpty ? [] : paceTimer(.zero)
    }

    private mutating func paceTimer(_ rest: Duration) -> [Action] {
        guard !isPaceTimerSet else { return [] }
        isPaceTimerSet = true
        return [.paceTimer(rest)]
    }

    private mutating func leave(_ id: ID) -> Action {
        phases[id]?.phase = .leaving
        return .drain(id)
    }

    private mutating func leaveRelay(_ relay: Int) -> [Action] {
        let ready = phases.filter { $0.value.relay == relay && $0.value.phase == .ready }.keys
        idle.removeAll { ready.contains($0) }
        paced.removeAll { ready.contains($0) }
        return ready.sorted().map { leave($0) }
    }

    /// Sends everybody home.
    ///
    /// Who is still connecting is not waited for: it will find that nobody wants it.
    private mutating func leaveAll(_ action: (ID) -> Action) -> [Action] {
        idle = []
        paced = []
        for (id, (phase, relay)) in phases where phase == .connecting {
            phases[id] = nil
            relays[relay].connecting -= 1
        }
        return phases.keys.sorted().map(action) + settle()
    }

    private mutating func settle() -> [Action] {
        guard hasBegun, let end, phases.isEmpty, !isFinished else { return [] }
        isFinished = true
        return [.finish(end)]
    }
}
