package import Synchronization

/// What a server has done since its start.
package final class WebCounters: Sendable {
    /// Connections that were accepted.
    package let connections = Atomic(0)
    /// Connections that were closed at once since there were too many.
    package let connectionsRefused = Atomic(0)
    /// TLS handshakes that failed.
    package let handshakesFailed = Atomic(0)
    /// Requests that were read, those that were too many included.
    package let requests = Atomic(0)
    /// Requests that were none, or larger than is taken.
    package let refused = Atomic(0)
    /// Requests beyond an address's rate.
    package let limited = Atomic(0)
    /// Connections and requests that took too long.
    package let expired = Atomic(0)

    /// Nothing yet.
    package init() {}

    func count(_ counter: borrowing Atomic<Int>) {
        counter.wrappingAdd(1, ordering: .relaxed)
    }
}
