import OpenSSL
import TestSupport
import Testing

/// Which hosts a server's file names.
@Suite struct ServerCertificateTests {
    @Test(
        "A host is named as a TLS client looks for it",
        arguments: [
            (["t.kit.test"], "t.kit.test", true), (["T.KIT.TEST"], "t.kit.test", true),
            (["a.test", "t.kit.test"], "t.kit.test", true), (["*.kit.test"], "t.kit.test", true),
            (["*.kit.test"], "a.t.kit.test", false), (["kit.test"], "t.kit.test", false),
            (["t.kit.test.evil.test"], "t.kit.test", false), (["192.0.2.1"], "192.0.2.1", true),
            (["192.0.2.1"], "192.0.2.2", false),
        ]
    )
    func names(sans: [String], host: String, isNamed: Bool) throws {
        let issued = try Kit().root.issue(Kit.request(sans))
        #expect(try ServerCertificate.names(host, chainPEM: issued.chainPEM) == isNamed)
    }

    @Test("A common name names nothing, and what is no certificate is told")
    func others() throws {
        let issued = try Kit().root.issue(Kit.request(["other.kit.test"]) { $0.commonName = "t.kit.test" })
        #expect(try !ServerCertificate.names("t.kit.test", chainPEM: issued.chainPEM))
        #expect(throws: OpenSSLError.self) { try ServerCertificate.names("t.kit.test", chainPEM: [0x41]) }
    }
}
