import Foundation
import OpenSSL
import TestSupport
import Testing

/// A server's certificate and what a client must make of it.
struct CertificateCase: CustomTestStringConvertible, Sendable {
    let name: String
    let expected: TLSError.Code?
    let dial: String
    let make: @Sendable (Kit) throws -> IssuedCertificate

    init(
        _ name: String,
        _ expected: TLSError.Code? = nil,
        dial: String = Kit.host,
        make: @escaping @Sendable (Kit) throws -> IssuedCertificate
    ) {
        self.name = name
        self.expected = expected
        self.dial = dial
        self.make = make
    }

    /// One issued by the trusted root.
    init(
        _ name: String,
        _ expected: TLSError.Code? = nil,
        dial: String = Kit.host,
        names: [String] = [Kit.host],
        notBefore: Int64 = Kit.now - Kit.hour,
        notAfter: Int64 = Kit.now + Kit.hour,
        change: @escaping @Sendable (inout CertificateRequest) -> Void = { _ in }
    ) {
        self.init(name, expected, dial: dial) { kit in
            try kit.root.issue(Kit.request(names, notBefore: notBefore, notAfter: notAfter, change: change))
        }
    }

    var testDescription: String { name }

    static let accepted: [CertificateCase] = [
        CertificateCase("P-256"),
        CertificateCase("RSA-2048") { $0.keyType = .rsa2048 },
        CertificateCase("leaf and intermediate") { try $0.intermediate().issue(Kit.request()) },
        CertificateCase("left-most wildcard", names: ["*.kit.test"]),
        CertificateCase("upper-case SAN", names: ["RELAY.KIT.TEST"]),
        CertificateCase("upper-case name dialled", dial: "Relay.Kit.Test"),
        CertificateCase("last of 100 SANs", names: (1...99).map { "host\($0).kit.test" } + [Kit.host]),
        CertificateCase("another common name") { $0.commonName = "something else" },
        CertificateCase("for servers and clients") { $0.usages = [.client, .server] },
        CertificateCase("name constraint kept") { kit in
            var limits = CertificateAuthority.Limits()
            limits.permittedDomain = "kit.test"
            return try kit.intermediate(limits).issue(Kit.request())
        },
        CertificateCase("IPv4 address", dial: "192.0.2.1", names: ["192.0.2.1"]),
        CertificateCase("IPv6 address", dial: "2001:db8::1", names: ["2001:db8:0::1"]),
        CertificateCase("one second before its end", notAfter: Kit.now + 60),
    ]

    static let refused: [CertificateCase] = [
        CertificateCase(
            "expired a day ago",
            .certificateExpired,
            notBefore: Kit.now - 90_000,
            notAfter: Kit.now - 86_400
        ),
        CertificateCase("expired a second ago", .certificateExpired, notAfter: Kit.now - 1),
        CertificateCase("not yet valid", .certificateNotYetValid, notBefore: Kit.now + 600),
        CertificateCase("another host", .certificateName, names: ["other.kit.test"]),
        CertificateCase("host as prefix of the SAN", .certificateName, names: ["relay.kit.test.evil.test"]),
        CertificateCase("host as suffix of the SAN", .certificateName, names: ["evilrelay.kit.test"]),
        CertificateCase("the SAN is the domain above", .certificateName, names: ["kit.test"]),
        CertificateCase("self-signed", .certificateUntrusted) { _ in
            try selfSigned("relay.kit.test")
        },
        CertificateCase("unknown CA", .certificateUntrusted) { _ in
            try CertificateAuthority(
                commonName: "Other root",
                notBefore: Kit.now - Kit.hour,
                notAfter: Kit.now + Kit.hour
            ).issue(Kit.request())
        },
        CertificateCase("same-name CA with another key", .certificateUntrusted) { _ in
            try Kit().root.issue(Kit.request())
        },
        CertificateCase("missing intermediate", .certificateUntrusted) { kit in
            let issued = try kit.intermediate().issue(Kit.request())
            return IssuedCertificate(chainPEM: firstCertificate(of: issued.chainPEM), keyPEM: issued.keyPEM)
        },
        CertificateCase("expired intermediate", .certificateExpired) { kit in
            try kit.intermediate(notAfter: Kit.now - 1).issue(Kit.request())
        },
        CertificateCase("path too long", .certificateRefused) { kit in
            var limits = CertificateAuthority.Limits()
            limits.pathLength = 0
            return try kit.intermediate(limits).intermediate(
                commonName: "Too deep",
                notBefore: Kit.now - Kit.hour,
                notAfter: Kit.now + Kit.hour
            ).issue(Kit.request())
        },
        CertificateCase("outside the name constraint", .certificateRefused) { kit in
            var limits = CertificateAuthority.Limits()
            limits.permittedDomain = "other.test"
            return try kit.intermediate(limits).issue(Kit.request())
        },
        CertificateCase("issuer is no authority", .certificateRefused) { kit in
            var limits = CertificateAuthority.Limits()
            limits.isAuthority = false
            return try kit.intermediate(limits).issue(Kit.request())
        },
        CertificateCase("for clients alone", .certificateRefused) { $0.usages = [.client] },
        CertificateCase("unknown critical extension", .certificateRefused) { $0.hasUnknownCriticalExtension = true },
        CertificateCase("signed with SHA-1", .certificateRefused) { $0.digest = .sha1 },
        CertificateCase("signed with MD5", .certificateRefused) { kit in
            // There is no ECDSA with MD5.
            var limits = CertificateAuthority.Limits()
            limits.keyType = .rsa2048
            return try kit.intermediate(limits).issue(Kit.request { $0.digest = .md5 })
        },
        CertificateCase("RSA-1024", .certificateRefused) { $0.keyType = .rsa1024 },
        CertificateCase("common name alone", .certificateName, names: []) { $0.commonName = Kit.host },
        CertificateCase("right common name, other SAN", .certificateName, names: ["other.kit.test"]) {
            $0.commonName = Kit.host
        },
        CertificateCase("an address as the only SAN", .certificateName, names: ["192.0.2.1"]) {
            $0.commonName = Kit.host
        },
        CertificateCase("address dialled, host name holds it", .certificateName, dial: "192.0.2.1", names: []) {
            $0.rawNames = [Array("192.0.2.1".utf8)]
        },
        CertificateCase("address dialled, only the common name holds it", .certificateName, dial: "192.0.2.1") {
            $0.commonName = "192.0.2.1"
        },
        CertificateCase("another address", .certificateName, dial: "192.0.2.1", names: ["192.0.2.2"]),
        CertificateCase("NUL in the SAN", .certificateName, names: []) {
            $0.rawNames = [Array("relay.kit.test\0.evil.test".utf8)]
        },
        CertificateCase("NUL at the SAN's end", .certificateName, names: []) {
            $0.rawNames = [Array("relay.kit.test\0".utf8)]
        },
        CertificateCase("NUL in the common name", .certificateName, names: []) {
            $0.commonName = "relay.kit.test\0.evil.test"
        },
        CertificateCase("a star alone", .certificateName, names: ["*"]),
        CertificateCase("a star for the whole domain", .certificateName, names: ["*.test"]),
        CertificateCase("partial wildcard before", .certificateName, names: ["*lay.kit.test"]),
        CertificateCase("partial wildcard behind", .certificateName, names: ["rel*.kit.test"]),
        CertificateCase("wildcard inside", .certificateName, names: ["relay.*.test"]),
        CertificateCase("wildcard over two labels", .certificateName, dial: "a.relay.kit.test", names: ["*.kit.test"]),
        CertificateCase("wildcard for the domain itself", .certificateName, dial: "kit.test", names: ["*.kit.test"]),
    ]

    private static func selfSigned(_ host: String) throws -> IssuedCertificate {
        let directory = try TemporaryDirectory()
        let run = try openssl(
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem",
                "-out", "cert.pem", "-days", "1", "-subj", "/CN=\(host)", "-addext", "subjectAltName=DNS:\(host)",
            ],
            in: directory
        )
        #expect(run.status == 0)
        return try IssuedCertificate(
            chainPEM: directory.read("cert.pem"),
            keyPEM: SecretBytes(copying: directory.read("key.pem"))
        )
    }

    private static func firstCertificate(of chain: [UInt8]) -> [UInt8] {
        let end = "-----END CERTIFICATE-----\n"
        let text = String(decoding: chain, as: UTF8.self)
        return Array(text.prefix(upTo: text.firstRange(of: end)?.upperBound ?? text.endIndex).utf8)
    }
}

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
