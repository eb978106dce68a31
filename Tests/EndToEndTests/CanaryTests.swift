import Delivery
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// No cell of a recipient table shows up where it must not.
    @Suite struct Canaries {
        /// What every canary has in it, in one case or the other.
        static let song = "tirili"
        static let columns = ["email", "ref", "first_name", "diagnosis", "notes", "letter"]

        /// A row in which every PHI cell sings.
        static func row(_ number: Int, _ address: String) -> [String] {
            [
                "\(address)-\(song)@kunde.test", "KEY\(number)-\(song)", "Eva", "diagnosis\(number) \(song)",
                "notes\(number)-\(song)", "\(song)\(number).pdf",
            ]
        }

        static func job(
            _ rows: [[String]],
            manifest: String = "",
            purpose: String = "treatment",
            template: String = "Dear {{first_name}},\n{{diagnosis}} {{notes}} {{ref}}\n"
        ) -> JobFiles {
            JobFiles(rows: rows, manifest: manifest, purpose: purpose, columns: columns, template: template)
        }

        @Test(
            "Canaries in every PHI column of jobs that fail in every known way show up nowhere but in messages and in the key and address columns",
            .enabled(if: Places.have("python3", "curl"), "needs python3 and curl"),
            .timeLimit(.minutes(5))
        )
        func canaries() async throws {
            let authority = try Authority()
            let sink = try await Sink(authority) { $0.rule = Self.hostile }
            let liar = try await Sink(Authority(name: "Stranger"))
            let tracking = Site.Tracking(port: try Places.freePort(), certificate: try authority.issue())
            let site = try await Site(
                Site.Settings(
                    relayPort: sink.port,
                    ca: authority.file,
                    route:
                        "    own: true\n  liar:\n    relay: localhost:\(liar.port)\n    tls: starttls\n    ca: relay-ca.pem\n"
                        + "    own: true\n",
                    settle: 1,
                    tracking: tracking,
                    more: "default_route: main\n"
                )
            )
            let jobs = Self.jobs()
            for (name, job) in jobs { try site.job(name, job) }
            try site.job("killed", Self.job((1...3_000).map { Self.row($0, "killed\($0)") }))
            for (name, _) in jobs.sorted(by: { $0.key < $1.key }) {
                for command in ["check", "preview", "send"] {
                    if command == "preview" {
                        try await site.run(command, name, "--out", site.directory.path("preview-\(name)"))
                    } else {
                        try await site.run(command, name)
                    }
                }
            }
            try await kill("killed", site)
            try await unsubscribe(site, sink, authority)
            try await site.run("status")
            try await site.run("status", "--json")
            for (name, _) in jobs { try await site.run("verify", site.path + "/jobs/" + name) }
            try await site.run("check", "refused", "--json")
            try await site.run("suppress", "list")

            var looked = 0
            for file in site.files() where !Self.isInput(file) {
                looked += 1
                try expectSilence(file, site)
            }
            for text in site.transcript { expectSilence(text, "what a command said") }
            let links = try await expectSilentLinks(sink)
            print(
                "canaries: \(jobs.count + 2) jobs, \(looked) files, \(site.transcript.count) outputs and \(links) links searched;",
                "results: \(try Self.outcomes(jobs.keys.sorted(), site))"
            )
            #expect(looked > 40 && links > 0)
        }

        // MARK: - Jobs

        /// The server repeats what it was told, as some do.
        static let hostile = CaptureRule { stage, recipient in
            switch stage {
            case .recipient:
                if recipient.hasPrefix("gone") {
                    return .answer(code: 550, text: "5.1.1 <\(recipient)>: no such user \(recipient.uppercased())")
                }
                if recipient.hasPrefix("later") { return .answer(code: 451, text: "4.2.1 \(recipient) is busy") }
            case .message:
                if recipient.hasPrefix("spam") {
                    return .answer(code: 554, text: "5.7.1 rejected: found \"notes3-\(song)\" and diagnosis3 \(song)")
                }
                if recipient.hasPrefix("lost") { return .drop }
            }
            return .accept
        }

        static func jobs() -> [String: JobFiles] {
            let past = "not_after: \(time(5))\n"
            var jobs: [String: JobFiles] = [
                "refused": job(
                    [
                        row(1, "gone1"), row(2, "good2"), row(3, "spam3"), row(4, "lost4"),
                    ],
                    manifest: "tracking: {opens: true, clicks: true}\nlist: news\n"
                ),
                "later": job([row(1, "later1")], manifest: past),
                "tls": job([row(1, "good1")], manifest: "route: liar\n"),
                "template": job([row(1, "good1")], template: "{{diagnosi}} {{notes}"),
                "section": job([row(1, "good1")], template: "{{#diagnosis}} {{notes}} {{/notes}}"),
                "subject": {
                    var job = job([row(1, "good1")])
                    job["manifest.yaml"] = job["manifest.yaml"].replacingOccurrences(
                        of: "Your visit",
                        with: "{{diagnosis}}"
                    )
                    return job
                }(),
                "marketing": {
                    var job = job([], purpose: "marketing")
                    job["recipients.csv"] = JobFiles.table(
                        [columns + ["authorization", "authorization_expires"], row(1, "good1") + ["", ""]]
                            + [row(2, "good2") + ["A-\(song)", "\(song)"]]
                    )
                    return job
                }(),
                "attachments": job(
                    [row(1, "good1"), row(2, "good2")],
                    manifest: "attachments: [{file: \"letters/{{letter}}\", name: summary.pdf}]\n"
                ),
                "shown": job(
                    [row(1, "good1")],
                    manifest: "attachments: [{file: \"letters/{{letter}}\", name: \"{{letter}}\"}]\n"
                ),
                "addresses": job([
                    ["", "KEY1-\(song)", "Eva", song, song, song],
                    ["no-at-\(song)", "K2-\(song)", "Eva", song, song, song],
                    ["a@\(song)@kunde.test", "K3-\(song)", "Eva", song, song, song],
                    ["\(song) two@kunde.test", "K4-\(song)", "Eva", song, song, song],
                    ["x@\(song)..test", "K5-\(song)", "Eva", song, song, song],
                ]),
                "empty": job([["good1-\(song)@kunde.test", "K1-\(song)", "", song, "", song]]),
            ]
            var shapes = job([row(1, "good1")])
            shapes["recipients.csv"] +=
                "short-\(song)@kunde.test,\(song)\n" + row(3, "long").joined(separator: ",") + ",\(song),\(song)\n"
            shapes["recipients.csv"] += "ctrl-\(song)@kunde.test,K4-\(song),Eva,\(song)\u{1},\(song)\u{0},\(song)\n"
            jobs["shapes"] = shapes
            var quote = job([row(1, "good1")])
            quote["recipients.csv"] += "open-\(song)@kunde.test,\"\(song),never closed\n\(song),\(song)\n"
            jobs["quote"] = quote
            var bytes = job([row(1, "good1")])
            bytes.files["recipients.csv"]?.append(
                Data("b-\(song)@kunde.test,K-\(song),Eva,\(song)".utf8) + [0xFF, 0xFE, 0x81]
                    + Data("\(song),\(song),\(song)\n".utf8)
            )
            jobs["bytes"] = bytes
            for (name, line) in [
                ("yaml-tab", "\tnotes: \(song)\n"), ("yaml-quote", "reply_to: \"\(song)\n"),
                ("yaml-type", "rate: {\(song): [\(song)]}\n"), ("yaml-value", "window: whenever # \(song)\n"),
                ("yaml-anchor", "list: *\(song)\n"), ("yaml-twice", "subject: \(song)\n"),
            ] {
                // What stands in a manifest is not a cell; still, nobody knows what people paste there.
                jobs[name] = job([row(1, "good1")], manifest: line)
            }
            var sums = job([row(1, "good1")])
            sums["SHA256SUMS"] = String(repeating: "0", count: 64) + "  recipients.csv\n"
            jobs["sums"] = sums
            return jobs
        }

        /// A local time so many seconds from now, in UTC.
        static func time(_ seconds: Double) -> String {
            let format = DateFormatter()
            format.locale = Locale(identifier: "en_US_POSIX")
            format.timeZone = TimeZone(identifier: "UTC")
            format.dateFormat = "yyyy-MM-dd HH:mm:ss"
            return format.string(from: Date(timeIntervalSinceNow: seconds))
        }

        private func kill(_ job: String, _ site: Site) async throws {
            for pause in [300, 450, 600] {
                let program = try site.start("send", job)
                try await Task.sleep(for: .milliseconds(pause))
                program.kill()
                site.note(try await program.result())
                // What a kill leaves behind is looked at as well.
                for file in site.files() where !Self.isInput(file) { try expectSilence(file, site) }
            }
            let last = try await site.run("send", job)
            #expect([0, 1, 65].contains(last.status))
        }

        private func unsubscribe(_ site: Site, _ sink: Sink, _ authority: Authority) async throws {
            let serve = try site.start("serve")
            let web = Web(ca: authority.file)
            let mails = try await Mail.read(sink.folder)
            let mail = try #require(
                mails.first { $0.to.first?.address.hasPrefix("good2-") == true && !$0["list-unsubscribe"].isEmpty }
            )
            let link = String(
                try #require(
                    mail["list-unsubscribe"].split(whereSeparator: { "<>, ".contains($0) }).first {
                        $0.hasPrefix("https:")
                    }
                )
            )
            try await eventually("the tracking server answers") {
                (try? await web.request("GET", link).status) == 200
            }
            #expect(try await web.request("POST", link, body: "List-Unsubscribe=One-Click").status == 200)
            #expect(try await web.request("GET", link + Self.song).status == 404)
            site.note(try await serve.stop())
            try site.job("after", Self.job([Self.row(2, "good2")], manifest: "list: news\n"))
            try await site.run("send", "after")
            #expect(try site.results("after").column("status") == ["suppressed"])
        }

        // MARK: - Looking

        /// Whether a file of the site is what people put there.
        static func isInput(_ file: String) -> Bool {
            let parts = file.split(separator: "/")
            guard parts.first == "jobs", parts.count > 2 else { return false }
            return ["manifest.yaml", "recipients.csv", "letter.txt", "SHA256SUMS"].contains(String(parts[2]))
        }

        private func expectSilence(_ file: String, _ site: Site) throws {
            // Files come and go while a watcher works.
            guard let bytes = FileManager.default.contents(atPath: site.path + "/" + file) else { return }
            let name = (file as NSString).lastPathComponent
            let tables = ["results.csv", "tracking.csv", "tracking-events.csv", "ehr-updates.csv"]
            // A kill leaves one under its temporary name, with keys and addresses as the finished one has them.
            let isLeft = tables.contains { name.hasPrefix(".\($0).new.tmp") }
            guard tables.contains(name) || isLeft else {
                expectSilence(String(decoding: bytes, as: UTF8.self), file)
                return
            }
            let lines = isLeft ? bytes[...(bytes.lastIndex(of: UInt8(ascii: "\n")) ?? bytes.startIndex)] : bytes[...]
            guard lines.count > 1 else { return }
            let table = try CSVFile(bytes: [UInt8](lines))
            for column in table.header where column != "key" && column != "address" {
                for (index, cell) in table.column(column).enumerated() {
                    expectSilence(cell, "\(file), row \(index + 1), column \(column)")
                }
            }
        }

        private func expectSilence(_ text: String, _ place: String) {
            guard let found = text.range(of: Self.song, options: .caseInsensitive) else { return }
            let start = text.index(found.lowerBound, offsetBy: -120, limitedBy: text.startIndex) ?? text.startIndex
            let end = text.index(found.upperBound, offsetBy: 40, limitedBy: text.endIndex) ?? text.endIndex
            Issue.record("a canary sings in \(place): …\(text[start..<end])…")
        }

        /// The request lines that recipients' programs will send.
        private func expectSilentLinks(_ sink: Sink) async throws -> Int {
            var count = 0
            for mail in try await Mail.read(sink.folder) {
                let text = [mail.text ?? "", mail.html ?? "", mail["list-unsubscribe"]].joined(separator: " ")
                for part in text.split(whereSeparator: { "<>\"' \n,".contains($0) })
                where part.hasPrefix("https://localhost") {
                    count += 1
                    expectSilence(String(part), "a link")
                    let token = (part.split(separator: "/").last ?? "").replacingOccurrences(of: "-", with: "+")
                        .replacingOccurrences(of: "_", with: "/").replacingOccurrences(of: ".gif", with: "")
                    let padded = token + String(repeating: "=", count: (4 - token.count % 4) % 4)
                    expectSilence(String(decoding: Data(base64Encoded: padded) ?? Data(), as: UTF8.self), "a token")
                }
            }
            return count
        }

        private static func outcomes(_ jobs: [String], _ site: Site) throws -> String {
            var counts: [String: Int] = [:]
            for job in jobs {
                guard let results = try? site.results(job) else {
                    counts[site.marker(job) ?? "nothing", default: 0] += 1
                    continue
                }
                for (status, reason) in zip(results.column("status"), results.column("reason")) {
                    counts[reason.isEmpty ? status : "\(status)/\(reason)", default: 0] += 1
                }
            }
            return counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        }
    }
}
