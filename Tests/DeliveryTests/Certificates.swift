// swift-format-ignore-file: NeverForceUnwrap, NeverUseForceTry
// A fixture that cannot be made is a broken test, and may say so by trapping.

import Core
import OpenSSL

@testable import Delivery

/// An authority and the certificates that tests meet, made once.
enum Certificates {
    static let host = "relay.kit.test"
    private static let year: Int64 = 365 * 86_400
    private static let now = Timestamp.now.seconds

    static let authority = make("Kit Root")
    static let otherAuthority = make("Other Root")

    static let good = issue(authority, [host], 0)
    static let second = issue(authority, ["relay2.kit.test"], 0)
    static let third = issue(authority, ["relay3.kit.test"], 0)
    static let expired = issue(authority, [host], -2 * year)
    static let notYetValid = issue(authority, [host], 2 * year)
    static let wrongName = issue(authority, ["other.kit.test"], 0)
    static let unknownAuthority = issue(otherAuthority, [host], 0)

    /// What a route may show.
    static let client = client(of: authority)

    /// The route's roots.
    static var trust: RouteSettings.Trust { .pem(authority.certificatePEM) }

    /// A session's proof, from a handshake between two engines in memory.
    static let verified: VerifiedTLS = {
        let client = try! TLSEngine(TLSContext(trust: .pem(authority.certificatePEM)), serverName: host)
        let server = TLSEngine(
            try! TLSServerContext(certificateChainPEM: good.chainPEM, keyPEM: good.keyPEM)
        )
        for _ in 0..<4 {
            _ = try! client.handshake()
            server.receive(client.takeOutput())
            _ = try! server.handshake()
            client.receive(server.takeOutput())
        }
        return VerifiedTLS(of: client, trust: trust)!
    }()

    static func client(of authority: CertificateAuthority) -> ClientCertificate {
        let request = CertificateRequest(
            names: ["sender.kit.test"],
            notBefore: now - year / 2,
            notAfter: now + year / 2,
            usages: [.client]
        )
        let issued = try! authority.issue(request)
        return try! ClientCertificate(chainPEM: issued.chainPEM, keyPEM: issued.keyPEM, now: now)
    }

    private static func make(_ name: String) -> CertificateAuthority {
        try! CertificateAuthority(commonName: name, notBefore: now - year, notAfter: now + year)
    }

    private static func issue(_ authority: CertificateAuthority, _ names: [String], _ shift: Int64) -> IssuedCertificate
    {
        try! authority.issue(
            CertificateRequest(names: names, notBefore: now - year / 2 + shift, notAfter: now + year / 2 + shift)
        )
    }
}
