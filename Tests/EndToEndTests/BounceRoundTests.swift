import Foundation
import OpenSSL
import TestSupport
import Testing

extension EndToEnd {
    /// Mail that comes back: Postfix bounces, the watched Maildir is read, and what follows stands beside the jobs.
    @Suite struct Bounces {
        static let domain = "bounce.clinic.test"

        /// The lines of `wardpost.yaml`.
        static func settings(maildir: String) -> String {
            """
            tracking: {base_url: https://t.clinic.test}
            bounces:
              domain: \(domain)
              maildir: \(maildir)
              complaint_share: 1%
              complaint_minimum: 2

            """
        }

        /// The events of a site, as their lines are written.
        static func events(_ site: Site, _ kind: String) -> [String] {
            site.files().filter { $0.hasPrefix("outbox/events/") }
                // What a kill left of a last line is no event.
                .flatMap {
                    (try? site.text($0))?.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                        .map(String.init) ?? []
                }
                .filter { $0.contains("\"kind\":\"\(kind)\"") }
        }

        @Test(
            "A real bounce and an opt-out by mail come back through Postfix; forged and repeated ones change nothing",
            .enabled(if: PostfixPeer.isThere, "needs root and postfix"),
            .timeLimit(.minutes(5))
        )
        func round() async throws {
            let authority = try Authority()
            let certificate = try authority.issue { $0.keyType = .rsa2048 }
            let both = try TemporaryDirectory()
            let door = try both.write(
                "door.pem",
                [certificate.key, certificate.chain].flatMap {
                    FileManager.default.contents(atPath: $0).map(Array.init) ?? []
                }
            )
            let postfix = try await PostfixPeer([.init(certificate: door)], bounceDomain: Self.domain)
            let site = try await Site(
                Site.Settings(
                    relayPort: postfix.ports[0],
                    ca: authority.file,
                    settle: 1,
                    more: Self.settings(maildir: postfix.bounces)
                )
            )
            let watch = try site.start("watch", "--no-serve")
            defer { watch.kill() }
            let rows = [
                ["ada@kunde.test", "P-1", "Ada"], ["nobody.ben@kunde.test", "P-2", "Ben"],
                ["carla@kunde.test", "P-3", "Carla"],
            ]
            try site.job("visit", JobFiles(rows: rows, manifest: "list: news\n"))
            try site.write("jobs/visit/READY", "")
            try await eventually("the job is done", within: .seconds(60)) { site.marker("visit") == "DONE" }
            #expect(try site.results("visit").column("status") == ["sent", "sent", "sent"])

            // What Postfix says of it comes back by itself.
            try await eventually("the bounce stands in the results", within: .seconds(60)) {
                (try? site.results("visit").column("reason")) == ["", "bounced", ""]
            }
            try await eventually("all files are written") {
                site.has("jobs/visit/ehr-updates.csv")
                    && (try? site.tracking("visit").column("bounced_at").map { !$0.isEmpty }) == [false, true, false]
            }
            let updates = try CSVFile(site.path + "/jobs/visit/ehr-updates.csv")
            #expect(updates.column("key") == ["P-2"] && updates.column("update") == ["dead"])
            #expect(updates.column("reason") == ["mailbox-unknown"])

            // An opt-out as a mail program sends it, to the address in the message.
            _ = try await postfix.delivered(2)
            let mails = try await Mail.read(postfix.maildir)
            let carla = try #require(mails.first { $0.to.first?.address == "carla@kunde.test" })
            let list = carla["list-unsubscribe"]
            let start = try #require(list.range(of: "<mailto:"))
            let address = String(list[start.upperBound...].prefix { $0 != "?" })
            #expect(address.hasPrefix("u+") && address.hasSuffix("@" + Self.domain))
            let returnPath = try #require(carla.headers["return-path"]?.first?.trimmingCharacters(in: ["<", ">"]))
            #expect(returnPath.hasPrefix("b+") && returnPath.hasSuffix("@" + Self.domain))
            try await Self.send(
                "From: carla@kunde.test\nTo: \(address)\nSubject: unsubscribe\n\nunsubscribe\n",
                to: address,
                postfix,
                authority.file
            )
            // A bounce of Ada's with a token that nobody made, and the real one once more.
            let real = try #require(try Self.mails(postfix.bounces).first { $0.contains("nobody.ben@kunde.test") })
            let forged = real.replacingOccurrences(of: "nobody.ben@kunde.test", with: "ada@kunde.test")
            let place = try #require(real.range(of: #"b\+[a-z2-7]{60}"#, options: .regularExpression))
            let path = String(real[place])
            let changed = String(path.dropLast()) + (path.last == "a" ? "b" : "a")
            for text in [forged.replacingOccurrences(of: path, with: changed), real] {
                let to = text.contains(changed) ? changed : path
                try await Self.send(text, to: "\(to)@\(Self.domain)", postfix, authority.file)
            }
            try await eventually("the opt-out is written", within: .seconds(60)) {
                (try? site.tracking("visit").column("unsubscribed_at").map { !$0.isEmpty }) == [false, false, true]
            }
            try await eventually("all mail is put away", within: .seconds(60)) {
                let new = try FileManager.default.contentsOfDirectory(atPath: postfix.bounces + "/new")
                let cur = try FileManager.default.contentsOfDirectory(atPath: postfix.bounces + "/cur")
                return new.isEmpty && cur.count == 4
            }
            #expect(Self.events(site, "bounce").count == 1 && Self.events(site, "unsubscribe").count == 1)

            // The next job, with the same people.
            try site.job("next", JobFiles(name: "Next", rows: rows, manifest: "list: news\n"))
            try site.write("jobs/next/READY", "")
            try await eventually("the next job is done", within: .seconds(60)) { site.marker("next") == "DONE" }
            #expect(try site.results("next").column("status") == ["sent", "suppressed", "suppressed"])
            #expect(try site.results("next").column("reason") == ["", "bounced", "opted-out"])
            #expect(try CSVFile(site.path + "/jobs/next/ehr-updates.csv").column("update") == ["dead", "opted-out"])
            for job in ["visit", "next"] {
                let result = try await site.run("verify", site.path + "/jobs/\(job)")
                #expect(result.status == 0 && result.output.contains("ehr-updates.csv: good"), "\(result.output)")
            }
            let ended = try await watch.stop()
            // Neither output nor events say who.
            for text in [ended.output, ended.errors] + Self.events(site, "bounce") {
                #expect(!text.contains("kunde.test") && !text.contains("unknown user"))
            }
        }

        private static func send(_ text: String, to address: String, _ postfix: PostfixPeer, _ ca: String) async throws
        {
            let directory = try TemporaryDirectory()
            let file = try directory.write("mail", text: text)
            let result = try await Program.run([
                "curl", "-sS", "--ssl-reqd", "--cacert", ca, "--mail-from", "", "--mail-rcpt", address, "--crlf", "-T",
                file,
                "smtp://localhost:\(postfix.ports[0])/client.test",
            ])
            #expect(result.status == 0, "\(result.errors)")
        }

        private static func mails(_ maildir: String) throws -> [String] {
            try ["new", "cur"].flatMap { room in
                try FileManager.default.contentsOfDirectory(atPath: "\(maildir)/\(room)").map {
                    try String(contentsOfFile: "\(maildir)/\(room)/\($0)", encoding: .utf8)
                }
            }
        }

        /// A job through a server that keeps return paths; gives them by recipient.
        private static func sent(_ count: Int, _ site: Site, _ sink: Sink) async throws -> [String] {
            let rows = (1...count).map { ["p\($0)@kunde.test", "P-\($0)", "Ada"] }
            try site.job("visit", JobFiles(rows: rows))
            let result = try await site.run("send", "visit")
            #expect(result.status == 0)
            let folder = sink.folder + "/new"
            return try FileManager.default.contentsOfDirectory(atPath: folder).map { name in
                let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
                return String(text.dropFirst("Return-Path: <".count).prefix { $0 != ">" })
            }
        }

        /// A delivery report.
        private static func report(_ path: String, _ number: Int) -> String {
            """
            Return-Path: <>
            Delivered-To: \(path)
            From: MAILER-DAEMON@mx.test (Mail Delivery System)
            Subject: Undelivered Mail Returned to Sender
            To: \(path)
            MIME-Version: 1.0
            Content-Type: multipart/report; report-type=delivery-status; boundary="b"

            --b
            Content-Type: text/plain

            <x\(number)@kunde.test>: unknown user

            --b
            Content-Type: message/delivery-status

            Reporting-MTA: dns; mx.test

            Final-Recipient: rfc822; x\(number)@kunde.test
            Action: failed
            Status: 5.1.1
            Diagnostic-Code: smtp; 550 5.1.1 unknown user

            --b--

            """
        }

        @Test(
            "Reports count once though the process is killed again and again while it reads them",
            .timeLimit(.minutes(10))
        )
        func kills() async throws {
            let authority = try Authority()
            let sink = try await Sink(authority)
            let mail = try TemporaryDirectory()
            for room in ["new", "cur", "tmp"] { try mail.write(room + "/.keep", text: "") }
            let site = try await Site(
                Site.Settings(relayPort: sink.port, ca: authority.file, more: Self.settings(maildir: mail.path))
            )
            let count = 1_500
            let paths = try await Self.sent(count, site, sink)
            #expect(paths.count == count)
            for (number, path) in paths.enumerated() {
                try mail.write("new/\(number)", text: Self.report(path, number))
            }
            var generator = SeededGenerator(seed: .random(in: 1 ... .max))
            var kills = 0
            func waiting() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: mail.path("new")).count { !$0.hasPrefix(".") }
            }
            while try waiting() > 0, kills < 60 {
                let program = try site.start("bounces", mail.path)
                try await Task.sleep(for: .milliseconds(kills == 0 ? 10 : Int.random(in: 10...150, using: &generator)))
                if !program.hasEnded { kills += 1 }
                program.kill()
                _ = try? await program.result(within: .seconds(30))
            }
            let last = try await site.run("bounces", mail.path)
            #expect(last.status == 0)
            let events = Self.events(site, "bounce")
            #expect(events.count == count, "after \(kills) kills")
            #expect(Set(events.map { $0.components(separatedBy: "\"row\":")[1].prefix { $0.isNumber } }).count == count)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: mail.path("cur")).count { !$0.hasPrefix(".") }
                    == count
            )
            #expect(kills > 0)
            // And the files beside the job are whole, whatever was cut short.
            try await eventually("the results say so") {
                _ = try await site.run("bounces", mail.path)
                return (try? site.results("visit").column("reason").allSatisfy { $0 == "bounced" }) == true
            }
        }
    }
}
