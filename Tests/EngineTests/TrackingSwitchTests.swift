import Compose
import Core
import Files
import Foundation
import Intake
import OpenSSL
import TestSupport
import Testing
import Tracking

@testable import Engine

/// Switches, wishes and hosts, from the files to the finished message.
@Suite struct TrackingSwitchTests {
    private static let html = "<body><p>{{note}}</p><a href=\"https://portal.example/a\">here</a></body>"

    /// A job with an HTML template and a link.
    private static func job(
        _ rows: Int = 1,
        manifest: String = "",
        columns: String = "email,ref,note",
        row: @escaping (Int, String) -> String = { "\($1),P-\($0),Note" },
        from: String = "care@riverside.example"
    ) -> TestJob {
        var job = TestJob(
            (1...rows).map { "p\($0)@example.test" },
            manifest: manifest,
            columns: columns,
            row: row
        )
        job.files["manifest.yaml"] = job.files["manifest.yaml"]?.replacingOccurrences(
            of: "care@riverside.example",
            with: from
        )
        job.files["visit.html"] = html
        return job
    }

    /// A site with a tracking server, and what its `tracking` says besides.
    private func bench(_ tracking: String = "", domains: String = "riverside.example") async throws -> Bench {
        try await Bench(more: "tracking:\n  base_url: https://t.riverside.example\n" + tracking, domains: domains)
    }

    /// The finished message of a row, with soft line breaks taken out.
    private static func message(_ job: PreparedJob, _ row: UInt32 = 1) throws -> String {
        let reader = try job.table.reader()
        var line = CSVRow()
        var scratch = Scratch()
        var output: [UInt8] = []
        while try reader.next(into: &line) {
            guard line.row.number == RowNumber(row), case .good(let recipient) = job.judge(line) else { continue }
            try job.composer.compose(
                row: line.row,
                identity: job.run.messages.identity(of: line.row.number),
                date: job.run.takenUp,
                context: job.context(line.row, recipient: recipient),
                scratch: &scratch,
                into: &output
            )
        }
        return String(decoding: output, as: UTF8.self).replacing("=\r\n", with: "").replacing("=3D", with: "=")
    }

    // MARK: - Every level

    @Test("Of every combination of the five levels, the message has what the strictest leaves, and the check names it")
    func everyLevel() async throws {
        let bench = try await bench()
        let base = try bench.scratch.text("wardpost.yaml")
        let levels: [TrackingRule] = [.site, .senderDomain, .senderAddress, .job, .recipient]
        for opens in 0..<32 {
            // Bit by bit the same levels, but for clicks in another combination. The recipient's wish is one for both.
            let clicks = (opens ^ 0b0101) & 0b1111 | opens & 0b10000
            func words(_ level: Int) -> String {
                "opens: \(opens >> level & 1 == 0), clicks: \(clicks >> level & 1 == 0)"
            }
            let site = words(0).split(separator: ", ").map { "  \($0)\n" }.joined()
            let senders =
                "  senders:\n    riverside.example: {\(words(1))}\n    care@riverside.example: {\(words(2))}\n"
            try bench.scratch.write("wardpost.yaml", text: base + site + senders)
            let wish = opens >> 4 & 1 == 1 ? "yes" : "no"
            try bench.job(
                "visit",
                Self.job(
                    manifest: "tracking: {\(words(3))}\n",
                    columns: "email,ref,note,no_tracking",
                    row: { "\($1),P-\($0),Note,\(wish)" }
                )
            )
            let opened = try Site.open(bench.scratch.path)
            let finding = JobChecker(site: opened, keys: bench.worker.keys)
                .check(try JobFolder("visit", in: try opened.jobs()))
            let job = try #require(finding.job, "\(finding.problems)")
            let text = try Self.message(job)
            for (mask, mark, act) in [(opens, "/o/", TrackedAct.opens), (clicks, "/c/", .clicks)] {
                let expected = levels.indices.first { mask >> $0 & 1 == 1 }.map { levels[$0] }
                #expect(text.contains("https://t.riverside.example\(mark)") == (expected == nil), "\(act) \(mask)")
                // The job's decision is the same for all rows; the wish is the row's.
                let named: TrackingRule = expected == .recipient ? .job : expected ?? .job
                #expect(job.tracking[act].rule == named, "\(act) \(mask)")
                #expect(job.tracking[act].isOn == (expected == nil || expected == .recipient), "\(act) \(mask)")
            }
            #expect(job.tracking.untrackedRows == (wish == "yes" ? 1 : 0))
            if wish == "yes" || job.tracking.opens.isOn == false && job.tracking.clicks.isOn == false {
                #expect(!text.contains("t.riverside.example"))
                #expect(text.contains("href=\"https://portal.example/a\""))
            }
        }
    }

    @Test(
        "Nothing is tracked unless the manifest asks for it, whatever the purpose is",
        arguments: ["treatment", "operations"]
    )
    func offByDefault(purpose: String) async throws {
        let bench = try await bench("  opens: true\n  clicks: true\n")
        var job = Self.job()
        job.files["manifest.yaml"] = job.files["manifest.yaml"]?.replacingOccurrences(of: "treatment", with: purpose)
        try bench.job("visit", job)
        #expect(try !Self.message(bench.prepared("visit")).contains("t.riverside.example"))
        let report = try #require(try JobCheck(site: bench.site).check("visit").tracking)
        #expect(report.verdicts.map(\.rule) == [.unset, .unset])
        #expect(
            report.lines == ["opens: not tracked, nobody switched it on", "clicks: not tracked, nobody switched it on"]
        )
    }

    @Test("A check says which key decided, and how many rows are left out")
    func checkReport() async throws {
        let bench = try await bench("  senders:\n    riverside.example: {clicks: false}\n")
        let cells = ["", "yes", "no", "perhaps"]
        try bench.job(
            "visit",
            Self.job(
                4,
                manifest: "tracking: {opens: true, clicks: true}\n",
                columns: "email,ref,note,No Tracking",
                row: { "\($1),P-\($0),Note,\(cells[$0 - 1])" }
            )
        )
        let check = try JobCheck(site: bench.site).check("visit")
        #expect(check.isGood && check.invalidRows == 0)
        let lines = try bench.scratch.text("wardpost.yaml").components(separatedBy: "\n")
        let line = try #require(lines.firstIndex { $0.contains("riverside.example: {clicks") }) + 1
        let place = "wardpost.yaml:\(line):33"
        #expect(
            check.tracking?.lines == [
                "opens: tracked, decided by job: tracking.opens at manifest.yaml:11:19",
                "clicks: not tracked, decided by sender-domain: tracking.senders.\"riverside.example\".clicks at \(place)",
                "2 rows are not tracked by the recipients' wish (1 of them unclear)",
                "links lead to https://t.riverside.example",
            ]
        )
        #expect(
            check.problems.map(\.description) == [
                "recipients.csv:5:4: warning: the wish not to be tracked is neither yes nor no; the row goes out and is not "
                    + "tracked; write yes or no, or leave the cell empty"
            ]
        )
    }

    @Test("A column that may have been meant is told; one that the manifest names must be there")
    func columns() async throws {
        let bench = try await bench()
        let tracked = "tracking: {opens: true}\n"
        try bench.job("near", Self.job(manifest: tracked, columns: "email,ref,do_not_track"))
        #expect(
            try JobCheck(site: bench.site).check("near").problems.map(\.description).contains(
                "recipients.csv:1: warning: column \"do_not_track\" is not read as the wish not to be tracked; if it is one, "
                    + "call it no_tracking, or add `no_tracking: do_not_track` below `columns`"
            )
        )
        var job = Self.job(manifest: tracked, columns: "email,ref,note,privacy", row: { "\($1),P-\($0),Note,X" })
        let manifest = try #require(job.files["manifest.yaml"])
        job.files["manifest.yaml"] = manifest.replacingOccurrences(of: "  key:", with: "  no_tracking: privacy\n  key:")
        try bench.job("named", job)
        #expect(try bench.prepared("named").tracking.untrackedRows == 1)
        job.files["manifest.yaml"] = manifest.replacingOccurrences(of: "  key:", with: "  no_tracking: privcy\n  key:")
        try bench.job("missing", job)
        #expect(
            try JobCheck(site: bench.site).check("missing").problems.map(\.description) == [
                "manifest.yaml:9:16: recipients.csv has no column \"privcy\"; did you mean \"privacy\"?"
            ]
        )
    }

    // MARK: - What is written down

    @Test("Summary and status tell what was decided, and later changes of the configuration do not change that")
    func written() async throws {
        let bench = try await bench("  clicks: false\n")
        try bench.job(
            "visit",
            Self.job(
                3,
                manifest: "tracking: {opens: true, clicks: true}\n",
                columns: "email,ref,note,no_tracking",
                row: { "\($1),P-\($0),Note,\($0 == 2 ? "yes" : "")" }
            )
        )
        #expect(try await bench.work("visit").word == "done")
        let expected = [
            "\"opens_tracked\": true", "\"clicks_tracked\": false", "\"opens_rule\": \"job\"",
            "\"clicks_rule\": \"site\"",
            "\"rows_not_tracked\": 1",
        ]
        let summary = try bench.text("summary.json", of: "visit")
        for member in expected { #expect(summary.contains(member), "\(member)") }
        #expect(try bench.text("status.json", of: "visit").contains("\"rows_not_tracked\": 1"))
        // The site and the manifest say otherwise now; the messages are out.
        let id = try bench.prepared("visit").id
        let text = try bench.scratch.text("wardpost.yaml")
        try bench.scratch.write(
            "wardpost.yaml",
            text: text.replacingOccurrences(of: "clicks: false", with: "opens: false")
        )
        let manifest = try bench.text("manifest.yaml", of: "visit")
        try bench.drop(
            "manifest.yaml",
            in: "visit",
            text: manifest.replacingOccurrences(of: "opens: true", with: "opens: false")
        )
        let log = try EventLog(directory: try bench.site.outbox("events"), keys: bench.worker.keys.tokens, host: "t")
        try await log.append(Event(.open, job: id, row: RowNumber(1)))
        try await TrackingUpdater(try bench.another(), log: Bench.silent).once()
        let later = try bench.text("summary.json", of: "visit")
        #expect(later.contains("\"rows_opened\": 1"))
        for member in expected { #expect(later.contains(member), "\(member)") }
    }

    // MARK: - Hosts

    private static let hosts = """
          hosts:
            - {from_domains: [other.example], base_url: "https://t.other.example", certificate: other.pem, key: other.key}

        """

    private func twoHosts(naming host: String) async throws -> Bench {
        let bench = try await bench(Self.hosts, domains: "riverside.example, other.example")
        let issued = try Kit().root.issue(Kit.request([host]))
        try bench.scratch.write("other.pem", issued.chainPEM)
        try bench.scratch.write("other.key", issued.keyPEM.exposedCopy())
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600],
            ofItemAtPath: bench.scratch.path("other.key")
        )
        return bench
    }

    @Test("Links lead to the host of the From's domain, and what one host minted the other's key opens")
    func twoDomains() async throws {
        let bench = try await twoHosts(naming: "t.other.example")
        let tracked = "tracking: {opens: true, clicks: true}\nlist: news\n"
        try bench.job("first", Self.job(manifest: tracked))
        try bench.job("second", Self.job(manifest: tracked, from: "care@other.example"))
        let first = try Self.message(bench.prepared("first"))
        let second = try Self.message(bench.prepared("second"))
        #expect(first.contains("https://t.riverside.example/c/") && !first.contains("t.other.example"))
        #expect(second.contains("https://t.other.example/c/") && !second.contains("t.riverside.example"))
        #expect(second.contains("List-Unsubscribe: <https://t.other.example/u/"))
        #expect(second.contains("https://t.other.example/o/"))
        let seal = TokenSeal(bench.worker.keys.tokens)
        for text in [first, second] {
            let token = try #require(text.firstMatch(of: /\/c\/([A-Za-z0-9_-]+)/)).1
            #expect(seal.open(.click, Array(token.utf8)) != nil)
        }
        #expect(try JobCheck(site: bench.site).check("second").tracking?.baseURL == "https://t.other.example")
    }

    @Test("A certificate that does not name its host refuses the job and the server")
    func wrongCertificate() async throws {
        let bench = try await twoHosts(naming: "t.wrong.example")
        try bench.job("second", Self.job(manifest: "tracking: {opens: true}\n", from: "care@other.example"))
        try bench.job("first", Self.job(manifest: "tracking: {opens: true}\n"))
        let said = "the certificate other.pem does not name the host t.other.example"
        let problems = try JobCheck(site: bench.site).check("second").problems
        #expect(problems.map(\.problem) == [said])
        #expect(try bench.prepared("first").rowCount == 1, "another domain's job is not concerned")
        let refused = #expect(throws: EngineError.self) { try TrackingHostCheck(site: bench.site).check() }
        #expect(refused?.problems.map(\.problem) == [said])
        // On a host that only writes links, the file may not be there.
        try bench.remove("../../other.pem", from: "second")
        #expect(try bench.prepared("second").rowCount == 1)
    }
}
