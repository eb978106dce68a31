import Delivery
import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Jobs and outbox put back from a backup, on the built program.
    @Suite(.timeLimit(.minutes(3))) struct RestoredBackups {
        static let rows = 1_500

        @Test(
            "After a backup is put back nothing goes out again, until somebody says what",
            arguments: [SIGTERM, SIGKILL]
        )
        func restored(end: Int32) async throws {
            let bench = try await LeasedJob(rows: Self.rows, lease: 2, rate: 300)
            try await bench.workHalf(end)
            // The rest goes out after the backup was taken.
            #expect([0, 1].contains(try await bench.site.run("send", "job").status))
            let count = bench.delivered
            try await bench.restore()
            for _ in 1...2 {
                let held = try await bench.site.run("send", "job")
                #expect(held.status == 65, "\(held.status): \(held.errors)")
                #expect(bench.site.marker("job") == "HELD")
                let sentence = try bench.site.text("jobs/job/HELD")
                #expect(sentence.contains("CONFIRM") && sentence.contains("RETRY"), "\(sentence)")
                #expect(bench.delivered == count, "something went out again")
                try bench.site.remove("jobs/job/HELD")
            }
            // Two rows are asked for; what became of the others nobody knows, and nobody gets them again.
            try bench.site.write("jobs/job/RETRY", "\(Self.rows - 1)\n\(Self.rows)\n")
            _ = try await bench.site.run("send", "job")
            #expect(bench.delivered == count + 2)
            let deliveries = try bench.sink.deliveries()
            let twice: [Substring] = [Self.rows - 1, Self.rows].map { "r\($0)@kunde.test" }
            #expect(deliveries.filter { $0.value > 1 }.keys.sorted() == twice)
            let results = try bench.site.results("job")
            let statuses = results.counts("status")
            #expect(statuses["sent", default: 0] + statuses["unknown", default: 0] == Self.rows, "\(statuses)")
            #expect(statuses["unknown", default: 0] > 100 && bench.site.marker("job") == "DONE")
        }

        @Test("A backup from before the job began is noticed, too; CONFIRM does what the sentence says")
        func missing() async throws {
            let bench = try await LeasedJob(rows: Self.rows, lease: 2, rate: 300)
            try await bench.backUp()
            #expect([0, 1].contains(try await bench.site.run("send", "job").status))
            try await bench.restore()
            let held = try await bench.site.run("send", "job")
            #expect(held.status == 65 && bench.delivered == Self.rows, "\(held.status): \(held.errors)")
            #expect(try bench.site.text("jobs/job/HELD").contains("every row"))
            try bench.site.write("jobs/job/CONFIRM", "")
            #expect([0, 1].contains(try await bench.site.run("send", "job").status))
            #expect(bench.delivered == 2 * Self.rows)
        }

        @Test("A watcher holds what came from a backup, and sends what is new")
        func watcher() async throws {
            let bench = try await LeasedJob(rows: Self.rows, lease: 2, rate: 300)
            try await bench.workHalf(SIGTERM)
            #expect([0, 1].contains(try await bench.site.run("send", "job").status))
            try await bench.restore()
            let count = bench.delivered
            for name in ["job", "new"] {
                if name == "new" { try bench.site.job(name, JobFiles(rows: [["new@kunde.test", "1", "A"]])) }
                try bench.site.write("jobs/\(name)/READY", "")
            }
            let watch = try bench.site.start("watch", "--no-serve")
            try await eventually("both have their markers") {
                bench.site.marker("job") == "HELD" && bench.site.marker("new") == "DONE"
            }
            try await watch.stop()
            #expect(bench.delivered == count + 1)
        }

        @Test("A site that is moved as a whole goes on where it was interrupted")
        func moved() async throws {
            let bench = try await LeasedJob(rows: Self.rows, lease: 2, rate: 300)
            try await bench.workHalf(SIGTERM)
            let place = try TemporaryDirectory()
            try await Program.output(["cp", "-a", bench.site.path, place.path("site")])
            let result = try await Program.run([Places.wardpost, "--site", place.path("site"), "send", "job"])
            #expect([0, 1].contains(result.status), "\(result.status): \(result.errors)")
            #expect(try bench.sink.deliveries().allSatisfy { $0.value == 1 } && bench.delivered == Self.rows)
        }
    }
}

extension LeasedJob {
    /// Starts the job, takes a backup in the middle, and ends the process in a way.
    fileprivate func workHalf(_ end: Int32) async throws {
        let program = try site.start("send", "job")
        try await eventually("some rows are sent") { delivered >= 100 }
        if end == SIGTERM {
            try await program.stop()
            try await backUp()
        } else {
            try await backUp()
            program.signal(end)
            _ = try await program.result()
        }
    }

    fileprivate func backUp() async throws {
        try await copy("jobs", to: "../backup/jobs")
        try await copy("outbox", to: "../backup/outbox")
    }

    fileprivate func restore() async throws {
        for room in ["jobs", "outbox"] {
            try site.remove(room)
            try await copy("../backup/\(room)", to: room)
        }
    }

    private func copy(_ from: String, to: String) async throws {
        // A file that is replaced while cp looks at it fails it; a backup program tries again, too.
        let script = """
            mkdir -p "$(dirname "$2")" && for try in 1 2 3 4 5; do rm -rf "$2" && cp -a "$1" "$2" && exit; done; exit 1
            """
        try await Program.output(["sh", "-c", script, "sh", from, to], directory: site.path)
    }
}
