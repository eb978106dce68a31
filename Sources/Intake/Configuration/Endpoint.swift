import Core
import Glibc

/// A host and a port: `smtp.relay.example:587`, `127.0.0.1:8443`, `[::1]:8443`.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// A DNS name with A-labels in lower case, or an IP address without brackets.
    public let host: String
    /// The port, 1 to 65535; 0 only where a listener may choose.
    public let port: UInt16
    /// Whether the host is an IP address.
    public let isAddress: Bool

    /// Reads a host and a port; `nil` for anything else.
    ///
    /// Port 0 needs leave.
    public init?(_ text: String, mayChoosePort: Bool = false) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = WholeNumber.read(text[text.index(after: colon)...]), port <= UInt16.max,
            port > 0 || mayChoosePort
        else { return nil }
        let name = text[..<colon]
        if name.first == "[", name.last == "]" {
            let address = String(name.dropFirst().dropLast())
            guard Self.isAddress(address, AF_INET6) else { return nil }
            self.host = address.lowercased()
            self.isAddress = true
        } else if Self.isAddress(String(name), AF_INET) {
            self.host = String(name)
            self.isAddress = true
        } else {
            guard let host = Self.hostName(String(name)) else { return nil }
            self.host = host
            self.isAddress = false
        }
        self.port = UInt16(port)
    }

    /// A host's name with A-labels, of one label (`localhost`) or several; `nil` if it is none.
    static func hostName(_ name: String) -> String? {
        // An address needs two labels; a host may have one.
        guard !name.isEmpty, !name.contains("@"), let domain = try? AddressParser.parse(domain: "\(name).example")
        else {
            return nil
        }
        let host = String(domain.dropLast(".example".count))
        // What looks like numbers with dots is a broken IP address, not a name.
        guard host.split(separator: ".").last?.utf8.allSatisfy({ (0x30...0x39).contains($0) }) == false else {
            return nil
        }
        return host
    }

    private static func isAddress(_ text: String, _ family: CInt) -> Bool {
        var address = in6_addr()
        return unsafe inet_pton(family, text, &address) == 1
    }

    /// The form in which it is written.
    public var description: String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
