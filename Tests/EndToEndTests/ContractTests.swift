import Delivery
import Foundation
import TestSupport
import Testing

/// What the contract promises, seen from outside.
@Suite struct Contract {
    /// A site whose relay is a server in this process.
    struct Bench: Sendable {
        let site: Site
        let sink: Sink
        let authority: Authority

        init(
            route: String = "    own: true\n",
            more: String = "",
            settle: Int = 1,
            sink change: (inout CaptureOptions) -> Void = { _ in }
        ) async throws {
            authority = try Authority()
            sink = try await Sink(authority, change: change)
            site = try await Site(
                Site.Settings(relayPort: sink.port, ca: authority.file, route: route, settle: settle, more: more)
            )
        }

        var delivered: Int { Mail.count(in: sink.folder) }
    }

    /// A problem as the contract has it: `file:line:column: problem`.
    static func problems(_ errors: String) -> [String] {
        errors.split(separator: "\n").map(String.init).filter {
            $0.wholeMatch(of: /[^:\s]+:\d+:\d+: .+/) != nil
        }
    }

    // MARK: - Exit statuses

    @Test("A job whose rows are all sent ends with 0, beside it signed results")
    func allSent() async throws {
        let bench = try await Bench()
        try bench.site.job("visit", JobFiles(rows: [["a@kunde.test", "1", "Ada"], ["b@kunde.test", "2", "Bob"]]))
        let sent = try await bench.site.run("send", "visit")
        #expect(sent.status == 0, "\(sent.errors)")
        #expect(bench.delivered == 2)
        #expect(bench.site.marker("visit") == "DONE")
        let results = try bench.site.results("visit")
        #expect(results.hasMark)
        #expect(
            results.header.joined(separator: ",")
                == "row,key,address,status,reason,detail,attempts,finished_at,route,server,tls_scope,tls_version,tls_cipher,tls_verification,message_id"
        )
        #expect(results[1]["finished_at"]?.wholeMatch(of: /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/) != nil)
        #expect(results[0]["server"] == "localhost" && results[0]["route"] == "main" && results[0]["attempts"] == "1")
        #expect(try bench.site.state("visit")["state"] as? String == "done")
        for file in ["results.csv", "tracking.csv", "summary.json"] {
            #expect(try await bench.site.isSigned("jobs/visit/\(file)"))
        }
        #expect(bench.site.has("jobs/visit/summary.html"))
        #expect(
            try bench.site.tracking("visit").header.joined(separator: ",")
                == "row,key,address,opens,first_open_at,last_open_at,automated_opens,clicks,first_click_at,last_click_at,automated_clicks,links,unsubscribed_at,bounced_at,complained_at"
        )
    }

    @Test("A job with a row that is not sent ends with 1, and the row has its reason")
    func someNotSent() async throws {
        let bench = try await Bench()
        let rows = [
            ["bounce@kunde.test", "1", "A"], ["refuse@kunde.test", "2", "B"], ["", "3", "C"],
            ["d@kunde.test", "4", ""],
        ]
        try bench.site.job("visit", JobFiles(rows: rows))
        let sent = try await bench.site.run("send", "visit")
        #expect(sent.status == 1)
        let results = try bench.site.results("visit")
        #expect(results.column("status") == ["failed", "failed", "invalid", "invalid"])
        #expect(results.column("reason") == ["mailbox-unknown", "policy-refused", "address-missing", "cell-empty"])
        #expect(results[0]["detail"]?.hasPrefix("550 5.1.1") == true)
    }

    @Test("A lost answer is unknown, is not sent again by itself, and is by RETRY")
    func unknown() async throws {
        let bench = try await Bench()
        try bench.site.job("visit", JobFiles(rows: [["drop@kunde.test", "1", "A"], ["b@kunde.test", "2", "B"]]))
        #expect(try await bench.site.run("send", "visit").status == 1)
        #expect(try bench.site.results("visit").column("status") == ["unknown", "sent"])
        #expect(bench.delivered == 2)
        #expect(try await bench.site.run("send", "visit").status == 65)
        #expect(bench.delivered == 2)
        try bench.site.write("jobs/visit/RETRY", "unknown\n")
        #expect(try await bench.site.run("send", "visit").status == 1)
        #expect(bench.delivered == 3)
        #expect(!bench.site.has("jobs/visit/RETRY"))
        #expect(try bench.site.results("visit").column("attempts") == ["2", "1"])
    }

    @Test("Wrong usage ends with 64")
    func usage() async throws {
        for arguments in [
            ["fly"], ["send"], ["--sight", ".", "status"], ["preview", "x", "--rows", "0"],
            ["capture", "--listen", "x"],
        ] {
            let result = try await Program.run([Places.wardpost] + arguments)
            #expect(result.status == 64, "\(arguments): \(result.status) \(result.errors)")
            #expect(!result.errors.isEmpty)
        }
        let help = try await Program.run([Places.wardpost, "--help"])
        #expect(help.status == 0)
        for command in [
            "demo", "init", "check", "preview", "send", "watch", "serve", "status", "verify", "suppress", "capture",
        ] {
            #expect(help.output.contains(command))
        }
    }

    @Test("A site without configuration, or with a wrong one, ends with 78 and says where")
    func configuration() async throws {
        let bench = try await Bench()
        try bench.site.job("visit", JobFiles())
        let good = try bench.site.text("wardpost.yaml")
        for (change, wanted) in [
            (good.replacingOccurrences(of: "settle:", with: "setle:"), "settle"),
            (good.replacingOccurrences(of: "tls: starttls", with: "tls: none"), "tls"),
            (good + "routes: {}\n", "routes"),
            (good.replacingOccurrences(of: "from_domains: [", with: "from_domains: {"), "wardpost.yaml"),
        ] {
            try bench.site.write("wardpost.yaml", change)
            for command in ["check", "send"] {
                let result = try await bench.site.run(command, "visit")
                #expect(result.status == 78, "\(command) \(wanted): \(result.status) \(result.errors)")
                #expect(
                    Self.problems(result.errors).contains { $0.hasPrefix("wardpost.yaml:") && $0.contains(wanted) },
                    "\(result.errors)"
                )
            }
        }
        try bench.site.remove("wardpost.yaml")
        #expect(try await bench.site.run("send", "visit").status == 78)
        #expect(bench.delivered == 0)
    }

    @Test("A job another process works ends with 75")
    func busy() async throws {
        let bench = try await Bench()
        try bench.site.job("visit", JobFiles(rows: (1...20).map { ["p\($0)@kunde.test", "\($0)", "A"] }))
        // So that it is at work for as long as the other asks.
        try bench.site.write("jobs/visit/PAUSE", "")
        let first = try bench.site.start("send", "visit")
        try await eventually("the first process has begun") { bench.site.has("jobs/visit/status.json") }
        #expect(try await bench.site.run("send", "visit").status == 75)
        #expect(bench.delivered == 0)
        try bench.site.remove("jobs/visit/PAUSE")
        #expect(try await first.result().status == 0)
        #expect(bench.delivered == 20)
    }

    @Test("A relay that is not there leaves the job to be gone on with, and nothing is lost")
    func interrupted() async throws {
        let bench = try await Bench()
        let port = try Places.freePort()
        let good = try bench.site.text("wardpost.yaml")
        try bench.site.write("wardpost.yaml", good.replacingOccurrences(of: ":\(bench.sink.port)", with: ":\(port)"))
        try bench.site.job("visit", JobFiles())
        let waits = try bench.site.start("send", "visit")
        try await eventually("the job runs") { bench.site.has("jobs/visit/status.json") }
        try await Task.sleep(for: .milliseconds(500))
        #expect(!waits.hasEnded)
        #expect(try await waits.stop().status == 75)
        #expect(bench.site.marker("visit") == nil)
        try bench.site.write("wardpost.yaml", good)
        #expect(try await bench.site.run("send", "visit").status == 0)
        #expect(bench.delivered == 1)
    }

    // MARK: - Refused jobs

    /// Jobs that are refused as they are, and what must be said.
    struct Refused: Sendable, CustomTestStringConvertible {
        var name: String
        var file: String
        var word: String
        var change: @Sendable (inout JobFiles) -> Void
        var testDescription: String { name }

        init(_ name: String, in file: String, says word: String, _ change: @escaping @Sendable (inout JobFiles) -> Void)
        {
            (self.name, self.file, self.word, self.change) = (name, file, word, change)
        }
    }

    static let refused: [Refused] = [
        Refused("a tag without a column", in: "letter.txt", says: "first_name") {
            $0["letter.txt"] = "Dear {{firstname}}"
        },
        Refused("an unknown manifest key", in: "manifest.yaml", says: "reply_to") {
            $0["manifest.yaml"] += "replyto: a@clinic.test\n"
        },
        Refused("PHI in the subject", in: "manifest.yaml", says: "ref") {
            $0["manifest.yaml"] = $0["manifest.yaml"].replacingOccurrences(of: "Your visit", with: "{{ref}}")
        },
        Refused("From outside from_domains", in: "manifest.yaml", says: "elsewhere.test") {
            $0["manifest.yaml"] = $0["manifest.yaml"].replacingOccurrences(of: "@clinic.test", with: "@elsewhere.test")
        },
        Refused("an unclosed quote in the table", in: "recipients.csv", says: "quote") {
            $0["recipients.csv"] += "b@kunde.test,\"2,B\n"
        },
        Refused("a doubled column", in: "recipients.csv", says: "same name") {
            $0["recipients.csv"] = "email,ref,first_name,email\na@kunde.test,1,A,b\n"
        },
        Refused("no rows", in: "recipients.csv", says: "no rows") { $0["recipients.csv"] = "email,ref,first_name\n" },
        Refused("a column that is not there", in: "manifest.yaml", says: "reff") {
            $0["manifest.yaml"] = $0["manifest.yaml"].replacingOccurrences(of: "key: ref", with: "key: reff")
        },
        Refused("a tag in a script", in: "letter.html", says: "script") {
            $0["letter.html"] = "<p>{{first_name}}</p><script>var a = '{{first_name}}'</script>"
        },
        Refused("PHI in a URL", in: "letter.html", says: "ref") {
            $0["letter.html"] = "<a href=\"https://clinic.test/{{ref}}\">x</a>"
        },
        Refused("unescaped HTML", in: "letter.html", says: "first_name") {
            $0["letter.html"] = "<p>{{{first_name}}}</p>"
        },
        Refused("a path out of the folder", in: "manifest.yaml", says: "..") {
            $0["manifest.yaml"] += "attachments: [{file: ../../wardpost.yaml, name: x.txt}]\n"
        },
        Refused("an absolute path", in: "manifest.yaml", says: "root") {
            $0["manifest.yaml"] += "attachments: [{file: /etc/passwd, name: x.txt}]\n"
        },
        Refused("a spreadsheet instead of a table", in: "recipients.csv", says: "zip") {
            $0.files["recipients.csv"] = Data([0x50, 0x4B, 3, 4] + [UInt8](repeating: 7, count: 200))
        },
    ]

    @Test(
        "What cannot be sent is refused with 65, its place on stderr and in problems.csv, and nothing goes out",
        arguments: refused
    )
    func refusal(_ refused: Refused) async throws {
        let bench = try await Bench()
        var job = JobFiles()
        refused.change(&job)
        try bench.site.job("visit", job)
        for command in ["check", "send"] {
            let result = try await bench.site.run(command, "visit")
            #expect(result.status == 65, "\(command): \(result.status) \(result.errors)")
            let lines = result.errors.split(separator: "\n")
            #expect(
                lines.contains { $0.hasPrefix("\(refused.file):") && $0.contains(refused.word) },
                "\(command): \(result.errors)"
            )
            #expect(command != "check" || bench.site.marker("visit") == nil, "check writes a marker")
        }
        #expect(bench.site.marker("visit") == "REJECTED")
        let problems = try CSVFile(bench.site.path + "/jobs/visit/problems.csv")
        #expect(problems.header == ["file", "line", "column", "problem", "fix"])
        #expect(problems.column("file").contains(refused.file))
        #expect(!bench.site.has("jobs/visit/results.csv"))
        #expect(bench.delivered == 0)
    }

    @Test("Several problems are told at once, each with file, line and column")
    func everyProblem() async throws {
        let bench = try await Bench()
        var job = JobFiles(subject: "{{ref}} {{nobody}}", template: "Hello\n{{one}} and\n  {{two}}\n")
        job["manifest.yaml"] += "route: nowhere\n"
        try bench.site.job("visit", job)
        let result = try await bench.site.run("check", "visit")
        #expect(result.status == 65)
        let problems = Self.problems(result.errors)
        #expect(problems.contains { $0.hasPrefix("letter.txt:2:1: ") })
        #expect(problems.contains { $0.hasPrefix("letter.txt:3:3: ") })
        #expect(problems.filter { $0.hasPrefix("manifest.yaml:4:") }.count == 2, "\(result.errors)")
        #expect(problems.contains { $0.hasPrefix("manifest.yaml:11:") && $0.contains("nowhere") }, "\(result.errors)")
        let json = try await bench.site.run("check", "visit", "--json")
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect((object?["problems"] as? [Any])?.count ?? 0 >= 5)
    }

    @Test("A symbolic link, a hard link, a FIFO or a folder in place of a file is refused and never waited for")
    func links() async throws {
        let bench = try await Bench()
        try bench.site.write("secret.csv", "email,ref,first_name\nsecret@kunde.test,1,A\n")
        let makers: [String: [String]] = [
            "link": ["ln", "-s", "../../secret.csv"], "hard": ["ln", "\(bench.site.path)/secret.csv"],
            "pipe": ["mkfifo"], "folder": ["mkdir"],
        ]
        for (name, command) in makers {
            try bench.site.job(name, JobFiles())
            try bench.site.remove("jobs/\(name)/recipients.csv")
            try await Program.output(command + ["recipients.csv"], directory: "\(bench.site.path)/jobs/\(name)")
            let result = try await bench.site.run("send", name, within: .seconds(20))
            #expect(result.status == 65, "\(name): \(result.status) \(result.errors)")
            #expect(result.errors.contains("recipients.csv:"), "\(name): \(result.errors)")
        }
        try FileManager.default.createSymbolicLink(
            atPath: bench.site.path + "/jobs/outside",
            withDestinationPath: bench.site.path + "/jobs/pipe"
        )
        #expect(try await bench.site.run("send", "outside").status == 65)
        #expect(bench.delivered == 0)
    }

    @Test("A folder whose SHA256SUMS does not verify is refused, and one whose does is sent")
    func checksums() async throws {
        let bench = try await Bench()
        let folder = try bench.site.job("visit", JobFiles())
        try await Program.output(
            ["sh", "-c", "sha256sum manifest.yaml recipients.csv letter.txt > SHA256SUMS"],
            directory: folder
        )
        try bench.site.write("jobs/visit/letter.txt", "Dear {{first_name}}, changed under way {{ref}}")
        let result = try await bench.site.run("send", "visit")
        #expect(result.status == 65)
        #expect(result.errors.contains("letter.txt"), "\(result.errors)")
        #expect(bench.delivered == 0)
        try bench.site.remove("jobs/visit/REJECTED")
        try await Program.output(
            ["sh", "-c", "sha256sum manifest.yaml recipients.csv letter.txt > SHA256SUMS"],
            directory: folder
        )
        #expect(try await bench.site.run("send", "visit").status == 0)
        #expect(bench.delivered == 1)
    }

    // MARK: - Policy

    @Test("A route is refused without an agreement in force, and taken with one")
    func agreements() async throws {
        for (dates, isGood) in [
            ("signed: 2020-01-15, expires: 2021-01-15", false), ("signed: 2020-01-15, expires: 2099-01-15", true),
            ("signed: 2098-01-15, expires: 2099-01-15", false),
        ] {
            let bench = try await Bench(
                route: "    associate: Relay Inc\n",
                more: "associates:\n  Relay Inc: {agreement: BAA-1, \(dates)}\n"
            )
            try bench.site.job("visit", JobFiles())
            let result = try await bench.site.run("send", "visit")
            #expect(
                isGood ? result.status == 0 : [65, 78].contains(result.status),
                "\(dates): \(result.status) \(result.errors)"
            )
            #expect(isGood || result.errors.contains("Relay Inc"), "\(result.errors)")
            #expect(bench.delivered == (isGood ? 1 : 0))
        }
        let bare = try await Bench(route: "")
        try bare.site.job("visit", JobFiles())
        #expect(try await bare.site.run("send", "visit").status == 78)
        #expect(bare.delivered == 0)
    }

    @Test("Marketing goes to rows with a current authorization only")
    func marketing() async throws {
        let authority = try Authority()
        let sink = try await Sink(authority)
        let tracking = Site.Tracking(port: try Places.freePort(), certificate: try authority.issue())
        let site = try await Site(Site.Settings(relayPort: sink.port, ca: authority.file, tracking: tracking))
        var job = JobFiles(purpose: "marketing")
        job["recipients.csv"] = JobFiles.table([
            ["email", "ref", "first_name", "authorization", "authorization_expires"],
            ["a@kunde.test", "1", "A", "AUTH-1", "2099-01-01"], ["b@kunde.test", "2", "B", "", "2099-01-01"],
            ["c@kunde.test", "3", "C", "AUTH-3", "2020-01-01"], ["d@kunde.test", "4", "D", "AUTH-4", ""],
        ])
        try site.job("news", job)
        let result = try await site.run("send", "news")
        #expect(result.status == 0, "\(result.errors)")
        let results = try site.results("news")
        #expect(results.column("status") == ["sent", "suppressed", "suppressed", "suppressed"])
        #expect(results.column("reason") == ["", "no-authorization", "no-authorization", "no-authorization"])
        let mails = try await Mail.read(sink.folder)
        #expect(mails.count == 1)
        #expect(mails.first?["list-unsubscribe-post"] == "List-Unsubscribe=One-Click")
        try site.job("bare", JobFiles(purpose: "marketing"))
        #expect(try await site.run("send", "bare").status == 65)
    }

    @Test("Keys that others can read and configuration or jobs that others can write are refused")
    func permissions() async throws {
        let bench = try await Bench()
        try bench.site.job("visit", JobFiles())
        let keys = bench.site.files().filter { $0.hasPrefix("keys/") && !$0.hasSuffix(".pub.pem") }
        #expect(keys.count >= 3)
        for key in keys {
            try bench.site.chmod(key, 0o644)
            let result = try await bench.site.run("send", "visit")
            #expect(result.status == 78 && result.errors.contains(key), "\(key): \(result.status) \(result.errors)")
            try bench.site.chmod(key, 0o600)
        }
        for (name, bad, good, status) in [
            ("keys", 0o755, 0o700, 78), ("wardpost.yaml", 0o666, 0o644, 78), ("jobs/visit", 0o777, 0o755, 65),
            ("jobs/visit/recipients.csv", 0o666, 0o644, 65),
        ] {
            try bench.site.chmod(name, bad)
            let result = try await bench.site.run("send", "visit")
            #expect(Int(result.status) == status, "\(name): \(result.status) \(result.errors)")
            try bench.site.chmod(name, good)
            if bench.site.marker("visit") != nil { try bench.site.remove("jobs/visit/REJECTED") }
        }
        #expect(bench.delivered == 0)
        #expect(try await bench.site.run("send", "visit").status == 0)
    }

    @Test("init makes a site once and never touches keys that are there")
    func initialisation() async throws {
        let directory = try TemporaryDirectory()
        let first = try await Program.run([Places.wardpost, "init", "new/site"], directory: directory.path)
        #expect(first.status == 0, "\(first.errors)")
        let key = try directory.read("new/site/keys/records.pem")
        let second = try await Program.run([Places.wardpost, "init", "new/site"], directory: directory.path)
        #expect(second.status == 64)
        #expect(try directory.read("new/site/keys/records.pem") == key)
        try FileManager.default.removeItem(atPath: directory.path("new/site/wardpost.yaml"))
        #expect(try await Program.run([Places.wardpost, "init", "new/site"], directory: directory.path).status == 64)
        #expect(try directory.read("new/site/keys/records.pem") == key)
    }

    @Test("init follows links on the way to the site")
    func initialisationThroughLinks() async throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: directory.path("real"), withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(atPath: directory.path("link"), withDestinationPath: "real")
        let made = try await Program.run([Places.wardpost, "init", directory.path("link/site")])
        #expect(made.status == 0, "\(made.errors)")
        #expect(FileManager.default.fileExists(atPath: directory.path("real/site/keys/records.pem")))
    }

    // MARK: - Addresses

    @Test(
        "A local part in UTF-8 is sent with SMTPUTF8, and fails alone where the server has none",
        arguments: [true, false]
    )
    func smtpUTF8(_ isOffered: Bool) async throws {
        let bench = try await Bench { if !isOffered { $0.offers.remove(.smtpUTF8) } }
        try bench.site.job("visit", JobFiles(rows: [["jürgen@kunde.test", "1", "J"], ["ida@bücher.test", "2", "I"]]))
        let result = try await bench.site.run("send", "visit")
        #expect(result.status == (isOffered ? 0 : 1))
        let results = try bench.site.results("visit")
        #expect(results.column("status") == (isOffered ? ["sent", "sent"] : ["failed", "sent"]))
        #expect(results[0]["reason"] == (isOffered ? "" : "smtputf8-missing"))
        let mails = try await Mail.read(bench.sink.folder)
        #expect(mails.contains { $0["delivered-to"] == "ida@xn--bcher-kva.test" })
        #expect(mails.allSatisfy { $0.defects.isEmpty })
        #expect(mails.contains { $0["delivered-to"] == "jürgen@kunde.test" } == isOffered)
    }

    // MARK: - Verifying

    @Test("verify takes good signatures and tells of one changed byte, as openssl does")
    func verify() async throws {
        let bench = try await Bench()
        let folder = try bench.site.job("visit", JobFiles())
        try await bench.site.run("send", "visit")
        #expect(try await bench.site.run("verify", folder).status == 0)
        #expect(try await bench.site.run("verify", folder + "/results.csv").status == 0)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/results.csv"))
        bytes[bytes.count / 2] ^= 1
        try bench.site.write("jobs/visit/results.csv", bytes)
        let changed = try await bench.site.run("verify", folder)
        #expect(changed.status == 1 && changed.output.contains("results.csv"), "\(changed)")
        #expect(try await bench.site.run("verify", folder + "/summary.json").status == 0)
        #expect(!(try await bench.site.isSigned("jobs/visit/results.csv")))
        let json = try await bench.site.run("verify", "--json", folder)
        #expect(json.status == 1)
        #expect((try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [Any])?.isEmpty == false)
        try bench.site.remove("jobs/visit/summary.json.sig")
        #expect(try await bench.site.run("verify", folder + "/summary.json").status == 1)
    }

    @Test("preview writes the messages as they would go out, and sends nothing")
    func preview() async throws {
        let bench = try await Bench()
        try bench.site.job("visit", JobFiles(rows: (1...9).map { ["p\($0)@kunde.test", "\($0)", "A\($0)"] }))
        let out = bench.site.directory.path("out")
        let result = try await bench.site.run("preview", "visit", "--rows", "1,5-7", "--out", out)
        #expect(result.status == 0, "\(result.errors)")
        let files = try FileManager.default.contentsOfDirectory(atPath: out).sorted()
        #expect(files.count == 4 && files.allSatisfy { $0.hasSuffix(".eml") }, "\(files)")
        for file in files {
            let mail = try #require(try await Mail.read(out + "/" + file).first)
            #expect(mail.defects.isEmpty)
        }
        #expect(bench.delivered == 0)
        #expect(bench.site.marker("visit") == nil)
    }

    @Test("Addresses put on the suppression list get nothing until they are taken off")
    func suppressions() async throws {
        let bench = try await Bench()
        #expect(try await bench.site.run("suppress", "add", "Ada@Kunde.test").status == 0)
        try bench.site.job(
            "first",
            JobFiles(name: "1", rows: [["ada@kunde.test", "1", "A"], ["b@kunde.test", "2", "B"]])
        )
        #expect(try await bench.site.run("send", "first").status == 0)
        #expect(try bench.site.results("first").column("status") == ["suppressed", "sent"])
        #expect(try bench.site.results("first")[0]["reason"] == "suppressed-by-hand")
        #expect(try await bench.site.run("suppress", "remove", "ada@kunde.test").status == 0)
        try bench.site.job("second", JobFiles(name: "2", rows: [["ada@kunde.test", "1", "A"]]))
        #expect(try await bench.site.run("send", "second").status == 0)
        #expect(try bench.site.results("second").column("status") == ["sent"])
    }

    @Test("capture keeps what it gets, and send trusts the authority that it makes")
    func capture() async throws {
        let bench = try await Bench()
        let out = bench.site.directory.path("captured")
        let capture = try Program([Places.wardpost, "capture", "--listen", "127.0.0.1:0", "--out", out])
        let line = try await capture.firstLine()
        let port = try #require(line.firstMatch(of: /:(\d+)/).flatMap { Int($0.1) })
        var text = try bench.site.text("wardpost.yaml")
        text = text.replacingOccurrences(of: ":\(bench.sink.port)", with: ":\(port)")
            .replacingOccurrences(of: "ca: relay-ca.pem", with: "ca: \(out)/ca.pem")
        try bench.site.write("wardpost.yaml", text)
        try bench.site.job("visit", JobFiles())
        let sent = try await bench.site.run("send", "visit")
        #expect(sent.status == 0, "\(sent.errors)")
        #expect(Mail.count(in: out) == 1)
        #expect(try await capture.stop().status == 0)
    }
}
