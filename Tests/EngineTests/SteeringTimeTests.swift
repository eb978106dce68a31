import Core
import Delivery
import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// How soon a job obeys, whatever its relay, its folder and its feeder are doing.
@Suite(.timeLimit(.minutes(3))) struct SteeringTimeTests {
    /// What keeps a job busy.
    enum Trouble: String, CaseIterable, Sendable {
        case usual
        /// A server that accepts connections and never greets.
        case silentGreeting
        /// One that answers no RCPT.
        case silentRecipient
        /// One that takes messages and never says so.
        case silentEnd
        /// One that takes a second for each answer.
        case slow
        /// No server.
        case nobody
        /// A pace of one in ten minutes: the feeder waits for room.
        case pace

        func relay() async throws -> Relay {
            let relay = try await Relay {
                switch self {
                case .silentGreeting: $0.replyDelay = .seconds(3_600)
                case .slow: $0.replyDelay = .seconds(1)
                case .silentRecipient: $0.rule = CaptureRule { stage, _ in stage == .recipient ? .silence : .accept }
                case .silentEnd: $0.rule = CaptureRule { stage, _ in stage == .message ? .silence : .accept }
                case .usual, .nobody, .pace: break
                }
            }
            if self == .nobody { await relay.stop() }
            return relay
        }
    }

    /// Works a job of 2,000 rows with the usual tuning; once it has run for a moment drops a file, and says how long it took
    /// until `status.json` told of it, and what it then said.
    private func time(
        _ bench: Bench,
        drop file: String,
        once isBusy: () -> Bool
    ) async throws -> (told: Duration, status: String, whole: Duration, result: JobWorker.Result) {
        let worker = try bench.another(JobWorker.Tuning())
        async let working = worker.work("visit")
        while !isBusy() || (try? bench.text("status.json", of: "visit"))?.contains("waiting") != false {
            try await Task.sleep(for: .milliseconds(20))
        }
        try await Task.sleep(for: .milliseconds(500))
        let start = ContinuousClock.now
        try bench.scratch.write(file, text: "")
        let name = (file as NSString).lastPathComponent
        var status = ""
        while !status.contains("\(name)\",\n      \"at\"") {
            try await Task.sleep(for: .milliseconds(20))
            status = (try? bench.text("status.json", of: "visit")) ?? ""
            if ContinuousClock.now - start > .seconds(60) { break }
        }
        let told = ContinuousClock.now - start
        if name == "PAUSE" {
            try await Task.sleep(for: .milliseconds(500))
            try bench.drop("STOP", in: "visit")
        }
        let result = try await working
        return (told, status, ContinuousClock.now - start, result)
    }

    @Test(
        "STOP, STOP-ALL and PAUSE are obeyed within two seconds, and every row has its line",
        arguments: Trouble.allCases.flatMap { trouble in
            ["jobs/visit/STOP", "jobs/visit/PAUSE"].map { (trouble, $0) }
        } + [(.usual, "jobs/STOP-ALL"), (.silentEnd, "STOP-ALL")]
    )
    func obeyed(trouble: Trouble, file: String) async throws {
        let relay = try await trouble.relay()
        let bench = try await Bench(relay, connections: 64, route: trouble == .pace ? "rate: 6/h" : "")
        try bench.job("visit", .rows(2_000, manifest: trouble == .pace ? "" : "rate: 200/s\n"))
        let (told, status, whole, result) = try await time(bench, drop: file) {
            // Something is under way, where something can be.
            switch trouble {
            case .usual, .silentEnd: !relay.recipients.isEmpty
            case .silentGreeting, .silentRecipient, .slow: relay.connections > 0
            case .nobody, .pace: bench.has("status.json", in: "visit")
            }
        }
        #expect(told < .seconds(2), "\(trouble) \(file): told after \(told)")
        // Two seconds again after STOP, and half of one before it where PAUSE came first; results are written, then.
        #expect(whole < .seconds(6), "\(trouble) \(file): all over after \(whole)")
        #expect(status.contains(file.hasSuffix("PAUSE") ? "\"state\": \"paused\"" : "\"state\": \"stopped\""))
        #expect(result.word == "stopped")
        let results = try bench.results("visit")
        let statuses = Dictionary(grouping: results) { $0["status"] ?? "" }.mapValues(\.count)
        #expect(results.count == 2_000 && bench.markers("visit") == ["STOPPED"])
        // What the relay took is sent or unknown, and nothing else is either.
        let taken = Set(relay.recipients)
        for row in results {
            switch row["status"] {
            case "sent": #expect(taken.contains(row["address"] ?? ""))
            case "unknown": continue
            default: #expect(!taken.contains(row["address"] ?? ""), "\(row["row"] ?? "") \(statuses)")
            }
        }
        #expect(
            taken.count == relay.recipients.count
                && taken.count <= statuses["sent", default: 0] + statuses["unknown", default: 0]
        )
        if trouble == .silentEnd { #expect(statuses["unknown", default: 0] > 0 && statuses["sent"] == nil) }
        if [.silentRecipient, .silentGreeting, .nobody].contains(trouble) { #expect(statuses == ["cancelled": 2_000]) }
    }

    @Test(
        "After PAUSE no message begins, though the server's answers to its envelope come a second later; then all go on"
    )
    func pausedEnvelope() async throws {
        let relay = try await Relay { $0.replyDelay = .milliseconds(1_000) }
        let bench = try await Bench(relay, connections: 4)
        try bench.job("visit", .rows(12))
        let worker = try bench.another(JobWorker.Tuning())
        async let working = worker.work("visit")
        while relay.recipients.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
        try bench.drop("PAUSE", in: "visit")
        try await Task.sleep(for: .seconds(2))
        let count = relay.recipients.count
        let status = try bench.text("status.json", of: "visit")
        try await Task.sleep(for: .seconds(4))
        #expect(relay.recipients.count == count && count < 12, "messages went out while the job was paused")
        #expect(status.contains("\"state\": \"paused\""))
        try bench.remove("PAUSE", from: "visit")
        #expect(try await working.word == "done")
        #expect(Set(relay.recipients).count == 12 && relay.recipients.count == 12)
        #expect(try bench.text("status.json", of: "visit").contains("removed; sending goes on"))
    }

    @Test("A folder with many files that is watched beside keeps no job from obeying")
    func manyFiles() async throws {
        let bench = try await Bench()
        let upload = bench.scratch.path("jobs/upload/letters")
        try FileManager.default.createDirectory(atPath: upload, withIntermediateDirectories: true)
        let letters = try Directory(path: upload)
        for number in 1...20_000 { _ = try letters.create("\(number).pdf") }
        try bench.job("visit", .rows(2_000, manifest: SteeringTests.slow))
        try bench.drop("READY", in: "visit")
        var service = WatchService(try bench.another(JobWorker.Tuning()), log: Bench.silent)
        service.interval = .milliseconds(20)
        let watch = service
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watch.run() }
            while bench.relay.recipients.count < 5 { try await Task.sleep(for: .milliseconds(20)) }
            let start = ContinuousClock.now
            try bench.drop("STOP", in: "visit")
            while try !bench.text("status.json", of: "visit").contains("\"state\": \"stopped\"") {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(ContinuousClock.now - start < .seconds(2))
            while bench.markers("visit").isEmpty { try await Task.sleep(for: .milliseconds(20)) }
            group.cancelAll()
        }
        #expect(bench.markers("visit") == ["STOPPED"])
    }
}
