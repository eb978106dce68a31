import Core
import Foundation
import OpenSSL
import TestSupport
import Testing

@testable import Delivery

/// Every certificate of the list, met over the network by what sends mail.
@Suite("Certificates, one by one", .timeLimit(.minutes(2)))
struct CertificateTableTests {
    /// A route to a port on loopback that dials a case's name.
    private func route(_ example: CertificateCase, _ kit: Kit, port: Int, _ mode: RouteSettings.TLSMode)
        -> RouteSettings
    {
        var route = RouteSettings(
            name: "main",
            host: example.dial,
            port: port,
            tls: mode,
            trust: .pem(kit.root.certificatePEM),
            connections: 1,
            heloName: "mail.riverside.example",
            dial: .init(address: "127.0.0.1", port: port)
        )
        route.limits.firstDelay = .milliseconds(1)
        return route
    }

    private func reason(_ code: TLSError.Code?) -> Reason {
        switch code {
        case .certificateUntrusted?: .certificateUntrusted
        case .certificateExpired?: .certificateExpired
        case .certificateNotYetValid?: .certificateNotYetValid
        case .certificateName?: .certificateName
        case .certificateRefused?: .certificateRefused
        default: .tlsHandshake
        }
    }

    @Test("A row goes out to a good one, once; to a bad one nothing is said but EHLO, STARTTLS and QUIT")
    func rows() async throws {
        var (refused, delivered) = (0, 0)
        for example in CertificateCase.accepted + CertificateCase.refused {
            let kit = try Kit()
            var options = TLSServerContext.Options()
            // The server is as weak as can be, so that it is the client who refuses.
            options.securityLevel = 0
            let peer = try await Peer(certificates: [try example.make(kit)], options: options)
            let source = ListSource(1)
            let end = try await source.send(over: route(example, kit, port: peer.port, .startTLS))
            let record = peer.record
            #expect(record.clear.allSatisfy { ["EHLO mail.riverside.example", "STARTTLS", "QUIT"].contains($0) })
            if let expected = example.expected {
                guard case .held(let problem) = end else {
                    Issue.record("\(example.name): \(end)")
                    continue
                }
                #expect(problem.reason == reason(expected), "\(example.name)")
                #expect(record.secure.isEmpty && source.waiting == 1, "\(example.name)")
                refused += 1
            } else {
                #expect(end == .finished, "\(example.name)")
                #expect(record.taken == ["row1@example.org": 1], "\(example.name)")
                delivered += 1
            }
            try await peer.close()
        }
        print(
            "certificates: \(refused) of \(CertificateCase.refused.count) refused, "
                + "\(delivered) of \(CertificateCase.accepted.count) delivered"
        )
        #expect(refused == CertificateCase.refused.count && delivered == CertificateCase.accepted.count)
    }

    @Test("The same of a server that is not ours: openssl s_server", .enabled(if: Command.exists("openssl")))
    func otherServer() async throws {
        var (refused, verified) = (0, 0)
        for example in CertificateCase.accepted + CertificateCase.refused {
            let kit = try Kit()
            let server = try OpenSSLServer(try example.make(kit))
            var route = route(example, kit, port: try server.port(), .implicit)
            // It has no greeting to give.
            route.timeouts.greeting = .milliseconds(1)
            let report = try #require(try await Probe(route: route).run().first)
            if let expected = example.expected {
                #expect(report.end == .held && report.tls == nil, "\(example.name): \(report)")
                #expect(report.problem?.reason == reason(expected), "\(example.name)")
                if report.end == .held { refused += 1 }
            } else {
                #expect(report.tls?.verification == .pinned, "\(example.name): \(report.problem?.detail ?? "")")
                if report.tls != nil { verified += 1 }
            }
            server.end()
        }
        print(
            "certificates, openssl s_server: \(refused) of \(CertificateCase.refused.count) refused, "
                + "\(verified) of \(CertificateCase.accepted.count) verified"
        )
        #expect(refused == CertificateCase.refused.count && verified == CertificateCase.accepted.count)
    }
}

/// `openssl s_server` on a port of its own choice, for one connection.
private final class OpenSSLServer {
    private let process = Process()
    private let output = Pipe()
    private let input = Pipe()
    private let directory: TemporaryDirectory

    init(_ certificate: IssuedCertificate) throws {
        directory = try TemporaryDirectory()
        try directory.write("chain.pem", certificate.chainPEM)
        try directory.write("key.pem", certificate.keyPEM.exposedCopy())
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert", "chain.pem", "-cert_chain",
            "chain.pem", "-key", "key.pem", "-cipher", "ALL:@SECLEVEL=0", "-no_ticket",
        ]
        process.currentDirectoryURL = URL(fileURLWithPath: directory.path)
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = input
        try process.run()
    }

    /// The port, once it listens.
    func port() throws -> Int {
        var text = ""
        while true {
            let part = output.fileHandleForReading.availableData
            guard !part.isEmpty else { throw POSIXError(.ECONNREFUSED) }
            text += String(decoding: part, as: UTF8.self)
            for line in text.split(separator: "\n").dropLast(text.hasSuffix("\n") ? 0 : 1)
            where line.hasPrefix("ACCEPT") {
                guard let port = line.split(separator: ":").last.flatMap({ Int($0) }) else { continue }
                return port
            }
        }
    }

    func end() {
        process.terminate()
        process.waitUntilExit()
    }
}
