import OpenSSL
import TestSupport

/// Two ends with a wire between them that a test can look at.
final class TLSPair {
    let client: TLSEngine
    let server: TLSEngine
    /// How many bytes the wire carries at a time.
    var step = Int.max

    init(client: TLSEngine, server: TLSEngine) {
        self.client = client
        self.server = server
    }

    convenience init(kit: Kit, server: TLSServerContext? = nil, name: String = Kit.host) throws {
        let context = try server ?? Kit.server(kit.root.issue(Kit.request()))
        try self.init(client: TLSEngine(kit.client(), serverName: name), server: TLSEngine(context))
    }

    /// Shakes hands; throws what the client throws, and what the server throws if the client only waits.
    func shakeHands() throws(TLSError) {
        for _ in 0..<20 {
            let client = try self.client.handshake()
            carry(from: self.client, to: self.server)
            let server = Result { () throws(TLSError) in try self.server.handshake() }
            carry(from: self.server, to: self.client)
            if case .success(.done) = server, client == .done { return }
            if case .failure(let error) = server {
                // The client learns of it from the alert.
                _ = try self.client.handshake()
                throw error
            }
        }
    }

    func carry(from: TLSEngine, to: TLSEngine) {
        let bytes = from.takeOutput()
        guard step < bytes.count else { return to.receive(bytes) }
        for start in stride(from: 0, to: bytes.count, by: step) {
            to.receive(Array(bytes[start..<min(start + step, bytes.count)]))
        }
    }
}
