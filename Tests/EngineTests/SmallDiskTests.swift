import Core
import Delivery
import Files
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// Real disks that fill up in the middle of a job.
@Suite(.enabled(if: SmallDisk.isPossible, "this machine gives no mount namespaces"), .timeLimit(.minutes(2)))
struct SmallDiskTests {
    @Test("A job on a disk that fills up pauses, says so, and goes on by itself when there is room")
    func goesOn() async throws {
        let disk = try SmallDisk(kibibytes: 2_048)
        let relay = try await Relay()
        let bench = try await Bench(relay, scratch: try TemporaryDirectory(in: disk.path))
        try bench.job("visit", .rows(400, manifest: "rate: 200/s\n"))
        try bench.drop("READY", in: "visit")
        relay.at(25) { disk.fill() }
        let lines = Mutex<[String]>([])
        let log = Logger(label: "test") { _ in LineLog { line in lines.withLock { $0.append(line) } } }
        var service = WatchService(bench.worker, log: log)
        (service.interval, service.rest) = (.milliseconds(20), .milliseconds(50))
        let watch = service
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watch.run() }
            while !lines.withLock({ $0.contains { $0.contains("job cannot go on now") } }) {
                try await Task.sleep(for: .milliseconds(10))
            }
            let count = relay.recipients.count
            try await Task.sleep(for: .milliseconds(500))
            // It is tried again all the while, and nothing goes out that could not be written down.
            #expect(relay.recipients.count == count && count < 400)
            #expect(bench.markers("visit").isEmpty)
            try disk.free()
            while bench.markers("visit").isEmpty { try await Task.sleep(for: .milliseconds(10)) }
            group.cancelAll()
        }
        #expect(bench.markers("visit") == ["DONE"])
        let statuses = try bench.results("visit", "status")
        let arrived = Set(relay.recipients)
        #expect(relay.recipients.count == arrived.count, "somebody got two messages")
        let sent = statuses.count { $0 == "sent" }
        let unknown = statuses.count { $0 == "unknown" }
        // Two connections with two rows each at most were between the ledger and an answer.
        #expect(sent + unknown == 400 && unknown <= 4, "\(sent) sent, \(unknown) unknown")
        for (index, status) in statuses.enumerated() where status == "sent" {
            #expect(arrived.contains("p\(index + 1)@example.test"))
        }
        #expect(arrived.count >= sent)
        #expect(try bench.verification.check(bench.scratch.path("jobs/visit")).allSatisfy(\.isGood))
    }

    @Test("Results for which there is no room are written later, from the ledger, and none is in place half written")
    func results() async throws {
        let disk = try SmallDisk(kibibytes: 2_048)
        let relay = try await Relay()
        let bench = try await Bench(relay, scratch: try TemporaryDirectory(in: disk.path))
        try bench.job("visit", .rows(300))
        // The last message fills it: the ledger has room in its last block, perhaps, results have none.
        relay.at(300) { disk.fill() }
        #expect(try await bench.work("visit").word == "try again")
        #expect(!bench.has("results.csv", in: "visit") && bench.markers("visit").isEmpty)
        try disk.free()
        for _ in 0..<100 where bench.markers("visit").isEmpty {
            _ = try await bench.work("visit")
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(bench.markers("visit") == ["DONE"] && relay.recipients.count == 300)
        #expect(try bench.results("visit", "status").count { $0 == "sent" || $0 == "unknown" } == 300)
        #expect(Set(relay.recipients).count == 300)
    }
}
