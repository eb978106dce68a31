import Foundation
import Glibc
import OpenSSL
import TestSupport
import Testing

/// The first thing that people do, and the last that a process does.
@Suite struct FirstAndLast {
    @Test("The demonstration ends with signed results, and its last line checks them until one byte is changed")
    func demo() async throws {
        let home = try TemporaryDirectory()
        for name in ["wardpost.yaml", "templates", "jobs"] {
            try FileManager.default.copyItem(atPath: Places.repository + "/" + name, toPath: home.path(name))
        }
        let demo = try await Program.run([Places.wardpost, "--site", home.path, "demo"])
        #expect(demo.status == 0, "\(demo.errors)")
        #expect(demo.output.contains("8 of 8 rows sent"))
        #expect(demo.output.contains("2 opens and 1 click"))
        let command = try #require(demo.output.split(separator: "\n").last { $0.contains("openssl dgst") })
        let check = command.trimmingCharacters(in: .whitespaces)
        let good = try await Program.run(["sh", "-c", check], directory: home.path)
        #expect(good.status == 0 && good.output.contains("Verified OK"))
        let results = try #require(check.split(separator: " ").last.map(String.init))
        let path = results.hasPrefix("/") ? results : home.path(results)
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        bytes[bytes.count / 2] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let bad = try await Program.run(["sh", "-c", check], directory: home.path)
        #expect(bad.status != 0)
    }

    @Test("A crash ends the process by its signal and prints no memory", arguments: [SIGILL, SIGSEGV, SIGABRT])
    func crash(signal: Int32) async throws {
        let directory = try TemporaryDirectory()
        let capture = try Program(
            [Places.wardpost, "capture", "--listen", "127.0.0.1:0", "--out", directory.path("captured")]
        )
        _ = try await capture.firstLine()
        capture.signal(signal)
        let end = try await capture.result(within: .seconds(20))
        #expect(end.status == 128 + signal)
        #expect(end.errors.isEmpty, "\(end.errors.count) bytes on standard error")
    }

    @Test("A host with neither jobs nor results serves tracking with its configuration and one key")
    func tracksAlone() async throws {
        let whole = try TemporaryDirectory()
        try await Program.output([Places.wardpost, "init", whole.path("site")])
        let alone = try TemporaryDirectory()
        try alone.write("keys/tracking.key", try whole.read("site/keys/tracking.key"))
        let authority = try Authority()
        let issued = try authority.issued(["localhost"])
        let port = try Places.freePort()
        try alone.write("tracker.pem", issued.chainPEM)
        try alone.write("keys/tracker.key", issued.keyPEM.exposedCopy())
        try alone.write(
            "wardpost.yaml",
            text: """
                site: Riverside Clinic
                from_domains: [riverside.example]
                tracking:
                  base_url: https://localhost:\(port)
                  listen: 127.0.0.1:\(port)
                  certificate: tracker.pem
                  key: keys/tracker.key
                """
        )
        for (name, mode) in [("keys", 0o700), ("keys/tracking.key", 0o600), ("keys/tracker.key", 0o600)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: alone.path(name))
        }
        let serve = try Program([Places.wardpost, "--site", alone.path, "serve"])
        let health = ["curl", "--silent", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", "--cacert"]
        let answer = try await Program.run(health + [authority.file, "https://localhost:\(port)/healthz"])
        #expect(answer.output == "ok\n" || answer.output == "ok", "\(answer.output) \(serve.errors)")
        #expect(try await serve.stop().status == 0)
        #expect(!FileManager.default.fileExists(atPath: alone.path("jobs")))
    }
}
