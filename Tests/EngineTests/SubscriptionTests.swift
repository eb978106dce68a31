import Core
import Delivery
import Foundation
import Intake
import OpenSSL
import TestSupport
import Testing
import Tracking

@testable import Engine

@Suite("Subscriptions", .timeLimit(.minutes(2)))
struct SubscriptionTests {
    @Test("a form leads to one message, its button to a subscriber, and nothing else does")
    func wholeWay() async throws {
        let bench = try await ListBench()
        try await bench.fill("Eva@kunde.test", language: "es")
        #expect(try await bench.service.once())
        #expect(bench.relay.recipients == ["Eva@kunde.test"])
        #expect(try bench.operations() == [.accepted, .tried, .sent])
        #expect(try bench.table() == [])
        let message = String(decoding: bench.relay.messages[0].bytes, as: UTF8.self)
        #expect(message.contains("Subject: Confirme: news"))
        #expect(message.contains("Auto-Submitted: auto-generated"))
        #expect(!message.contains("List-Unsubscribe"))
        // Before the button the address stands nowhere in the outbox.
        #expect(try !bench.bench.scratch.text("outbox/lists/news.jsonl").lowercased().contains("eva@"))
        for _ in 0..<3 { _ = try await bench.service.once() }
        #expect(bench.relay.messages.count == 1)

        try await bench.press(try bench.link("Eva@kunde.test"))
        _ = try await bench.service.once()
        #expect(try bench.table() == ["Eva@kunde.test"])
        let row = try bench.bench.table("outbox/lists/news.csv")[0]
        #expect(row["subscriber"] == "1" && row["language"] == "es")
        #expect(row["subscribed_at"]?.isEmpty == false && row["confirmed_at"]?.isEmpty == false)
        let mode = try FileManager.default.attributesOfItem(atPath: bench.bench.scratch.path("outbox/lists/news.csv"))
        #expect(mode[.posixPermissions] as? Int == 0o600)
        // The same button again, and the same form.
        try await bench.press(try bench.link("Eva@kunde.test"))
        try await bench.fill("eva@KUNDE.test")
        _ = try await bench.service.once()
        #expect(try bench.operations() == [.accepted, .tried, .sent, .confirmed, .refused])
        #expect(bench.relay.messages.count == 1)
    }

    @Test("forged, foreign and late buttons do nothing")
    func buttons() async throws {
        let bench = try await ListBench()
        let wish = try await bench.fill("eva@kunde.test")
        _ = try await bench.service.once()
        let link = try bench.link("eva@kunde.test")
        // By whoever has the tracking host's keys, and all that it ever saw.
        let forger = ConfirmationProof(key: bench.bench.worker.keys.tokens.minting.secret)
        let forged = forger.make(wish, list: "news", expires: Timestamp.now + 60)
        try await bench.press("news", Base64.encode(forged))
        for text in ["", "AAAA", String(repeating: "A", count: 400), "no base64!"] {
            try await bench.press("news", text)
        }
        let mine = ConfirmationProof(key: bench.bench.worker.keys.confirmation)
        func press(_ list: String, _ wish: SubscriptionWish.ID, _ proofList: String) async throws {
            var text: [UInt8] = []
            Base64.appendURLSafe(mine.make(wish, list: proofList, expires: Timestamp.now + 60)[...], to: &text)
            try await bench.press(list, String(decoding: text, as: UTF8.self))
        }
        try await press("flu", wish, "news")
        try await press("flu", wish, "flu")
        try await press("news", try there(SubscriptionWish.ID(bytes: Array(1...16))), "news")
        try await bench.press(link, at: wallClock() + (3 * 86_400 + 60) * 1_000)
        _ = try await bench.service.once()
        #expect(try bench.operations() == [.accepted, .tried, .sent])
        #expect(try bench.operations("flu").isEmpty)
        #expect(try bench.table().isEmpty && bench.table("flu").isEmpty)
        try await bench.press(link)
        _ = try await bench.service.once()
        #expect(try bench.table() == ["eva@kunde.test"])
    }

    @Test("forms that cannot be meant, in any number, send nothing and stop nothing")
    func forms() async throws {
        let bench = try await ListBench()
        for text in [
            "no address", "", "a@b", "=cmd@kunde.test", "+1@kunde.test", "'x@kunde.test", "a@kunde.test, b@kunde.test",
        ] {
            try await bench.fill(text)
        }
        try await bench.fill("late@kunde.test", at: wallClock() - 86_500_000)
        try await bench.fill("good@kunde.test")
        _ = try await bench.service.once()
        #expect(bench.relay.recipients == ["good@kunde.test"])
        #expect(try bench.operations().filter { $0 == .refused }.count == 7)
    }

    @Test(
        "who is on the suppression list for all mail is not written to; who left the list comes back by the button alone"
    )
    func suppressed() async throws {
        let bench = try await ListBench()
        let admin = try SuppressionAdmin(site: bench.bench.site)
        try admin.add(["all@kunde.test"], list: nil)
        try admin.add(["hand@kunde.test"], list: "news")
        try await bench.subscribe("eva@kunde.test")
        try await bench.leave("eva@kunde.test", "news")
        try await bench.leave("gone@kunde.test", "")
        _ = try await bench.service.once()
        #expect(try bench.table().isEmpty)
        for address in ["all", "hand", "gone", "eva"] { try await bench.fill("\(address)@kunde.test") }
        _ = try await bench.service.once()
        #expect(bench.relay.recipients == ["eva@kunde.test", "eva@kunde.test"])
        #expect(try bench.table().isEmpty)
        try await bench.press(try bench.link("eva@kunde.test"))
        _ = try await bench.service.once()
        #expect(try bench.table() == ["eva@kunde.test"])
        #expect(try bench.bench.table("outbox/lists/news.csv")[0]["subscriber"] == "1")
        // And can leave again.
        try await bench.leave("eva@kunde.test", "news", at: wallClock() + 1_000)
        _ = try await bench.service.once()
        #expect(try bench.table().isEmpty)
    }

    @Test("a form filled in again and again gets one message a day, whatever process looks")
    func often() async throws {
        let bench = try await ListBench()
        for _ in 0..<5 { try await bench.fill("eva@kunde.test") }
        _ = try await bench.service.once()
        bench.service.close()
        for _ in 0..<5 { try await bench.fill("EVA@kunde.test") }
        let second = try bench.another()
        #expect(try await second.once())
        #expect(bench.relay.messages.count == 1)
        #expect(try bench.operations().filter { $0 == .refused }.count == 9)
    }

    @Test("the site sends no more messages in an hour than it allows; the rest wait")
    func perHour() async throws {
        let bench = try await ListBench(perHour: 3)
        for number in 1...8 { try await bench.fill("p\(number)@kunde.test") }
        _ = try await bench.service.once()
        #expect(bench.relay.messages.count == 3)
        bench.service.close()
        let second = try bench.another()
        _ = try await second.once()
        #expect(bench.relay.messages.count == 3)
        #expect(try bench.operations().filter { $0 == .accepted }.count == 8)
    }

    @Test(
        "a message that was about to go out when the process ended is unknown, and not sent again; one that was not, is sent"
    )
    func restart() async throws {
        let bench = try await ListBench()
        let (first, second) = (try await bench.fill("eva@kunde.test"), try await bench.fill("max@kunde.test"))
        try bench.append([
            SubscriptionRecord(
                .accepted,
                wish: first,
                tag: try bench.tag("eva@kunde.test"),
                language: "en",
                requested: .now
            ),
            SubscriptionRecord(.tried, wish: first, attempt: 1),
            SubscriptionRecord(
                .accepted,
                wish: second,
                tag: try bench.tag("max@kunde.test"),
                language: "en",
                requested: .now
            ),
        ])
        _ = try await bench.service.once()
        #expect(bench.relay.recipients == ["max@kunde.test"])
        #expect(try bench.operations() == [.accepted, .tried, .accepted, .unknown, .tried, .sent])
    }

    @Test("two processes send once: one keeps the lists, and the next follows when it lets go")
    func lease() async throws {
        let bench = try await ListBench()
        let second = try bench.another()
        try await bench.fill("eva@kunde.test")
        #expect(try await bench.service.once())
        #expect(try await !second.once())
        try await bench.press(try bench.link("eva@kunde.test"))
        bench.service.close()
        #expect(try await second.once())
        #expect(try await !bench.service.once())
        #expect(bench.relay.messages.count == 1)
        #expect(try bench.table() == ["eva@kunde.test"])
    }

    @Test("a temporary refusal is tried again, a final one is not, and a lost answer is unknown and not tried again")
    func refusals() async throws {
        let bench = try await ListBench(try await Relay { $0.rule = CaptureRule.rehearsal })
        for name in ["defer", "bounce", "drop"] { try await bench.fill("\(name)@kunde.test") }
        _ = try await bench.service.once()
        #expect(try bench.operations().filter { $0 == .failed }.count == 1)
        #expect(try bench.operations().filter { $0 == .unknown }.count == 1)
        #expect(try bench.records().last { $0.operation == .deferred }?.due != nil)
        #expect(bench.relay.recipients == ["drop@kunde.test"])
        bench.service.close()
        let second = try bench.another()
        _ = try await second.once()
        #expect(bench.relay.recipients == ["drop@kunde.test"])
        // Whoever got the message all the same is believed.
        try await bench.press(try bench.link("drop@kunde.test"))
        _ = try await second.once()
        #expect(try bench.table() == ["drop@kunde.test"])
    }

    @Test("STOP-ALL keeps confirmation messages back, too")
    func stopAll() async throws {
        let bench = try await ListBench()
        try bench.bench.scratch.write("STOP-ALL", text: "")
        try await bench.fill("eva@kunde.test")
        _ = try await bench.service.once()
        #expect(bench.relay.messages.isEmpty)
        try FileManager.default.removeItem(atPath: bench.bench.scratch.path("STOP-ALL"))
        _ = try await bench.service.once()
        #expect(bench.relay.messages.count == 1)
    }

    @Test("a relay that does not prove who it is gets no address: nothing goes out, and the wish waits")
    func unverified() async throws {
        let bench = try await ListBench(try await Relay(by: Relay.stranger))
        try await bench.fill("eva@kunde.test")
        await #expect(throws: Diagnostic.self) { try await bench.service.once() }
        #expect(bench.relay.messages.isEmpty)
        #expect(try bench.operations() == [.accepted])
    }

    @Test("what a site with a form lacks is said when it starts")
    func configuration() async throws {
        let bench = try await ListBench()
        func refusal() -> String {
            do throws(EngineError) {
                _ = try SubscriptionService(bench.bench.worker, log: Bench.silent)
                return ""
            } catch {
                return error.code == .configuration ? error.description : "\(error.code)"
            }
        }
        let files = FileManager.default
        func without(_ name: String) throws -> String {
            let path = bench.bench.scratch.path(name)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            try files.removeItem(atPath: path)
            defer {
                try? bytes.write(to: URL(fileURLWithPath: path))
                try? files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            }
            return refusal()
        }
        #expect(try without("keys/subscribe.pem").contains("`wardpost keys subscribe` makes it"))
        #expect(
            try without("templates/confirm-subscription.txt").contains("there is no templates/confirm-subscription.txt")
        )
        try bench.bench.scratch.write("templates/confirm-subscription.txt", text: "Hello\n")
        #expect(refusal().contains("confirm-subscription.txt:1:1: the first line must be the subject"))
        try bench.bench.scratch.write("templates/confirm-subscription.txt", text: "Subject: A\n\n{{confirm_link}}\n")
        #expect(refusal().contains("confirm-subscription.txt:3:1: {{confirm_link}} names no column"))
        try bench.bench.scratch.write("templates/confirm-subscription.txt", text: "Subject: A {{nam}}\n\nx\n")
        #expect(refusal().contains("confirm-subscription.txt:1:12"))
    }

    @Test("an older site gets its keys by a command, once; and the public one must not be anybody's to write")
    func keys() async throws {
        let bench = try await Bench()
        let site = bench.site
        for name in ["subscribe.pem", "subscribe.pub.pem"] {
            try FileManager.default.removeItem(atPath: bench.scratch.path("keys/\(name)"))
        }
        #expect(throws: EngineError.self) {
            try SiteKeys.subscribePublicKey(in: try site.keyDirectory(), name: "keys")
        }
        #expect(try SubscribeSetup.make(site))
        let key = try bench.scratch.text("keys/subscribe.pem")
        #expect(try !SubscribeSetup.make(site))
        #expect(try bench.scratch.text("keys/subscribe.pem") == key)
        let path = bench.scratch.path("keys/subscribe.pub.pem")
        _ = try SiteKeys.subscribePublicKey(in: try site.keyDirectory(), name: "keys")
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: path)
        let error = #expect(throws: EngineError.self) {
            try SiteKeys.subscribePublicKey(in: try site.keyDirectory(), name: "keys")
        }
        #expect(error?.description.contains("chmod go-w keys/subscribe.pub.pem") == true)
    }
}

@Suite("Subscribers as recipients", .timeLimit(.minutes(2)))
struct SubscriberJobTests {
    private static let manifest = """
        name: News
        purpose: operations
        from: Riverside Clinic <news@riverside.example>
        subject: News
        template: letter
        recipients: {list: news}

        """

    private func drop(_ name: String, in bench: ListBench, text: String = "Hello.\n", manifest: String = manifest)
        throws
    {
        try bench.bench.scratch.write("jobs/\(name)/manifest.yaml", text: manifest)
        try bench.bench.scratch.write("jobs/\(name)/letter.txt", text: text)
    }

    private func imported(_ bench: ListBench, _ addresses: [String], consent: String = "on paper") throws {
        let file = try bench.bench.scratch.write(
            "people.csv",
            text: "email\n" + addresses.joined(separator: "\n") + "\n"
        )
        _ = try ListAdmin(site: bench.bench.site).import(file, to: "news", consent: consent)
    }

    @Test("a job that names a list goes to its subscribers as they are when it is taken up, and to nobody who left")
    func job() async throws {
        let bench = try await ListBench()
        try await bench.subscribe("eva@kunde.test")
        try await bench.subscribe("max@kunde.test")
        try imported(bench, ["zoe@kunde.test"])
        try await bench.leave("max@kunde.test", "news")
        let before = bench.relay.messages.count
        try drop("issue", in: bench)
        let check = try JobCheck(site: bench.bench.site).check("issue")
        #expect(check.sentence == "issue: ready, 2 subscribers of news.")
        #expect(!bench.bench.has("subscribers-news.csv", in: "issue"))
        #expect(try await bench.bench.work("issue").word == "done")
        #expect(bench.relay.recipients[before...].sorted() == ["eva@kunde.test", "zoe@kunde.test"])
        #expect(try bench.bench.results("issue", "key") == ["1", "3"])
        #expect(try bench.bench.results("issue", "status") == ["sent", "sent"])
        let letter = String(decoding: bench.relay.messages[before].bytes, as: UTF8.self)
        #expect(letter.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"))
        #expect(letter.contains("List-ID: news"))
        // What the check read without writing was what the run sent.
        let status = try bench.bench.text("status.json", of: "issue")
        #expect(status.contains("\(try #require(check.id))"))
    }

    @Test("the subscribers of a begun job stay: its identity, its retries and its results rest on the folder alone")
    func snapshot() async throws {
        let bench = try await ListBench()
        try imported(bench, ["eva@kunde.test"])
        try drop("issue", in: bench)
        #expect(try await bench.bench.work("issue").word == "done")
        let snapshot = try bench.bench.text("subscribers-news.csv", of: "issue")
        try imported(bench, ["max@kunde.test"])
        try bench.bench.drop("RETRY", in: "issue", text: "failed\n")
        #expect(try await bench.bench.work("issue").word == "done")
        #expect(try bench.bench.text("subscribers-news.csv", of: "issue") == snapshot)
        #expect(bench.relay.recipients == ["eva@kunde.test"])
        // Without its marker it is the same content again, and waits for a person.
        try bench.bench.remove("DONE", from: "issue")
        #expect(try await bench.bench.work("issue").word == "held")
        #expect(bench.relay.recipients == ["eva@kunde.test"])
        #expect(
            try bench.bench.text("problems.csv", of: "issue").contains("not the subscribers of news as they are now")
        )
    }

    @Test("a job that is refused leaves no subscribers behind, and gets those of the day when it was mended")
    func rejected() async throws {
        let bench = try await ListBench()
        try imported(bench, ["eva@kunde.test"])
        try drop("issue", in: bench, text: "Hello {{nobody}}.\n")
        #expect(try await bench.bench.work("issue").word == "rejected")
        #expect(!bench.bench.has("subscribers-news.csv", in: "issue"))
        try imported(bench, ["max@kunde.test"])
        try bench.bench.remove("REJECTED", from: "issue")
        try drop("issue", in: bench)
        #expect(try await bench.bench.work("issue").word == "done")
        #expect(bench.relay.recipients.sorted() == ["eva@kunde.test", "max@kunde.test"])
    }

    @Test(
        "a list without subscribers, one that nobody can subscribe to, and marketing without authorization are refused"
    )
    func refused() async throws {
        let bench = try await ListBench()
        try drop("empty", in: bench)
        #expect(try await bench.bench.work("empty").word == "rejected")
        #expect(try bench.bench.text("problems.csv", of: "empty").contains("the list news has no subscribers"))
        try drop("other", in: bench, manifest: Self.manifest.replacing("list: news", with: "list: nws"))
        #expect(try await bench.bench.work("other").word == "rejected")
        try imported(bench, ["eva@kunde.test"])
        try drop("ads", in: bench, manifest: Self.manifest.replacing("operations", with: "marketing"))
        #expect(try await bench.bench.work("ads").word == "rejected")
        #expect(try bench.bench.text("problems.csv", of: "ads").contains("authorization"))
        #expect(bench.relay.messages.isEmpty)
    }

    @Test("SHA256SUMS need not list what we write ourselves")
    func checksums() async throws {
        let bench = try await ListBench()
        try imported(bench, ["eva@kunde.test"])
        try drop("issue", in: bench)
        let sums = ["manifest.yaml", "letter.txt"].map { name in
            let bytes = (try? bench.bench.scratch.read("jobs/issue/\(name)")) ?? []
            return "\(Hex.encode(SHA256.hash(bytes)))  \(name)\n"
        }
        try bench.bench.drop("SHA256SUMS", in: "issue", text: sums.joined())
        #expect(try await bench.bench.work("issue").word == "done")
    }

    @Test("an import says by what right, takes no opt-out back, and adds nobody twice")
    func imports() async throws {
        let bench = try await ListBench()
        try await bench.subscribe("eva@kunde.test")
        try await bench.leave("eva@kunde.test", "news")
        let file = try bench.bench.scratch.write(
            "people.csv",
            text:
                "name,email\nEva,EVA@kunde.test\nMax,max@kunde.test\nMax,Max@kunde.test\nBad,no address\nSum,=1+1@kunde.test\n"
        )
        let admin = try ListAdmin(site: bench.bench.site)
        let (added, known, problems) = try admin.import(file, to: "news", consent: "signed at the desk, 2026")
        #expect(added == 1 && known == 2)
        #expect(problems.map { $0.place?.line } == [5, 6])
        #expect(!problems.map(\.description).joined().contains("no address@"))
        #expect(throws: EngineError.self) { try admin.import(file, to: "news", consent: "") }
        #expect(throws: EngineError.self) { try admin.import(file, to: "nws", consent: "x") }
        _ = try await bench.service.once()
        #expect(try bench.table() == ["max@kunde.test"])
        let standing = try #require(try admin.standings().first)
        #expect(standing.list == "news" && standing.subscribers == 1 && standing.gone == 1 && standing.awaited == 0)
        let exported = String(decoding: try admin.export("news"), as: UTF8.self)
        #expect(
            exported
                == "\u{FEFF}email,subscriber,language,subscribed_at,confirmed_at\r\nmax@kunde.test,2,,,\(try there(bench.records().last).time)\r\n"
        )
        #expect(try bench.records().last?.consent == "signed at the desk, 2026")
        #expect(bench.relay.messages.count == 1)
    }
}
