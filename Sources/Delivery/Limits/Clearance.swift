import Synchronization

/// One message's leave to send its content: from the moment a connection takes the message until its end.
///
/// It passes the gates one by one, the job's own first; what it used of each is noted when it is over, whatever came of it.
///
/// Locks are taken in one order, a clearance's and then a gate's; a gate calls clearances only with its own lock let go, and a
/// clearance makes a gate call others only with its own let go.
final class Clearance: Sendable {
    private enum Phase {
        /// The envelope is under way.
        case begun
        /// Stands before the gate of that number.
        case waiting(Int)
        case granted
        case over
    }

    private let gates: [RateGate]
    private let granted: @Sendable () -> Void
    private let phase = Mutex(Phase.begun)

    /// Begins; `granted` is called at most once, on any thread, if leave could not be given at once.
    init(_ gates: [RateGate], granted: @escaping @Sendable () -> Void) {
        self.gates = gates
        self.granted = granted
        for gate in gates { gate.began() }
    }

    /// Asks for leave, once: the server waits for content, and the ledger has the row.
    ///
    /// Says whether it is there at once.
    func request() -> Bool {
        for gate in gates { gate.noLongerBegun() }
        return phase.withLock { pass(from: 0, &$0) }
    }

    /// A gate that this waited at has let it go.
    func passed() {
        let isThrough = phase.withLock { phase in
            // Given up in the same moment: `end` has noted it.
            guard case .waiting(let gate) = phase else { return false }
            return pass(from: gate + 1, &phase)
        }
        if isThrough { granted() }
    }

    /// The message is over, or will not go.
    func end() {
        let used = phase.withLock { phase in
            defer { phase = .over }
            switch phase {
            case .begun:
                for gate in gates { gate.noLongerBegun() }
                return 0
            // Whoever no longer stands there was let go in this very moment.
            case .waiting(let gate): return gates[gate].withdraw(self) ? gate : gate + 1
            case .granted: return gates.count
            case .over: return 0
            }
        }
        for gate in gates.prefix(used) { gate.ended() }
    }

    private func pass(from first: Int, _ phase: inout Phase) -> Bool {
        for gate in first..<gates.count {
            phase = .waiting(gate)
            guard gates[gate].request(self) else { return false }
        }
        phase = .granted
        return true
    }
}
