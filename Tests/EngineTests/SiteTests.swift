import Core
import Files
import Foundation
import Intake
import OpenSSL
import TestSupport
import Testing

@testable import Engine

@Suite struct SiteTests {
    let scratch: TemporaryDirectory

    init() throws {
        scratch = try TemporaryDirectory()
        try SiteInit.make(at: scratch.path)
    }

    private func chmod(_ name: String, _ mode: Int) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: scratch.path(name))
    }

    private func mode(_ name: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: scratch.path(name))[.posixPermissions] as? Int
    }

    private func refusal(_ body: () throws(EngineError) -> Void) -> EngineError? {
        do throws(EngineError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    // MARK: - Opening

    @Test("A new site can be opened, and has its keys")
    func opens() throws {
        let site = try Site.open(scratch.path)
        #expect(site.configuration.site.value == "Example Clinic")
        _ = try site.keys()
    }

    @Test("A site can be made below a link to a directory, as where data lies on another disk")
    func linked() throws {
        let disk = try TemporaryDirectory()
        let link = scratch.path("data")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: disk.path)
        try SiteInit.make(at: link + "/new/site")
        _ = try Site.open(disk.path("new/site"))
    }

    @Test("A directory without configuration is no site, and the sentence says how to make one")
    func missing() throws {
        let empty = try TemporaryDirectory()
        for path in [empty.path, empty.path("nowhere")] {
            let error = refusal { () throws(EngineError) in _ = try Site.open(path) }
            #expect(error?.code == .configuration)
            #expect(error?.description.contains("wardpost init") == true)
        }
    }

    @Test("Bad configuration is refused with all its places")
    func bad() throws {
        try scratch.write("wardpost.yaml", text: "site: A\nfrom_domain: [a.example]\nrouts: {}\n")
        let error = refusal { () throws(EngineError) in _ = try Site.open(scratch.path) }
        #expect(error?.code == .configuration)
        let text = error?.description ?? ""
        #expect(text.contains("wardpost.yaml:2:1: ") && text.contains("wardpost.yaml:3:1: "))
        #expect(text.contains("from_domains") && text.contains("routes"))
    }

    @Test("A configuration that others can write is refused", arguments: [0o664, 0o646, 0o666])
    func writable(mode: Int) throws {
        try chmod("wardpost.yaml", mode)
        let error = refusal { () throws(EngineError) in _ = try Site.open(scratch.path) }
        #expect(error?.code == .configuration)
        #expect(error?.problems.first?.place?.file == "wardpost.yaml")
    }

    @Test("A configuration behind a link, or none at all but a folder, is refused")
    func link() throws {
        let files = FileManager.default
        try files.moveItem(atPath: scratch.path("wardpost.yaml"), toPath: scratch.path("real.yaml"))
        try files.createSymbolicLink(atPath: scratch.path("wardpost.yaml"), withDestinationPath: "real.yaml")
        #expect(refusal { () throws(EngineError) in _ = try Site.open(scratch.path) }?.code == .configuration)
        try files.removeItem(atPath: scratch.path("wardpost.yaml"))
        try files.createDirectory(atPath: scratch.path("wardpost.yaml"), withIntermediateDirectories: false)
        #expect(refusal { () throws(EngineError) in _ = try Site.open(scratch.path) }?.code == .configuration)
    }

    @Test("An outbox that others can write is refused: ledgers and opt-outs are in it")
    func outbox() throws {
        let site = try Site.open(scratch.path)
        try chmod("outbox", 0o770)
        #expect(refusal { () throws(EngineError) in _ = try site.outbox() }?.code == .configuration)
        #expect(refusal { () throws(EngineError) in _ = try site.outbox("ledgers") }?.code == .configuration)
        try chmod("outbox", 0o755)
        _ = try site.outbox("ledgers")
    }

    // MARK: - Making

    @Test("Secret keys are their owner's alone, and so is the outbox")
    func modes() throws {
        for name in ["keys", "outbox"] { #expect(try mode(name) == 0o700, "\(name)") }
        for name in ["site.key", "tracking.key", "records.pem"] {
            #expect(try mode("keys/\(name)") == 0o600, "\(name)")
        }
    }

    @Test("A site with keys is left alone; one that was checked out gets the keys it lacks and keeps its configuration")
    func again() throws {
        let key = try scratch.read("keys/site.key")
        let error = refusal { () throws(EngineError) in _ = try SiteInit.make(at: scratch.path) }
        #expect(error?.code == .usage)
        #expect(try scratch.read("keys/site.key") == key)
        try FileManager.default.removeItem(atPath: scratch.path("keys"))
        try scratch.write("wardpost.yaml", text: "site: Ours\n")
        try SiteInit.make(at: scratch.path)
        #expect(try scratch.text("wardpost.yaml") == "site: Ours\n")
        #expect(try scratch.read("keys/site.key") != key)
    }

    // MARK: - Keys

    @Test(
        "Keys that others can read or write are refused",
        arguments: SiteKeyFile.allCases,
        [0o640, 0o604, 0o620, 0o602]
    )
    func openKeys(file: SiteKeyFile, mode: Int) throws {
        let site = try Site.open(scratch.path)
        try chmod("keys/\(file.rawValue)", mode)
        let error = refusal { () throws(EngineError) in _ = try site.keys() }
        #expect(error?.code == .configuration)
        #expect(error?.problems.first?.place?.file == "keys/\(file.rawValue)")
        #expect(error?.problems.first?.fix == "chmod 600 keys/\(file.rawValue)")
    }

    @Test("A key directory that others can enter is refused", arguments: [0o750, 0o705, 0o720, 0o710])
    func openDirectory(mode: Int) throws {
        let site = try Site.open(scratch.path)
        try chmod("keys", mode)
        #expect(refusal { () throws(EngineError) in _ = try site.keys() }?.code == .configuration)
        try chmod("keys", 0o700)
    }

    @Test(
        "A broken key is refused by its file's name, and its content is not repeated",
        arguments: SiteKeyFile.allCases,
        ["", "zz", "00112233", String(repeating: "ab", count: 33), "-----BEGIN PRIVATE KEY-----\nAAAA\n"]
    )
    func brokenKey(file: SiteKeyFile, text: String) throws {
        let site = try Site.open(scratch.path)
        let name = "keys/\(file.rawValue)"
        try scratch.write(name, text: text)
        try chmod(name, 0o600)
        let error = refusal { () throws(EngineError) in _ = try site.keys() }
        #expect(error?.code == .configuration)
        #expect(error?.problems.first?.place?.file == name)
        if text.count > 8 { #expect(error?.description.contains(text) == false) }
    }

    @Test("A missing key is named, and never made anew", arguments: SiteKeyFile.allCases)
    func missingKey(file: SiteKeyFile) throws {
        let site = try Site.open(scratch.path)
        try FileManager.default.removeItem(atPath: scratch.path("keys/\(file.rawValue)"))
        let error = refusal { () throws(EngineError) in _ = try site.keys() }
        #expect(error?.code == .configuration && error?.description.contains(file.rawValue) == true)
        #expect(!FileManager.default.fileExists(atPath: scratch.path("keys/\(file.rawValue)")))
    }

    @Test("Every use has a key of its own, the same each time, and another on another site")
    func derived() throws {
        let other = try TemporaryDirectory()
        try SiteInit.make(at: other.path)
        let uses = try [scratch.path, scratch.path, other.path].map { path in
            let keys = try Site.open(path).keys()
            return [keys.ledger, keys.identity, keys.addressTag, keys.suppression].map { $0.exposedCopy() }
        }
        #expect(uses[0] == uses[1])
        #expect(Set(uses[0] + uses[2]).count == 8)
    }

    @Test("A host that only tracks needs one key")
    func trackingHost() throws {
        for name in ["site.key", "records.pem", "records.pub.pem"] {
            try FileManager.default.removeItem(atPath: scratch.path("keys/\(name)"))
        }
        let directory = try Directory(path: scratch.path("keys"))
        _ = try SiteKeys.trackingKeys(in: directory, name: "keys")
    }
}

/// The files without which there is no sending.
enum SiteKeyFile: String, CaseIterable, Sendable {
    case site = "site.key"
    case tracking = "tracking.key"
    case records = "records.pem"
}

@Suite struct MessageIdentitiesTests {
    private static let key = SecretBytes(copying: Array(repeating: 7, count: 32))

    private func job(_ digest: UInt8, run: UInt16 = 1) throws -> JobID {
        try #require(JobID(digest: Array(repeating: digest, count: 10), run: run))
    }

    @Test("An identity is the same at every attempt")
    func deterministic() throws {
        let identities = [0, 1].map { _ in try? MessageIdentities(key: Self.key, job: job(1), domain: "a.example") }
        #expect(identities[0]?.messageID(of: RowNumber(5)) == identities[1]?.messageID(of: RowNumber(5)))
        #expect(identities[0]?.messageID(of: RowNumber(5)).hasSuffix("@a.example") == true)
    }

    @Test("It differs by row, by job, by run and by site")
    func different() throws {
        let other = SecretBytes(copying: Array(repeating: 8, count: 32))
        let runs = [
            MessageIdentities(key: Self.key, job: try job(1), domain: "a.example"),
            MessageIdentities(key: Self.key, job: try job(2), domain: "a.example"),
            MessageIdentities(key: Self.key, job: try job(1, run: 2), domain: "a.example"),
            MessageIdentities(key: other, job: try job(1), domain: "a.example"),
        ]
        let rows: [UInt32] = [1, 2, 256, 257, 65_536, .max]
        let all = runs.flatMap { run in rows.map { run.messageID(of: RowNumber($0)) } }
        #expect(Set(all).count == runs.count * rows.count)
    }
}

@Suite("A site that wants FIPS")
struct FIPSSiteTests {
    @Test("A site that wants the FIPS provider is not opened without it, and the sentence says how to get it")
    func fips() async {
        // In a process of its own: where OpenSSL looks for providers is the process's environment.
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            unsafe setenv("OPENSSL_MODULES", directory.path, 1)
            try directory.write("wardpost.yaml", text: "site: S\nfrom_domains: [s.example]\nfips: true\n")
            do throws(EngineError) {
                _ = try Site.open(directory.path)
                exit(1)
            } catch {
                guard error.code == .configuration, error.code.rawValue == 78 else { exit(2) }
                guard error.description.hasPrefix("wardpost.yaml:3:7: OpenSSL's FIPS provider cannot be loaded"),
                    error.description.contains("openssl fipsinstall")
                else { exit(3) }
            }
        }
    }
}
