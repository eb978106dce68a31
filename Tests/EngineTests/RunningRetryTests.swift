import Core
import Delivery
import Foundation
import Ledger
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// `RETRY` dropped while the job runs.
@Suite(.timeLimit(.minutes(2))) struct RunningRetryTests {
    /// What a test waits for, so that the job's report is where it acts.
    private final class Once: Sendable {
        private let done = Atomic(false)
        func first(_ condition: Bool) -> Bool {
            condition && !done.exchange(true, ordering: .relaxed)
        }
    }

    /// A relay that refuses until it is told not to: `bounce…` for good, `defer…` for now, `drop…` leaves the answer out.
    private static func relay(_ isWell: Flag) async throws -> Relay {
        try await Relay {
            $0.rule = CaptureRule { stage, recipient in
                if isWell.value { return .accept }
                switch stage {
                case .recipient where recipient.hasPrefix("bounce"): return .answer(code: 550, text: "5.1.1 no")
                case .recipient where recipient.hasPrefix("defer"): return .answer(code: 451, text: "4.2.0 later")
                case .message where recipient.hasPrefix("drop"): return .drop
                default: return .accept
                }
            }
        }
    }

    final class Flag: Sendable {
        private let box = Atomic(false)
        var value: Bool { box.load(ordering: .relaxed) }
        func set() { box.store(true, ordering: .relaxed) }
    }

    private static let patient = JobWorker.Tuning(
        backoff: Backoff(first: 3_600, longest: 3_600),
        interval: .milliseconds(10),
        stillness: .milliseconds(30)
    )

    @Test(
        "Rows that ended are taken again as the words say, deferred ones go at once, and the others stay",
        arguments: [
            ("", ["bounce", "defer"]),
            ("failed", ["bounce"]),
            ("deferred", ["defer"]),
            ("unknown", ["drop"]),
            ("2,3", ["bounce", "defer"]),
            ("4-9 1", nil),
            ("1-4", ["bounce", "defer", "drop"]),
        ] as [(String, [String]?)]
    )
    func words(text: String, again: [String]?) async throws {
        let isWell = Flag()
        let relay = try await Self.relay(isWell)
        let bench = try await Bench(relay, tuning: Self.patient)
        let names = ["a", "bounce", "defer", "drop"]
        // A row that waits for an hour keeps the job running.
        try bench.job("visit", TestJob((names + ["defer-too"]).map { $0 + "@example.test" }))
        let (dropped, stopped) = (Once(), Once())
        let result = try await bench.worker.work("visit") { progress in
            if dropped.first(progress.ended == 3 && progress.deferred == 2) {
                // The last one is deferred again in any case.
                isWell.set()
                _ = try? bench.drop("RETRY", in: "visit", text: text)
            }
            let told = (try? bench.text("status.json", of: "visit")) ?? ""
            if told.contains("RETRY"), stopped.first(progress.deferred + progress.ended == 5) {
                _ = try? bench.drop("STOP", in: "visit")
            }
        }
        let expected = again ?? []
        let status = try bench.text("status.json", of: "visit")
        if again == nil {
            // A row that is not there: nothing is tried, and the job runs on.
            #expect(result.word == "stopped" && status.contains("not followed: RETRY:1:1: a row is named"))
            #expect(try bench.text("problems.csv", of: "visit").contains("RETRY,1,1,warning: "))
        } else {
            #expect(
                status.contains(
                    expected.count == 1 && text != "deferred" ? "1 row is tried again" : "rows are tried again"
                )
            )
        }
        let counts = Dictionary(grouping: relay.recipients) { $0 }.mapValues(\.count)
        #expect(counts["a@example.test"] == 1)
        for name in names.dropFirst() {
            let before = name == "drop" ? 1 : 0
            #expect(counts["\(name)@example.test", default: 0] == before + (expected.contains(name) ? 1 : 0), "\(name)")
        }
        #expect(!bench.has("RETRY", in: "visit"))
        #expect(try bench.results("visit").count == 5)
    }

    @Test("A RETRY that cannot be followed is answered with its line and column, and the job goes on to its end")
    func answered() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        try bench.job("visit", .rows(40, manifest: SteeringTests.slow))
        relay.at(3) { _ = try? bench.drop("RETRY", in: "visit", text: "failed\n 5 ada@example.test\n") }
        #expect(try await bench.work("visit").word == "done")
        let status = try bench.text("status.json", of: "visit")
        #expect(status.contains("not followed: RETRY:2:4") && !status.contains("ada@"))
        #expect(try bench.text("problems.csv", of: "visit").contains("RETRY,2,4,"))
        #expect(relay.recipients.count == 40 && !bench.has("RETRY", in: "visit"))
    }

    @Test("A RETRY that is still being uploaded is not read")
    func uploading() async throws {
        let isWell = Flag()
        let relay = try await Self.relay(isWell)
        var tuning = Self.patient
        tuning.stillness = .milliseconds(400)
        let bench = try await Bench(relay, tuning: tuning)
        try bench.job("visit", TestJob(["bounce-1@example.test", "bounce-2@example.test", "defer@example.test"]))
        let path = bench.scratch.path("jobs/visit/RETRY")
        let (began, stopped) = (Once(), Once())
        let result = try await bench.worker.work("visit") { progress in
            if began.first(progress.ended == 2 && progress.deferred == 1) {
                isWell.set()
                // Empty at first, as an upload begins; its word follows.
                _ = FileManager.default.createFile(atPath: path, contents: nil)
                Thread.sleep(forTimeInterval: 0.2)
                try? Data("2".utf8).write(to: URL(fileURLWithPath: path))
            }
            if isWell.value, stopped.first(!bench.has("RETRY", in: "visit") && progress.counts[.sent] == 1) {
                _ = try? bench.drop("STOP", in: "visit")
            }
        }
        #expect(result.word == "stopped" && relay.recipients == ["bounce-2@example.test"])
    }

    @Test("A RETRY that the last row's end overtakes is left for the next start")
    func late() async throws {
        let board = try await JobBoardTests.board(rows: 1, [JobBoardTests.ended(1, .failed)])
        #expect(board.finish() && !board.hold())
        let other = try await JobBoardTests.board(rows: 1, [JobBoardTests.ended(1, .failed)])
        #expect(other.hold() && !other.finish() && !other.snapshot.isComplete)
        #expect(other.reopen([RowNumber(1)]) == 1)
        other.letGo()
        #expect(!other.finish() && other.snapshot.open == 1 && other.snapshot.counts[.failed] == 0)
    }

    @Test("A row that was sent is never opened again, nor one that is under way")
    func sent() async throws {
        let board = try await JobBoardTests.board(
            rows: 3,
            [JobBoardTests.ended(1, .sent), JobBoardTests.ended(2, .unknown)]
        )
        _ = board.claim(RowNumber(3), now: JobBoardTests.now)
        #expect(board.reopen((1...3).map { RowNumber($0) }) == 1)
        #expect(
            board.snapshot.counts[.sent] == 1 && board.snapshot.counts[.unknown] == 0 && board.snapshot.inFlight == 1
        )
    }

    @Test("A CONFIRM in a running job is taken away, so that it confirms nothing later")
    func confirm() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        try bench.job("visit", .rows(30, manifest: SteeringTests.slow))
        relay.at(3) { _ = try? bench.drop("CONFIRM", in: "visit") }
        #expect(try await bench.work("visit").word == "done")
        #expect(!bench.has("CONFIRM", in: "visit") && relay.recipients.count == 30)
        #expect(try bench.text("status.json", of: "visit").contains("\"file\": \"CONFIRM\""))
    }
}
