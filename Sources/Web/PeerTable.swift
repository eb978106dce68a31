internal import Synchronization

/// What one address takes of the server: its connections, and a bucket of requests.
final class Peer: Sendable {
    struct State {
        var connections = 0
        var tokens: Double
        /// When the bucket was last looked at, in nanoseconds of some clock.
        var at: UInt64
    }

    private let rate: Double
    private let burst: Double
    fileprivate let network: WebAddress
    fileprivate let state: Mutex<State>

    fileprivate init(_ network: WebAddress, rate: Double, burst: Double, now: UInt64) {
        self.network = network
        self.rate = rate
        self.burst = burst
        state = Mutex(State(tokens: burst, at: now))
    }

    /// Takes one request out of the bucket; `false` if there is none.
    func takesRequest(now: UInt64) -> Bool {
        if rate <= 0 { return true }
        return state.withLock { state in
            refill(&state, now)
            guard state.tokens >= 1 else { return false }
            state.tokens -= 1
            return true
        }
    }

    /// Whether nothing would be lost if it were forgotten.
    fileprivate func isAtRest(_ now: UInt64) -> Bool {
        state.withLock { state in
            refill(&state, now)
            return state.connections == 0 && (rate <= 0 || state.tokens >= burst)
        }
    }

    private func refill(_ state: inout State, _ now: UInt64) {
        guard now > state.at else { return }
        state.tokens = min(burst, state.tokens + Double(now - state.at) / 1e9 * rate)
        state.at = now
    }
}

/// The addresses that take of the server now, or did a short while ago; bounded.
final class PeerTable: Sendable {
    private struct State {
        var peers: [WebAddress: Peer] = [:]
        var connections = 0
        /// The size at which peers at rest are forgotten next.
        var sweepAt = 1_024
    }

    private let limits: WebLimits
    private let state = Mutex(State())

    init(_ limits: WebLimits) {
        self.limits = limits
    }

    /// How many connections there are.
    var connections: Int { state.withLock { $0.connections } }

    /// How many addresses are remembered.
    var count: Int { state.withLock { $0.peers.count } }

    /// Counts a connection in; `nil` if there are too many.
    func enter(_ address: WebAddress, now: UInt64) -> Peer? {
        let counts = limits.countsLoopback || !address.isLoopback
        return state.withLock { state in
            guard state.connections < limits.connections else { return nil }
            let peer = peer(address.network, counts, &state, now)
            let mayEnter = peer.state.withLock { peer in
                guard !counts || peer.connections < limits.connectionsPerAddress else { return false }
                peer.connections += 1
                return true
            }
            guard mayEnter else { return nil }
            state.connections += 1
            return peer
        }
    }

    /// Counts a connection out.
    func leave(_ peer: Peer) {
        state.withLock { state in
            state.connections -= 1
            peer.state.withLock { $0.connections -= 1 }
        }
    }

    private func peer(_ network: WebAddress, _ counts: Bool, _ state: inout State, _ now: UInt64) -> Peer {
        if let peer = state.peers[network] { return peer }
        if state.peers.count >= min(state.sweepAt, limits.addresses) {
            state.peers = state.peers.filter { !$0.value.isAtRest(now) }
            state.sweepAt = max(1_024, state.peers.count * 2)
            // All of them took something within the last moments: whoever has no connection starts anew.
            if state.peers.count >= limits.addresses {
                state.peers = state.peers.filter { $0.value.state.withLock { $0.connections } > 0 }
            }
        }
        let peer = Peer(network, rate: counts ? limits.requestsPerSecond : 0, burst: limits.burst, now: now)
        state.peers[network] = peer
        return peer
    }
}
