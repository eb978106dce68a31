import Foundation
import OpenSSL
import TestSupport
import Testing

/// How a server keeps sessions.
struct SessionKeeping: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let change: @Sendable (inout TLSServerContext.Options) -> Void

    static let all = [
        SessionKeeping(testDescription: "TLS 1.3 tickets") { $0.givesTickets = true },
        SessionKeeping(testDescription: "TLS 1.2 tickets") { ($0.givesTickets, $0.maximum) = (true, .tls12) },
        SessionKeeping(testDescription: "TLS 1.2 session numbers") {
            ($0.remembersSessions, $0.maximum) = (true, .tls12)
        },
    ]
}

@Suite("Sessions that are taken up again")
struct ResumptionTests {
    /// Connects once, to the end of the conversation: TLS 1.3's tickets come behind the handshake.
    @discardableResult
    private func connect(
        _ client: TLSContext,
        _ server: TLSServerContext,
        name: String = Kit.host
    ) throws -> TLSEngine {
        let engine = try TLSEngine(client, serverName: name)
        let pair = TLSPair(client: engine, server: TLSEngine(server))
        try pair.shakeHands()
        try pair.server.write(Array("220 ready\r\n".utf8))
        pair.carry(from: pair.server, to: pair.client)
        #expect(try pair.client.readPlaintext().bytes == Array("220 ready\r\n".utf8))
        try pair.client.write(Array("QUIT\r\n".utf8))
        pair.carry(from: pair.client, to: pair.server)
        #expect(try pair.server.readPlaintext().bytes == Array("QUIT\r\n".utf8))
        pair.server.shutdown()
        pair.carry(from: pair.server, to: pair.client)
        #expect(try pair.client.readPlaintext().isClosed)
        engine.shutdown()
        return engine
    }

    @Test("the next connections take the session up, and are reported as the first was", arguments: SessionKeeping.all)
    func resumed(_ keeping: SessionKeeping) throws {
        let kit = try Kit()
        let client = try kit.client()
        let server = try Kit.server(kit.intermediate().issue(Kit.request()), change: keeping.change)
        let first = try #require(try connect(client, server).session)
        #expect(!first.isResumed && first.isVerified)
        for _ in 0..<3 {
            let next = try connect(client, server)
            let session = try #require(next.session)
            #expect(session.isResumed && session.isVerified)
            #expect(session.version == first.version && session.cipher == first.cipher)
            #expect(next.peerCertificate?.names == [Kit.host])
        }
    }

    @Test("another name gets a handshake of its own", arguments: SessionKeeping.all)
    func anotherName(_ keeping: SessionKeeping) throws {
        let kit = try Kit()
        let client = try kit.client()
        let server = try Kit.server(kit.root.issue(Kit.request([Kit.host, "other.kit.test"])), change: keeping.change)
        try connect(client, server)
        #expect(try connect(client, server, name: "other.kit.test").session?.isResumed == false)
        let error = #expect(throws: TLSError.self) { try connect(client, server, name: "third.kit.test") }
        #expect(error?.code == .certificateName)
        #expect(try connect(client, server).session?.isResumed == true)
    }

    @Test("a session is bound to its context, and so to its roots", arguments: SessionKeeping.all)
    func anotherContext(_ keeping: SessionKeeping) throws {
        let kit = try Kit()
        let server = try Kit.server(kit.root.issue(Kit.request()), change: keeping.change)
        try connect(kit.client(), server)
        #expect(try connect(kit.client(), server).session?.isResumed == false)
        let error = #expect(throws: TLSError.self) { try connect(Kit().client(), server) }
        #expect(error?.code == .certificateUntrusted)
    }

    @Test("a certificate that ends ends its sessions, too", arguments: SessionKeeping.all)
    func shortLived(_ keeping: SessionKeeping) async throws {
        let kit = try Kit()
        let client = try kit.client()
        let end = Int64(Date().timeIntervalSince1970) + 2
        let server = try Kit.server(kit.root.issue(Kit.request(notAfter: end)), change: keeping.change)
        try connect(client, server)
        #expect(try connect(client, server).session?.isResumed == true)
        while Int64(Date().timeIntervalSince1970) <= end { try await Task.sleep(for: .milliseconds(50)) }
        let error = #expect(throws: TLSError.self) { try connect(client, server) }
        #expect(error?.code == .certificateExpired)
    }

    @Test("the end of the intermediate counts as much as the leaf's", arguments: SessionKeeping.all)
    func shortLivedIssuer(_ keeping: SessionKeeping) async throws {
        let kit = try Kit()
        let client = try kit.client()
        let end = Int64(Date().timeIntervalSince1970) + 2
        let server = try Kit.server(kit.intermediate(notAfter: end).issue(Kit.request()), change: keeping.change)
        try connect(client, server)
        while Int64(Date().timeIntervalSince1970) <= end { try await Task.sleep(for: .milliseconds(50)) }
        let error = #expect(throws: TLSError.self) { try connect(client, server) }
        #expect(error?.code == .certificateExpired)
    }

    @Test(
        "a session that is offered and runs out on the way is verified anew, and refused",
        arguments: SessionKeeping.all
    )
    func expiresOnTheWay(_ keeping: SessionKeeping) async throws {
        let kit = try Kit()
        let client = try kit.client()
        let end = Int64(Date().timeIntervalSince1970) + 2
        let server = try Kit.server(kit.root.issue(Kit.request(notAfter: end)), change: keeping.change)
        try connect(client, server)
        // The session is taken when the engine is made; its handshake is done when the certificate has ended.
        let engine = try TLSEngine(client, serverName: Kit.host)
        while Int64(Date().timeIntervalSince1970) <= end { try await Task.sleep(for: .milliseconds(50)) }
        let error = #expect(throws: TLSError.self) {
            try TLSPair(client: engine, server: TLSEngine(server)).shakeHands()
        }
        #expect(error?.code == .certificateExpired)
        #expect(engine.session == nil)
    }

    @Test("a server with a new certificate is verified in full", arguments: SessionKeeping.all)
    func newCertificate(_ keeping: SessionKeeping) throws {
        let kit = try Kit()
        let client = try kit.client()
        try connect(client, Kit.server(kit.root.issue(Kit.request()), change: keeping.change))
        let bad = try Kit.server(kit.root.issue(Kit.request(["other.kit.test"])), change: keeping.change)
        let error = #expect(throws: TLSError.self) { try connect(client, bad) }
        #expect(error?.code == .certificateName)
    }

    @Test("a client that is told not to offers nothing", arguments: SessionKeeping.all)
    func off(_ keeping: SessionKeeping) throws {
        let kit = try Kit()
        let client = try TLSContext(trust: .pem(kit.root.certificatePEM), resumesSessions: false)
        let server = try Kit.server(kit.root.issue(Kit.request()), change: keeping.change)
        try connect(client, server)
        #expect(try connect(client, server).session?.isResumed == false)
    }

    @Test("many connections at once, from many threads, are each verified", arguments: SessionKeeping.all)
    func many(_ keeping: SessionKeeping) async throws {
        let kit = try Kit()
        let client = try kit.client()
        let server = try Kit.server(kit.root.issue(Kit.request()), change: keeping.change)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var count = 0
                    for _ in 0..<50 where try connect(client, server).session?.isResumed == true { count += 1 }
                    return count
                }
            }
            let resumed = try await group.reduce(0, +)
            #expect(resumed >= 300, "\(resumed) of 400 were taken up")
        }
    }

    @Test("what a handshake costs with and without", arguments: SessionKeeping.all.prefix(2))
    func cost(_ keeping: SessionKeeping) throws {
        let kit = try Kit()
        let server = try Kit.server(
            kit.intermediate().issue(Kit.request { $0.keyType = .rsa2048 }),
            change: keeping.change
        )
        let client = try kit.client()
        let fresh = try TLSContext(trust: .pem(kit.root.certificatePEM), resumesSessions: false)
        try connect(client, server)
        let clock = ContinuousClock()
        var times: [Duration] = []
        for context in [fresh, client] {
            var resumed = 0
            times.append(
                try clock.measure {
                    for _ in 0..<100 where try connect(context, server).session?.isResumed == true { resumed += 1 }
                } / 100
            )
            #expect(resumed == (context === client ? 100 : 0))
        }
        print("handshakes, both ends together (RSA-2048 leaf, one intermediate), \(keeping.testDescription):")
        print("  in full \(times[0]), taken up \(times[1])")
    }
}

@Suite("A client's own certificate")
struct ClientCertificateTests {
    private func issue(_ kit: Kit, change: (inout CertificateRequest) -> Void = { _ in }) throws -> IssuedCertificate {
        try kit.intermediate().issue(
            Kit.request(["sender.kit.test"]) {
                $0.usages = [.client]
                change(&$0)
            }
        )
    }

    private func certificate(_ issued: IssuedCertificate) throws -> ClientCertificate {
        try ClientCertificate(chainPEM: issued.chainPEM, keyPEM: issued.keyPEM, now: Kit.now)
    }

    @Test("it is shown with its chain to a server that wants one", arguments: [TLSVersion.tls12, .tls13])
    func shown(_ version: TLSVersion) throws {
        let kit = try Kit()
        let clients = try Kit()
        let server = try Kit.server(kit.root.issue(Kit.request())) {
            $0.clientRoots = clients.root.certificatePEM
            $0.maximum = version
        }
        let context = try TLSContext(
            trust: .pem(kit.root.certificatePEM),
            clientCertificate: certificate(issue(clients))
        )
        let pair = try TLSPair(client: TLSEngine(context, serverName: Kit.host), server: TLSEngine(server))
        try pair.shakeHands()
        #expect(pair.server.peerCertificate?.names == ["sender.kit.test"])
        #expect(pair.client.peerCertificate?.names == [Kit.host])
    }

    @Test("without one, or with another's, there is no session", arguments: [true, false])
    func missing(_ hasOther: Bool) throws {
        let kit = try Kit()
        let clients = try Kit()
        let server = try Kit.server(kit.root.issue(Kit.request())) {
            $0.clientRoots = clients.root.certificatePEM
            $0.maximum = .tls12
        }
        let context = try TLSContext(
            trust: .pem(kit.root.certificatePEM),
            clientCertificate: hasOther ? certificate(issue(Kit())) : nil
        )
        let pair = try TLSPair(client: TLSEngine(context, serverName: Kit.host), server: TLSEngine(server))
        #expect(throws: TLSError.self) { try pair.shakeHands() }
    }

    @Test("a pair that no server could take is refused before any connection")
    func refused() throws {
        let kit = try Kit()
        let one = try issue(kit)
        let two = try issue(kit)
        func code(_ chain: [UInt8], _ key: SecretBytes) -> OpenSSLError.Code? {
            do {
                _ = try ClientCertificate(chainPEM: chain, keyPEM: key, now: Kit.now)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code(one.chainPEM, one.keyPEM) == nil)
        #expect(code(one.chainPEM, two.keyPEM) == .keyMismatch)
        #expect(code([], one.keyPEM) == .certificateUnreadable)
        #expect(code(one.chainPEM, SecretBytes(copying: Array("no key".utf8))) == .privateKeyUnreadable)
        let expired = try issue(kit) { $0.notAfter = Kit.now - 1 }
        #expect(code(expired.chainPEM, expired.keyPEM) == .certificateUnusable)
        let early = try issue(kit) { $0.notBefore = Kit.now + 60 }
        #expect(code(early.chainPEM, early.keyPEM) == .certificateUnusable)
        let forServers = try issue(kit) { $0.usages = [.server] }
        #expect(code(forServers.chainPEM, forServers.keyPEM) == .certificateUnusable)
    }
}
