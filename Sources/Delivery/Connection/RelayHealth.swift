import Core

/// How one of a route's relays has behaved since a connection to it worked.
///
/// Pure. TLS that cannot be trusted, and a greeting that refuses for good, count only if the next connection shows the same; then
/// the relay is out, until a later connection to it is verified and ready.
struct RelayHealth {
    /// Its name.
    let server: String
    private let limits: Limits
    /// Failed connections in a row.
    private(set) var failures = 0
    private var failuresByKind: [ConnectionEnd.Kind: Int] = [:]
    /// The last failure since a connection worked.
    private(set) var problem: RouteProblem?
    /// What the route would end with if this were its only relay.
    private(set) var verdict: RouteEnd?
    /// Whether it is set aside for a while.
    var isResting = false
    var ready = 0
    var connecting = 0

    init(_ server: String, limits: Limits) {
        self.server = server
        self.limits = limits
    }

    /// How many connections may be on their way to a relay that one has proven; with that one five, as Postfix begins with
    /// (`initial_destination_concurrency`).
    static let boldness = 4

    /// Whether another connection to it may be begun: the first one proves it, then come a few, then as many as are open.
    var canGrow: Bool {
        guard !isResting else { return false }
        return connecting < (failures > 0 || ready == 0 ? 1 : max(Self.boldness, ready))
    }

    /// A verified session can carry mail.
    mutating func isReady() {
        connecting -= 1
        ready += 1
        failuresByKind = [:]
        verdict = nil
    }

    /// A message was carried to its end.
    mutating func worked() {
        failures = 0
        problem = nil
    }

    /// A connection failed, or ended in a way that we did not want; it had carried so many messages.
    ///
    /// Says after how many failures in a row to wait, or `nil` if there is no need to.
    mutating func failed(_ end: ConnectionEnd, carried: Int) -> Int? {
        let problem = RouteProblem(end.reason, detail: end.detail, server: server)
        self.problem = problem
        let count = failuresByKind[end.kind, default: 0] + 1
        failuresByKind[end.kind] = count
        switch end.kind {
        case .goodbye, .lost: break
        case .refused: if count >= limits.confirmations { verdict = .stopped(problem) }
        case .insecure: if count >= limits.confirmations { verdict = .held(problem) }
        case .handshakeLost: if count >= limits.handshakeLosses { verdict = .held(problem) }
        case .authentication: verdict = .stopped(problem)
        }
        guard carried < 10 || verdict != nil else {
            failures = 0
            return nil
        }
        failures = carried > 0 ? 1 : failures + 1
        return failures
    }
}
