import Core
import Delivery
import Foundation
import Intake
import Ledger
import Logging
import Records
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import Engine

/// Where steering, zones, lanes and restarts meet.
@Suite(.timeLimit(.minutes(2))) struct SeamTests {
    // MARK: - Restarts

    @Test("A job that was stopped and whose process ended before the marker is STOPPED after the next start, not DONE")
    func stoppedBeforeMarker() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(3))
        try bench.drop("STOP", in: "visit")
        #expect(try await bench.work("visit").word == "stopped")
        try bench.remove("STOPPED", from: "visit")
        try bench.worker.claims.note("visit", try bench.prepared("visit").id)
        #expect(try await bench.work("visit").word == "stopped")
        #expect(bench.markers("visit") == ["STOPPED"] && bench.relay.recipients.isEmpty)
        #expect(try bench.text("status.json", of: "visit").contains("\"state\": \"stopped\""))
        try bench.drop("RETRY", in: "visit")
        #expect(try await bench.work("visit").word == "done")
        #expect(bench.markers("visit") == ["DONE"] && bench.relay.recipients.count == 3)
    }

    @Test(
        "A job that halted and whose process ended before the marker is HELD after the next start, and CONFIRM goes on"
    )
    func haltedBeforeMarker() async throws {
        let isWell = Atomic(false)
        let relay = try await Relay {
            $0.rule = CaptureRule { stage, recipient in
                isWell.load(ordering: .relaxed) ? .accept : CaptureRule.rehearsal.asked(stage, recipient)
            }
        }
        let bench = try await Bench(relay, connections: 1, more: "halt: {refused: 20%, after: 10}\n")
        try bench.job("visit", TestJob((1...60).map { $0 < 20 ? "bounce\($0)@example.test" : "p\($0)@example.test" }))
        guard case .held(_, let before?) = try await bench.work("visit") else { return #expect(Bool(false)) }
        try bench.remove("HELD", from: "visit")
        try bench.worker.claims.note("visit", try bench.prepared("visit").id)
        guard case .held(let sentence, let totals?) = try await bench.work("visit") else { return #expect(Bool(false)) }
        #expect(bench.markers("visit") == ["HELD"] && sentence.contains("Halted") && totals.counts == before.counts)
        isWell.store(true, ordering: .relaxed)
        try bench.drop("CONFIRM", in: "visit")
        guard case .done(let after) = try await bench.work("visit") else { return #expect(Bool(false)) }
        let refused = before.counts[.failed, default: 0]
        #expect(after.counts == [.sent: 60 - refused, .failed: refused])
    }

    // MARK: - Asked for again, and not tried again

    /// Two rows that an earlier run tried: nobody knows of one, the other was refused.
    private func asked(_ bench: Bench) async throws {
        try bench.job("visit", .rows(3))
        let ledger = try bench.ledger("visit")
        let ends = [
            Outcome(.unknown, reason: .answerLost, attempts: 1, finishedAt: .now, route: "main", server: "localhost"),
            Outcome(
                .failed,
                reason: .mailboxUnknown,
                attempts: 1,
                finishedAt: .now,
                route: "main",
                server: "localhost"
            ),
        ]
        for (index, end) in ends.enumerated() {
            ledger.append(.tried(RowNumber(UInt32(index) + 1), attempt: 1, at: .now))
            ledger.append(.ended(RowNumber(UInt32(index) + 1), end))
        }
        #expect(await ledger.close())
    }

    @Test("A row whose fate is unknown stays so when RETRY names it and STOP comes before it was tried again")
    func unknownStays() async throws {
        let bench = try await Bench()
        try await asked(bench)
        try bench.drop("RETRY", in: "visit", text: "1-2")
        try bench.drop("STOP", in: "visit")
        #expect(try await bench.work("visit").word == "stopped")
        #expect(try bench.results("visit", "status") == ["unknown", "failed", "cancelled"])
        #expect(try bench.results("visit", "reason") == ["answer-lost", "mailbox-unknown", "stopped"])
        // Still not taken by an empty RETRY.
        try bench.drop("RETRY", in: "visit")
        #expect(try await bench.work("visit").word == "done")
        #expect(try bench.results("visit", "status") == ["unknown", "sent", "sent"])
        #expect(bench.relay.recipients.sorted() == ["p2@example.test", "p3@example.test"])
    }

    @Test("A row whose fate is unknown stays so when a later message is refused: that says nothing of the first")
    func unknownIsNotRefused() async throws {
        let refusing = CaptureRule { stage, _ in
            stage == .recipient ? .answer(code: 550, text: "5.1.1 no such mailbox") : .accept
        }
        let bench = try await Bench(try await Relay { $0.rule = refusing })
        try await asked(bench)
        try bench.drop("RETRY", in: "visit", text: "1-2")
        #expect(try await bench.work("visit").word == "done")
        #expect(try bench.results("visit", "status") == ["unknown", "failed", "failed"])
        #expect(try bench.results("visit", "reason") == Array(repeating: "mailbox-unknown", count: 3))
        // After a restart as before, and still not taken by an empty RETRY.
        try bench.drop("RETRY", in: "visit")
        _ = try await bench.work("visit")
        #expect(try bench.results("visit", "attempts") == ["2", "3", "2"])
    }

    @Test("A row whose fate is unknown stays so when the route takes nothing")
    func unknownIsNotHeld() async throws {
        let bench = try await Bench(try await Relay { $0.offers.remove(.startTLS) })
        try await asked(bench)
        try bench.drop("RETRY", in: "visit", text: "1-2")
        _ = try await bench.work("visit")
        #expect(try bench.results("visit", "status") == ["unknown", "held", "held"])
    }

    @Test("A message that is handed back before the ledger was told of it leaves no line there")
    func handedBack() async throws {
        let feeding = try await LaneFeederTests.Feeding(
            DomainLimits(),
            addresses: ["a@example.test", "b@example.test"]
        )
        guard case .complete = await feeding.feeder.pass() else { return #expect(Bool(false)) }
        let (source, ledger) = (feeding.source, feeding.ledger)
        guard case .message(let first) = source.next(), case .message(let second) = source.next() else {
            return #expect(Bool(false))
        }
        source.willTransmit(second.ticket, then: DurabilityPromise { _ in })
        #expect(await ledger.flush())
        for message in [first, second] { source.ended(message.ticket, AttemptResult(.notTried)) }
        #expect(await ledger.flush())
        #expect(ledger.state(of: first.ticket.row).phase == .pending)
        // The other would be unknown after a restart.
        #expect(ledger.state(of: second.ticket.row).phase == .deferred)
        while source.board.snapshot.inFlight > 0 { await Task.yield() }
        #expect(source.board.snapshot.open == 2)
    }

    // MARK: - Wishes that cross

    @Test("A RETRY that was dropped before STOP does not set the stopped job going again")
    func retryBeforeStop() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        try bench.job("visit", .rows(40, manifest: SteeringTests.slow))
        relay.at(3) {
            _ = try? bench.drop("RETRY", in: "visit")
            _ = try? bench.drop("STOP", in: "visit")
        }
        #expect(try await bench.work("visit").word == "stopped")
        #expect(bench.markers("visit") == ["STOPPED"] && !bench.has("RETRY", in: "visit"))
        #expect(try bench.text("status.json", of: "visit").contains("ended before it was read"))
        let count = relay.recipients.count
        #expect(try await bench.work("visit").word == "finished before")
        #expect(relay.recipients.count == count && count < 40)
    }

    @Test("A RETRY that cannot be read, however often, is answered and stops nothing")
    func unreadableRetry() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        try bench.job("visit", .rows(30, manifest: SteeringTests.slow))
        let long = String(repeating: "1 ", count: RetryRequest.limit)
        relay.at(3) { _ = try? bench.drop("RETRY", in: "visit", text: long) }
        #expect(try await bench.work("visit").word == "done")
        #expect(relay.recipients.count == 30 && !bench.has("RETRY", in: "visit"))
        #expect(try bench.text("status.json", of: "visit").contains("not followed: RETRY: "))
        try bench.drop("RETRY", in: "visit", text: long)
        #expect(try await bench.work("visit").word == "held")
        #expect(!bench.has("RETRY", in: "visit"))
    }

    @Test("The names of a job's end are the same to those who write and who read them")
    func endNames() {
        #expect(Set(EndMarker.allCases.map(\.rawValue)) == Set(JobFiles.Marker.allCases.map(\.rawValue)))
        #expect(JobFiles.written.isSubset(of: FileName.reserved))
    }

    // MARK: - Lanes

    @Test("When the rows of all lanes are opened, no lane counts any as left out, and its reader is free for others")
    func openedLanes() throws {
        let queue = RowQueue(capacity: 4, lanes: LaneRows.Bounds(rows: 1, readers: 2))
        let lanes = (1...3).map { LaneRowsTests.lane("\($0)", perSecond: 1) }
        for (index, lane) in lanes.enumerated() {
            _ = queue.park(try LaneRowsTests.row(UInt32(index) + 1, lane), lane)
        }
        #expect(queue.leaveOut(lanes[0]) && queue.leaveOut(lanes[1]) && queue.leaveOut(lanes[1]))
        #expect(!queue.leaveOut(lanes[2]))
        queue.tookAllBack()
        #expect(lanes.map { queue.leftOut($0) } == [0, 0, 0])
        #expect(queue.leaveOut(lanes[2]) && queue.leaveOut(lanes[0]) && !queue.leaveOut(lanes[1]))
    }

    // MARK: - Tracking

    @Test("Tracking that could not be written is written when it can be, though no other event comes")
    func trackingAfterFault() async throws {
        let bench = try await Bench(more: "tracking:\n  base_url: https://t.riverside.example\n")
        try bench.job("visit", .rows(2, manifest: "tracking: {opens: true, clicks: true}\n"))
        #expect(try await bench.work("visit").word == "done")
        let id = try bench.prepared("visit").id
        let log = try EventLog(directory: try bench.site.outbox("events"), keys: bench.worker.keys.tokens, host: "t")
        try await log.append(Event(.open, job: id, row: RowNumber(2)))
        // No file can take a folder's place.
        try bench.remove("tracking.csv", from: "visit")
        let path = bench.scratch.path("jobs/visit/tracking.csv")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let hasFailed = RunningRetryTests.Flag()
        let told = Logger(label: "test") { _ in
            LineLog { if $0.contains("tracking cannot be written") { hasFailed.set() } }
        }
        var updater = TrackingUpdater(bench.worker, log: told)
        (updater.interval, updater.rest) = (.milliseconds(10), .milliseconds(40))
        let service = updater
        try await withThrowingTaskGroup { group in
            group.addTask { try await service.run() }
            while !hasFailed.value { try await Task.sleep(for: .milliseconds(10)) }
            try FileManager.default.removeItem(atPath: path)
            for _ in 0..<500 where !bench.has("tracking.csv", in: "visit") {
                try await Task.sleep(for: .milliseconds(10))
            }
            group.cancelAll()
        }
        #expect(try bench.table("jobs/visit/tracking.csv").map { $0["opens"] } == ["0", "1"])
    }
}
