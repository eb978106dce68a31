import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The main job: LibreOffice's table, OpenSSH's upload, Postfix's relay, Python's parser, LibreOffice's reading.
    @Suite struct MainJob {
        static let canRun = PostfixPeer.isThere && SftpServer.isThere && LibreOffice.isThere

        @Test(
            "A folder saved by LibreOffice and uploaded in pieces by sftp is sent through Postfix, and every message is what its row asked for",
            .enabled(if: canRun, "needs root, postfix, openssh-server and libreoffice-calc"),
            .timeLimit(.minutes(5))
        )
        func mainJob() async throws {
            let job = ClinicJob()
            let authority = try Authority()
            let postfix = try await PostfixPeer([.init(certificate: try authority.issue().both)])
            let tracking = Site.Tracking(port: try Places.freePort(), certificate: try authority.issue())
            let site = try await Site(
                Site.Settings(relayPort: postfix.ports[0], ca: authority.file, settle: 4, tracking: tracking)
            )
            let office = try LibreOffice()
            let table = try await office.save([ClinicJob.columns] + job.rows.map(\.cells))
            #expect(String(validating: table, as: UTF8.self) == nil, "the table is not in Windows-1252")

            let watch = try site.start("watch")
            try await upload(job, table, to: site) {
                #expect(Mail.count(in: postfix.maildir) == 0, "a message went out from half a folder")
                #expect(!postfix.log.contains("mail="))
                #expect(!site.has("jobs/befunde/status.json") && !site.has("jobs/befunde/problems.csv"))
            }
            try await eventually("the job is done", within: .seconds(90)) {
                guard !watch.hasEnded else { throw Program.Failure(description: "watch ended: \(watch.errors)") }
                return site.marker("befunde") != nil
            }
            #expect(site.marker("befunde") == "DONE")
            let wanted = job.rows.filter { !$0.isEmptied }
            let count = try await postfix.delivered(wanted.count)
            #expect(count == wanted.count)
            let stopped = try await watch.stop()
            #expect(stopped.status == 0, "watch: \(stopped.errors)")

            let mails = try await Mail.read(postfix.maildir)
            let results = try site.results("befunde")
            #expect(results.rows.count == job.rows.count)
            for (index, row) in job.rows.enumerated() {
                let result = results[index]
                #expect(result["row"] == "\(index + 1)")
                guard !row.isEmptied else {
                    #expect(result["status"] == "invalid" && result["reason"] == "address-missing")
                    continue
                }
                #expect(result["status"] == "sent", "row \(index + 1): \(result)")
                #expect(result["tls_verification"] == "pinned" && result["tls_scope"] == "relay")
                #expect(result["tls_version"] == "TLSv1.3")
                let mail = try #require(
                    mails.first { $0["message-id"] == "<\(result["message_id"] ?? "")>" },
                    "row \(index + 1) has no message"
                )
                compare(mail, row, job)
            }
            for file in ["results.csv", "tracking.csv", "summary.json"] {
                #expect(try await site.isSigned("jobs/befunde/\(file)"), "\(file) is not signed")
            }
            let cells = try await office.open(site.path + "/jobs/befunde/results.csv", columns: results.header.count)
            let ours = ([results.header] + results.rows).map(trimmed)
            #expect(cells == ours, "LibreOffice reads results.csv otherwise")
            print(
                "main job: \(job.rows.count) rows, \(count) messages delivered and compared,",
                "\(job.letters.count) attachments equal, \(ours.joined().count) cells of results.csv equal in LibreOffice"
            )
        }

        /// Uploads the folder slowly, the manifest first, as bad clients do; `check` looks after every pause.
        private func upload(_ job: ClinicJob, _ table: Data, to site: Site, check: () async throws -> Void)
            async throws
        {
            let local = try TemporaryDirectory()
            try local.write("manifest.yaml", text: ClinicJob.manifest)
            try local.write("half.csv", table.prefix(table.count / 2))
            try local.write("recipients.csv", table)
            try local.write("befund.txt", text: ClinicJob.text)
            try local.write("befund.html", text: ClinicJob.html(link: "https://portal.test/befund"))
            for (name, bytes) in job.letters { try local.write("briefe/\(name)", bytes) }
            let first = try #require(job.letters.keys.sorted().first)
            let firstBytes = job.letters[first] ?? Data()
            try local.write("half.pdf", firstBytes.prefix(firstBytes.count / 2))
            let server = try await SftpServer()
            let there = "\(site.path)/jobs/befunde"
            // The manifest is there, what it names is not: longer than the folder needs to settle.
            try await server.batch(["mkdir \(there)", "put manifest.yaml \(there)/manifest.yaml"], in: local.path)
            try await Task.sleep(for: .seconds(5))
            try await check()
            // Half the table under the name that clients give to what they have not finished.
            try await server.batch(["put half.csv \(there)/recipients.csv.filepart"], in: local.path, limit: 256)
            try await Task.sleep(for: .seconds(5))
            try await check()
            try await server.batch(
                [
                    "reput recipients.csv \(there)/recipients.csv.filepart",
                    "rename \(there)/recipients.csv.filepart \(there)/recipients.csv",
                    "mkdir \(there)/briefe",
                ],
                in: local.path,
                limit: 256
            )
            try await check()
            // Letters come one by one, one of them in halves under its own name; each restarts the clock.
            for name in job.letters.keys.sorted() where name != first {
                try await server.batch(["put briefe/\(name) \(there)/briefe/\(name)"], in: local.path)
            }
            try await server.batch(
                ["put befund.txt \(there)/", "put half.pdf \(there)/briefe/\(first)"],
                in: local.path
            )
            try await Task.sleep(for: .seconds(1))
            try await check()
            try await server.batch(["reput briefe/\(first) \(there)/briefe/\(first)"], in: local.path, limit: 512)
            try await check()
            try await server.batch(["put befund.html \(there)/"], in: local.path)
        }

        private func compare(_ mail: Mail, _ row: ClinicJob.Row, _ job: ClinicJob) {
            #expect(mail.defects.isEmpty, "\(row.ref): \(mail.defects)")
            #expect(mail.longest_line <= 998)
            let address = row.email.replacingOccurrences(of: "bücher", with: "xn--bcher-kva")
            #expect(mail.to == [Mail.Mailbox(name: row.name, address: address)])
            #expect(mail["delivered-to"] == address || mail["x-original-to"] == address)
            #expect(mail["subject"] == "Ihr Besuch bei uns, \(row.firstName)")
            #expect(mail["from"] == "Praxis am Fluß <praxis@clinic.test>")
            #expect(mail["received"].contains("TLS"), "not over TLS: \(mail["received"])")
            #expect(mail.text.map(lines) == lines(row.text), "\(row.ref): text")
            #expect(mail.fields["name"] == row.name && mail.fields["ref"] == row.ref)
            #expect(mail.fields["amount"] == row.amount && mail.fields["number"] == row.number)
            #expect(mail.fields["notes"].map(lines) == lines(row.notes), "\(row.ref): notes in HTML")
            #expect(mail.attachments.count == 1)
            #expect(mail.attachments.first?.name == "Befund.pdf")
            #expect(mail.attachments.first?.type == "application/pdf")
            #expect(mail.attachments.first?.bytes == job.letters[row.letter], "\(row.ref): attachment")
        }

        private func lines(_ text: String) -> String {
            text.replacingOccurrences(of: "\r\n", with: "\n")
        }
    }
}

/// Cells without the empty ones at the end, which a sheet does not have.
func trimmed(_ cells: [String]) -> [String] {
    Array(cells.reversed().drop { $0.isEmpty }.reversed())
}
