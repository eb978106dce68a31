import Core
import Delivery
import OpenSSL
import TestSupport
import Testing

@testable import Engine

@Suite("A job's route is tried", .timeLimit(.minutes(2)))
struct RouteCheckTests {
    private func check(_ bench: Bench, _ job: TestJob = TestJob()) async throws -> RouteCheck {
        try bench.job("one", job)
        let checker = try JobCheck(site: bench.site)
        let report = try checker.check("one")
        #expect(report.isGood, "\(report.problems)")
        return try #require(try await checker.connect(report).first)
    }

    @Test("What a row would get as evidence is what a row then gets")
    func evidence() async throws {
        let bench = try await Bench()
        let found = try await check(bench)
        #expect(found.end == .ready && !found.holdsRows, "\(found.lines)")
        #expect(found.server == "localhost" && found.certificate?.matchedName == "localhost")
        #expect(found.certificate?.keyBits == 256)
        #expect(bench.relay.messages.isEmpty, "nothing was sent")
        #expect(found.lines.last == "  Rows can go out here.")
        _ = try await bench.work("one")
        let row = try #require(try bench.results("one").first)
        #expect(row["status"] == "sent")
        #expect(row["tls_version"] == found.tls?.version && row["tls_cipher"] == found.tls?.cipher)
        #expect(row["tls_verification"] == found.tls?.verification.rawValue)
        #expect(row["tls_scope"] == found.tls?.scope.rawValue)
    }

    @Test("A relay whose certificate leads elsewhere would hold the rows")
    func held() async throws {
        let bench = try await Bench()
        let other = try CertificateAuthority(
            commonName: "Other",
            notBefore: Timestamp.now.seconds - 60,
            notAfter: Timestamp.now.seconds + 3_600
        )
        try bench.scratch.write("relay-ca.pem", other.certificatePEM)
        let found = try await check(bench)
        #expect(found.end == .held && found.holdsRows)
        #expect(found.problem?.reason == .certificateUntrusted)
        #expect(found.obstacles.count == 1)
    }

    @Test("A row that needs what the relay does not have is named")
    func rows() async throws {
        let relay = try await Relay { $0.offers.remove(.smtpUTF8) }
        let bench = try await Bench(relay)
        let found = try await check(bench, TestJob(["ada@example.test", "jürgen@example.test"]))
        #expect(found.end == .ready && found.holdsRows)
        #expect(
            found.obstacles == [
                "1 row needs SMTPUTF8, which the server does not offer: failed, smtputf8-missing, row 2 first"
            ]
        )
    }
}
