import OpenSSL
import TestSupport
import Testing

@Suite("TLS in memory")
struct TLSEngineTests {
    @Test("two ends shake hands and talk both ways")
    func conversation() throws {
        let pair = try TLSPair(kit: Kit())
        try pair.shakeHands()
        #expect(pair.client.session?.version == "TLSv1.3")
        #expect(pair.client.session?.cipher == "TLS_AES_128_GCM_SHA256")
        #expect(pair.client.session?.isVerified == true)
        #expect(pair.server.session?.isVerified == false)
        try pair.client.write(Array("EHLO ward\r\n".utf8))
        pair.carry(from: pair.client, to: pair.server)
        #expect(try pair.server.readPlaintext().bytes == Array("EHLO ward\r\n".utf8))
        try pair.server.write(Array("250 ok\r\n".utf8))
        pair.carry(from: pair.server, to: pair.client)
        #expect(try pair.client.readPlaintext().bytes == Array("250 ok\r\n".utf8))
    }

    @Test("SNI asks for the verified name, and is left out for an address")
    func sni() throws {
        let kit = try Kit()
        let pair = try TLSPair(kit: kit)
        try pair.shakeHands()
        #expect(pair.server.requestedName == Kit.host)
        let server = try Kit.server(kit.root.issue(Kit.request(["192.0.2.1"])))
        let address = try TLSPair(kit: kit, server: server, name: "192.0.2.1")
        try address.shakeHands()
        #expect(address.server.requestedName == nil)
    }

    @Test("a large text goes in many records and arrives whole")
    func large() throws {
        let pair = try TLSPair(kit: Kit())
        try pair.shakeHands()
        let text = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try pair.client.write(text)
        #expect(pair.client.pendingOutput > text.count)
        pair.carry(from: pair.client, to: pair.server)
        #expect(try pair.server.readPlaintext().bytes == text)
    }

    @Test("one byte at a time is enough, for the handshake and for records")
    func oneByte() throws {
        let pair = try TLSPair(kit: Kit())
        pair.step = 1
        try pair.shakeHands()
        try pair.client.write(Array("NOOP\r\n".utf8))
        var read: [UInt8] = []
        for byte in pair.client.takeOutput() {
            pair.server.receive([byte])
            read += try pair.server.readPlaintext().bytes
        }
        #expect(read == Array("NOOP\r\n".utf8))
    }

    @Test("a record of one byte is a record")
    func smallRecords() throws {
        let pair = try TLSPair(kit: Kit())
        try pair.shakeHands()
        for byte in "250 ok\r\n".utf8 {
            try pair.server.write([byte])
        }
        pair.carry(from: pair.server, to: pair.client)
        #expect(try pair.client.readPlaintext().bytes == Array("250 ok\r\n".utf8))
    }

    @Test("output comes out in pieces as small as the buffer")
    func smallOutput() throws {
        let pair = try TLSPair(kit: Kit())
        try pair.shakeHands()
        try pair.client.write([1, 2, 3])
        let whole = pair.client.pendingOutput
        var pieces: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 5)
        while pair.client.pendingOutput > 0 {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe pair.client.takeOutput(into: $0) }
            pieces += buffer[..<count]
        }
        #expect(pieces.count == whole)
        pair.server.receive(pieces)
        #expect(try pair.server.readPlaintext().bytes == [1, 2, 3])
    }

    @Test("an end in good order is told apart from a cut", arguments: [TLSVersion.tls12, .tls13])
    func closing(version: TLSVersion) throws {
        let kit = try Kit()
        let context = try Kit.server(kit.root.issue(Kit.request())) { $0.maximum = version }
        let clean = try TLSPair(kit: kit, server: context)
        try clean.shakeHands()
        try clean.server.write([1])
        clean.server.shutdown()
        clean.carry(from: clean.server, to: clean.client)
        clean.client.receiveEnd()
        let read = try clean.client.readPlaintext()
        #expect(read.bytes == [1])
        #expect(read.isClosed)

        let cut = try TLSPair(kit: kit, server: context)
        try cut.shakeHands()
        try cut.server.write([1])
        cut.carry(from: cut.server, to: cut.client)
        cut.client.receiveEnd()
        var buffer = [UInt8](repeating: 0, count: 10)
        let first = try unsafe buffer.withUnsafeMutableBytes { try unsafe cut.client.readPlaintext(into: $0) }
        #expect(first == .bytes(1), "what came whole can be read")
        let error = #expect(throws: TLSError.self) { try cut.client.readPlaintext() }
        #expect(error?.code == .truncated)
    }

    @Test("a cut inside a record is a cut")
    func cutRecord() throws {
        let pair = try TLSPair(kit: Kit())
        try pair.shakeHands()
        try pair.server.write([1, 2, 3])
        pair.client.receive(pair.server.takeOutput().dropLast())
        pair.client.receiveEnd()
        let error = #expect(throws: TLSError.self) { try pair.client.readPlaintext() }
        #expect(error?.code == .truncated)
    }

    @Test("a changed byte of a record breaks the session")
    func changedRecord() throws {
        let pair = try TLSPair(kit: Kit())
        try pair.shakeHands()
        try pair.server.write([1, 2, 3])
        var record = pair.server.takeOutput()
        record[record.count - 1] ^= 1
        pair.client.receive(record)
        let error = #expect(throws: TLSError.self) { try pair.client.readPlaintext() }
        #expect(error?.code == .broken)
        #expect(throws: TLSError.self) { try pair.client.write([1]) }
        #expect(pair.client.session == nil)
    }

    @Test("clear text in place of a handshake is no handshake")
    func clearText() throws {
        let client = try TLSEngine(Kit().client(), serverName: Kit.host)
        #expect(try client.handshake() == .needsInput)
        client.receive(Array("220 2.0.0 go ahead\r\n".utf8))
        let error = #expect(throws: TLSError.self) { try client.handshake() }
        #expect(error?.code == .handshake)
    }

    @Test("a connection that ends within the handshake is a failed handshake")
    func endInHandshake() throws {
        let client = try TLSEngine(Kit().client(), serverName: Kit.host)
        #expect(try client.handshake() == .needsInput)
        client.receiveEnd()
        let error = #expect(throws: TLSError.self) { try client.handshake() }
        #expect(error?.code == .handshake)
    }

    @Test("nothing is written or read before the handshake is done")
    func early() throws {
        let client = try TLSEngine(Kit().client(), serverName: Kit.host)
        #expect(try client.handshake() == .needsInput)
        let write = #expect(throws: TLSError.self) { try client.write([1]) }
        #expect(write?.code == .notEstablished)
        let read = #expect(throws: TLSError.self) { try client.readPlaintext() }
        #expect(read?.code == .notEstablished)
    }
}

/// A server's offer and what a client must make of it.
struct OfferCase: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// Version and suite that are agreed on; `nil` if there must be no session.
    let agreed: (version: String, cipher: String)?
    let keyType: CertificateRequest.KeyType
    let change: @Sendable (inout TLSServerContext.Options) -> Void

    init(
        _ name: String,
        _ agreed: (String, String)? = nil,
        keyType: CertificateRequest.KeyType = .rsa2048,
        change: @escaping @Sendable (inout TLSServerContext.Options) -> Void
    ) {
        testDescription = name
        self.agreed = agreed
        self.keyType = keyType
        self.change = change
    }

    /// A server of TLS 1.2 with these suites and no scruples.
    static func old(
        _ suites: String,
        _ agreed: String? = nil,
        keyType: CertificateRequest.KeyType = .rsa2048
    ) -> OfferCase {
        OfferCase("TLS 1.2 with \(suites)", agreed.map { ("TLSv1.2", $0) }, keyType: keyType) {
            $0.maximum = .tls12
            $0.suites = "\(suites):@SECLEVEL=0"
            $0.securityLevel = 0
        }
    }

    static let all: [OfferCase] = [
        OfferCase("TLS 1.3", ("TLSv1.3", "TLS_AES_128_GCM_SHA256")) { $0.minimum = .tls13 },
        OfferCase("TLS 1.2", ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")) { $0.maximum = .tls12 },
        OfferCase("TLS 1.0 only") { ($0.minimum, $0.maximum, $0.securityLevel) = (.tls10, .tls10, 0) },
        OfferCase("TLS 1.1 only") { ($0.minimum, $0.maximum, $0.securityLevel) = (.tls11, .tls11, 0) },
        OfferCase("a client certificate is asked for", ("TLSv1.3", "TLS_AES_128_GCM_SHA256")) {
            $0.asksForClientCertificate = true
        },
        .old("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", keyType: .p256),
        .old("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        .old("DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES256-GCM-SHA384"),
        .old("AES128-GCM-SHA256"),
        .old("AES128-SHA"),
        .old("ECDHE-RSA-AES128-SHA"),
        .old("ECDHE-RSA-AES128-SHA256"),
        .old("ECDHE-RSA-CHACHA20-POLY1305"),
        .old("ECDHE-RSA-NULL-SHA"),
        .old("NULL-SHA256"),
        .old("AECDH-AES128-SHA"),
        .old("ADH-AES128-GCM-SHA256"),
        OfferCase("Diffie-Hellman with 1024 bits") {
            $0.maximum = .tls12
            $0.suites = "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0"
            $0.securityLevel = 0
            $0.weakDiffieHellman = true
        },
    ]
}

@Suite("A client and the server's offer")
struct OfferTests {
    @Test("only the suites and versions of the policy are taken", arguments: OfferCase.all)
    func offers(example: OfferCase) throws {
        let kit = try Kit()
        let issued = try kit.root.issue(Kit.request { $0.keyType = example.keyType })
        let pair = try TLSPair(kit: kit, server: Kit.server(issued, change: example.change))
        if let agreed = example.agreed {
            try pair.shakeHands()
            #expect(pair.client.session?.version == agreed.version)
            #expect(pair.client.session?.cipher == agreed.cipher)
        } else {
            let error = #expect(throws: TLSError.self) { try pair.shakeHands() }
            #expect(error?.code == .handshake)
            #expect(pair.client.session == nil)
        }
    }

    @Test("a renegotiation is not followed, and the session goes on")
    func renegotiation() throws {
        let kit = try Kit()
        let context = try Kit.server(kit.root.issue(Kit.request())) {
            $0.maximum = .tls12
            $0.renegotiates = true
        }
        let pair = try TLSPair(kit: kit, server: context)
        try pair.shakeHands()
        pair.server.renegotiate()
        #expect(pair.server.pendingOutput > 0, "the server did ask")
        pair.carry(from: pair.server, to: pair.client)
        _ = try? pair.client.readPlaintext()
        // A client that followed would send a ClientHello; one that refuses sends an alert: type 21, two bytes sealed.
        let answer = pair.client.takeOutput()
        #expect(answer.first == 21)
        #expect(answer.count < 64)
    }
}
