import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Who opts out, how, and what comes of it.
    @Suite struct OptOuts {
        private static let people = 1_000

        /// Fetches many addresses with one curl; the statuses, and how many there were of each.
        private func fetch(
            _ urls: [String],
            _ arguments: [String],
            ca: String
        ) async throws -> [String: Int] {
            let scratch = try TemporaryDirectory()
            let list = urls.map { "url = \"\($0)\"\noutput = \"/dev/null\"\n" }.joined()
            let file = try scratch.write("urls", text: list)
            // No cookie, no referrer: curl sends what it is told to.
            let output = try await Program.output(
                [
                    "curl", "-sS", "--http1.1", "--no-progress-meter", "--cacert", ca, "-A", "", "--parallel",
                    "--parallel-max", "16", "--max-time", "120",
                    "-w", "%{http_code}\n", "-K", file,
                ] + arguments,
                within: .seconds(240)
            )
            return output.split(separator: "\n").reduce(into: [:]) { $0[String($1), default: 0] += 1 }
        }

        @Test(
            "Scanners fetch every link of 1,000 messages and nobody is opted out; of 1,000 one-click POSTs 1,000 take effect at once",
            .enabled(if: Places.have("python3", "curl"), "needs python3 and curl"),
            .timeLimit(.minutes(10))
        )
        func thousand() async throws {
            let authority = try Authority()
            let sink = try await Sink(authority)
            let tracking = Site.Tracking(port: try Places.freePort(), certificate: try authority.issue())
            var settings = Site.Settings(relayPort: sink.port, ca: authority.file, settle: 1, tracking: tracking)
            settings.more = "lists:\n  news: {title: {en: Health news, es: Noticias}}\n"
            let site = try await Site(settings)
            let watch = try site.start("watch")
            let rows = (1...Self.people).map { ["p\($0)@kunde.test", "P-\($0)", "P"] }
            func job(_ name: String, _ more: String = "") throws {
                var job = JobFiles(
                    name: name,
                    rows: rows,
                    manifest: "list: news\ntracking: {opens: true, clicks: true}\n" + more
                )
                job["letter.txt"] = ""
                job.files["letter.txt"] = nil
                job["letter.html"] = """
                    <!doctype html><html lang="en"><head><title>News</title></head><body><p>Dear {{first_name}}, {{ref}}</p>
                    <p><a href="https://www.clinic.test/flu">Flu shots</a> <a href="{{unsubscribe_url}}">Unsubscribe</a>
                    <a href="{{preferences_url}}">Choose</a></p></body></html>
                    """
                job["READY"] = ""
                try site.job(name, job)
            }
            try job("first")
            try await eventually("the first job is done", within: .seconds(120)) { site.marker("first") != nil }
            #expect(try site.results("first").counts("status") == ["sent": Self.people])

            let mails = try await Mail.read(sink.folder)
            var links: Set<String> = []
            var oneClick: [String] = []
            for mail in mails {
                #expect(mail["list-unsubscribe-post"] == "List-Unsubscribe=One-Click")
                let header = mail["list-unsubscribe"].split(whereSeparator: { "<>, ".contains($0) })
                    .first { $0.hasPrefix("https:") }
                oneClick.append(String(try #require(header)))
                let texts = [mail.html ?? "", mail.text ?? "", mail["list-unsubscribe"]].joined(separator: " ")
                for found in texts.matches(of: /https:\/\/localhost:[0-9]+\/[A-Za-z0-9_.\/-]+/) {
                    links.insert(String(found.0))
                }
            }
            // A pixel, a tracked link, the link that no person sees, the unsubscribe page and the preference page of each.
            #expect(links.count == 5 * Self.people)
            #expect(Set(links.map { $0.split(separator: "/")[2] }) == ["o", "c", "u", "p"])
            for arguments in [["--head"], []] {
                let statuses = try await fetch(links.sorted(), arguments, ca: authority.file)
                #expect(statuses == ["200": 3 * Self.people, "302": 2 * Self.people], "\(arguments): \(statuses)")
            }
            #expect(try await site.run("suppress", "list").output.isEmpty, "a GET or HEAD opted somebody out")

            // Slowly, so that it is under way while the recipients opt out.
            try job("running", "rate: 20/s\n")
            try await eventually("the running job has begun", within: .seconds(60)) {
                Mail.count(in: sink.folder) > Self.people + 20
            }
            let statuses = try await fetch(oneClick, ["--data", "List-Unsubscribe=One-Click"], ca: authority.file)
            #expect(statuses == ["200": Self.people])
            let sentByThen = Mail.count(in: sink.folder) - Self.people
            let listed = try await site.run("suppress", "list").output.split(separator: "\n")
            #expect(listed.count == Self.people)
            #expect(listed.allSatisfy { $0.contains("\tlist news\topted-out\t") })

            try await eventually("the running job is done", within: .seconds(180)) { site.marker("running") != nil }
            let running = try site.results("running").counts("status")
            let sent = running["sent"] ?? 0
            #expect(sent + (running["suppressed"] ?? 0) == Self.people, "\(running)")
            // What was on its way when the last opt-out was answered may still arrive.
            #expect(sent <= sentByThen + 16 && sent < Self.people, "\(sent) sent, \(sentByThen) when all had opted out")
            try job("next")
            try await eventually("the next job is done", within: .seconds(60)) { site.marker("next") != nil }
            let next = try site.results("next")
            #expect(next.counts("status") == ["suppressed": Self.people])
            #expect(next.counts("reason") == ["opted-out": Self.people])
            try await eventually("tracking.csv tells of each", within: .seconds(60)) {
                try site.tracking("first").column("unsubscribed_at").count { !$0.isEmpty } == Self.people
            }
            try await watch.stop()
            print(
                "opt-outs: \(2 * links.count) fetches of \(links.count) links opted 0 out; \(listed.count) of \(Self.people)"
                    + " one-click POSTs took effect; the running job sent \(sentByThen) before and \(sent - sentByThen) after"
            )
        }

        @Test(
            "A list goes out as CSV that LibreOffice and Python read, and comes back whole, here and at another site",
            .enabled(if: LibreOffice.isThere && Places.have("openssl"), "needs libreoffice, python3 and openssl"),
            .timeLimit(.minutes(5))
        )
        func exported() async throws {
            let authority = try Authority()
            let settings = Site.Settings(relayPort: 1, ca: authority.file)
            let site = try await Site(settings)
            // Addresses that a spreadsheet would run, quote or cut.
            let hostile = [
                "=cmd@kunde.test", "+1234@kunde.test", "-x@kunde.test", "'=a@kunde.test", "00017@kunde.test",
                "o'neil@kunde.test",
            ]
            for (address, more) in zip(
                hostile,
                [
                    [], ["--list", "news"], ["--scope", "marketing"], ["--reason", "bounce"], ["--reason", "opt-out"],
                    ["--list", "a.b-c_d", "--reason", "complaint"],
                ]
            ) {
                let added = try await Program.run(
                    [Places.wardpost, "--site", site.path, "suppress", "add"] + more + ["--", address]
                )
                #expect(added.status == 0, "\(added.errors)")
            }
            let file = site.directory.path("list.csv")
            let made = try await site.run("suppress", "export", file)
            #expect(made.status == 0 && made.output == "6 exported.\n", "\(made.errors)")
            #expect(try await site.run("verify", file).status == 0)
            let openssl = try await Program.run([
                "openssl", "dgst", "-sha256", "-verify", site.path + "/keys/records.pub.pem", "-signature",
                file + ".sig", file,
            ])
            #expect(openssl.status == 0)
            let csv = try CSVFile(file)
            #expect(csv.header == ["address", "tag", "scope", "list", "reason", "since"])
            #expect(csv.column("scope") == ["all", "list", "marketing", "all", "all", "list"])
            let office = try await LibreOffice().open(file, columns: 6)
            #expect(office == [csv.header] + csv.rows)
            #expect(
                office.dropFirst().allSatisfy { !"=+-@".contains($0[0].first ?? "=") },
                "a spreadsheet would run a cell"
            )
            let python = try await Program.output([
                "python3", "-c",
                "import csv,json,sys; print(json.dumps(list(csv.reader(open(sys.argv[1],encoding='utf-8-sig',newline='')))))",
                file,
            ])
            #expect(try JSONDecoder().decode([[String]].self, from: Data(python.utf8)) == [csv.header] + csv.rows)

            let again = try await site.run("suppress", "import", file)
            #expect(again.output == "0 added, 6 on the list already.\n", "\(again.output)\(again.errors)")
            let before = try await site.run("suppress", "list").output
            // Another site has another key; the addresses say enough.
            let other = try await Site(settings)
            let moved = try await other.run("suppress", "import", file)
            #expect(moved.output == "6 added.\n", "\(moved.output)\(moved.errors)")
            #expect(try await other.run("suppress", "list").output.split(separator: "\n").count == 6)
            for address in hostile where address != "'=a@kunde.test" {
                let there = try await other.run("suppress", "list").output.contains(address + "\t")
                #expect(there, "\(address)")
            }

            // Taken off, and an old export brings nobody back.
            #expect(try await site.run("suppress", "remove", "--", hostile[0]).output == "1 removed.\n")
            let old = try await site.run("suppress", "import", file)
            #expect(old.output == "0 added, 5 on the list already, 1 taken off since.\n", "\(old.output)")
            #expect(
                try await site.run("suppress", "list").output
                    == before.split(separator: "\n").dropFirst().map { $0 + "\n" }.joined()
            )
            #expect(try await site.run("verify", site.path + "/outbox").status == 0)
            print("export: 6 hostile addresses through LibreOffice, Python and another site")
        }

        @Test("A damaged list lets no message out until it is mended", .timeLimit(.minutes(3)))
        func damaged() async throws {
            let authority = try Authority()
            let sink = try await Sink(authority)
            let site = try await Site(Site.Settings(relayPort: sink.port, ca: authority.file))
            for address in ["a@kunde.test", "b@kunde.test"] {
                #expect(try await site.run("suppress", "add", address).status == 0)
            }
            let list = try site.text("outbox/suppression.jsonl")
            try site.write("outbox/suppression.jsonl", list.replacingOccurrences(of: "\"n\":1,", with: "\"n\":9,"))
            let rows = ["a", "b", "c"].map { ["\($0)@kunde.test", "P-\($0)", $0] }
            try site.job("visit", JobFiles(rows: rows))
            let refused = try await site.run("send", "visit")
            #expect(refused.status == 75 && refused.errors.contains("wardpost suppress mend"), "\(refused.errors)")
            #expect(Mail.count(in: sink.folder) == 0)
            #expect(try await site.run("suppress", "export").status == 75)
            let mended = try await site.run("suppress", "mend")
            #expect(mended.status == 0 && mended.output.contains("1 entries put on the list again"), "\(mended.output)")
            #expect(try await site.run("verify", site.path + "/outbox").status == 0)
            #expect(try await site.run("send", "visit").status == 0)
            #expect(try site.results("visit").column("status") == ["suppressed", "suppressed", "sent"])
            #expect(Mail.count(in: sink.folder) == 1)
        }
    }
}
