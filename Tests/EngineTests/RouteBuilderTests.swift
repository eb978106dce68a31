import Core
import Delivery
import Foundation
import Intake
import OpenSSL
import TestSupport
import Testing

@testable import Engine

/// What a route is made of must be the operator's: who could change it would read the mail, or run programs as us.
@Suite("A route's files and programs")
struct RouteBuilderTests {
    private let scratch: TemporaryDirectory

    init() throws {
        scratch = try TemporaryDirectory()
        try SiteInit.make(at: scratch.path)
        let now = Timestamp.now.seconds
        let authority = try CertificateAuthority(commonName: "Kit", notBefore: now - 60, notAfter: now + 3_600)
        try scratch.write("ca.pem", authority.certificatePEM)
        try scratch.write("bin/token", text: "#!/bin/sh\necho a\n")
        try chmod("bin/token", 0o700)
        try scratch.write("secret", text: "hunter2-canary\n")
        try chmod("secret", 0o600)
    }

    private func chmod(_ name: String, _ mode: Int) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: scratch.path(name))
    }

    /// Builds the route; the sentence of its refusal.
    private func refusal(_ authentication: String = "") throws -> String? {
        try scratch.write(
            "wardpost.yaml",
            text: """
                site: Clinic
                postal_address: 1 Example Road
                from_domains: [clinic.example]
                time_zone: UTC
                keys: keys
                routes:
                  main:
                    relay: relay.example:587
                    tls: starttls
                    own: true
                    ca: ca.pem
                \(authentication)
                """
        )
        let site = try Site.open(scratch.path)
        let route = try #require(site.configuration.routes.first { $0.name.value == "main" })
        do throws(EngineError) {
            _ = try RouteBuilder(site: site).settings(route, heloName: "clinic.example")
            return nil
        } catch {
            #expect(error.code == .configuration)
            return error.description
        }
    }

    private static let command = "    auth: {username: u, token_command: [bin/token]}"

    @Test("A file of roots that others can write is refused", arguments: [0o664, 0o646, 0o666])
    func roots(_ mode: Int) throws {
        #expect(try refusal() == nil)
        try chmod("ca.pem", mode)
        #expect(try refusal()?.contains("others than its owner can write ca.pem") == true)
    }

    @Test("A token command that others can write is refused", arguments: [0o720, 0o702, 0o777])
    func program(_ mode: Int) throws {
        #expect(try refusal(Self.command) == nil)
        try chmod("bin/token", mode)
        #expect(try refusal(Self.command)?.contains("others than its owner can write the token command;") == true)
    }

    @Test("So is one whose directory others can write", arguments: [0o770, 0o707])
    func directory(_ mode: Int) throws {
        try chmod("bin", mode)
        #expect(try refusal(Self.command)?.contains("put another program there") == true)
        // Where only owners may remove, nobody else can put another in its place.
        try chmod("bin", 0o1777)
        #expect(try refusal(Self.command) == nil)
    }

    @Test("Behind a link, both directories count")
    func link() throws {
        try scratch.write("open/readme", text: "")
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path("open/token"),
            withDestinationPath: "../bin/token"
        )
        let command = "    auth: {username: u, token_command: [open/token]}"
        #expect(try refusal(command) == nil)
        try chmod("open", 0o777)
        #expect(try refusal(command)?.contains("put another program there") == true)
        try chmod("open", 0o700)
        try chmod("bin", 0o777)
        #expect(try refusal(command)?.contains("put another program there") == true)
    }

    @Test("One that belongs to another account is refused", .enabled(if: geteuid() == 0))
    func stranger() throws {
        try FileManager.default.setAttributes([.ownerAccountID: 65_534], ofItemAtPath: scratch.path("bin/token"))
        #expect(try refusal(Self.command)?.contains("the token command belongs to another account") == true)
        try FileManager.default.setAttributes([.ownerAccountID: 0], ofItemAtPath: scratch.path("bin/token"))
        try FileManager.default.setAttributes([.ownerAccountID: 65_534], ofItemAtPath: scratch.path("bin"))
        #expect(try refusal(Self.command)?.contains("directory belongs to another account") == true)
    }

    @Test("One that is no program is refused")
    func noProgram() throws {
        try chmod("bin/token", 0o600)
        try chmod("ca.pem", 0o600)
        // Root may run what anybody may; here nobody may.
        #expect(try refusal(Self.command)?.contains("no program that we may run") == true)
        try scratch.write("bin/folder/readme", text: "")
        for (path, sentence) in [("bin/folder", "no program that we may run"), ("bin/none", "cannot be used")] {
            let refusal = try refusal("    auth: {username: u, token_command: [\(path)]}")
            #expect(refusal?.contains(sentence) == true, "\(refusal ?? "")")
        }
    }

    @Test("A password that others can read is refused, and its text is not repeated", arguments: [0o640, 0o604, 0o644])
    func password(_ mode: Int) throws {
        let authentication = "    auth: {username: u, password_file: secret}"
        #expect(try refusal(authentication) == nil)
        try chmod("secret", mode)
        let sentence = try #require(try refusal(authentication))
        #expect(sentence.contains("others than its owner can read or write it"))
        #expect(!sentence.contains("canary"))
    }
}
