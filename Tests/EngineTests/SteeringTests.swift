import Core
import Delivery
import Foundation
import Intake
import Ledger
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// What people, crashes and other processes do to a job.
@Suite(.timeLimit(.minutes(2))) struct SteeringTests {
    /// Slow enough that something can happen meanwhile.
    static let slow = "rate: 40/s\n"

    /// Who got more than one message.
    private func repeated(_ relay: Relay) -> [String] {
        Dictionary(grouping: relay.recipients) { $0 }.filter { $1.count > 1 }.map(\.key)
    }

    // MARK: - Control files

    @Test("STOP ends the job: every row has its line, what was not sent is cancelled, and RETRY sends it")
    func stop() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        try bench.job("visit", .rows(300, manifest: Self.slow))
        let path = bench.scratch.path("jobs/visit/STOP")
        relay.at(5) { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        guard case .stopped(let totals) = try await bench.work("visit") else { return #expect(Bool(false)) }
        let sent = relay.recipients.count
        #expect(totals.counts == [.sent: sent, .cancelled: 300 - sent] && sent < 300)
        #expect(try bench.results("visit").count == 300)
        #expect(try Set(bench.results("visit", "reason")) == ["", "stopped"])
        #expect(bench.markers("visit") == ["STOPPED"] && !bench.has("STOP", in: "visit"))
        var job = TestJob.rows(300, manifest: Self.slow)
        job.files["RETRY"] = ""
        try bench.job("visit", job)
        relay.at(sent + 3) { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        #expect(try await bench.work("visit").word == "stopped")
        #expect(repeated(relay).isEmpty && !bench.has("RETRY", in: "visit"))
    }

    @Test("A row that was refused for now when STOP came has failed with the server's words")
    func stopDeferred() async throws {
        let bench = try await Bench(
            tuning: JobWorker.Tuning(backoff: Backoff(first: 60, longest: 60), interval: .milliseconds(10))
        )
        try bench.job("visit", TestJob(["a@example.test", "defer@example.test"]))
        let path = bench.scratch.path("jobs/visit/STOP")
        let result = try await bench.worker.work("visit") { progress in
            if progress.deferred == 1, progress.ended == 1 {
                #expect(progress.isWaiting)
                _ = FileManager.default.createFile(atPath: path, contents: nil)
            }
        }
        #expect(result.word == "stopped")
        #expect(try bench.results("visit", "status") == ["sent", "failed"])
        #expect(try bench.results("visit", "detail")[1] == "451 4.2.0 try again later")
    }

    @Test("While PAUSE is there nothing goes out; without it the job goes on")
    func pause() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        try bench.job("visit", TestJob(["nobody"] + (1...20).map { "p\($0)@example.test" }, manifest: Self.slow))
        try bench.drop("PAUSE", in: "visit")
        let path = bench.scratch.path("jobs/visit/PAUSE")
        let looks = Atomic(0)
        let result = try await bench.worker.work("visit") { progress in
            guard progress.isPaused else { return }
            if looks.add(1, ordering: .relaxed).newValue == 20 {
                // What needs no message ends all the same.
                #expect(relay.connections == 0 && progress.counts == [.invalid: 1])
                try? FileManager.default.removeItem(atPath: path)
            }
        }
        #expect(result.word == "done" && relay.recipients.count == 20)
        #expect(looks.load(ordering: .relaxed) >= 20)
    }

    @Test("A job that is complete ends though PAUSE is there")
    func pausedAtEnd() async throws {
        let bench = try await Bench()
        try bench.job("visit", TestJob(["nobody", "no one"]))
        try bench.drop("PAUSE", in: "visit")
        #expect(try await bench.work("visit").word == "done")
    }

    @Test("not_before holds the job back without a connection")
    func notBefore() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(3, manifest: "not_before: 2999-01-01 08:00\n"))
        let path = bench.scratch.path("jobs/visit/STOP")
        let until = Mutex<Timestamp?>(nil)
        let result = try await bench.worker.work("visit") { progress in
            until.withLock { $0 = progress.waitingUntil }
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        #expect(result.word == "stopped" && bench.relay.connections == 0)
        #expect(until.withLock { $0 } == Timestamp(year: 2999, month: 1, day: 1, hour: 8))
    }

    @Test("RETRY takes failed rows and leaves sent and unknown ones; the word unknown takes those")
    func retry() async throws {
        let isWell = Atomic(false)
        let relay = try await Relay {
            $0.rule = CaptureRule { stage, recipient in
                if isWell.load(ordering: .relaxed) { return .accept }
                return CaptureRule.rehearsal.asked(stage, recipient)
            }
        }
        let bench = try await Bench(relay)
        try bench.job("visit", TestJob(["a@example.test", "bounce@example.test", "drop@example.test"]))
        _ = try await bench.work("visit")
        #expect(try bench.results("visit", "status") == ["sent", "failed", "unknown"])
        isWell.store(true, ordering: .relaxed)
        try bench.drop("RETRY", in: "visit")
        _ = try await bench.work("visit")
        #expect(try bench.results("visit", "status") == ["sent", "sent", "unknown"])
        #expect(relay.recipients.sorted() == ["a@example.test", "bounce@example.test", "drop@example.test"])
        try bench.drop("RETRY", in: "visit", text: "unknown\n")
        _ = try await bench.work("visit")
        #expect(try bench.results("visit", "status") == ["sent", "sent", "sent"])
        #expect(relay.recipients.filter { $0 == "drop@example.test" }.count == 2)
        #expect(relay.recipients.filter { $0 == "a@example.test" }.count == 1)
    }

    @Test("Rows that are asked for again have their day from then on")
    func lateRetry() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(2))
        let ledger = try bench.ledger("visit", takenUp: .now + -3 * 86_400)
        #expect(await ledger.close())
        _ = try await bench.work("visit")
        #expect(try Set(bench.results("visit", "reason")) == ["past-not-after"])
        try bench.drop("RETRY", in: "visit")
        #expect(try await bench.work("visit").word == "done")
        #expect(try Set(bench.results("visit", "status")) == ["sent"])
    }

    @Test("A RETRY that cannot be followed is held once, and taken away")
    func badRetry() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(2))
        _ = try await bench.work("visit")
        try bench.drop("RETRY", in: "visit", text: "everything please\n")
        guard case .held(let sentence, _) = try await bench.work("visit") else { return #expect(Bool(false)) }
        #expect(sentence.contains("RETRY:1"))
        #expect(!bench.has("RETRY", in: "visit") && bench.markers("visit") == ["HELD"])
        #expect(try await bench.work("visit").word == "finished before")
        try bench.drop("RETRY", in: "visit", text: "failed\n")
        #expect(try await bench.work("visit").word == "done")
        #expect(bench.relay.recipients.count == 2)
    }

    @Test("RETRY beside files that were mended since does not mail everybody again, but CONFIRM does")
    func mendedRetry() async throws {
        let bench = try await Bench()
        try bench.job("visit", TestJob(["a@example.test", "nobody"]))
        _ = try await bench.work("visit")
        let mended = TestJob(["a@example.test", "b@example.test"])
        try bench.job("visit", mended)
        try bench.drop("RETRY", in: "visit")
        guard case .held(let sentence, nil) = try await bench.work("visit") else { return #expect(Bool(false)) }
        #expect(sentence.contains("CONFIRM") && bench.relay.recipients == ["a@example.test"])
        try bench.drop("CONFIRM", in: "visit")
        #expect(try await bench.work("visit").word == "done")
        #expect(bench.relay.recipients.sorted() == ["a@example.test", "a@example.test", "b@example.test"])
    }

    @Test("What a killed process left half written is swept away, and nothing else")
    func sweep() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(1))
        let leavings = ["jobs/visit/.results.csv.1abc.tmp", "outbox/active/.visit.1abc.tmp"]
        let others = ["outbox/active/.visit.2.1abc.tmp", "outbox/active/.other.1abc.tmp"]
        for name in leavings + others { try bench.scratch.write(name, text: "x") }
        #expect(try await bench.work("visit").word == "done")
        let files = FileManager.default
        #expect(!leavings.contains { files.fileExists(atPath: bench.scratch.path($0)) })
        #expect(others.allSatisfy { files.fileExists(atPath: bench.scratch.path($0)) })
    }

    // MARK: - The same content

    @Test("Content that was sent is held, from its folder and from a copy, until CONFIRM")
    func sameContent() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(2))
        _ = try await bench.work("visit")
        try bench.remove("DONE", from: "visit")
        try bench.job("copy", .rows(2))
        for name in ["visit", "copy"] {
            guard case .held(let sentence, nil) = try await bench.work(name) else { return #expect(Bool(false)) }
            #expect(sentence.contains("CONFIRM"))
            #expect(bench.markers(name) == ["HELD"])
        }
        #expect(bench.relay.recipients.count == 2)
        try bench.drop("CONFIRM", in: "copy")
        #expect(try await bench.work("copy").word == "done")
        #expect(bench.relay.recipients.count == 4 && !bench.has("CONFIRM", in: "copy"))
        #expect(Set(bench.relay.messages.map(\.messageID)).count == 4)
        #expect(try await bench.work("visit").word == "finished before")
    }

    @Test("A job whose folder was renamed while nobody worked it goes on under its new name")
    func moved() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(3))
        let ledger = try bench.ledger("visit")
        let row = RowNumber(1)
        ledger.append(.tried(row, attempt: 1, at: .now))
        ledger.append(.ended(row, Outcome(.sent, attempts: 1, finishedAt: .now)))
        #expect(await ledger.close())
        try FileManager.default.moveItem(atPath: bench.scratch.path("jobs/visit"), toPath: bench.scratch.path("jobs/b"))
        #expect(try await bench.work("b").word == "done")
        #expect(bench.relay.recipients.sorted() == ["p2@example.test", "p3@example.test"])
        #expect(try bench.worker.claims.active("visit") == nil)
    }

    // MARK: - Changes under way

    @Test("A table rewritten in place while the job runs holds it, and nobody is mailed from the new content")
    func rewritten() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        try bench.job("visit", .rows(3_000, manifest: Self.slow))
        let path = bench.scratch.path("jobs/visit/recipients.csv")
        relay.at(3) {
            guard let text = try? String(contentsOfFile: path, encoding: .utf8),
                let file = FileHandle(forWritingAtPath: path)
            else { return }
            // The same length, so that nothing but the content tells.
            try? file.write(contentsOf: Data(text.replacingOccurrences(of: "@example", with: "@canaryx").utf8))
            try? file.close()
        }
        guard case .held(let sentence, let totals?) = try await bench.work("visit") else { return #expect(Bool(false)) }
        #expect(sentence.contains("recipients.csv"))
        #expect(totals.rows == 3_000 && totals.counts[.sent] == relay.recipients.count)
        #expect(relay.recipients.count < 1_000, "rows that were read before the change went on")
        #expect(!relay.recipients.contains { $0.contains("canary") })
        let results = try bench.results("visit")
        #expect(results.map { $0["row"] } == (1...3_000).map(String.init))
        #expect(!results.contains { $0["address"]?.contains("canary") == true })
        #expect(bench.markers("visit") == ["HELD"])
        #expect(try bench.verification.check(bench.scratch.path("jobs/visit")).allSatisfy(\.isGood))
        // Neither RETRY nor taking HELD away makes the new content a job of its own.
        try bench.drop("RETRY", in: "visit")
        #expect(try await bench.work("visit").word == "held")
        try bench.remove("HELD", from: "visit")
        #expect(try await bench.work("visit").word == "held")
        #expect(repeated(relay).isEmpty && !relay.recipients.contains { $0.contains("canary") })
    }

    @Test("A table rewritten after its last row was read is noticed at the end, when nobody has looked in between")
    func rewrittenAtEnd() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay, tuning: JobWorker.Tuning(interval: .seconds(3_600)))
        try bench.job("visit", .rows(3))
        let path = bench.scratch.path("jobs/visit/recipients.csv")
        relay.at(3) {
            let file = FileHandle(forWritingAtPath: path)
            try? file?.write(contentsOf: Data("email,ref,nota\n".utf8))
            try? file?.close()
        }
        guard case .held(_, let totals?) = try await bench.work("visit") else { return #expect(Bool(false)) }
        // What was sent was sent, and the keys of rows that cannot be vouched for are left out.
        #expect(totals.counts == [.sent: 3])
        #expect(try bench.results("visit", "key") == ["", "", ""])
    }

    @Test("A table rewritten and put back goes on by RETRY, and nobody gets two messages")
    func putBack() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        let job = TestJob.rows(60, manifest: Self.slow)
        try bench.job("visit", job)
        let path = bench.scratch.path("jobs/visit/recipients.csv")
        relay.at(3) {
            let file = FileHandle(forWritingAtPath: path)
            try? file?.write(contentsOf: Data("email,ref,nota\n".utf8))
            try? file?.close()
        }
        #expect(try await bench.work("visit").word == "held")
        try bench.job("visit", job)
        try bench.drop("RETRY", in: "visit")
        #expect(try await bench.work("visit").word == "done")
        #expect(relay.recipients.count == 60 && repeated(relay).isEmpty)
        #expect(try Set(bench.results("visit", "status")) == ["sent"])
    }

    @Test("Touching the table changes nothing")
    func touched() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        try bench.job("visit", .rows(20, manifest: Self.slow))
        let path = bench.scratch.path("jobs/visit/recipients.csv")
        relay.at(3) {
            try? FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1)],
                ofItemAtPath: path
            )
        }
        #expect(try await bench.work("visit").word == "done")
    }

    @Test("A folder renamed or removed while the job runs ends it, and the truth is kept", arguments: [true, false])
    func gone(isRenamed: Bool) async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        try bench.job("visit", .rows(200, manifest: Self.slow))
        let (path, other) = (bench.scratch.path("jobs/visit"), bench.scratch.path("jobs/other"))
        relay.at(3) {
            if isRenamed {
                try? FileManager.default.moveItem(atPath: path, toPath: other)
            } else {
                // Again, should status.json be written meanwhile.
                while FileManager.default.fileExists(atPath: path) { try? FileManager.default.removeItem(atPath: path) }
            }
        }
        guard case .held(_, let totals?) = try await bench.work("visit") else { return #expect(Bool(false)) }
        #expect(totals.rows == 200 && totals.counts[.sent] == relay.recipients.count)
        let unclaimed = try FileManager.default.contentsOfDirectory(
            atPath: isRenamed ? bench.scratch.path("jobs") : bench.scratch.path("outbox/unclaimed")
        )
        let place = isRenamed ? "jobs/other" : "outbox/unclaimed/\(try #require(unclaimed.first))"
        let results = try bench.table(place + "/results.csv")
        #expect(results.count == 200)
        #expect(Set(results.map { $0["reason"] }) == ["", "folder-gone"])
        guard isRenamed else { return }
        #expect(bench.markers("other") == ["HELD"])
        try bench.drop("RETRY", in: "other")
        try bench.drop("STOP", in: "other")
        #expect(try await bench.work("other").word == "stopped")
        #expect(repeated(relay).isEmpty)
    }

    // MARK: - Crashes

    @Test("Rows that were tried and not answered before a crash are unknown and not sent again, until RETRY says so")
    func crash() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(4))
        let ledger = try bench.ledger("visit")
        for row in [1, 3] as [UInt32] { ledger.append(.tried(RowNumber(row), attempt: 1, at: .now)) }
        ledger.append(.ended(RowNumber(1), Outcome(.sent, attempts: 1, finishedAt: .now)))
        #expect(await ledger.close())
        #expect(try await bench.work("visit").word == "done")
        #expect(try bench.results("visit", "status") == ["sent", "sent", "unknown", "sent"])
        #expect(bench.relay.recipients.sorted() == ["p2@example.test", "p4@example.test"])
        let id = try bench.results("visit", "message_id")[2]
        try bench.drop("RETRY", in: "visit", text: "unknown")
        _ = try await bench.work("visit")
        #expect(bench.relay.recipients.last == "p3@example.test")
        // The same message, so that a mailbox that has it can tell.
        #expect(bench.relay.messages.last?.messageID == id)
    }

    @Test("A crash between the closed ledger and the marker: the records are written, and nothing is sent again")
    func crashBeforeMarker() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(3))
        let id = try bench.prepared("visit").id
        _ = try await bench.work("visit")
        for file in ["DONE", "results.csv", "results.csv.sig"] { try bench.remove(file, from: "visit") }
        try bench.worker.claims.note("visit", id)
        await bench.relay.stop()
        #expect(try await bench.work("visit").word == "done")
        #expect(bench.markers("visit") == ["DONE"] && bench.relay.recipients.count == 3)
        #expect(try Set(bench.results("visit", "status")) == ["sent"])
    }

    @Test("A crash between the note and the ledger stands in nobody's way, not even after a change")
    func crashBeforeLedger() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(3))
        try bench.worker.claims.note("visit", try bench.prepared("visit").id)
        try bench.job("visit", .rows(4))
        #expect(try await bench.work("visit").word == "done")
        #expect(bench.relay.recipients.count == 4)
    }

    @Test("Files changed between a crash and the next start hold the job until CONFIRM")
    func changedAfterCrash() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(3))
        let ledger = try bench.ledger("visit")
        #expect(await ledger.close())
        try bench.job("visit", .rows(4))
        guard case .held(let sentence, nil) = try await bench.work("visit") else { return #expect(Bool(false)) }
        #expect(sentence.contains("changed") && bench.relay.recipients.isEmpty)
        try bench.drop("CONFIRM", in: "visit")
        #expect(try await bench.work("visit").word == "done")
        #expect(bench.relay.recipients.count == 4)
    }

    @Test("A process that is asked to end stops in the middle, and the next start loses and repeats nothing")
    func interrupted() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        try bench.job("visit", .rows(300, manifest: "rate: 100/s\n"))
        for _ in 1...3 {
            let (ends, end) = AsyncStream<Void>.makeStream()
            relay.at(relay.recipients.count + 7) { end.finish() }
            let result = try await withThrowingTaskGroup(of: JobWorker.Result?.self) { group in
                group.addTask { try await bench.work("visit") }
                group.addTask {
                    for await _ in ends {}
                    return nil
                }
                _ = try await group.next()
                group.cancelAll()
                return try await group.next() ?? nil
            }
            #expect(result?.word == "interrupted")
            #expect(bench.markers("visit").isEmpty && repeated(relay).isEmpty)
        }
        #expect(try await bench.work("visit").word == "done")
        #expect(relay.recipients.count == 300 && repeated(relay).isEmpty)
        #expect(try Set(bench.results("visit", "status")) == ["sent"])
    }

    @Test("A ledger that was changed holds the job, and asking again does not change that")
    func broken() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(3))
        let ledger = try bench.ledger("visit")
        for row in 1...3 as ClosedRange<UInt32> { ledger.append(.tried(RowNumber(row), attempt: 1, at: .now)) }
        #expect(await ledger.close())
        let name = "outbox/ledgers/\(ledger.header.job).ledger"
        var bytes = try bench.scratch.read(name)
        let middle = try #require(bytes.firstIndex(of: UInt8(ascii: "\n"))) + 8
        bytes[middle] ^= 1
        try bench.scratch.write(name, bytes)
        for control in [nil, "RETRY", "CONFIRM"] as [String?] {
            if let control { try bench.drop(control, in: "visit") }
            guard case .held(let sentence, nil) = try await bench.work("visit") else { return #expect(Bool(false)) }
            #expect(sentence.contains("ledger"))
            #expect(bench.markers("visit") == ["HELD"] && bench.relay.recipients.isEmpty)
            #expect(!bench.has("RETRY", in: "visit") && !bench.has("CONFIRM", in: "visit"))
            try? bench.remove("HELD", from: "visit")
        }
    }

    // MARK: - Others

    @Test("A folder that another process works is busy")
    func busy() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(1))
        let lock = try bench.another().claims.lock("visit")
        #expect(lock != nil)
        #expect(try await bench.work("visit").word == "busy")
        withExtendedLifetime(lock) {}
    }

    @Test("Content that another process sends from another folder is busy")
    func busyLedger() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(1))
        try bench.job("copy", .rows(1))
        let ledger = try bench.ledger("visit")
        #expect(try await bench.work("copy").word == "busy")
        #expect(await ledger.close())
    }

    @Test("One worker works many jobs, at once and in turn, and lets go of every descriptor")
    func leaks() async throws {
        let bench = try await Bench()
        try bench.job("first", .rows(2))
        _ = try await bench.work("first")
        let before = try bench.openFiles
        try await withThrowingTaskGroup(of: String.self) { group in
            for number in 1...12 {
                try bench.job("job\(number)", TestJob((1...5).map { "j\(number)r\($0)@example.test" }))
                group.addTask { try await bench.work("job\(number)").word }
            }
            for try await word in group { #expect(word == "done") }
        }
        #expect(bench.relay.recipients.count == 62 && repeated(bench.relay).isEmpty)
        for number in 1...12 {
            let id = try bench.prepared("job\(number)").id
            // The lock is free, so the writer is gone.
            let writer = try bench.worker.store.open(id)
            #expect(await writer.close())
        }
        // A connection that was on its way when its job ended holds the job for as long as it takes to be closed.
        // So the first job may have held it, too, when it was looked at.
        for _ in 0..<500 where try bench.openFiles > before { try await Task.sleep(for: .milliseconds(10)) }
        let after = try bench.openFiles
        #expect(after <= before)
    }
}

extension CaptureRule {
    /// What the rule says; its own closure is the module's.
    func asked(_ stage: Stage, _ recipient: String) -> Action {
        switch stage {
        case .recipient: recipient.hasPrefix("bounce") ? .answer(code: 550, text: "5.1.1 no such mailbox") : .accept
        case .message: recipient.hasPrefix("drop") ? .drop : .accept
        }
    }
}
