import Core
import Delivery
import Foundation
import Intake
import Ledger
import TestSupport
import Testing
import Tracking

@testable import Engine

/// A job that stops by itself since too many recipients complain.
@Suite(.timeLimit(.minutes(2))) struct ComplaintHaltTests {
    @Test(
        "The complaint that passes the share halts, if there are enough of them, and none before it",
        arguments: [
            // Share in thousandths, minimum, sent before, accepted now, complaints so far; does one more halt?
            (3, 3, 0, 1_000, 2, false), (3, 3, 0, 1_000, 3, true), (3, 3, 600, 400, 3, true), (3, 3, 0, 999, 2, true),
            (100, 3, 0, 5, 1, false), (100, 3, 0, 5, 2, true), (3, 1, 0, 0, 0, true), (3, 10, 0, 10, 8, false),
        ]
    )
    func threshold(permille: Int, minimum: Int, before: Int, accepted: Int, complaints: Int, halts: Bool) {
        let guardian = HaltGuard(
            nil,
            complaints: .init(share: Percentage(permille: permille), minimum: minimum),
            sentBefore: before
        )
        for _ in 0..<accepted { #expect(!guardian.isPassed(by: AttemptResult(.accepted, code: 250))) }
        for row in 0..<complaints {
            // A row complains once, however often it is said.
            for _ in 0..<3 { guardian.note(complaintOf: RowNumber(UInt32(row + 1))) }
            #expect(guardian.mayBegin())
        }
        guardian.note(complaintOf: RowNumber(1_000_000))
        #expect(guardian.mayBegin() == !halts && (guardian.sentence != nil) == halts)
        if halts { #expect(guardian.sentence?.contains("complained") == true) }
    }

    @Test("Without the key, complaints halt nothing")
    func without() {
        let guardian = HaltGuard(nil)
        for row in 1...100 { guardian.note(complaintOf: RowNumber(UInt32(row))) }
        #expect(guardian.mayBegin() && guardian.sentence == nil && !guardian.mindsComplaints)
    }

    private static let measure = """
        bounces: {domain: bounce.riverside.example, complaint_share: 2%, complaint_minimum: 3}
        tracking: {base_url: https://t.riverside.example}

        """

    private func complain(_ rows: [UInt32], of job: JobID, _ bench: Bench) async throws {
        let log = try EventLog(directory: try bench.site.outbox("events"), keys: bench.worker.keys.tokens, host: "t")
        for row in rows { try await log.append(Event(.complaint, job: job, row: RowNumber(row))) }
    }

    @Test("Complaints that come in while a job runs hold it; CONFIRM goes on with what was not tried")
    func halts() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay, connections: 1, route: "rate: 30/s", more: Self.measure)
        try bench.job("visit", .rows(150))
        try bench.job("other", TestJob(["x@example.test"]))
        let id = try bench.prepared("visit").id
        let other = try bench.prepared("other").id
        // While it pauses, too, complaints are heard.
        relay.at(10) { try? bench.drop("PAUSE", in: "visit") }
        async let work = bench.work("visit")
        while !bench.has("PAUSE", in: "visit") { try await Task.sleep(for: .milliseconds(5)) }
        // Another job's are none of its business, and two are too few.
        try await complain([1, 2, 3, 4], of: other, bench)
        try await complain([1, 2], of: id, bench)
        try await Task.sleep(for: .milliseconds(100))
        #expect(bench.markers("visit").isEmpty)
        try await complain([3, 4, 5, 6], of: id, bench)
        guard case .held(let sentence, let totals?) = try await work else { return #expect(Bool(false)) }
        #expect(sentence.contains("complained") && sentence.contains("2%"))
        #expect(totals.counts[.cancelled, default: 0] > 0 && totals.counts[.sent, default: 0] >= 10)
        #expect(bench.markers("visit") == ["HELD"])
        #expect(
            try bench.results("visit").filter { $0["status"] == "cancelled" }.allSatisfy { $0["reason"] == "halted" }
        )
        // Who lets it go on knows of these.
        try bench.remove("PAUSE", from: "visit")
        try bench.drop("CONFIRM", in: "visit")
        #expect(try await bench.work("visit").word == "done")
        #expect(Set(relay.recipients).count == 150 && relay.recipients.count == 150)
    }

    @Test("Complaints that came while nobody worked the job count when it is taken up again")
    func between() async throws {
        let bench = try await Bench(more: Self.measure)
        try bench.job("visit", .rows(3))
        let ledger = try bench.ledger("visit")
        for row in 1...2 {
            ledger.append(.ended(RowNumber(UInt32(row)), Outcome(.sent, attempts: 1, finishedAt: .now)))
        }
        #expect(await ledger.close())
        try await complain([1, 2, 3], of: try bench.prepared("visit").id, bench)
        #expect(try await bench.work("visit").word == "held")
        #expect(bench.relay.messages.isEmpty)
    }
}
