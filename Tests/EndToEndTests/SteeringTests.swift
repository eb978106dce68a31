import Delivery
import Foundation
import TestSupport
import Testing

/// What people and other processes do to a folder while it is worked.
@Suite struct Steering {
    typealias Bench = Contract.Bench

    static func slow(_ rows: Int, name: String = "slow") -> JobFiles {
        JobFiles(
            name: name,
            rows: (1...rows).map { ["p\($0)@kunde.test", "\($0)", "A"] },
            manifest: "rate: 5/s\n"
        )
    }

    @Test("PAUSE stops a running job until it is removed, and STOP ends it with every row told")
    func pauseAndStop() async throws {
        let bench = try await Bench()
        try bench.site.job("slow", Self.slow(60))
        let send = try bench.site.start("send", "slow")
        try await eventually("some rows are sent") { bench.delivered >= 2 }
        try bench.site.write("jobs/slow/PAUSE", "")
        try await eventually("the job is paused") { try bench.site.state("slow")["state"] as? String == "paused" }
        // What was under way when the file came may still end.
        try await Task.sleep(for: .milliseconds(700))
        let count = bench.delivered
        try await Task.sleep(for: .seconds(1))
        #expect(bench.delivered == count, "rows go out while the job is paused")
        try bench.site.remove("jobs/slow/PAUSE")
        try await eventually("the job goes on") { bench.delivered > count }
        try bench.site.write("jobs/slow/STOP", "")
        let result = try await send.result()
        #expect(result.status == 1)
        #expect(bench.site.marker("slow") == "STOPPED")
        let results = try bench.site.results("slow")
        #expect(results.rows.count == 60)
        #expect(results.counts("status") == ["sent": bench.delivered, "cancelled": 60 - bench.delivered])
        #expect(Set(results.column("reason")) == ["", "stopped"])
        #expect(!bench.site.has("jobs/slow/STOP"))
        // What was not tried is by RETRY, and nobody gets a second message.
        try bench.site.write("jobs/slow/RETRY", "")
        try bench.site.write("jobs/slow/manifest.yaml", Self.slow(60)["manifest.yaml"])
        #expect(try await bench.site.run("send", "slow").status == 0)
        #expect(bench.delivered == 60)
        #expect(try bench.site.results("slow").counts("status") == ["sent": 60])
    }

    @Test("The same content is held until CONFIRM, from the same folder and from a copy of it")
    func sameContent() async throws {
        let bench = try await Bench()
        let folder = try bench.site.job("visit", JobFiles())
        #expect(try await bench.site.run("send", "visit").status == 0)
        try FileManager.default.copyItem(atPath: folder, toPath: bench.site.path + "/jobs/copy")
        #expect(try await bench.site.run("send", "copy").status == 65)
        for file in ["DONE", "results.csv", "status.json"] { try bench.site.remove("jobs/copy/\(file)") }
        try bench.site.job("again", JobFiles())
        for name in ["copy", "again"] {
            let result = try await bench.site.run("send", name)
            #expect(result.status == 65, "\(name): \(result.status) \(result.errors)")
            #expect(bench.site.marker(name) == "HELD")
            #expect(try bench.site.text("jobs/\(name)/HELD").contains("CONFIRM"))
        }
        #expect(bench.delivered == 1)
        try bench.site.write("jobs/again/CONFIRM", "")
        #expect(try await bench.site.run("send", "again").status == 0)
        #expect(bench.delivered == 2)
        #expect(bench.site.marker("again") == "DONE")
    }

    @Test("RETRY tries failed rows again, and only those")
    func retry() async throws {
        let isWell = Flag()
        let bench = try await Bench {
            $0.rule = CaptureRule { stage, recipient in
                stage == .recipient && recipient.hasPrefix("sick") && !isWell.value
                    ? .answer(code: 550, text: "5.7.1 not today") : .accept
            }
        }
        try bench.site.job("visit", JobFiles(rows: [["sick@kunde.test", "1", "A"], ["b@kunde.test", "2", "B"]]))
        #expect(try await bench.site.run("send", "visit").status == 1)
        isWell.set()
        try bench.site.write("jobs/visit/RETRY", "")
        #expect(try await bench.site.run("send", "visit").status == 0)
        let results = try bench.site.results("visit")
        #expect(results.column("status") == ["sent", "sent"] && results.column("attempts") == ["2", "1"])
        #expect(bench.delivered == 2)
        #expect(try await bench.site.isSigned("jobs/visit/results.csv"))
    }

    @Test("Two watchers on one share send each row once")
    func twoWatchers() async throws {
        let bench = try await Bench()
        let watchers = [try bench.site.start("watch", "--no-serve"), try bench.site.start("watch", "--no-serve")]
        for job in 1...3 {
            var files = JobFiles(name: "\(job)", rows: (1...200).map { ["j\(job)r\($0)@kunde.test", "\($0)", "A"] })
            files["READY"] = ""
            try bench.site.job("job\(job)", files)
        }
        try await eventually("all jobs are done", within: .seconds(60)) {
            (1...3).allSatisfy { bench.site.marker("job\($0)") != nil }
        }
        for watcher in watchers { #expect(try await watcher.stop().status == 0) }
        for job in 1...3 { #expect(try bench.site.results("job\(job)").counts("status") == ["sent": 200]) }
        #expect(bench.delivered == 600)
    }

    @Test("A watcher takes up a folder that has settled, leaves an unfinished one, and says what it refuses beside it")
    func settling() async throws {
        let bench = try await Bench()
        var half = JobFiles(name: "half")
        half["letter.txt.filepart"] = "still coming"
        try bench.site.job("half", half)
        var bad = JobFiles(name: "bad", template: "{{nobody}}")
        bad["READY"] = ""
        try bench.site.job("bad", bad)
        try bench.site.job("good", JobFiles(name: "good"))
        let watch = try bench.site.start("watch", "--no-serve")
        try await eventually("good is done") { bench.site.marker("good") == "DONE" }
        try await eventually("bad is refused") { bench.site.marker("bad") == "REJECTED" }
        #expect(bench.site.marker("half") == nil && !bench.site.has("jobs/half/status.json"))
        try bench.site.remove("jobs/half/letter.txt.filepart")
        try await eventually("half is done") { bench.site.marker("half") == "DONE" }
        try await watch.stop()
        #expect(bench.delivered == 2)
        let status = try await bench.site.run("status", "--json")
        let entries = try JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [[String: Any]]
        #expect(entries?.count == 3)
    }

    @Test("A folder renamed or a table rewritten while the job runs ends it with nobody mailed from the new content")
    func changes() async throws {
        for change in ["rename", "rewrite"] {
            let bench = try await Bench()
            let folder = try bench.site.job("slow", Self.slow(400))
            let send = try bench.site.start("send", "slow")
            try await eventually("some rows are sent") { bench.delivered >= 2 }
            if change == "rename" {
                try FileManager.default.moveItem(atPath: folder, toPath: folder + "-moved")
            } else {
                var job = Self.slow(400)
                job["recipients.csv"] = job["recipients.csv"].replacingOccurrences(of: "@kunde", with: "@fremd")
                let file = try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/recipients.csv"))
                try file.write(contentsOf: Data(job["recipients.csv"].utf8))
                try file.close()
            }
            if change == "rename" {
                let result = try await send.result()
                #expect(result.status == 1, "\(change): \(result.status) \(result.errors)")
            } else {
                send.signal(SIGTERM)
                _ = try await send.result()
                let again = try await bench.site.run("send", "slow")
                #expect([1, 65].contains(again.status), "\(again.status) \(again.errors)")
                #expect(bench.site.marker("slow") == "HELD")
            }
            let mails = try await Mail.read(bench.sink.folder)
            #expect(mails.allSatisfy { !$0["delivered-to"].contains("@fremd") })
            #expect(Set(mails.map { $0["delivered-to"] }).count == mails.count)
        }
    }
}
