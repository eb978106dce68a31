import Core
import Delivery
import Foundation
import Intake
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// Limits by recipient domain, counted where the messages arrive.
@Suite(.timeLimit(.minutes(2))) struct LaneTests {
    /// The most messages that came in any second.
    static func most(_ times: [ContinuousClock.Instant], in window: Duration = .seconds(1)) -> Int {
        var most = 0
        var first = 0
        for last in times.indices {
            while times[last] - times[first] >= window { first += 1 }
            most = max(most, last - first + 1)
        }
        return most
    }

    static func isGmail(_ address: String) -> Bool {
        address.hasSuffix("@gmail.com") || address.hasSuffix("@googlemail.com")
    }

    @Test("A provider's 5/s holds at the receiver, over a restart and both its domains; others are not held up by it")
    func limited() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay, connections: 8, more: "domain_limits: {gmail: 5/s}")
        let addresses = (0..<400).map { row in
            switch row % 10 {
            case 0: "p\(row)@gmail.com"
            case 5: "p\(row)@GoogleMail.com"
            default: "p\(row)@example.test"
            }
        }
        try bench.job("visit", TestJob(addresses))
        // The process ends in the middle of it.
        let worker = bench.worker
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await worker.work("visit") }
            while relay.times({ Self.isGmail($0.lowercased()) }).count < 8 {
                try? await Task.sleep(for: .milliseconds(5))
            }
            group.cancelAll()
        }
        #expect(try await bench.another().work("visit").word == "done")
        #expect(try bench.results("visit", "status").allSatisfy { $0 == "sent" })
        let slow = relay.times { Self.isGmail($0.lowercased()) }
        let free = relay.times { !Self.isGmail($0.lowercased()) }
        #expect(slow.count == 80 && free.count == 320)
        #expect(Self.most(slow) <= 6, "5, and one for the restart")
        // 80 of them take 16 seconds at least.
        let slowest = try #require(slow.last) - slow[0]
        #expect(slowest >= .seconds(15.5))
        // Held up behind them, the last free row would come with the last slow one. On a machine so busy that the free ones take
        // as long as that by themselves, it cannot be told.
        let last = try #require(free.last)
        if last - free[0] < .seconds(12) { #expect(slow.count { $0 < last } < 76) }
    }

    @Test("Two jobs at once share a provider's limit")
    func twoJobs() async throws {
        let bench = try await Bench(more: "domain_limits: {gmail: 10/s}")
        try bench.job("one", TestJob((0..<15).map { "a\($0)@gmail.com" }))
        try bench.job("two", TestJob((0..<15).map { "b\($0)@gmail.com" }))
        async let one = bench.work("one").word
        async let two = bench.work("two").word
        #expect(try await [one, two] == ["done", "done"])
        let times = bench.relay.times { _ in true }
        #expect(times.count == 30 && Self.most(times) <= 11)
    }

    @Test("A domain that asks for less gets less, comes back, and nobody else goes slower")
    func slowsDown() async throws {
        let refusals = Atomic(0)
        let relay = try await Relay {
            $0.rule = CaptureRule { stage, recipient in
                guard stage == .recipient, recipient.hasSuffix("@gmail.com") else { return .accept }
                return refusals.add(1, ordering: .relaxed).newValue <= 3
                    ? .answer(code: 450, text: "4.7.28 too much mail from you") : .accept
            }
        }
        let bench = try await Bench(relay)
        try bench.job("visit", TestJob((0..<60).map { $0 % 4 == 0 ? "p\($0)@gmail.com" : "p\($0)@example.test" }))
        #expect(try await bench.work("visit").word == "done")
        #expect(try bench.results("visit", "status").allSatisfy { $0 == "sent" })
        #expect(bench.worker.paces.lane(of: "googlemail.com").isLimited)
        #expect(!bench.worker.paces.lane(of: "example.test").isLimited)
    }

    @Test("STOP ends a job whose rows wait for their domain, and every row has its line")
    func stop() async throws {
        let bench = try await Bench(more: "domain_limits: {\"*\": 1/h, example.test: unlimited}")
        try bench.job(
            "visit",
            TestJob((0..<200).map { $0 < 10 ? "p\($0)@example.test" : "p\($0)@d\($0 % 40).example" })
        )
        let path = bench.scratch.path("jobs/visit/STOP")
        let result = try await bench.worker.work("visit") { progress in
            if progress.ended == 10 { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        }
        guard case .stopped(let totals) = result else { return #expect(Bool(false)) }
        #expect(totals.counts == [.sent: 10, .cancelled: 190])
        #expect(bench.relay.recipients.count == 10)
    }
}
