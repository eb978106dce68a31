import Core
import Delivery
import Foundation
import Intake
import Ledger
import OpenSSL
import TestSupport
import Testing

@testable import Engine

/// Jobs of a domain with DKIM keys, and the keys themselves.
@Suite(.timeLimit(.minutes(2))) struct DKIMTests {
    private static let configuration = "dkim:\n  riverside.example: {selector: wp}"
    private static let rsa = "keys/dkim/wp._domainkey.riverside.example.pem"
    private static let ed25519 = "keys/dkim/wp-ed25519._domainkey.riverside.example.pem"

    private func bench(_ more: String = configuration, makes: Bool = true) async throws -> Bench {
        let bench = try await Bench(more: more)
        if makes { _ = try DKIMSetup(site: bench.site).make(domain: "riverside.example", selector: "wp") }
        return bench
    }

    private func records(_ report: DKIMSetup.Report) -> [String: String] {
        Dictionary(uniqueKeysWithValues: report.records.map { ($0.name, $0.text) })
    }

    private func check(_ bench: Bench) throws -> JobCheck.Report {
        try bench.job("visit", TestJob.rows(1))
        return try JobCheck(site: bench.site).check("visit")
    }

    // MARK: - Messages

    @Test(
        "Every message arrives with both signatures, and they verify as it arrived",
        .enabled(if: MailVerifier.areThere, "needs python3-dkim, python3-nacl and libmail-dkim-perl")
    )
    func delivered() async throws {
        let bench = try await bench()
        let report = try DKIMSetup(site: bench.site).make(domain: "riverside.example")
        try bench.job("visit", TestJob.rows(5))
        #expect(try await bench.work("visit").word == "done")
        let messages = bench.relay.messages.map(\.bytes)
        #expect(messages.count == 5)
        for verdict in try MailVerifier.dkimpy.verdicts(messages, records: records(report)) {
            #expect(verdict == ["rsa-sha256 pass", "ed25519-sha256 pass"])
        }
        for verdict in try MailVerifier.mailDKIM.verdicts(messages, records: records(report)) {
            #expect(verdict.first == "rsa-sha256 pass")
        }
    }

    @Test("A message is signed with the time at which the job was taken up, also in a later run")
    func takenUp() async throws {
        let bench = try await bench()
        try bench.job("visit", TestJob.rows(1))
        let takenUp = Timestamp.now + -3_600
        #expect(await (try bench.ledger("visit", takenUp: takenUp)).close())
        #expect(try await bench.work("visit").word == "done")
        let content = String(decoding: try #require(bench.relay.messages.first?.bytes), as: UTF8.self)
        #expect(content.components(separatedBy: " t=\(takenUp.seconds);").count == 3)
    }

    @Test("A domain without keys goes out unsigned with a warning, or not at all where everything must be signed")
    func unsigned() async throws {
        let other = "dkim: {}"
        let bench = try await bench(other, makes: false)
        let report = try check(bench)
        #expect(report.isGood)
        #expect(report.problems.map(\.severity) == [.warning])
        #expect(try await bench.work("visit").word == "done")
        let content = String(decoding: try #require(bench.relay.messages.first?.bytes), as: UTF8.self)
        #expect(!content.contains("DKIM-Signature"))
        let strict = try await self.bench("dkim: {require: true}", makes: false)
        let refused = try check(strict)
        #expect(!refused.isGood)
        #expect(refused.problems.first?.place?.line == 3)
        #expect(try await strict.work("visit").word == "rejected")
        #expect(strict.relay.messages.isEmpty)
    }

    // MARK: - Keys that cannot be used

    @Test("A missing key refuses the job, and says where it is named and how it is made")
    func missing() async throws {
        let bench = try await bench()
        try FileManager.default.removeItem(atPath: bench.scratch.path(Self.ed25519))
        let report = try check(bench)
        #expect(!report.isGood)
        #expect(
            report.problems.map(\.description) == [
                "wardpost.yaml:15:33: there is no \(Self.ed25519); `wardpost keys dkim --domain riverside.example "
                    + "--selector wp` makes it"
            ]
        )
    }

    @Test("No keys at all are told at once, and the job goes once they are made")
    func none() async throws {
        let bench = try await bench(makes: false)
        #expect(try check(bench).problems.count == 2)
        _ = try DKIMSetup(site: bench.site).make(domain: "riverside.example")
        #expect(try check(bench).isGood)
    }

    @Test("A key that others can read is refused, and so is a directory", arguments: [rsa, ed25519, "keys/dkim"])
    func open(path: String) async throws {
        let bench = try await bench()
        let mode = path == "keys/dkim" ? 0o750 : 0o640
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: bench.scratch.path(path))
        let report = try check(bench)
        #expect(!report.isGood)
        #expect(report.problems.first?.place?.file == path)
        #expect(report.problems.first?.fix == "chmod \(path == "keys/dkim" ? "700" : "600") \(path)")
    }

    @Test("Keys that are too small, of another kind or no keys are refused by name")
    func unusable() async throws {
        let bench = try await bench()
        func replaced(_ file: String, _ bytes: [UInt8]) throws -> String {
            let path = try bench.scratch.write(file, bytes)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            return try check(bench).problems.first?.description ?? ""
        }
        let good = try bench.scratch.read(Self.rsa)
        let small = try Command.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"])
        #expect(
            try replaced(Self.rsa, Array(small.output))
                == "wardpost.yaml:15:33: \(Self.rsa): the RSA key has 1024 bits; a mail signature needs 2048 to 4096"
        )
        #expect(
            try replaced(Self.rsa, try bench.scratch.read(Self.ed25519))
                == "wardpost.yaml:15:33: \(Self.rsa) holds a key of another kind, ed25519"
        )
        #expect(try replaced(Self.rsa, Array("x".utf8)).contains("\(Self.rsa): no private key in PEM form"))
        #expect(try replaced(Self.rsa, good).isEmpty)
    }

    // MARK: - Making them

    @Test("Keys are made once, for their owner alone, and never written over")
    func made() async throws {
        let bench = try await bench(makes: false)
        let setup = DKIMSetup(site: bench.site)
        let first = try setup.make(domain: "Riverside.Example")
        #expect(first.records.map(\.file) == [Self.rsa, Self.ed25519])
        #expect(first.records.map(\.isNew) == [true, true])
        #expect(first.configuration == nil)
        for (path, mode) in [(Self.rsa, 0o600), (Self.ed25519, 0o600), ("keys/dkim", 0o700)] {
            let attributes = try FileManager.default.attributesOfItem(atPath: bench.scratch.path(path))
            #expect(attributes[.posixPermissions] as? Int == mode)
        }
        let bytes = try bench.scratch.read(Self.rsa)
        try FileManager.default.removeItem(atPath: bench.scratch.path(Self.ed25519))
        let second = try setup.make(domain: "riverside.example")
        #expect(second.records.map(\.isNew) == [false, true])
        #expect(second.records[0].text == first.records[0].text && second.records[1].text != first.records[1].text)
        #expect(try bench.scratch.read(Self.rsa) == bytes)
    }

    @Test("A new selector makes new keys beside the old ones, and says what to write once they are published")
    func rotation() async throws {
        let bench = try await bench()
        let report = try DKIMSetup(site: bench.site).make(domain: "riverside.example", selector: "wp2")
        #expect(report.records.map(\.selector) == ["wp2", "wp2-ed25519"])
        #expect(report.configuration == "dkim:\n  riverside.example: {selector: wp2}")
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.scratch.path("keys/dkim")).count == 4)
        #expect(try check(bench).isGood)
    }

    @Test(
        "The zone file's lines hold the record in strings of 255 octets at most, which joined are what verifiers read"
    )
    func zone() async throws {
        let bench = try await bench()
        let report = try DKIMSetup(site: bench.site).make(domain: "riverside.example")
        let rsa = try #require(report.records.first)
        #expect(rsa.strings.map(\.utf8.count) == [255, 155])
        #expect(rsa.strings.joined() == rsa.text)
        #expect(rsa.text.hasPrefix("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"))
        #expect(
            rsa.zoneLine
                == "wp._domainkey.riverside.example. IN TXT ( \"\(rsa.strings[0])\"\n    \"\(rsa.strings[1])\" )"
        )
        let ed25519 = report.records[1]
        #expect(ed25519.zoneLine == "wp-ed25519._domainkey.riverside.example. IN TXT \"\(ed25519.text)\"")
        #expect(ed25519.text.utf8.count == "v=DKIM1; k=ed25519; p=".utf8.count + 44)
    }

    @Test("A domain that the site does not send from and a selector that is no name are refused")
    func refused() async throws {
        let bench = try await bench("", makes: false)
        let setup = DKIMSetup(site: bench.site)
        func said(_ domain: String, _ selector: String? = nil) -> String {
            do throws(EngineError) {
                let report = try setup.make(domain: domain, selector: selector)
                return report.selector
            } catch {
                return "\(error.code) \(error)"
            }
        }
        #expect(
            said("riversid.example")
                == "usage the site does not send from riversid.example; did you mean riverside.example?"
        )
        #expect(said("../x").hasPrefix("usage the site does not send from ../x; "))
        #expect(said("riverside.example", "../../x").hasPrefix("usage the selector cannot be ../../x: it may have"))
        #expect(said("riverside.example") == "wp\(Timestamp.now.fields.year)")
    }
}
