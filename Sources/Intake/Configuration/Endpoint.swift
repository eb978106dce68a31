/// A host and a port: `smtp.relay.example:587`, `127.0.0.1:8443`, `[::1]:8443`.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// A DNS name with A-labels in lower case, or an IP address without brackets.
    public let host: String
    /// The port, 1 to 65535 (0 only where a listener may choose).
    public let port: UInt16
    /// Whether the host is an IP address.
    public let isAddress: Bool

    /// Creates an endpoint from parts that are known to be good.
    init(host: String, port: UInt16, isAddress: Bool) {
        self.host = host
        self.port = port
        self.isAddress = isAddress
    }

    /// The form in which it is written.
    public var description: String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
