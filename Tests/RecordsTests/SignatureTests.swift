import Core
import Files
import Foundation
import OpenSSL
import Synchronization
import TestSupport
import Testing

@testable import Records

/// Anyone can check what we signed, and any change is found.
@Suite struct SignatureTests {
    private func signed() async throws -> Fixture {
        let fixture = try Fixture()
        let view = try await fixture.view(Fixture.mixed, links: Fixture.mixedLinks)
        let switches = Summary.Switches(opens: true, clicks: true)
        try fixture.records.rebuild(Fixture.mixedTexts, view, switches: switches, activity: Fixture.activity)
        try fixture.scratch.write("records.pub.pem", fixture.key.publicPEM)
        return fixture
    }

    private func openssl(_ fixture: Fixture, _ name: String) throws -> Command.Result {
        try Command.run(
            [
                "openssl", "dgst", "-sha256", "-verify", "records.pub.pem", "-signature", "\(name).sig", name,
            ],
            directory: fixture.scratch.path
        )
    }

    @Test(
        "The openssl command accepts a signed file, and refuses it after one byte was changed",
        .enabled(if: Command.exists("openssl")),
        arguments: ["results.csv", "tracking.csv", "summary.json"]
    )
    func command(name: String) async throws {
        let fixture = try await signed()
        let good = try openssl(fixture, name)
        #expect(good.status == 0)
        #expect(good.text.contains("Verified OK"))
        var bytes = try fixture.scratch.read(name)
        bytes[bytes.count / 2] ^= 1
        try fixture.scratch.write(name, bytes)
        #expect(try openssl(fixture, name).status != 0)
    }

    #if DEBUG || FAULT_DOOR
        @Test("An old signature goes only when the new names are on the disk; a first one has nothing to wait for")
        func order() throws {
            let scratch = try TemporaryDirectory()
            let directory = try Directory(path: scratch.path)
            let parent = (scratch.path as NSString).deletingLastPathComponent
            let folder = (scratch.path as NSString).lastPathComponent
            let seen = Mutex<[String]>([])
            let door = FaultDoor(below: parent) { operation, path in
                // Other tests' directories lie beside it.
                guard path == folder || path.hasPrefix(folder + "/") else { return nil }
                switch (operation, path.dropFirst(folder.count)) {
                case (.sync, ""): seen.withLock { $0.append("sync") }
                case (.remove, "/a.csv.sig"): seen.withLock { $0.append("remove") }
                default: break
                }
                return nil
            }
            defer { door.close() }
            let signer = Signer(.generate())
            var steps: [[String]] = []
            for _ in 1...2 {
                try signer.replace("a.csv", in: directory, permissions: 0o600) { try $0.append("1") }
                steps.append(seen.withLock { seen in seen })
                seen.withLock { $0 = [] }
            }
            #expect(steps == [["sync"], ["sync", "remove", "sync"]])
        }
    #endif

    @Test("A job's folder is checked as a whole")
    func job() async throws {
        let fixture = try await signed()
        let check = SignatureCheck(fixture.key.verifyingKey)
        let files = ["results.csv", "tracking.csv", "summary.json", "ehr-updates.csv"]
        #expect(try check.check(job: fixture.directory) == files.map { .init(file: $0, finding: .good) })

        try FileManager.default.removeItem(atPath: fixture.scratch.path("results.csv.sig"))
        try FileManager.default.removeItem(atPath: fixture.scratch.path("tracking.csv"))
        try fixture.scratch.write("summary.json", text: "{}")
        let findings = try check.check(job: fixture.directory).map(\.finding)
        #expect(findings == [.unsigned, .missing, .bad, .good])
    }

    @Test("A folder without records has nothing to check")
    func empty() throws {
        let fixture = try Fixture()
        #expect(try SignatureCheck(fixture.key.verifyingKey).check(job: fixture.directory).isEmpty)
    }

    @Test("Every changed byte of a signature or a file is found")
    func everyByte() async throws {
        let fixture = try await signed()
        let check = SignatureCheck(fixture.key.verifyingKey)
        for name in ["summary.json", "summary.json.sig"] {
            let bytes = try fixture.scratch.read(name)
            for index in bytes.indices {
                var changed = bytes
                changed[index] ^= 0x10
                try fixture.scratch.write(name, changed)
                #expect(try check.check("summary.json", in: fixture.directory) == .bad, "\(name) byte \(index)")
            }
            try fixture.scratch.write(name, bytes)
        }
        #expect(try check.check("summary.json", in: fixture.directory) == .good)
    }

    @Test("Another key's signature is bad, and so is one that is no signature", arguments: [0, 1, 71, 5_000])
    func otherKey(length: Int) async throws {
        let fixture = try await signed()
        let other = SignatureCheck(SigningKey.generate().verifyingKey)
        #expect(try other.check("results.csv", in: fixture.directory) == .bad)
        try fixture.scratch.write("results.csv.sig", Array(repeating: 0x30, count: length))
        let check = SignatureCheck(fixture.key.verifyingKey)
        #expect(try check.check("results.csv", in: fixture.directory) == .bad)
    }

    @Test("A file of many blocks is signed and checked whole")
    func large() async throws {
        let fixture = try Fixture()
        let count = 20_000
        let view = try await fixture.view((1...count).map { Fixture.sent(Int64($0)) })
        let texts = ListedTexts((1...count).map { ("key-\($0)", "person\($0)@example.com") })
        try fixture.records.writeResults(texts, view)
        #expect(try SignatureCheck(fixture.key.verifyingKey).check("results.csv", in: fixture.directory) == .good)
        let lines = try fixture.scratch.read("results.csv").count { $0 == UInt8(ascii: "\n") }
        #expect(lines == count + 1)
    }
}
