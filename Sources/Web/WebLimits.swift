/// How much of a server anybody on the internet may take.
package struct WebLimits: Hashable, Sendable {
    /// The most connections at a time.
    package var connections = 4_096
    /// The most connections at a time from one address (of IPv6, one /64).
    package var connectionsPerAddress = 256
    /// Requests a second from one address (of IPv6, one /64); 0 for no limit.
    package var requestsPerSecond = 500.0
    /// How many requests may come at once from an address that was quiet.
    package var burst = 5_000.0
    /// Whether the two before hold for this machine's own addresses, too.
    package var countsLoopback = false
    /// Seconds for a TLS handshake.
    package var handshakeSeconds = 10
    /// Seconds from a request's first byte to its last.
    package var requestSeconds = 10
    /// Seconds for an answer to be taken.
    package var answerSeconds = 30
    /// Seconds that a connection may stay without a request.
    package var idleSeconds = 30
    /// The most bytes of a request line.
    package var line = 10_240
    /// The most bytes of a request line and all header fields.
    package var head = 32_768
    /// The most header fields.
    package var fields = 100
    /// The most bytes of a request's body.
    package var body = 16_384
    /// The most requests at a time on one connection of HTTP/2.
    package var streams = 100
    /// How many addresses are remembered.
    package var addresses = 65_536

    /// The defaults.
    package init() {}
}
