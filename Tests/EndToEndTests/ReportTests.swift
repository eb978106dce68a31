import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Reports on a whole site, by the program as it is used: other people's programs count again and look at it.
    @Suite struct SiteReports {
        /// A site with a month of jobs and events, written by a program of its own from docs/formats.md.
        private final class Past: Sendable {
            let directory: TemporaryDirectory
            var path: String { directory.path("site") }

            init(jobs: Int, rows: Int, events: Double, more: String = "") async throws {
                directory = try TemporaryDirectory()
                try await Program.output([Places.wardpost, "init", path])
                if !more.isEmpty {
                    let file = path + "/wardpost.yaml"
                    let text = try String(contentsOfFile: file, encoding: .utf8)
                    try (text.replacing("time_zone: UTC", with: "time_zone: America/Chicago") + more)
                        .write(toFile: file, atomically: true, encoding: .utf8)
                }
                let script = Places.script("reports_site.py")
                try await Program.output(["python3", script, path, "\(jobs)", "\(rows)", "\(events)", "2026-10"])
            }

            func wardpost(_ arguments: String...) async throws -> Program.Result {
                try await Program.run([Places.wardpost, "--site", path] + arguments)
            }

            /// The three files' bytes.
            func files(_ name: String) throws -> [Data] {
                try ["csv", "json", "html"].map {
                    try Data(contentsOf: URL(fileURLWithPath: "\(path)/reports/\(name).\($0)"))
                }
            }

            func recount(_ name: String, smallest: Int = 10, zone: String = "UTC") async throws -> Program.Result {
                try await Program.run([
                    "python3", Places.script("recount.py"), path, "\(path)/reports/\(name).csv", "\(smallest)", zone,
                ])
            }
        }

        @Test(
            "A month's report agrees with a count by Python from results and events, verifies with openssl, and reads alike in LibreOffice",
            .enabled(if: LibreOffice.isThere, "needs libreoffice-calc and python3"),
            .timeLimit(.minutes(5))
        )
        func month() async throws {
            let site = try await Past(jobs: 30, rows: 100, events: 1.5)
            let run = try await site.wardpost("report", "--period", "2026-10")
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.output.contains("2026-10: "))
            let recount = try await site.recount("2026-10")
            #expect(recount.status == 0 && recount.output.contains("figures agree"), "\(recount.output)")
            for form in ["csv", "json", "html"] {
                let file = "\(site.path)/reports/2026-10.\(form)"
                let check = try await Program.output([
                    "openssl", "dgst", "-sha256", "-verify", site.path + "/keys/records.pub.pem", "-signature",
                    file + ".sig", file,
                ])
                #expect(check.contains("Verified OK"))
                #expect(try await site.wardpost("verify", file).status == 0)
            }
            let table = try CSVFile(site.path + "/reports/2026-10.csv")
            let cells = try await LibreOffice().open(site.path + "/reports/2026-10.csv", columns: table.header.count)
            #expect(cells == [table.header] + table.rows, "LibreOffice reads the report otherwise")
            // No address of a recipient and no key, in any form.
            for bytes in try site.files("2026-10") {
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(text.ranges(of: /p[0-9]+\.[0-9]+@/).isEmpty && text.ranges(of: /K[0-9]+-[0-9]+/).isEmpty)
                #expect(!text.contains("small1"), "a domain with few mailboxes is named")
            }
            print("reports: \(recount.output.trimmingCharacters(in: .whitespacesAndNewlines))")
        }

        @Test("With days of another time zone, by day and by week, the count agrees as well", .timeLimit(.minutes(5)))
        func zones() async throws {
            let site = try await Past(jobs: 10, rows: 60, events: 1.5, more: "reports: {domains_from: 3}\n")
            for period in ["2026-10", "2026-W42", "2026-10-13", "2026-10-03_2026-10-24"] {
                let dates = period.split(separator: "_").map(String.init)
                let run =
                    dates.count == 2
                    ? try await site.wardpost("report", "--from", dates[0], "--to", dates[1])
                    : try await site.wardpost("report", "--period", period)
                #expect(run.status == 0, "\(run.errors)")
                let recount = try await site.recount(period, smallest: 3, zone: "America/Chicago")
                #expect(recount.status == 0, "\(period): \(recount.output)")
            }
        }

        @Test(
            "Killed while the index is made, and with the index deleted, the program gives the same report",
            .timeLimit(.minutes(5))
        )
        func kills() async throws {
            let site = try await Past(jobs: 40, rows: 100, events: 2)
            let start = ContinuousClock.now
            #expect(try await site.wardpost("report", "--period", "2026-10").status == 0)
            let whole = ContinuousClock.now - start
            let wanted = try site.files("2026-10")
            var killed = 0
            for round in 0..<12 {
                for name in ["", "-wal", "-shm"] {
                    try? FileManager.default.removeItem(atPath: "\(site.path)/outbox/index.sqlite\(name)")
                }
                let program = try Program([Places.wardpost, "--site", site.path, "report", "--period", "2026-10"])
                try await Task.sleep(for: whole * (round + 1) / 13)
                if !program.hasEnded { killed += 1 }
                program.kill()
                _ = await program.status()
                // Goes on from where the last one was killed.
                if round % 3 == 2 {
                    #expect(try await site.wardpost("report", "--period", "2026-10").status == 0)
                    #expect(try site.files("2026-10") == wanted, "after a kill in round \(round)")
                }
            }
            #expect(killed > 0)
            try FileManager.default.removeItem(atPath: "\(site.path)/outbox/index.sqlite")
            #expect(try await site.wardpost("report", "--period", "2026-10").output.contains("stand as they are"))
            #expect(try site.files("2026-10") == wanted)
            print("reports: killed \(killed) of 12 times while the index was made, the same files after each")
        }

        @Test(
            "Chromium prints the page, and draws its charts",
            .enabled(if: Chromium.isThere, "needs chromium"),
            .timeLimit(.minutes(3))
        )
        func prints() async throws {
            let site = try await Past(jobs: 10, rows: 60, events: 1.5)
            #expect(try await site.wardpost("report", "--period", "2026-10").status == 0)
            let page = "\(site.path)/reports/2026-10.html"
            let browser = try #require(Places.find("chromium") ?? Places.find("chromium-browser"))
            let options = [
                "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(site.directory.path("profile"))",
            ]
            try await Program.output(
                [browser] + options + ["--print-to-pdf=\(site.directory.path("page.pdf"))", "file://\(page)"]
            )
            let pdf = try Data(contentsOf: URL(fileURLWithPath: site.directory.path("page.pdf")))
            #expect(pdf.starts(with: Data("%PDF".utf8)) && pdf.count > 20_000)
            let dom = try await Program.output([browser] + options + ["--dump-dom", "file://\(page)"])
            #expect(dom.ranges(of: "<svg class=\"chart\"").count == 2)
        }

        @Test("What is asked wrongly is answered with a sentence and 64", .timeLimit(.minutes(1)))
        func usage() async throws {
            let site = try await Past(jobs: 1, rows: 5, events: 0)
            for arguments in [
                ["--period", "2026-13"], ["--from", "2026-10-09", "--to", "2026-10-01"], ["--by", "sneder"],
                ["--format", "xlsx"], ["--period", "2026-10", "--from", "2026-10-01"],
            ] {
                let run = try await Program.run([Places.wardpost, "--site", site.path, "report"] + arguments)
                #expect(run.status == 64, "\(arguments)")
                #expect(!run.errors.isEmpty)
            }
            #expect(try await site.wardpost("report", "--by", "sneder").errors.contains("sender"))
            let csv = try await site.wardpost("report", "--period", "2026-10", "--by", "list", "--format", "csv")
            #expect(csv.status == 0 && csv.output.contains(",list,") && !csv.output.contains(",route,"))
            #expect(!FileManager.default.fileExists(atPath: site.path + "/reports/2026-10.csv"))
        }

        @Test("`watch` writes the reports that are due, by day, week and month", .timeLimit(.minutes(3)))
        func schedule() async throws {
            let site = try await Past(
                jobs: 5,
                rows: 40,
                events: 1,
                more: "reports: {daily: 00:00, weekly: 00:00, monthly: 00:00}\n"
            )
            let watch = try Program([Places.wardpost, "--site", site.path, "watch"])
            try await eventually("the reports are there", within: .seconds(60)) {
                guard !watch.hasEnded else { throw Program.Failure(description: "watch ended: \(watch.errors)") }
                return FileManager.default.fileExists(atPath: site.path + "/reports/2026-10.html.sig")
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: site.path + "/reports")
            #expect(names.contains { $0.hasPrefix("2026-W4") } && names.contains { $0.hasPrefix("2026-10-1") })
            let stopped = try await watch.stop()
            #expect(stopped.status == 0, "\(stopped.errors)")
            let recount = try await site.recount("2026-10", zone: "America/Chicago")
            #expect(recount.status == 0, "\(recount.output)")
        }
    }
}
