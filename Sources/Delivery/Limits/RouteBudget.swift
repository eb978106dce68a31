public import NIOCore
public import NIOPosix
import Synchronization

/// What all jobs of a route share in this process: its connections, its rate, and how far it is slowed.
///
/// Make one for each route, and give it to every ``RouteSender`` of that route.
public final class RouteBudget: Sendable {
    /// A sender, as the budget knows it.
    struct Member: Sendable {
        /// It has the connection that it waited for.
        var granted: @Sendable () -> Void
        /// It should let one go.
        var giveUp: @Sendable () -> Void
    }

    private struct State {
        var share: LineShare
        var members: [LineShare.Member: Member] = [:]
        var next = 0
        var quickened: ContinuousClock.Instant?
        /// Who asked to slow down, and with what.
        var complaint = ""
    }

    /// The route's rate.
    let gate: RateGate
    private let manner: AdaptivePace.Manner
    private let state: Mutex<State>

    /// Prepares what a route may use.
    ///
    /// - Parameters:
    ///   - route: Its connections and rate.
    ///   - store: Where the rate's log is kept, if other processes or the next one are to know of it.
    ///   - group: Whose clocks are used.
    public convenience init(
        _ route: RouteSettings,
        store: (any RateStore)? = nil,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.init(route, store: store, group: group, manner: AdaptivePace.Manner())
    }

    init(
        _ route: RouteSettings,
        store: (any RateStore)?,
        group: any EventLoopGroup,
        manner: AdaptivePace.Manner
    ) {
        let store = route.rate.map { rate in store ?? MemoryRateStore(rate) }
        gate = RateGate(store, group: group, manner: manner)
        self.manner = manner
        state = Mutex(State(share: LineShare(route.connections)))
    }

    /// What people should know of the route, in one sentence; empty if all is as usual.
    public var notice: String {
        if let trouble = gate.trouble { return "Nothing goes out, since \(trouble)." }
        guard let limit = gate.slowLimit else { return "" }
        let (complaint, lines) = state.withLock { ($0.complaint, $0.share.allowed) }
        let speed =
            limit >= 10
            ? "\(Int(limit.rounded())) a second"
            : limit >= 0.2 ? "\(Double(Int(limit * 10)) / 10) a second" : "\(max(1, Int(limit * 60))) a minute"
        return "Slowed to about \(speed) over \(lines) connection\(lines == 1 ? "" : "s"), since \(complaint)."
    }

    // MARK: - For senders

    func join(_ member: Member) -> LineShare.Member {
        state.withLock { state in
            defer { state.next += 1 }
            state.members[state.next] = member
            return state.next
        }
    }

    func leave(_ member: LineShare.Member) {
        perform { state in
            state.members[member] = nil
            return state.share.leave(member)
        }
    }

    /// Asks for one more connection; the answer is ``Member/granted``, on any thread, maybe at once.
    func request(_ member: LineShare.Member) {
        perform { $0.share.request(member) }
    }

    /// Gives one back.
    func release(_ member: LineShare.Member) {
        perform { $0.share.release(member) }
    }

    /// A server asked to be left alone for a while; the sentence says which and how.
    func slowDown(_ complaint: String) {
        gate.slowDown()
        let now = ContinuousClock.now
        perform { state in
            state.complaint = complaint
            if let last = state.quickened, now - last < manner.patience { return [] }
            state.quickened = now
            return state.share.slowDown()
        }
    }

    /// A message got through.
    func worked() {
        guard gate.slowLimit != nil else { return }
        gate.worked()
        let isSlowed = gate.slowLimit != nil
        let now = ContinuousClock.now
        perform { state in
            guard isSlowed else { return state.share.restore() }
            guard let last = state.quickened, now - last >= manner.step else { return [] }
            state.quickened = now
            return state.share.quicken()
        }
    }

    private func perform(_ event: (inout State) -> [LineShare.Action]) {
        let calls: [@Sendable () -> Void] = state.withLock { state in
            event(&state).compactMap { action in
                switch action {
                case .grant(let member): state.members[member]?.granted
                case .giveUp(let member): state.members[member]?.giveUp
                }
            }
        }
        for call in calls { call() }
    }
}
