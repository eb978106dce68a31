import Delivery
import Foundation
import OpenSSL
import TestSupport
import Testing

extension EndToEnd {
    /// What recipients do: open, click, unsubscribe.
    @Suite struct Recipients {
        @Test(
            "Chromium opens a delivered message and clicks its link: one open and one click, signed again",
            .enabled(if: Chromium.isThere && Places.have("python3"), "needs chromium and python3"),
            .timeLimit(.minutes(5))
        )
        func browser() async throws {
            let authority = try Authority()
            let certificate = try authority.issue()
            let target = try await WebTarget(try authority.issue())
            let sink = try await Sink(authority)
            let tracking = Site.Tracking(port: try Places.freePort(), certificate: certificate)
            let site = try await Site(
                Site.Settings(relayPort: sink.port, ca: authority.file, settle: 1, tracking: tracking)
            )
            let watch = try site.start("watch")
            var job = JobFiles(
                rows: [["eva@kunde.test", "P-1", "Eva"], ["max@kunde.test", "P-2", "Max"]],
                manifest: "tracking: {opens: true, clicks: true}\n"
            )
            job["letter.html"] = ClinicJob.html(link: "https://localhost:\(target.port)/befund?id=1&amp;b=2")
                .replacingOccurrences(of: "{{full_name}}", with: "{{first_name}}")
                .replacingOccurrences(of: "{{amount}}", with: "").replacingOccurrences(of: "{{number}}", with: "")
                .replacingOccurrences(of: "{{notes}}", with: "")
            job["READY"] = ""
            try site.job("visit", job)
            try await eventually("the job is done") { site.marker("visit") != nil }
            #expect(try site.tracking("visit").column("opens") == ["0", "0"])
            let before = try site.text("jobs/visit/tracking.csv")

            let mails = try await Mail.read(sink.folder)
            let mail = try #require(mails.first { $0.to.first?.address == "eva@kunde.test" })
            let page = try site.directory.write("message.html", text: mail.html ?? "")
            let pins = [try await Authority.pin(certificate), try await Authority.pin(target.certificate)]
            try await untilPeopleLook()
            let visit = try await Chromium.visit("file://\(page)", clicking: "Portal", trusting: pins)
            #expect(visit.href.hasPrefix("https://localhost:\(tracking.port)/c/"), "the link is not tracked")
            #expect(visit.arrived == "https://localhost:\(target.port)/befund?id=1&b=2")
            #expect(target.requests.contains("GET /befund?id=1&b=2"))

            let table: CSVFile = try await eventually("tracking.csv has the click") {
                let table = try site.tracking("visit")
                return table.column("clicks").contains("1") ? table : nil
            }
            #expect(table.column("opens") == ["1", "0"])
            #expect(table.column("clicks") == ["1", "0"])
            #expect(table.column("automated_opens") == ["0", "0"])
            #expect(table.column("automated_clicks") == ["0", "0"])
            #expect(table[0]["links"]?.contains("/befund?id=1&b=2 (1)") == true)
            #expect(try site.text("jobs/visit/tracking.csv") != before)
            // The table is seen a moment before its signature.
            for file in ["tracking.csv", "summary.json"] {
                try await eventually("\(file) is signed") { try await site.isSigned("jobs/visit/\(file)") }
            }
            try await watch.stop()
            print(
                "browser: \(table.column("opens")) opens, \(table.column("clicks")) clicks after one visit and one click"
            )
        }

        @Test(
            "A GET of the unsubscribe link changes nothing; a POST suppresses the next job's row, and a later row of a running job",
            .enabled(if: Places.have("python3", "curl"), "needs python3 and curl"),
            .timeLimit(.minutes(3))
        )
        func unsubscribe() async throws {
            let authority = try Authority()
            let sink = try await Sink(authority)
            let tracking = Site.Tracking(port: try Places.freePort(), certificate: try authority.issue())
            let site = try await Site(
                Site.Settings(relayPort: sink.port, ca: authority.file, settle: 1, tracking: tracking)
            )
            let web = Web(ca: authority.file)
            let watch = try site.start("watch")
            func job(_ name: String, _ rows: [[String]], _ more: String = "") throws {
                var job = JobFiles(name: name, rows: rows, manifest: "list: news\n" + more)
                job["READY"] = ""
                try site.job(name, job)
            }
            try job("first", [["eva@kunde.test", "P-1", "Eva"], ["max@kunde.test", "P-2", "Max"]])
            try await eventually("the first job is done") { site.marker("first") != nil }
            func link(_ address: String) async throws -> String {
                let mails = try await Mail.read(sink.folder)
                let mail = try #require(mails.first { $0.to.first?.address == address })
                #expect(mail["list-unsubscribe-post"] == "List-Unsubscribe=One-Click")
                let found = mail["list-unsubscribe"].split(whereSeparator: { "<>, ".contains($0) })
                    .first { $0.hasPrefix("https:") }
                return String(try #require(found))
            }
            let eva = try await link("eva@kunde.test")
            #expect(eva.hasPrefix("https://localhost:\(tracking.port)/u/"))
            for method in ["GET", "HEAD", "GET"] {
                let answer = try await web.request(method, eva)
                #expect(answer.status == 200, "\(method) \(answer)")
            }
            try job("second", [["eva@kunde.test", "P-1", "Eva"], ["max@kunde.test", "P-2", "Max"]])
            try await eventually("the second job is done") { site.marker("second") != nil }
            #expect(try site.results("second").column("status") == ["sent", "sent"])

            let answer = try await web.request("POST", eva, body: "List-Unsubscribe=One-Click")
            #expect(answer.status == 200, "POST: \(answer)")
            try job("third", [["Eva@Kunde.test", "P-1", "Eva"], ["max@kunde.test", "P-2", "Max"]])
            try await eventually("the third job is done") { site.marker("third") != nil }
            let third = try site.results("third")
            #expect(third.column("status") == ["suppressed", "sent"])
            #expect(third.column("reason") == ["opted-out", ""])
            try await eventually("tracking.csv tells when") {
                try site.tracking("first").column("unsubscribed_at").first?.isEmpty == false
            }

            // Slowly: max opts out while others' messages go out, before his turn comes.
            let rows = (1...16).map { ["p\($0)@kunde.test", "S-\($0)", "P"] } + [["max@kunde.test", "S-17", "Max"]]
            try job("slow", rows, "rate: 2/s\n")
            try await eventually("the slow job has begun", within: .seconds(90)) {
                try await Mail.read(sink.folder).contains { $0.to.first?.address == "p1@kunde.test" }
            }
            let gone = try await web.request(
                "POST",
                try await link("max@kunde.test"),
                body: "List-Unsubscribe=One-Click"
            )
            #expect(gone.status == 200)
            try await eventually("the slow job is done", within: .seconds(60)) { site.marker("slow") != nil }
            let slow = try site.results("slow")
            #expect(slow.counts("status") == ["sent": 16, "suppressed": 1], "\(slow.counts("status"))")
            #expect(slow[16]["reason"] == "opted-out")
            #expect(try await Mail.read(sink.folder).filter { $0.to.first?.address == "max@kunde.test" }.count == 3)
            try await watch.stop()
            print(
                "unsubscribe: GET twice and HEAD changed nothing; POST suppressed 1 row of the next job and 1 of the running one"
            )
        }
    }
}
