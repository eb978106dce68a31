import Foundation
package import OpenSSL

/// A server of the kit's relay, trusted or not, and the means to shake hands with it in memory.
package struct Kit: Sendable {
    package static let host = "relay.kit.test"
    package static let now = Int64(Date().timeIntervalSince1970)
    package static let hour: Int64 = 3_600

    package let root: CertificateAuthority

    package init(
        limits: CertificateAuthority.Limits = .init(),
        notBefore: Int64 = now - hour,
        notAfter: Int64 = now + hour
    )
        throws
    {
        root = try CertificateAuthority(
            commonName: "Kit root",
            notBefore: notBefore,
            notAfter: notAfter,
            limits: limits
        )
    }

    package func intermediate(
        _ limits: CertificateAuthority.Limits = .init(),
        notAfter: Int64 = now + hour
    ) throws -> CertificateAuthority {
        try root.intermediate(
            commonName: "Kit intermediate",
            notBefore: Kit.now - 2 * Kit.hour,
            notAfter: notAfter,
            limits: limits
        )
    }

    package static func request(
        _ names: [String] = [host],
        notBefore: Int64 = now - hour,
        notAfter: Int64 = now + hour,
        change: (inout CertificateRequest) -> Void = { _ in }
    ) -> CertificateRequest {
        var request = CertificateRequest(names: names, notBefore: notBefore, notAfter: notAfter)
        change(&request)
        return request
    }

    package func client() throws -> TLSContext {
        try TLSContext(trust: .pem(root.certificatePEM))
    }

    package static func server(_ issued: IssuedCertificate, change: (inout TLSServerContext.Options) -> Void = { _ in })
        throws
        -> TLSServerContext
    {
        var options = TLSServerContext.Options()
        change(&options)
        return try TLSServerContext(certificateChainPEM: issued.chainPEM, keyPEM: issued.keyPEM, options: options)
    }
}

/// A server's certificate and what a client must make of it.
package struct CertificateCase: CustomStringConvertible, Sendable {
    package let name: String
    package let expected: TLSError.Code?
    package let dial: String
    package let make: @Sendable (Kit) throws -> IssuedCertificate

    package init(
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
    package init(
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

    package var description: String { name }

    package static let accepted: [CertificateCase] = [
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

    package static let refused: [CertificateCase] = [
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
        try Command.run(
            [
                "openssl",
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem",
                "-out", "cert.pem", "-days", "1", "-subj", "/CN=\(host)", "-addext", "subjectAltName=DNS:\(host)",
            ],
            directory: directory.path
        )
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
