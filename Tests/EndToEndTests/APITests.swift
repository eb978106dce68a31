import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The read-only API, by its document and by its keys.
    @Suite struct API {
        static let tool = Places.repository + "/.build-test/schemathesis/bin/schemathesis"
        static let canRun = FileManager.default.isExecutableFile(atPath: tool)

        /// A site with two jobs that were sent, and its API.
        private struct Bench {
            let site: Site
            let authority: Authority
            let sink: Sink
            let port: Int
            let tracking: Int
            let watch: Program

            init() async throws {
                authority = try Authority()
                sink = try await Sink(authority)
                port = try Places.freePort()
                tracking = try Places.freePort()
                site = try await Site(
                    Site.Settings(
                        relayPort: sink.port,
                        ca: authority.file,
                        settle: 1,
                        tracking: Site.Tracking(port: tracking, certificate: try authority.issue()),
                        more: "api: {listen: \"127.0.0.1:\(port)\"}\n"
                    )
                )
                for name in ["first", "second"] {
                    var job = JobFiles(
                        name: name,
                        rows: (1...5).map { ["\($0 == 3 ? "bounce" : "p\($0)")@kunde.test", "\(name)-\($0)", "Ada"] },
                        manifest: "tracking: {opens: true, clicks: true}\nlist: \(name)\n"
                    )
                    job["letter.html"] = "<body><p>{{first_name}}</p><a href=\"https://portal.test/\">here</a></body>"
                    try site.job(name, job)
                    #expect(try await site.run("send", name).status == 1)
                }
                watch = try site.start("watch")
                let health = "https://localhost:\(tracking)/healthz"
                try await eventually("the servers listen", within: .seconds(90)) { [authority, port] in
                    let document = try? await Self.get("https://localhost:\(port)/openapi.json", authority)
                    return (try? await Self.get(health, authority).status) == "200" && document?.status == "200"
                }
            }

            /// What curl gets.
            static func get(_ url: String, _ authority: Authority, key: String? = nil) async throws -> (
                status: String, text: String
            ) {
                var arguments = ["curl", "--silent", "--cacert", authority.file, "--max-time", "20"]
                if let key { arguments += ["--header", "Authorization: Bearer \(key)"] }
                let output = try await Program.output(arguments + ["--write-out", "\n%{http_code}", url])
                let cut = output.lastIndex(of: "\n") ?? output.startIndex
                return (String(output[cut...].dropFirst()), String(output[..<cut]))
            }

            func get(_ path: String, key: String? = nil) async throws -> (status: String, text: String) {
                try await Self.get("https://localhost:\(port)\(path)", authority, key: key)
            }

            /// A new key.
            func key(_ name: String, _ scopes: String...) async throws -> String {
                let arguments =
                    [Places.wardpost, "--site", site.path, "keys", "api", "add", name]
                    + scopes.flatMap { ["--scope", $0] }
                let made = try await Program.run(arguments)
                #expect(made.status == 0, "\(made.errors)")
                return made.output.trimmingCharacters(in: .whitespacesAndNewlines)
            }

            /// Opens and clicks all messages.
            func visit() async throws {
                for mail in try await Mail.read(sink.folder) {
                    let html = mail.html ?? ""
                    for match in html.matches(of: /https:\/\/localhost:\d+\/[oc]\/[A-Za-z0-9_.-]+/) {
                        _ = try await Self.get(String(match.0), authority)
                    }
                }
            }
        }

        @Test(
            "Schemathesis finds no answer that is not as the document says",
            .enabled(if: canRun, "needs schemathesis; `make setup-test` installs it"),
            .timeLimit(.minutes(5))
        )
        func schemathesis() async throws {
            let bench = try await Bench()
            try await bench.visit()
            let key = try await bench.key("tester", "reports", "jobs", "rows", "events", "row-keys")
            // There is something to find.
            #expect(try await bench.get("/v1/jobs", key: key).text.contains("\"job_name\":\"second\""))
            let directory = try TemporaryDirectory()
            let result = try await Program.run(
                [
                    Self.tool, "run", "https://localhost:\(bench.port)/openapi.json",
                    "--header", "Authorization: Bearer \(key)", "--tls-verify", bench.authority.file,
                    "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "40",
                    "--seed", "1", "--generation-database", "none", "--no-color",
                ],
                directory: directory.path,
                within: .seconds(240)
            )
            let end = result.output.split(separator: "\n").suffix(40).joined(separator: "\n")
            #expect(result.status == 0, "\(end)\n\(result.errors)")
            #expect(result.output.contains("No issues found"), "\(end)")
            #expect(result.output.contains("Tested: 6"), "\(end)")
            print(
                "schemathesis:",
                result.output.firstMatch(of: /\d+ generated, \d+ passed/).map { String($0.0) } ?? "?"
            )
            for secret in ["kunde.test", "first-1"] { #expect(!result.output.contains(secret)) }
            try await bench.watch.stop()
        }

        @Test(
            "A key asks what its scopes say, is known to the file by its digest alone, and is refused once it is removed"
        )
        func keys() async throws {
            let bench = try await Bench()
            let none = try await bench.key("none")
            let reports = try await bench.key("dashboard", "reports")
            let file = try bench.site.text("keys/api-keys.yaml")
            for key in [none, reports] { #expect(!file.contains(key) && !file.contains(key.dropFirst(4))) }
            let paths = [
                "/v1/figures", "/v1/reasons", "/v1/jobs", "/v1/rows", "/v1/events", "/v1/figures?row_key=first-1",
            ]
            for path in paths {
                #expect(try await bench.get(path).status == "401", "\(path)")
                let refused = try await bench.get(path, key: none)
                #expect(refused.status == "403" && !refused.text.contains("entries"), "\(path)")
            }
            try await eventually("the key is let in") {
                try await bench.get("/v1/figures", key: reports).status == "200"
            }
            let figures = try await bench.get("/v1/figures?by=job", key: reports)
            #expect(figures.text.contains("\"sent\":4") && figures.text.contains("\"title\":\"first\""))
            for path in paths.dropFirst(2) {
                #expect(try await bench.get(path, key: reports).status == "403", "\(path)")
            }
            let listed = try await bench.site.run("keys", "api", "list")
            #expect(listed.output == "none  no scope\ndashboard  reports\n")
            #expect(try await bench.site.run("keys", "api", "add", "dashboard", "--scope", "jobs").status == 64)
            let misspelt = try await bench.site.run("keys", "api", "add", "other", "--scope", "report")
            #expect(misspelt.status == 64 && misspelt.errors.contains("did you mean reports?"))
            #expect(try await bench.site.run("keys", "api", "remove", "dashboard").status == 0)
            try await eventually("the key is refused", within: .seconds(90)) {
                try await bench.get("/v1/figures", key: reports).status == "401"
            }
            #expect(try await bench.site.run("keys", "api", "remove", "dashboard").status == 64)
            try await bench.watch.stop()
        }
    }
}
