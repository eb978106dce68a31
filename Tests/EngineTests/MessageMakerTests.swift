import Core
import Delivery
import Foundation
import Intake
import Ledger
import TestSupport
import Testing

@testable import Engine

/// Messages that are made before a connection asks for them: those of jobs that are signed.
@Suite(.timeLimit(.minutes(2))) struct MessageMakerTests {
    /// A signed job's feeding half, on the way to a queue that nobody empties but the test.
    private struct Feeding {
        let bench: Bench
        let source: JobSource
        let feeder: RowFeeder

        init(_ job: TestJob, isSigned: Bool = true) async throws {
            bench = try await MessageMakerTests.bench(job, isSigned: isSigned)
            let prepared = try bench.prepared("visit")
            let ledger = try bench.ledger("visit")
            source = try bench.source(prepared, ledger)
            feeder = RowFeeder(RowReading(job: prepared, source: source)) {}
            source.set(.open)
        }

        /// Takes a row as a connection does.
        func pop() -> ReadyRow? {
            guard case .row(let row) = source.queue.pop() else { return nil }
            return row
        }

        /// The next message as a connection gets it.
        func next() -> OutgoingMessage? {
            guard case .message(let message) = source.next() else { return nil }
            return message
        }
    }

    /// A site with that job.
    private static func bench(_ job: TestJob, isSigned: Bool) async throws -> Bench {
        let bench = try await Bench(more: isSigned ? "dkim:\n  riverside.example: {selector: wp}" : "")
        if isSigned { _ = try DKIMSetup(site: bench.site).make(domain: "riverside.example", selector: "wp") }
        try bench.job("visit", job)
        return bench
    }

    @Test("Made ahead, a message has the bytes and the envelope that it has where it is sent; rows keep their order")
    func same() async throws {
        let feeding = try await Feeding(.rows(100))
        guard case .complete = await feeding.feeder.pass() else { return #expect(Bool(false)) }
        for number in 1...100 as ClosedRange<UInt32> {
            let row = try #require(feeding.pop())
            let ahead = try #require(row.ahead?.message)
            let late = try feeding.source.maker.render(row)
            #expect(row.row.number.value == number && ahead.ticket == late.ticket)
            #expect(String(decoding: ahead.content, as: UTF8.self).hasPrefix("DKIM-Signature:"))
            #expect(String(decoding: ahead.content, as: UTF8.self).contains("Note \(number)\r\n"))
            #expect(ahead.content == late.content && ahead.headersNeedUTF8 == late.headersNeedUTF8)
            #expect(ahead.sender == late.sender && ahead.recipient == late.recipient)
            #expect(ahead.envelopeID == late.envelopeID && !ahead.envelopeID.isEmpty)
        }
        #expect(feeding.pop() == nil)
    }

    @Test("Messages that are not signed are made where they are sent")
    func unsigned() async throws {
        let feeding = try await Feeding(.rows(3), isSigned: false)
        guard case .complete = await feeding.feeder.pass() else { return #expect(Bool(false)) }
        #expect(try #require(feeding.pop()).ahead == nil)
        #expect(feeding.next()?.ticket.row.value == 2)
    }

    @Test("Who opts out after the message was made gets none")
    func optOut() async throws {
        let feeding = try await Feeding(.rows(3))
        guard case .complete = await feeding.feeder.pass() else { return #expect(Bool(false)) }
        #expect(feeding.next()?.recipient.text == "p1@example.test")
        try SuppressionAdmin(site: feeding.bench.site).add(["p2@example.test"], list: nil)
        // The list is looked at once a millisecond.
        try await Task.sleep(for: .milliseconds(20))
        #expect(feeding.next()?.recipient.text == "p3@example.test")
        #expect(feeding.next() == nil)
    }

    @Test("A row whose message cannot be made ends as it does without signatures, and holds no other up")
    func refused() async throws {
        func work(isSigned: Bool) async throws -> [[String: String]] {
            var job = TestJob((1...5).map { "p\($0)@example.test" }) { row, address in
                "\(address),P-\(row),\(row == 3 ? "\"two\nlines\"" : "one")"
            }
            job.files["manifest.yaml"] = job.files["manifest.yaml"]?
                .replacingOccurrences(of: "subject: Your visit", with: "subject: \"{{note}}\"")
                .replacingOccurrences(of: "plain: []", with: "plain: [note]")
            let bench = try await Self.bench(job, isSigned: isSigned)
            #expect(try await bench.work("visit").word == "done")
            #expect(bench.relay.messages.count == 4)
            return try bench.results("visit")
        }
        let signed = try await work(isSigned: true)
        let plain = try await work(isSigned: false)
        #expect(signed.map { $0["status"] } == ["sent", "sent", "invalid", "sent", "sent"])
        #expect(signed.map { $0["reason"] } == plain.map { $0["reason"] })
        #expect(signed[2]["detail"] == plain[2]["detail"] && signed[2]["reason"] == "cell-refused")
    }

    @Test("Large messages are not made ahead of all: a few megabytes wait at most")
    func large() async throws {
        let note = String(repeating: "A long note. ", count: 20_000)
        let feeding = try await Feeding(TestJob((1...100).map { "p\($0)@example.test" }) { "\($1),P-\($0),\(note)" })
        guard case .complete = await feeding.feeder.pass() else { return #expect(Bool(false)) }
        #expect(feeding.source.queue.counts.all == 100)
        #expect((4 << 20...6 << 20).contains(feeding.source.queue.ahead))
        for number in 1...100 as ClosedRange<UInt32> {
            let message = try #require(feeding.next())
            #expect(message.ticket.row.value == number && message.content.count > note.utf8.count)
            #expect(String(decoding: message.content.prefix(15), as: UTF8.self) == "DKIM-Signature:")
        }
        #expect(feeding.source.queue.ahead == 0)
    }

    @Test("Rows that were being made when the job was stopped are with nobody")
    func stopped() async throws {
        let feeding = try await Feeding(.rows(1_000))
        async let pass = feeding.feeder.pass()
        // Full, so that the feeder waits with a batch in its hands.
        while feeding.source.queue.counts.all < 256 { try await Task.sleep(for: .milliseconds(2)) }
        for row in feeding.source.queue.close() { feeding.source.board.release(row.row.number) }
        guard case .closed = await pass else { return #expect(Bool(false)) }
        #expect(feeding.source.board.snapshot.inFlight == 0 && feeding.source.board.snapshot.open == 1_000)
    }
}
