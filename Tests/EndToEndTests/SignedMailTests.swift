import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// DKIM signatures on their way through a real relay.
    @Suite struct SignedMail {
        /// What `wardpost keys dkim --json` prints.
        private struct Keys: Decodable {
            var records: [Record]

            struct Record: Decodable {
                var name: String
                var text: String
                var strings: [String]
                var file: String
                var made: Bool
            }
        }

        /// The files of a Maildir as they came over the wire.
        private func stored(in maildir: String) throws -> [[UInt8]] {
            let folder = maildir + "/new"
            return try FileManager.default.contentsOfDirectory(atPath: folder).map { name in
                let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
                return bytes.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
            }
        }

        @Test(
            "Postfix stores what was signed: every message verifies as it lies in the mailbox",
            .enabled(if: PostfixPeer.isThere, "needs root and postfix"),
            .enabled(if: MailVerifier.areThere, "needs python3-dkim, python3-nacl and libmail-dkim-perl"),
            .timeLimit(.minutes(3))
        )
        func postfix() async throws {
            let authority = try Authority()
            let postfix = try await PostfixPeer([.init(certificate: try authority.issue().both)])
            var settings = Site.Settings(relayPort: postfix.ports[0], ca: authority.file)
            settings.tracking = Site.Tracking(port: try Places.freePort(), certificate: try authority.issue())
            settings.more = "dkim:\n  require: true\n  clinic.test: {selector: wp2026}\n"
            let site = try await Site(settings)

            let made = try await site.run("keys", "dkim", "--domain", "clinic.test", "--json")
            #expect(made.status == 0, "\(made.errors)")
            let keys = try JSONDecoder().decode(Keys.self, from: Data(made.output.utf8))
            #expect(keys.records.map(\.made) == [true, true])
            #expect(
                keys.records.allSatisfy {
                    $0.strings.joined() == $0.text && $0.strings.allSatisfy { $0.utf8.count < 256 }
                }
            )
            let records = Dictionary(uniqueKeysWithValues: keys.records.map { ($0.name, $0.text) })
            let again = try await site.run("keys", "dkim", "--domain", "clinic.test")
            #expect(again.status == 0)
            #expect(again.errors.contains("kept \(keys.records[0].file)"))
            #expect(again.output.contains("wp2026-ed25519._domainkey.clinic.test. IN TXT \"v=DKIM1; k=ed25519; p="))

            // One job with every cell that ever broke a mail merge, attachments included.
            let clinic = ClinicJob()
            var letters = JobFiles()
            letters["manifest.yaml"] = ClinicJob.manifest.replacing("windows-1252", with: "utf-8")
            letters["recipients.csv"] = JobFiles.table([ClinicJob.columns] + clinic.rows.map(\.cells))
            letters["befund.txt"] = ClinicJob.text
            letters["befund.html"] = ClinicJob.html(link: "https://portal.test/befund")
            for (name, bytes) in clinic.letters { letters.files["briefe/\(name)"] = bytes }
            try site.job("befunde", letters)
            // One with a list, and mailboxes that need SMTPUTF8.
            for name in ["newsletter", "layout", "story", "button", "fact"] {
                let text = try Data(contentsOf: URL(fileURLWithPath: "\(Places.repository)/templates/\(name).html"))
                try site.write("templates/\(name).html", text)
            }
            var news = JobFiles(
                rows: [["zoë@kunde.test", "N-1", "Zoë"], ["ada@kunde.test", "N-2", "Ada"]],
                manifest: "list: news\n",
                from: "Klinik am Fluß <news@clinic.test>"
            )
            news["manifest.yaml"] = news["manifest.yaml"].replacing("template: letter", with: "template: newsletter")
            try site.job("news", news)

            for job in ["befunde", "news"] {
                let sent = try await site.run("send", job)
                #expect(sent.status == (job == "news" ? 0 : 1), "\(job): \(sent.errors)")
            }
            let count = clinic.rows.count { !$0.isEmptied } + 2
            #expect(try await postfix.delivered(count) == count)
            let messages = try stored(in: postfix.maildir)
            #expect(messages.count == count)
            let perl = MailVerifier.mailDKIM
            let second = perl.knowsEd25519 ? "ed25519-sha256 pass" : "ed25519-sha256 invalid"
            for verdict in try MailVerifier.dkimpy.verdicts(messages, records: records) {
                #expect(verdict == ["rsa-sha256 pass", "ed25519-sha256 pass"])
            }
            for verdict in try perl.verdicts(messages, records: records) {
                #expect(verdict == ["rsa-sha256 pass", second])
            }
            print("signed: \(count) messages through Postfix, each verified by dkimpy and Mail::DKIM")
        }
    }
}
