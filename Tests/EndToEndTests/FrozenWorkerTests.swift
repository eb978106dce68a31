import Delivery
import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// A worker that is stopped in the middle of a job, taken for dead, and goes on later.
    @Suite struct FrozenWorkers {
        static let rows = 1_500
        static let lease = Duration.seconds(3)

        /// Whether the second worker can see that the first is on the same machine.
        enum Sight: String, CaseIterable {
            case sameMachine
            /// In a name space of its own, a process knows nothing of others but what is on the disk: as on another machine.
            case elsewhere
        }

        private static func second(_ sight: Sight, on site: Site) throws -> Program {
            switch sight {
            case .sameMachine: try site.start("send", "job")
            case .elsewhere:
                try Program([
                    "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", Places.wardpost, "--site", site.path,
                    "send", "job",
                ])
            }
        }

        private static let sights: [Sight] = Places.isRoot && Places.have("unshare") ? Sight.allCases : [.sameMachine]

        @Test(
            "A worker that is stopped, taken over from and continued sends nothing more and changes nothing",
            .timeLimit(.minutes(3)),
            arguments: sights
        )
        func continuedAtTheEnd(sight: Sight) async throws {
            let bench = try await LeasedJob(rows: Self.rows, lease: 3, rate: 400)
            let first = try bench.site.start("send", "job")
            try await bench.sent(300)
            first.signal(SIGSTOP)
            let stopped = ContinuousClock.now
            let second = try Self.second(sight, on: bench.site)
            let result = try await second.result()
            #expect([0, 1].contains(result.status), "\(result.status): \(result.errors)")
            #expect(ContinuousClock.now - stopped >= Self.lease, "a worker that might go on was not waited for")
            let (outputs, count) = (try bench.outputs, bench.delivered)
            let ledgers = try FileManager.default.contentsOfDirectory(atPath: bench.site.path + "/outbox/ledgers")
            first.signal(SIGCONT)
            let late = try await first.result(within: .seconds(30))
            #expect(late.status == 75, "\(late.status): \(late.errors)")
            // A message whose system call it was stopped in may still leave: one, since there is one event loop.
            #expect(bench.delivered - count <= 1, "the worker that was late sent something")
            let after = try bench.outputs
            for (file, bytes) in outputs { #expect(after[file] == bytes, "\(file) was changed") }
            #expect(Set(after.keys) == Set(outputs.keys))
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: bench.site.path + "/outbox/ledgers") == ledgers
            )
            let unknown = try bench.check(sight.rawValue)
            print("stopped worker, \(sight.rawValue): \(count) messages for \(Self.rows) rows, \(unknown) unknown")
        }

        @Test(
            "Two workers alive at once, one of them late, give each recipient one message",
            .timeLimit(.minutes(5)),
            arguments: sights
        )
        func continuedInTheMiddle(sight: Sight) async throws {
            var generator = SystemRandomNumberGenerator()
            for round in 1...3 {
                let bench = try await LeasedJob(rows: Self.rows, lease: 3, rate: 400)
                let first = try bench.site.start("send", "job")
                try await bench.sent(Int.random(in: 20...400, using: &generator))
                first.signal(SIGSTOP)
                let count = bench.delivered
                let second = try Self.second(sight, on: bench.site)
                // At a moment when the other has just taken over, or is about to, or is well on its way.
                let wait = Duration.milliseconds(Int.random(in: 2_500...5_000, using: &generator))
                try await Task.sleep(for: wait)
                first.signal(SIGCONT)
                var results = [try await first.result(), try await second.result()]
                if results.allSatisfy({ $0.status == 75 }) {
                    // It went on between the other's two claims, of the folder and of the ledger, and both let go.
                    results.append(try await bench.site.run("send", "job"))
                }
                #expect(results.contains { $0.status == 75 }, "round \(round): both worked, or none was told")
                #expect(results.contains { [0, 1].contains($0.status) }, "round \(round): \(results)")
                let unknown = try bench.check("round \(round), \(count) sent, continued after \(wait)")
                print("\(sight.rawValue), round \(round): continued after \(wait), \(unknown) unknown")
            }
        }

        @Test("A stopped worker that nobody missed goes on by itself", .timeLimit(.minutes(2)))
        func nobodyThere() async throws {
            let bench = try await LeasedJob(rows: Self.rows, lease: 3, rate: 400)
            let first = try bench.site.start("send", "job")
            try await bench.sent(100)
            first.signal(SIGSTOP)
            try await Task.sleep(for: Self.lease * 2)
            first.signal(SIGCONT)
            let result = try await first.result()
            #expect([0, 1].contains(result.status), "\(result.status): \(result.errors)")
            _ = try bench.check("alone")
        }

        @Test(
            "A worker that was killed elsewhere is missed for the lease time, and then followed",
            .enabled(if: Places.isRoot && Places.have("unshare")),
            .timeLimit(.minutes(2))
        )
        func killedElsewhere() async throws {
            let bench = try await LeasedJob(rows: Self.rows, lease: 3, rate: 400)
            let first = try Self.second(.elsewhere, on: bench.site)
            try await bench.sent(100)
            first.kill()
            _ = try await first.result()
            let killed = ContinuousClock.now
            let second = try await bench.site.run("send", "job")
            #expect([0, 1].contains(second.status), "\(second.status): \(second.errors)")
            #expect(ContinuousClock.now - killed >= Self.lease)
            _ = try bench.check("killed elsewhere")
        }

        @Test("A worker that was killed here is followed at once", .timeLimit(.minutes(2)))
        func killedHere() async throws {
            let bench = try await LeasedJob(rows: Self.rows, lease: 3, rate: 400)
            try bench.site.write(
                "wardpost.yaml",
                try bench.site.text("wardpost.yaml").replacingOccurrences(of: "lease: 3", with: "lease: 600")
            )
            let first = try bench.site.start("send", "job")
            try await bench.sent(100)
            first.kill()
            _ = try await first.result()
            let second = try await bench.site.run("send", "job")
            #expect([0, 1].contains(second.status), "\(second.status): \(second.errors)")
            _ = try bench.check("killed here")
        }

        @Test("Of two watchers, one follows the other that is stopped", .timeLimit(.minutes(3)))
        func watchers() async throws {
            let bench = try await LeasedJob(rows: Self.rows, lease: 3, rate: 400)
            try bench.site.write("jobs/job/READY", "")
            let watchers = [
                try bench.site.start("watch", "--no-serve"), try bench.site.start("watch", "--no-serve"),
            ]
            try await bench.sent(100)
            let busy = try #require(try Self.worker(of: bench.site))
            let first = try #require(watchers.first { $0.pid == busy })
            first.signal(SIGSTOP)
            try await eventually("the job is done", within: .seconds(90)) { bench.site.marker("job") != nil }
            let outputs = try bench.outputs
            first.signal(SIGCONT)
            for watcher in watchers { #expect(try await watcher.stop().status == 0) }
            let after = try bench.outputs
            for (file, bytes) in outputs { #expect(after[file] == bytes, "\(file) was changed") }
            _ = try bench.check("watchers")
        }

        /// The process that works the job, by its claim.
        private static func worker(of site: Site) throws -> pid_t? {
            let claims = site.path + "/outbox/leases/folders/job"
            let last = try FileManager.default.contentsOfDirectory(atPath: claims).compactMap { Int($0) }.max()
            let text = try String(contentsOfFile: "\(claims)/\(last ?? 0)", encoding: .utf8)
            return text.split(separator: "\n").first { $0.hasPrefix("process ") }.flatMap { pid_t($0.dropFirst(8)) }
        }
    }
}

extension LeasedJob {
    /// Waits until so many messages have come.
    fileprivate func sent(_ count: Int) async throws {
        try await eventually("\(count) messages came", every: .milliseconds(2)) { delivered >= count }
    }

    /// All that lies beside the job and was written by us.
    fileprivate var outputs: [String: Data] {
        get throws {
            let folder = URL(fileURLWithPath: site.path + "/jobs/job")
            var outputs: [String: Data] = [:]
            for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
                outputs[file] = try Data(contentsOf: folder.appendingPathComponent(file))
            }
            return outputs
        }
    }

    /// Holds the results against what the server took; how many rows are unknown.
    fileprivate func check(_ what: String) throws -> Int {
        #expect(site.marker("job") == "DONE", "\(what)")
        let results = try site.results("job")
        let deliveries = try sink.deliveries()
        #expect(results.rows.count == EndToEnd.FrozenWorkers.rows, "\(what)")
        var unknown = 0
        for (address, status) in zip(results.column("address"), results.column("status")) {
            let copies = deliveries[address[...]] ?? 0
            switch status {
            case "sent": #expect(copies == 1, "\(what): \(address) is sent and came \(copies) times")
            case "unknown":
                unknown += 1
                #expect(copies <= 1, "\(what): \(address) is unknown and came \(copies) times")
            default: Issue.record("\(what): \(address) is \(status)")
            }
        }
        // Four connections, each with a message on its way and the next one noted.
        #expect(unknown <= 8, "\(what)")
        return unknown
    }
}
