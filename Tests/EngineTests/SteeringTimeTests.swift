import Core
import Delivery
import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// How soon a job obeys, whatever its relay, its folder and its feeder are doing.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SteeringTimeTests {
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

    /// How soon `status.json` told of a file that was dropped, and what it then said.
    private func told(_ bench: Bench, of file: String) async throws -> (after: Duration, status: String) {
        let start = ContinuousClock.now
        try bench.scratch.write(file, text: "")
        let name = (file as NSString).lastPathComponent
        while ContinuousClock.now - start < .seconds(60) {
            let status = (try? bench.text("status.json", of: "visit")) ?? ""
            if status.contains("\(name)\",\n      \"at\"") { return (ContinuousClock.now - start, status) }
            try await Task.sleep(for: .milliseconds(20))
        }
        return (.seconds(60), "")
    }

    @Test(
        "PAUSE, then STOP or STOP-ALL are obeyed within two seconds each, with 64 connections, and every row has its line",
        arguments: Trouble.allCases.map { ($0, "jobs/visit/STOP") } + [
            (.usual, "jobs/STOP-ALL"), (.silentEnd, "STOP-ALL"),
        ]
    )
    func obeyed(trouble: Trouble, stop: String) async throws {
        let relay = try await trouble.relay()
        let bench = try await Bench(relay, connections: 64, route: trouble == .pace ? "rate: 6/h" : "")
        let worker = try bench.another(JobWorker.Tuning())
        try bench.job("visit", .rows(600, manifest: trouble == .pace ? "" : "rate: 200/s\n"))
        async let working = worker.work("visit")
        // Something is under way, where something can be.
        var isBusy = false
        while !isBusy {
            try await Task.sleep(for: .milliseconds(20))
            switch trouble {
            case .usual, .silentEnd: isBusy = relay.recipients.count > 10
            case .silentGreeting, .silentRecipient, .slow: isBusy = relay.connections > 0
            case .nobody, .pace: isBusy = (try? bench.text("status.json", of: "visit"))?.contains("running") == true
            }
        }
        // Other tests run beside: what a task that only sleeps and writes a file is late by is the machine's, not ours.
        let machine = Lateness(bench.scratch)
        let pause = try await told(bench, of: "jobs/visit/PAUSE")
        #expect(pause.after < .seconds(2) + machine.late, "told after \(pause.after), late \(machine.late)")
        #expect(pause.status.contains("\"state\": \"paused\""))
        let start = ContinuousClock.now
        let stopped = try await told(bench, of: stop)
        #expect(stopped.after < .seconds(2) + machine.late, "told after \(stopped.after), late \(machine.late)")
        #expect(stopped.status.contains("\"state\": \"stopped\""))
        let result = try await working
        let whole = ContinuousClock.now - start
        // Answers are awaited for a second and a half, then results are written.
        #expect(whole < .seconds(4) + machine.late * 4, "all over after \(whole), late \(machine.late)")
        machine.end()
        #expect(result.word == "stopped" && bench.markers("visit") == ["STOPPED"])
        let results = try bench.results("visit")
        let statuses = Dictionary(grouping: results) { $0["status"] ?? "" }.mapValues(\.count)
        #expect(results.count == 600)
        // What the relay took is sent or unknown, and nothing else is sent.
        let taken = Set(relay.recipients)
        for row in results {
            switch row["status"] {
            case "sent": #expect(taken.contains(row["address"] ?? ""))
            case "unknown": continue
            default: #expect(!taken.contains(row["address"] ?? ""), "\(row["row"] ?? "") \(statuses)")
            }
        }
        #expect(taken.count == relay.recipients.count)
        #expect(taken.count <= statuses["sent", default: 0] + statuses["unknown", default: 0])
        if trouble == .silentEnd { #expect(statuses["unknown", default: 0] > 0 && statuses["sent"] == nil) }
        if [.silentRecipient, .silentGreeting, .nobody].contains(trouble) { #expect(statuses == ["cancelled": 600]) }
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
            let machine = Lateness(bench.scratch)
            let start = ContinuousClock.now
            try bench.drop("STOP", in: "visit")
            while try !bench.text("status.json", of: "visit").contains("\"state\": \"stopped\"") {
                try await Task.sleep(for: .milliseconds(20))
            }
            let told = ContinuousClock.now - start
            #expect(told < .seconds(2) + machine.late, "told after \(told), late \(machine.late)")
            machine.end()
            while bench.markers("visit").isEmpty { try await Task.sleep(for: .milliseconds(20)) }
            group.cancelAll()
        }
        #expect(bench.markers("visit") == ["STOPPED"])
    }
}

/// How late this machine is, with all that runs on it, for a task that sleeps a quarter of a second and writes a small file.
private final class Lateness: Sendable {
    private let most = Mutex(Duration.zero)
    private let task: Mutex<Task<Void, Never>?> = Mutex(nil)

    init(_ scratch: TemporaryDirectory) {
        task.withLock { task in
            task = Task { [self] in
                while !Task.isCancelled {
                    let start = ContinuousClock.now
                    try? await Task.sleep(for: .milliseconds(250))
                    try? await Blocking.run {
                        try Directory(path: scratch.path).replace("lateness") { try $0.append("x") }
                    }
                    let late = ContinuousClock.now - start - .milliseconds(250)
                    self.most.withLock { $0 = max($0, late) }
                }
            }
        }
    }

    /// Twice the longest delay so far: one for looking, one for telling.
    var late: Duration { most.withLock { $0 * 2 } }

    func end() {
        task.withLock { $0?.cancel() }
    }
}
