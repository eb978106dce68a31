import Core
import Delivery
import Foundation
import Intake
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// A job that stops by itself since servers refuse too many of its rows.
@Suite(.timeLimit(.minutes(2))) struct HaltTests {
    private static func result(_ verdict: AttemptResult.Verdict, _ code: Int, _ reason: Reason = .none) -> AttemptResult
    {
        AttemptResult(verdict, reason: reason, code: code)
    }

    @Test(
        "The answer that passes the share halts, and none before it",
        arguments: [
            // Share in thousandths, at least so many answers, accepted and refused before; is it passed by one more refusal?
            (200, 10, 8, 1, false), (200, 10, 7, 2, true), (200, 10, 8, 2, true), (200, 4, 4, 0, false),
            (200, 50, 39, 9, false), (200, 50, 39, 10, true), (200, 50, 40, 9, false), (5, 1, 199, 0, false),
            (5, 1, 198, 0, true), (999, 1, 0, 0, true), (500, 2, 1, 0, false), (500, 1, 0, 0, true),
        ]
    )
    func threshold(permille: Int, after: Int, accepted: Int, refused: Int, halts: Bool) {
        let measure = SiteConfiguration.Halt(refused: Percentage(permille: permille), after: .max)
        let guardian = HaltGuard(SiteConfiguration.Halt(refused: measure.refused, after: after))
        for _ in 0..<accepted { _ = guardian.isPassed(by: Self.result(.accepted, 250)) }
        // None of these is a server's word on a row for good.
        for verdict in [.deferred, .unknown, .held, .notTried] as [AttemptResult.Verdict] {
            #expect(!guardian.isPassed(by: Self.result(verdict, 450)))
        }
        #expect(!guardian.isPassed(by: Self.result(.refused, 0)))
        for _ in 0..<refused { #expect(!guardian.isPassed(by: Self.result(.refused, 550)) || halts) }
        #expect(guardian.isPassed(by: Self.result(.refused, 550, .mailboxUnknown)) == halts)
        #expect(guardian.mayBegin() == !halts && (guardian.sentence != nil) == halts)
    }

    private static let measure = "halt: {refused: 20%, after: 10}\n"

    /// Rows whose address bounces from one on.
    private static func job(_ count: Int, bounces: Range<Int>, manifest: String = "") -> TestJob {
        TestJob(
            (1...count).map { bounces.contains($0) ? "bounce\($0)@example.test" : "p\($0)@example.test" },
            manifest: manifest
        )
    }

    @Test(
        "Past the share the job is held with counts and the most frequent reason; the rest is cancelled, none of it tried"
    )
    func halts() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay, connections: 1, more: Self.measure)
        try bench.job("visit", Self.job(200, bounces: 9..<200))
        guard case .held(let sentence, let totals?) = try await bench.work("visit") else { return #expect(Bool(false)) }
        // Eight are taken; the third refusal of eleven passes a fifth. One more may have been under way.
        let refused = try #require(totals.counts[.failed])
        #expect((3...4).contains(refused) && totals.counts == [.sent: 8, .failed: refused, .cancelled: 192 - refused])
        #expect(
            sentence.contains("refused \(refused) of \(8 + refused) rows, most often with mailbox-unknown (\(refused))")
        )
        #expect(bench.markers("visit") == ["HELD"])
        let marker = try bench.text("HELD", of: "visit")
        #expect(marker.contains(sentence) && marker.contains("CONFIRM") && marker.contains("RETRY"))
        let results = try bench.results("visit")
        #expect(
            results.filter { $0["status"] == "cancelled" }.allSatisfy {
                $0["reason"] == "halted" && $0["attempts"] == "0"
            }
        )
        #expect(try bench.text("summary.json", of: "visit").contains("\"state\": \"held\""))
        #expect(try bench.verification.check(bench.scratch.path("jobs/visit")).allSatisfy(\.isGood))
    }

    @Test(
        "CONFIRM goes on with what was not tried and RETRY with the refused rows, too; nobody gets two",
        arguments: ["CONFIRM", "RETRY"]
    )
    func goesOn(control: String) async throws {
        let isWell = Atomic(false)
        let relay = try await Relay {
            $0.rule = CaptureRule { stage, recipient in
                isWell.load(ordering: .relaxed) ? .accept : CaptureRule.rehearsal.asked(stage, recipient)
            }
        }
        let bench = try await Bench(relay, more: Self.measure)
        try bench.job("visit", Self.job(60, bounces: 1..<30))
        guard case .held(_, let totals?) = try await bench.work("visit") else { return #expect(Bool(false)) }
        let refused = totals.counts[.failed, default: 0]
        isWell.store(true, ordering: .relaxed)
        try bench.drop(control, in: "visit")
        guard case .done(let after) = try await bench.work("visit") else { return #expect(Bool(false)) }
        #expect(after.counts == (control == "RETRY" ? [.sent: 60] : [.sent: 60 - refused, .failed: refused]))
        #expect(Set(relay.recipients).count == relay.recipients.count)
        #expect(bench.markers("visit") == ["DONE"] && !bench.has(control, in: "visit"))
        // The same content is still known: it is held as ever, and CONFIRM sends it again as a whole.
        try bench.remove("DONE", from: "visit")
        #expect(try await bench.work("visit").word == "held")
    }

    @Test("A job that goes on is measured anew, and halts again if it is no better")
    func again() async throws {
        let bench = try await Bench(more: Self.measure)
        try bench.job("visit", Self.job(100, bounces: 1..<101))
        for round in 1...3 {
            guard case .held(_, let totals?) = try await bench.work("visit") else { return #expect(Bool(false)) }
            // Ten answers pass it; two connections have at most two more rows each under way.
            #expect((round * 10...round * 14).contains(totals.counts[.failed, default: 0]), "round \(round)")
            try bench.drop("CONFIRM", in: "visit")
        }
    }

    @Test("Rows that wait after a refusal are cancelled with the others, and go on with them")
    func deferred() async throws {
        let isWell = Atomic(false)
        let relay = try await Relay {
            $0.rule = CaptureRule { stage, recipient in
                guard !isWell.load(ordering: .relaxed), stage == .recipient else { return .accept }
                if recipient.hasPrefix("defer") { return .answer(code: 451, text: "4.2.0 later") }
                return recipient.hasPrefix("bounce") ? .answer(code: 550, text: "5.1.1 no") : .accept
            }
        }
        let bench = try await Bench(
            relay,
            more: Self.measure,
            tuning: .init(backoff: .init(first: 900, longest: 900), interval: .milliseconds(10))
        )
        try bench.job("visit", TestJob(["defer@example.test"] + (1...40).map { "bounce\($0)@example.test" }))
        #expect(try await bench.work("visit").word == "held")
        let row = try #require(try bench.results("visit").first)
        #expect(row["status"] == "cancelled" && row["reason"] == "halted" && row["attempts"] == "1")
        isWell.store(true, ordering: .relaxed)
        try bench.drop("CONFIRM", in: "visit")
        #expect(try await bench.work("visit").word == "done")
        #expect(relay.recipients.contains("defer@example.test"))
    }

    @Test("Without the key, and up to the share, no job halts", arguments: ["", "halt: {refused: 75%, after: 10}\n"])
    func doesNot(more: String) async throws {
        let bench = try await Bench(more: more)
        try bench.job("visit", TestJob((1...40).map { "\($0.isMultiple(of: 2) ? "bounce" : "p")\($0)@example.test" }))
        guard case .done(let totals) = try await bench.work("visit") else { return #expect(Bool(false)) }
        #expect(totals.counts == [.sent: 20, .failed: 20])
    }

    @Test("Not one row is begun after the answer that passes the share is known, with 16 connections")
    func exact() async throws {
        let bench = try await Bench(connections: 16, more: Self.measure)
        try bench.job("visit", Self.job(2_000, bounces: 1..<2_001))
        guard case .held(let sentence, let totals?) = try await bench.work("visit") else { return #expect(Bool(false)) }
        let refused = totals.counts[.failed, default: 0]
        // Rows under way end as they end: two for each connection at most.
        #expect((10...42).contains(refused) && totals.counts[.cancelled] == 2_000 - refused)
        #expect(sentence.contains("refused \(refused) of \(refused) rows"))
        let tried = try bench.results("visit").count { $0["attempts"] != "0" }
        #expect(tried == refused, "a row that was tried is told as not tried, or the other way round")
    }
}

@Suite struct HaltConfigurationTests {
    @Test("Shares", arguments: [("20%", 200), ("2.5%", 25), ("0.1%", 1), ("99.9%", 999), ("5%", 50)])
    func shares(text: String, permille: Int) {
        #expect(Percentage(text)?.permille == permille && Percentage(text)?.description == text)
    }

    @Test(
        "What is no share",
        arguments: ["20", "0%", "100%", "-5%", "2.55%", "%", ".5%", "020%", "1e1%", "20 %", "0.0%"]
    )
    func noShare(text: String) {
        #expect(Percentage(text) == nil)
    }

    @Test("A key that is left out has its usual value; an unknown one is an error with its place")
    func parsing() throws {
        let base = "site: A\nfrom_domains: [a.example]\nroutes:\n  main: {relay: \"a:25\", tls: starttls, own: true}\n"
        func parse(_ more: String) throws -> SiteConfiguration {
            try SiteConfiguration.parse(bytes: Array((base + more).utf8))
        }
        #expect(try parse("").halt == nil)
        #expect(try parse("halt: {refused: 5%}\n").halt == .init(refused: Percentage(permille: 50), after: 50))
        #expect(try parse("halt: {after: 9}\n").halt == .init(refused: Percentage(permille: 200), after: 9))
        for bad in ["halt: {refuse: 5%}", "halt: {refused: 5}", "halt: {after: 0}", "halt: yes"] {
            let error = #expect(throws: Diagnostics.self) { try parse(bad + "\n") }
            #expect(error?.all.first?.place?.line == 5)
        }
    }
}
