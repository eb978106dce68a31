import Core
import Delivery
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// The file that stops all jobs of a site.
@Suite(.timeLimit(.minutes(2))) struct StopAllTests {
    static let places = ["jobs/STOP-ALL", "STOP-ALL"]

    @Test(
        "STOP-ALL stops every running job, of another worker too, and RETRY goes on once it is gone",
        arguments: places
    )
    func stops(place: String) async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        let other = try bench.another()
        for name in ["first", "second"] {
            try bench.job(name, TestJob((1...300).map { "\(name)\($0)@example.test" }, manifest: SteeringTests.slow))
        }
        relay.at(8) { _ = try? bench.scratch.write(place, text: "") }
        async let first = bench.work("first")
        async let second = other.work("second")
        let words = try await [first.word, second.word]
        #expect(words == ["stopped", "stopped"])
        for name in ["first", "second"] {
            #expect(bench.markers(name) == ["STOPPED"])
            let statuses = try bench.results(name, "status")
            let sent = relay.recipients.count { $0.hasPrefix(name) }
            #expect(statuses.count == 300 && statuses.count { $0 == "sent" } == sent)
            #expect(try Set(bench.results(name, "reason")) == ["", "stopped"])
            #expect(try bench.text("status.json", of: name).contains("\"file\": \"\(place)\""))
        }
        // No job is taken up, not even one that is asked for again, and the file stays.
        try bench.job("third", .rows(1))
        try bench.drop("RETRY", in: "first")
        let count = relay.recipients.count
        for name in ["third", "first"] {
            guard case .suspended(let sentence) = try await bench.work(name) else { return #expect(Bool(false)) }
            #expect(sentence.contains(place))
        }
        #expect(!bench.has("status.json", in: "third") && bench.has("RETRY", in: "first"))
        #expect(relay.recipients.count == count)
        try FileManager.default.removeItem(atPath: bench.scratch.path(place))
        #expect(try await bench.work("third").word == "done")
        // The 300 rows take a while at that rate.
        relay.at(relay.recipients.count + 3) { _ = try? bench.drop("STOP", in: "first") }
        #expect(try await bench.work("first").word == "stopped")
        #expect(Set(relay.recipients).count == relay.recipients.count && relay.recipients.count > count + 1)
    }

    @Test("A folder of that name counts as well")
    func folder() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(1))
        try FileManager.default.createDirectory(
            atPath: bench.scratch.path("jobs/STOP-ALL"),
            withIntermediateDirectories: false
        )
        #expect(try await bench.work("visit").word == "suspended")
        #expect(bench.relay.connections == 0)
    }

    @Test("watch takes up no job while STOP-ALL lies there, says so once, and goes on when it is gone")
    func watch() async throws {
        let bench = try await Bench()
        let lines = Mutex<[String]>([])
        let log = Logger(label: "test") { _ in LineLog { line in lines.withLock { $0.append(line) } } }
        try bench.drop("STOP-ALL", in: ".")
        try bench.job("visit", .rows(2))
        try bench.drop("READY", in: "visit")
        var service = WatchService(bench.worker, log: log)
        service.interval = .milliseconds(20)
        let watch = service
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watch.run() }
            while !lines.withLock({ $0.contains { $0.contains("STOP-ALL is there") } }) {
                try await Task.sleep(for: .milliseconds(10))
            }
            try await Task.sleep(for: .milliseconds(300))
            #expect(bench.relay.connections == 0 && !bench.has("status.json", in: "visit"))
            try FileManager.default.removeItem(atPath: bench.scratch.path("jobs/STOP-ALL"))
            while bench.markers("visit").isEmpty { try await Task.sleep(for: .milliseconds(10)) }
            group.cancelAll()
        }
        #expect(bench.markers("visit") == ["DONE"])
        #expect(lines.withLock { $0.count { $0.contains("STOP-ALL is there") } } == 1)
        #expect(lines.withLock { $0.count { $0.contains("STOP-ALL is gone") } } == 1)
    }
}
