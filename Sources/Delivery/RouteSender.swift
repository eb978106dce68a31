import Core
import DequeModule
public import NIOCore
import NIOPosix
import OpenSSL
import Synchronization

/// Sends a source's messages over one route: as many connections as the route allows, each carrying many messages.
///
/// Nothing but EHLO, STARTTLS and QUIT is said before TLS is up and the server verified, and no message is asked of the
/// source before. What a connection's end means for the route is decided in ``Pool``, what a reply means for a row in ``Judgement``.
public final class RouteSender: Sendable {
    private struct State {
        var pool: Pool
        var handlers: [Pool.ID: NIOLoopBound<SessionHandler>] = [:]
        /// Connections that wait until the route has one to spare, oldest first, with their relays.
        var applying: Deque<(id: Pool.ID, relay: Int)> = []
        /// Those that the route has given us.
        var lines: Set<Pool.ID> = []
        /// What the route knows us by while we run.
        var member: LineShare.Member?
        var end: CheckedContinuation<RouteEnd, Never>?
        var hasBegun = false
        var isCancelled = false
    }

    private let route: RouteSettings
    private let source: any MessageSource
    private let group: any EventLoopGroup
    /// Those of its loops that have connections.
    private let loops: [any EventLoop]
    /// What the ledger says of each loop's messages.
    private let news: [LedgerNews]
    private let tls: TLSContext
    private let budget: RouteBudget
    /// What a message must pass: the job's own rate, then the route's.
    private let gates: [RateGate]
    private let state: Mutex<State>

    /// Prepares a route on the process's own event loops; throws if its roots cannot be read.
    public convenience init(route: RouteSettings, source: any MessageSource) throws {
        try self.init(route: route, group: MultiThreadedEventLoopGroup.singleton, source: source)
    }

    /// Prepares a route; throws if its roots cannot be read.
    ///
    /// - Parameters:
    ///   - route: The route.
    ///   - group: The event loops.
    ///   - loops: How many of them have connections, the next ones of the group; all of them where it is `nil`.
    ///   - source: Where messages come from.
    ///   - budget: What the route's senders share; one that this sender has to itself without it.
    ///   - rate: A rate of this sender's own, which holds besides the route's.
    public init(
        route: RouteSettings,
        group: any EventLoopGroup,
        loops: Int? = nil,
        source: any MessageSource,
        budget: RouteBudget? = nil,
        rate: (any RateStore)? = nil
    ) throws {
        self.route = route
        self.group = group
        let all = Array(group.makeIterator())
        self.loops = loops.map { count in (0..<max(1, min(count, all.count))).map { _ in group.next() } } ?? all
        news = self.loops.map { LedgerNews($0) }
        self.source = source
        tls = try TLSContext(route)
        let budget = budget ?? RouteBudget(route, group: group)
        self.budget = budget
        gates = (rate.map { [RateGate($0, group: group)] } ?? []) + [budget.gate]
        state = Mutex(State(pool: Pool(route, first: .random(in: route.relays.indices))))
    }

    /// Sends until the source has finished, the route ends by itself, or the task is cancelled; then says goodbye on
    /// every connection and returns.
    ///
    /// Call it once.
    ///
    /// When the task is cancelled, messages whose end is not on the wire are given back (``AttemptResult/Verdict/notTried``); for
    /// the others the answer is awaited, up to ``Timeouts/stop``.
    public func run() async -> RouteEnd {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let member = budget.join(
                    RouteBudget.Member(
                        granted: { [self] in granted() },
                        giveUp: { [self] in perform { $0.pool.giveUp() } }
                    )
                )
                perform { state in
                    state.end = continuation
                    state.member = member
                    state.hasBegun = true
                    return (state.isCancelled ? state.pool.cancel() : []) + state.pool.start()
                }
            }
        } onCancel: {
            perform { state in
                state.isCancelled = true
                // Before the run began there is nobody to tell.
                return state.end == nil ? [] : state.pool.cancel()
            }
        }
    }

    /// Says that the source has something again after ``NextMessage/later``.
    ///
    /// Any thread; cheap when nobody waits.
    public func wake() {
        // Before the run has begun there is nobody to tell how the route ends; it asks the source by itself then.
        perform { $0.hasBegun ? $0.pool.wake() : [] }
    }

    /// Takes back messages whose content is not on its way, as while the source is paused; answers to the others are
    /// awaited as always.
    ///
    /// Connections that have to be closed for it are made anew when the source says that it has something.
    public func recall() {
        let handlers = state.withLock { state in
            state.pool.rest()
            return Array(state.handlers.values)
        }
        for handler in handlers {
            handler.eventLoop.execute { handler.value.recall() }
        }
    }

    /// What keeps the route from sending right now, if something does: the last failed connection since one worked.
    public var problem: RouteProblem? {
        state.withLock { $0.pool.problem }
    }

    /// What people should know besides: that the route is slowed and why, and which of its relays are set aside.
    ///
    /// One or more sentences; empty if all is as usual.
    public var notice: String {
        let aside = state.withLock { $0.pool.setAside }
        let sentences = aside.map { "\($0.server) is set aside (\($0.reason): \($0.detail))." }
        return ([budget.notice] + sentences).filter { !$0.isEmpty }.joined(separator: " ")
    }

    // MARK: For connections

    /// A session with one of the route's servers, not begun.
    func makeEngine(for server: String) throws(TLSError) -> TLSEngine {
        try TLSEngine(tls, serverName: server)
    }

    /// A message's way to its leave.
    func clearance(granted: @escaping @Sendable () -> Void) -> Clearance {
        Clearance(gates, granted: granted)
    }

    /// Notes that a message was taken, or that a server asks to be left alone because of one.
    func noted(_ result: AttemptResult) {
        if result.verdict == .accepted { return budget.worked() }
        // 421 comes with the connection's end.
        guard result.slowDown == .route, result.code != 421 else { return }
        budget.slowDown("\(result.server) asked for it (\(result.code))")
    }

    /// Notes a connection; says whether it is still wanted.
    func activated(_ handler: SessionHandler) -> Bool {
        let bound = NIOLoopBound(handler, eventLoop: handler.loop)
        let id = handler.id
        return state.withLock { state in
            guard state.pool.activated(id) else { return false }
            state.handlers[id] = bound
            return true
        }
    }

    /// Notes that a connection can carry mail.
    func ready(_ id: Pool.ID) {
        state.withLock { $0.pool.ready(id) }
    }

    /// The next message for a connection that could take one.
    ///
    /// The source is asked without any lock held.
    func next(_ id: Pool.ID, hasWorked: Bool) -> NextMessage {
        while true {
            let rest = gates.lazy.compactMap { $0.rest() }.max()
            let (turn, actions) = state.withLock { state in
                state.pool.turn(id, hasWorked: hasWorked, rest: rest)
            }
            perform(actions)
            guard case .go(let generation, let follow) = turn else { return turn == .leave ? .finished : .later }
            switch source.next() {
            case .message(let message):
                if follow {
                    let waiting = source.waiting
                    perform { $0.pool.drew(id, waiting: waiting) }
                }
                return .message(message)
            case .later:
                if state.withLock({ $0.pool.park(id, generation: generation) }) { return .later }
            case .finished:
                perform { $0.pool.sourceFinished() }
                return .finished
            }
        }
    }

    /// Notes that a connection is gone, or never came to be.
    func closed(_ id: Pool.ID, _ end: ConnectionEnd, carried: Int, server: String) {
        // A server that has had its share of a connection leaves with 421, and means no more by it.
        if let complaint = end.complaint, complaint.isPolicy || carried < 10 {
            let stage = complaint.stage == .greeting ? "as its greeting" : "to \(complaint.stage.rawValue)"
            budget.slowDown("\(server) asked for it (\(complaint.code) \(stage))")
        }
        perform { state in
            state.handlers[id] = nil
            return state.pool.closed(id, end, carried: carried, chance: .random(in: 0..<1))
        }
        // Only now: whoever gets it next must not find ours still counted.
        let member = state.withLock { $0.lines.remove(id) == nil ? nil : $0.member }
        if let member { budget.release(member) }
    }

    // MARK: Inside

    private func perform(_ event: (inout State) -> [Pool.Action]) {
        perform(state.withLock { event(&$0) })
    }

    private func perform(_ actions: [Pool.Action]) {
        for action in actions {
            switch action {
            case .open(let id, let relay): apply(id, relay)
            case .delay(let duration, let relay):
                group.next().scheduleTask(in: TimeAmount(duration)) { [self] in
                    perform { $0.pool.delayElapsed(relay) }
                }
            case .paceTimer(let rest):
                group.next().scheduleTask(in: TimeAmount(rest)) { [self] in perform { $0.pool.paceElapsed() } }
            case .wake(let id): tell(id) { $0.wake() }
            case .drain(let id): tell(id) { $0.drain() }
            case .stop(let id): tell(id) { $0.stop() }
            case .finish(let end): finish(end)
            }
        }
    }

    private func finish(_ end: RouteEnd) {
        let (continuation, member) = state.withLock { state in
            state.applying = []
            return (state.end.take(), state.member)
        }
        if let member { budget.leave(member) }
        continuation?.resume(returning: end)
    }

    /// Asks the route for a connection.
    private func apply(_ id: Pool.ID, _ relay: Int) {
        let member = state.withLock { state in
            state.applying.append((id, relay))
            return state.member
        }
        if let member { budget.request(member) }
    }

    /// The route has one for us.
    private func granted() {
        let (next, member) = state.withLock { state in
            let next = state.applying.popFirst()
            guard let next, state.pool.mayConnect(next.id) else {
                return (nil as (id: Pool.ID, relay: Int)?, state.member)
            }
            state.lines.insert(next.id)
            return (next, nil)
        }
        if let member { budget.release(member) }
        if let next { connect(next.id, next.relay) }
    }

    private func tell(_ id: Pool.ID, _ what: @escaping @Sendable (SessionHandler) -> Void) {
        guard let handler = state.withLock({ $0.handlers[id] }) else { return }
        handler.eventLoop.execute { what(handler.value) }
    }

    /// Connects, once there is a token where the route needs one.
    private func connect(_ id: Pool.ID, _ relay: Int) {
        let route = route.towards(relay)
        guard let tokens = route.tokens else { return connect(id, route, token: nil) }
        tokens.token { [self] result in
            switch result {
            case .success(let token): connect(id, route, token: token)
            case .failure(let problem):
                let kind: ConnectionEnd.Kind = problem.isTemporary ? .lost : .authentication
                let end = ConnectionEnd(kind: kind, reason: .authentication, detail: problem.detail)
                closed(id, end, carried: 0, server: route.host)
            }
        }
    }

    private func connect(_ id: Pool.ID, _ route: RouteSettings, token: AccessToken?) {
        let (loop, news) = (loops[id % loops.count], news[id % loops.count])
        let source = source
        ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(TimeAmount(route.timeouts.connect))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = SessionHandler(
                        id,
                        sender: self,
                        route: route,
                        source: source,
                        token: token,
                        loop: channel.eventLoop,
                        news: news
                    )
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(host: route.dial?.address ?? route.host, port: route.dial?.port ?? route.port)
            .whenFailure { [self] error in
                let detail =
                    "no connection to \(route.host):\(route.dial?.port ?? route.port) (\(Self.sentence(error)))"
                closed(id, ConnectionEnd(kind: .lost, reason: .connect, detail: detail), carried: 0, server: route.host)
            }
    }

    /// What went wrong, without the noise of a description made for debugging.
    static func sentence(_ error: any Error) -> String {
        switch error {
        case let error as IOError: return "errno \(error.errnoCode)"
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return sentence(first.error) }
            return error.dnsAError == nil && error.dnsAAAAError == nil
                ? "no address" : "the name could not be looked up"
        case ChannelError.connectTimeout: return "no answer"
        default: return "connection failed"
        }
    }
}

extension TLSContext {
    /// How a route meets its servers.
    convenience init(_ route: RouteSettings, resumesSessions: Bool = true) throws(OpenSSLError) {
        let trust: Trust =
            switch route.trust {
            case .system: .system
            case .pem(let roots): .pem(roots)
            }
        try self.init(
            trust: trust,
            clientCertificate: route.clientCertificate,
            resumesSessions: resumesSessions
        )
    }
}
