import Core
import Delivery
import Foundation
import Intake
import Ledger
import OpenSSL
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// Small jobs over real TLS, from the folder to the marker.
@Suite(.timeLimit(.minutes(2))) struct WorkerTests {
    // MARK: - Rows

    @Test("A job whose rows are all good ends as DONE, with signed results and nothing left behind")
    func allSent() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(40))
        guard case .done(let totals) = try await bench.work("visit") else { return #expect(Bool(false)) }
        #expect(totals.isAllSentOrSuppressed && totals.rows == 40)
        #expect(totals.description == "40 of 40 rows sent.")
        let results = try bench.results("visit")
        #expect(results.map { $0["row"] } == (1...40).map(String.init))
        #expect(results.map { $0["key"] } == (1...40).map { "P-\($0)" })
        #expect(results.allSatisfy { $0["status"] == "sent" && $0["tls_verification"] == "pinned" })
        #expect(Set(results.map { $0["message_id"] }).count == 40)
        #expect(bench.relay.recipients.sorted() == (1...40).map { "p\($0)@example.test" }.sorted())
        #expect(bench.markers("visit") == ["DONE"])
        #expect(try bench.verification.check(bench.scratch.path("jobs/visit")).allSatisfy(\.isGood))
        #expect(try bench.worker.claims.active("visit") == nil)
        #expect(try bench.text("status.json", of: "visit").contains("\"state\": \"done\""))
    }

    @Test("The Message-ID in the results is the one that went out")
    func messageIDs() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(3))
        _ = try await bench.work("visit")
        let sent = bench.relay.messages.reduce(into: [:]) { $0[$1.recipients[0]] = $1.messageID }
        for row in try bench.results("visit") {
            let address = try #require(row["address"])
            #expect(sent[address] == row["message_id"])
        }
    }

    @Test("Refused, malformed and ragged rows end beside the others, each with its reason")
    func mixed() async throws {
        let bench = try await Bench()
        var job = TestJob([
            "a@example.test", "bounce@example.test", "nobody", "", "refuse@example.test", "drop@example.test",
        ])
        job.files["recipients.csv", default: ""] += "g@example.test,P-7\n\"h@example.test\",P-8,x,y\n"
        try bench.job("visit", job)
        let result = try await bench.work("visit")
        #expect(result.word == "done")
        #expect(
            try bench.results("visit", "status")
                == ["sent", "failed", "invalid", "invalid", "failed", "unknown", "invalid", "invalid"]
        )
        #expect(
            try bench.results("visit", "reason")
                == [
                    "", "mailbox-unknown", "address-syntax", "address-missing", "policy-refused", "answer-lost",
                    "row-shape",
                    "row-shape",
                ]
        )
        #expect(try bench.results("visit", "attempts") == ["1", "1", "0", "0", "1", "1", "0", "0"])
        #expect(bench.has("problems.csv", in: "visit"))
    }

    @Test("A row that is refused for now is tried again until it is taken, and its attempts are counted")
    func deferred() async throws {
        let refusals = Atomic(0)
        let relay = try await Relay {
            $0.rule = CaptureRule { stage, recipient in
                guard stage == .recipient, recipient.hasPrefix("p2@") else { return .accept }
                return refusals.add(1, ordering: .relaxed).newValue <= 2
                    ? .answer(code: 451, text: "4.2.0 later") : .accept
            }
        }
        let bench = try await Bench(relay)
        try bench.job("visit", .rows(3))
        #expect(try await bench.work("visit").word == "done")
        #expect(try bench.results("visit", "status") == ["sent", "sent", "sent"])
        #expect(try bench.results("visit", "attempts") == ["1", "3", "1"])
    }

    @Test("A row that is refused for now until its time is over has failed with the server's words")
    func neverTaken() async throws {
        let bench = try await Bench(
            tuning: JobWorker.Tuning(
                backoff: Backoff(first: 3_600, longest: 3_600),
                usualSeconds: 1_800,
                interval: .milliseconds(10)
            )
        )
        try bench.job("visit", TestJob(["defer@example.test"]))
        #expect(try await bench.work("visit").word == "done")
        let row = try #require(try bench.results("visit").first)
        #expect(row["status"] == "failed" && row["detail"] == "451 4.2.0 try again later")
        #expect(row["server"] == "localhost" && row["tls_version"] == "TLSv1.3")
    }

    @Test("A row whose attachment is not there is invalid, and the others go out with theirs")
    func attachments() async throws {
        let bench = try await Bench()
        var job = TestJob(
            ["a@example.test", "b@example.test", "c@example.test"],
            manifest: "attachments: [{file: \"letters/{{ref}}.pdf\", name: letter.pdf}]\n"
        )
        job.files["letters/P-1.pdf"] = "one"
        job.files["letters/P-3.pdf"] = "three"
        try bench.job("visit", job)
        #expect(try await bench.work("visit").word == "done")
        #expect(try bench.results("visit", "status") == ["sent", "invalid", "sent"])
        #expect(try bench.results("visit", "reason")[1] == "attachment")
        #expect(bench.relay.recipients.sorted() == ["a@example.test", "c@example.test"])
    }

    // MARK: - Policy

    @Test("Who is on the list gets nothing, and the job is still a success")
    func suppressed() async throws {
        let bench = try await Bench()
        try SuppressionAdmin(site: bench.site).add(["P2@Example.Test"], list: nil)
        try bench.job("visit", .rows(3))
        guard case .done(let totals) = try await bench.work("visit") else { return #expect(Bool(false)) }
        #expect(totals.isAllSentOrSuppressed)
        #expect(try bench.results("visit", "reason") == ["", "suppressed-by-hand", ""])
        #expect(bench.relay.recipients.sorted() == ["p1@example.test", "p3@example.test"])
    }

    @Test("Marketing without an authorization in force is suppressed")
    func marketing() async throws {
        let bench = try await Bench(
            more: """
                tracking:
                  base_url: https://t.riverside.example
                """
        )
        let authorizations = ["A-1,2999-01-01", ",2999-01-01", "A-3,", "A-4,2000-01-01", "A-5,soon"]
        try bench.job(
            "news",
            TestJob(
                (1...5).map { "p\($0)@example.test" },
                purpose: "marketing",
                columns: "email,ref,note,authorization,authorization_expires",
                row: { "\($1),P-\($0),Hello,\(authorizations[$0 - 1])" }
            )
        )
        let result = try await bench.work("news")
        #expect(result.word == "done", "\(result)")
        #expect(try bench.results("news", "status") == ["sent"] + Array(repeating: "suppressed", count: 4))
        #expect(try Set(bench.results("news", "reason").dropFirst()) == ["no-authorization"])
        #expect(bench.relay.recipients == ["p1@example.test"])
    }

    @Test("Marketing without its two columns is refused")
    func marketingColumns() async throws {
        let bench = try await Bench()
        try bench.job("news", TestJob(purpose: "marketing"))
        #expect(try await bench.work("news").word == "rejected")
        #expect(bench.markers("news") == ["REJECTED"])
        #expect(try bench.text("problems.csv", of: "news").contains("authorization"))
    }

    @Test("An opt-out that comes in while the job runs counts for the next row")
    func optOut() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay, route: "rate: 20/s\n")
        let site = bench.site
        relay.at(1) { _ = try? SuppressionAdmin(site: site).add((2...6).map { "p\($0)@example.test" }, list: nil) }
        try bench.job("visit", .rows(6))
        #expect(try await bench.work("visit").word == "done")
        let statuses = try bench.results("visit", "status")
        // One more may have been rendered already.
        #expect(statuses.count { $0 == "sent" } <= 3)
        #expect(statuses.count { $0 == "suppressed" } >= 3)
        #expect(statuses.count { $0 == "sent" } == relay.recipients.count)
    }

    @Test("A suppression list that cannot be read stops the job before a message goes out")
    func unreadableList() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(5))
        try FileManager.default.createSymbolicLink(
            atPath: bench.scratch.path("outbox/events"),
            withDestinationPath: "/nowhere"
        )
        let result = try? await bench.work("visit")
        #expect(result == nil || result?.word == "try again")
        #expect(bench.relay.recipients.isEmpty)
        #expect(bench.markers("visit").isEmpty)
    }

    @Test("`rate` is obeyed")
    func rate() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(8, manifest: "rate: 20/s\n"))
        let start = ContinuousClock.now
        #expect(try await bench.work("visit").word == "done")
        // The bucket starts empty: eight messages take eight twentieths of a second.
        #expect(ContinuousClock.now - start >= .milliseconds(390))
        #expect(bench.relay.recipients.count == 8)
    }

    @Test("After not_after no row is tried, and no connection is made")
    func pastNotAfter() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(3, manifest: "not_after: 2020-01-01 08:00\n"))
        guard case .done(let totals) = try await bench.work("visit") else { return #expect(Bool(false)) }
        #expect(totals.counts == [.cancelled: 3])
        #expect(try Set(bench.results("visit", "reason")) == ["past-not-after"])
        #expect(bench.relay.connections == 0)
    }

    @Test(
        "A job that needs no message ends though its relay cannot be reached",
        arguments: ["nobody", "a@example.test"]
    )
    func noMessage(address: String) async throws {
        let relay = try await Relay()
        await relay.stop()
        let bench = try await Bench(relay)
        if address != "nobody" { try SuppressionAdmin(site: bench.site).add([address], list: nil) }
        try bench.job("visit", TestJob(Array(repeating: "nobody", count: 3)))
        #expect(try await bench.work("visit").word == "done")
        #expect(try Set(bench.results("visit", "status")) == ["invalid"])
        #expect(relay.connections == 0)
    }

    // MARK: - Channels that do not keep the promise

    @Test("A certificate of a stranger holds every row, and the job is done")
    func stranger() async throws {
        let bench = try await Bench(try await Relay(by: Relay.stranger))
        try bench.job("visit", .rows(3))
        guard case .done(let totals) = try await bench.work("visit") else { return #expect(Bool(false)) }
        #expect(totals.counts == [.held: 3] && !totals.isAllSentOrSuppressed)
        #expect(try Set(bench.results("visit", "reason")) == ["certificate-untrusted"])
        #expect(bench.relay.recipients.isEmpty && bench.markers("visit") == ["DONE"])
    }

    @Test("A server without STARTTLS holds every row")
    func clear() async throws {
        let bench = try await Bench(try await Relay { $0.offers.remove(.startTLS) })
        try bench.job("visit", .rows(2))
        #expect(try await bench.work("visit").word == "done")
        #expect(try bench.results("visit", "reason") == ["tls-not-offered", "tls-not-offered"])
    }

    @Test("A wrong password is tried once and holds every row")
    func password() async throws {
        let relay = try await Relay {
            $0.credentials = CaptureOptions.Credentials(
                username: "clinic",
                password: SecretBytes(copying: Array("right".utf8))
            )
        }
        let bench = try await Bench(relay, route: "auth: {username: clinic, password_file: keys/relay-password}\n")
        try bench.scratch.write("keys/relay-password", text: "wrong\n")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600],
            ofItemAtPath: bench.scratch.path("keys/relay-password")
        )
        try bench.job("visit", .rows(3))
        guard case .done(let totals) = try await bench.work("visit") else { return #expect(Bool(false)) }
        #expect(totals.counts == [.held: 3])
        #expect(try Set(bench.results("visit", "reason")) == ["authentication"])
        #expect(relay.connections == 1 && relay.recipients.isEmpty)
        // The right one, and RETRY.
        try bench.scratch.write("keys/relay-password", text: "right\n")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600],
            ofItemAtPath: bench.scratch.path("keys/relay-password")
        )
        try bench.drop("RETRY", in: "visit")
        #expect(try await bench.work("visit").word == "done")
        #expect(relay.recipients.count == 3)
    }

    @Test("A job whose manifest is refused says so beside it, and goes no further until REJECTED is removed")
    func rejected() async throws {
        let bench = try await Bench()
        var job = TestJob.rows(1)
        job.files["visit.txt"] = "Your note: {{nope}}\n"
        try bench.job("visit", job)
        #expect(try await bench.work("visit").word == "rejected")
        #expect(bench.markers("visit") == ["REJECTED"])
        #expect(try bench.text("problems.csv", of: "visit").contains("visit.txt,1,12"))
        try bench.drop("visit.txt", in: "visit", text: "Your note: {{note}}\n")
        #expect(try await bench.work("visit").word == "finished before")
        try bench.remove("REJECTED", from: "visit")
        #expect(try await bench.work("visit").word == "done")
        #expect(!bench.has("problems.csv", in: "visit"))
    }
}
