import Foundation
import OpenSSL
import TestSupport
import Testing

@Suite("A client and the server's certificate")
struct CertificateTests {
    private func dial(_ example: CertificateCase) throws -> TLSPair {
        let kit = try Kit()
        // The server is as weak as can be, so that it is the client who refuses.
        let server = try Kit.server(example.make(kit)) { $0.securityLevel = 0 }
        return try TLSPair(kit: kit, server: server, name: example.dial)
    }

    @Test("an ordinary certificate is accepted", arguments: CertificateCase.accepted)
    func accepted(example: CertificateCase) throws {
        let pair = try dial(example)
        try pair.shakeHands()
        #expect(pair.client.session?.isVerified == true)
    }

    @Test("a certificate that proves nothing is refused", arguments: CertificateCase.refused)
    func refused(example: CertificateCase) throws {
        let pair = try dial(example)
        let error = #expect(throws: TLSError.self) { try pair.shakeHands() }
        #expect(error?.code == example.expected, "\(String(describing: error))")
        #expect(pair.client.session == nil)
        let write = #expect(throws: TLSError.self) { try pair.client.write([1]) }
        #expect(write == error, "nothing can be written afterwards")
    }

    @Test("a certificate valid now is refused by a connection made after its end")
    func everyConnection() throws {
        let kit = try Kit()
        let client = try kit.client()
        let good = try Kit.server(kit.root.issue(Kit.request()))
        let bad = try Kit.server(kit.root.issue(Kit.request(notAfter: Kit.now - 1)))
        try TLSPair(client: TLSEngine(client, serverName: Kit.host), server: TLSEngine(good)).shakeHands()
        let error = #expect(throws: TLSError.self) {
            try TLSPair(client: TLSEngine(client, serverName: Kit.host), server: TLSEngine(bad)).shakeHands()
        }
        #expect(error?.code == .certificateExpired)
    }

    @Test("a root that is not the route's own is not trusted, though the system may know it")
    func pinnedRoot() throws {
        let kit = try Kit()
        let pair = try TLSPair(
            client: TLSEngine(TLSContext(trust: .system), serverName: Kit.host),
            server: TLSEngine(Kit.server(kit.root.issue(Kit.request())))
        )
        let error = #expect(throws: TLSError.self) { try pair.shakeHands() }
        #expect(error?.code == .certificateUntrusted)
    }

    @Test("a root that the system knows is trusted when the system's roots are")
    func systemRoots() async {
        // In a process of its own, since where OpenSSL looks for roots is the process's environment.
        await #expect(processExitsWith: .success) {
            let kit = try Kit()
            let directory = try TemporaryDirectory()
            let path = try directory.write("roots.pem", kit.root.certificatePEM)
            unsafe setenv("SSL_CERT_FILE", path, 1)
            let pair = try TLSPair(
                client: TLSEngine(TLSContext(trust: .system), serverName: Kit.host),
                server: TLSEngine(Kit.server(kit.root.issue(Kit.request())))
            )
            try pair.shakeHands()
            guard pair.client.session?.isVerified == true else { exit(1) }
        }
    }

    @Test("the sentence names the reason and what OpenSSL calls it")
    func sentence() throws {
        let kit = try Kit()
        let pair = try TLSPair(kit: kit, server: Kit.server(kit.root.issue(Kit.request(["other.kit.test"]))))
        let error = #expect(throws: TLSError.self) { try pair.shakeHands() }
        #expect(
            error?.description
                == "the server's certificate does not name the server that was dialled (hostname mismatch)"
        )
    }

    @Test(
        "a name that OpenSSL would take as no name, or as many, is refused",
        arguments: [
            "", ".", ".kit.test", "relay.kit.test.", "a..b", "*.kit.test", "relay kit", "relay.kit.test\0.evil",
            "1.2.3", "::zz",
        ]
    )
    func names(name: String) throws {
        let context = try Kit().client()
        let error = #expect(throws: TLSError.self) { try TLSEngine(context, serverName: name) }
        #expect(error?.code == .invalidName)
    }

    @Test(
        "a root that cannot be read is refused before any connection",
        arguments: [
            "", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ]
    )
    func brokenRoots(text: String) {
        let error = #expect(throws: OpenSSLError.self) { try TLSContext(trust: .pem(Array(text.utf8))) }
        #expect(error?.code == .certificateUnreadable)
    }

    @Test("a broken certificate behind a good one is not passed over")
    func halfBrokenRoots() throws {
        let pem =
            try Kit().root.certificatePEM + Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8)
        #expect(throws: OpenSSLError.self) { try TLSContext(trust: .pem(pem)) }
    }

    @Test("a server with another certificate's key is refused")
    func keyMismatch() throws {
        let kit = try Kit()
        let one = try kit.root.issue(Kit.request())
        let two = try kit.root.issue(Kit.request())
        let error = #expect(throws: OpenSSLError.self) {
            try TLSServerContext(certificateChainPEM: one.chainPEM, keyPEM: two.keyPEM)
        }
        #expect(error?.code == .keyMismatch)
    }

    @Test("openssl verifies what the authority issues, strictly")
    func opensslVerifies() throws {
        let directory = try TemporaryDirectory()
        let kit = try Kit()
        try directory.write("root.pem", kit.root.certificatePEM)
        try directory.write("leaf.pem", kit.root.issue(Kit.request([Kit.host, "127.0.0.1"])).chainPEM)
        let run = try openssl(
            [
                "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", Kit.host, "-CAfile",
                "root.pem",
                "leaf.pem",
            ],
            in: directory
        )
        #expect(run.status == 0, "\(run.output)")
    }
}
