import Bounces
import Core
import Delivery
import Files
import Foundation
import Intake
import TestSupport
import Testing
import Tracking

@testable import Engine

/// Mail that comes back, from the return path of a message to what is written beside its job.
@Suite(.timeLimit(.minutes(3))) struct ReturnedMailTests {
    /// A site with a Maildir, and a job of some rows that was sent.
    struct Round {
        let bench: Bench
        let id: JobID
        /// The return paths by recipient.
        let paths: [String: String]

        init(
            _ job: TestJob = .rows(3),
            more: String = "",
            settings: String = "after: 3, complaint_share: 50%, complaint_minimum: 2",
            tracking: String = "tracking: {base_url: https://t.riverside.example}"
        ) async throws {
            let scratch = try TemporaryDirectory()
            for room in ["new", "cur", "tmp"] { try scratch.write("mail/\(room)/.keep", text: "") }
            bench = try await Bench(
                more: """
                    bounces: {domain: bounce.riverside.example, maildir: mail, \(settings)}
                    \(tracking)
                    \(more)
                    """,
                scratch: scratch
            )
            try bench.job("visit", job)
            #expect(try await bench.work("visit").word == "done")
            id = try bench.prepared("visit").id
            paths = Dictionary(
                bench.relay.messages.map { ($0.recipients[0], $0.sender) },
                uniquingKeysWith: { first, _ in first }
            )
        }

        func path(_ recipient: String) throws -> String { try #require(paths[recipient]) }

        func drop(_ name: String, _ text: String) throws {
            try bench.scratch.write("mail/new/\(name)", text: text)
        }

        /// Reads what is in the Maildir, and rewrites what that changes.
        func turn() async throws {
            let service = try #require(try BounceService(bench.worker, log: Bench.silent))
            await service.once()
            try await TrackingUpdater(bench.worker, log: Bench.silent).once()
        }

        func names(_ room: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: bench.scratch.path("mail/\(room)"))
                .filter { !$0.hasPrefix(".") }.sorted()
        }

        var events: [Event] {
            get throws {
                try EventReader(directory: try bench.site.outbox("events"), keys: bench.worker.keys.tokens).poll()
            }
        }

        func suppression(_ address: String) throws -> Reason? {
            var list = SuppressionList(
                outbox: try bench.site.outbox(),
                key: bench.worker.keys.addressTag,
                events: EventReader(directory: try bench.site.outbox("events"), keys: bench.worker.keys.tokens)
            )
            try list.refresh()
            return try list.reason(for: try AddressParser.parse(address))
        }

        /// Reads files as the command does.
        func read(_ paths: String...) async throws -> BounceTotals {
            try await BounceImport(bench.worker, log: Bench.silent).run(paths)
        }
    }

    @Test("Each row's message has a return path of its own, which is the same at every attempt")
    func returnPaths() async throws {
        let round = try await Round()
        #expect(Set(round.paths.values).count == 3)
        for (recipient, path) in round.paths {
            #expect(path.hasSuffix("@bounce.riverside.example") && path.hasPrefix("b+") && !path.contains("p1"))
            let address = try AddressParser.parse(path)
            #expect(address.localPart.utf8.count <= 64)
            let returnPath = try #require(round.bench.site.returnPath(round.bench.worker.keys))
            let token = try #require(returnPath.open(Array(address.localPart.utf8)))
            #expect(token.job == round.id && "p\(token.row)@example.test" == recipient)
        }
        // The From is as ever.
        #expect(
            round.bench.relay.messages.allSatisfy {
                String(decoding: $0.bytes, as: UTF8.self).contains("care@riverside.example")
            }
        )
    }

    @Test("Without a domain for that, envelopes have the From's address")
    func without() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(1))
        _ = try await bench.work("visit")
        #expect(bench.relay.messages.map(\.sender) == ["care@riverside.example"])
    }

    @Test(
        "A hard bounce stands in results, tracking, summary and ehr-updates, all signed, and suppresses the mailbox at once"
    )
    func hard() async throws {
        let round = try await Round()
        try round.drop("1.a", Reports.delivery(to: try round.path("p2@example.test"), about: "p2@example.test"))
        try await round.turn()
        #expect(try round.names("new").isEmpty && round.names("cur") == ["1.a:2,S"])
        let results = try round.bench.results("visit")
        #expect(results.map { $0["status"] } == ["sent", "sent", "sent"])
        #expect(results.map { $0["reason"] } == ["", "bounced", ""])
        let tracking = try round.bench.table("jobs/visit/tracking.csv")
        #expect(tracking.map { $0["bounced_at"] != "" } == [false, true, false])
        let updates = try round.bench.table("jobs/visit/ehr-updates.csv")
        #expect(updates.count == 1 && updates[0]["key"] == "P-2" && updates[0]["update"] == "dead")
        #expect(updates[0]["reason"] == "mailbox-unknown")
        #expect(try round.bench.text("summary.json", of: "visit").contains("\"bounced\": 1"))
        let findings = try round.bench.verification.check(round.bench.scratch.path("jobs/visit"))
        #expect(findings.count >= 4 && findings.allSatisfy(\.isGood))
        #expect(try round.suppression("p2@example.test") == .bounced)
        #expect(try round.suppression("p1@example.test") == nil)
        let event = try #require(try round.events.first)
        #expect(event.severity == .hard && event.status == "5.1.1" && event.consequence == .suppress)
        // Nothing of what the server said, and no address.
        let outbox = round.bench.scratch.path("outbox/events")
        for name in try FileManager.default.contentsOfDirectory(atPath: outbox) {
            let text = try String(contentsOfFile: outbox + "/" + name, encoding: .utf8)
            #expect(!text.contains("@") && !text.contains("User unknown"))
        }
        // The next job.
        try round.bench.job(
            "next",
            TestJob(["p1@example.test", "P2@example.test"], manifest: "reply_to: x@riverside.example\n")
        )
        _ = try await round.bench.work("next")
        #expect(try round.bench.results("next", "status") == ["sent", "suppressed"])
        #expect(try round.bench.results("next", "reason") == ["", "bounced"])
        #expect(try round.bench.table("jobs/next/ehr-updates.csv").map { $0["key"] } == ["P-2"])
    }

    @Test("A report that is read again counts once: from the Maildir, from a folder, and by another process")
    func again() async throws {
        let round = try await Round()
        let report = Reports.delivery(to: try round.path("p1@example.test"), about: "p1@example.test")
        for name in ["1.a", "1.b"] { try round.drop(name, report) }
        try await round.turn()
        try round.drop("1.c", report)
        try await round.turn()
        let folder = try round.bench.scratch.write("folder/x.eml", text: report)
        let totals = try await round.read(folder, (folder as NSString).deletingLastPathComponent)
        #expect(totals.counts == [.countedBefore: 2])
        let another = try BounceImport(try round.bench.another(), log: Bench.silent)
        #expect(try await another.run([folder]).counts == [.countedBefore: 1])
        #expect(try round.events.count == 1)
        #expect(try round.names("cur") == ["1.a:2,S", "1.b:2,S", "1.c:2,S"])
        #expect(FileManager.default.fileExists(atPath: folder))
    }

    @Test("A mail that counted and was not put away before the process ended does not count again")
    func cutShort() async throws {
        let round = try await Round()
        let report = Reports.delivery(to: try round.path("p1@example.test"), about: "p1@example.test")
        let worker = round.bench.worker
        let intake = BounceIntake(site: worker.site, keys: worker.keys, store: worker.store, rules: .standard)
        // Its events are on the disk, the file is still where it was.
        try round.drop("1.a", report)
        let results = try await intake.take([.init(name: "1.a", bytes: Array(report.utf8))])
        #expect(results.map(\.verdict) == [.hardBounce])
        try await round.turn()
        #expect(try round.events.count == 1 && round.names("cur") == ["1.a:2,S"])
    }

    @Test("With any character of its token changed, a bounce suppresses nobody; it is put away for a person to see")
    func forged() async throws {
        let round = try await Round()
        let path = try round.path("p1@example.test")
        let end = try #require(path.firstIndex(of: "@")).utf16Offset(in: path)
        for index in 2..<end {
            var changed = Array(path)
            changed[index] = changed[index] == "a" ? "b" : "a"
            try round.drop("1.\(index)", Reports.delivery(to: String(changed), about: "p1@example.test"))
        }
        try round.drop("2.none", Reports.delivery(to: "b+x@bounce.riverside.example", about: "p1@example.test"))
        try round.drop("3.complaint", Reports.complaint(about: "care@riverside.example", recipient: "p1@example.test"))
        try await round.turn()
        #expect(try round.events.isEmpty && round.suppression("p1@example.test") == nil)
        #expect(try round.names("new").isEmpty)
        let put = try round.names("cur")
        #expect(put.count == 62 && put.allSatisfy { $0.hasSuffix(":2,") })
        let totals = try await round.read(round.bench.scratch.path("mail/cur"))
        #expect(totals.counts == [.forgedToken: 60, .noToken: 2])
    }

    @Test("A warning of delay, a delivery notice and a letter are no bounces, whatever their token")
    func noBounce() async throws {
        let round = try await Round()
        let (path, recipient) = (try round.path("p1@example.test"), "p1@example.test")
        let delay = Reports.delivery(
            to: path,
            about: recipient,
            action: "delayed",
            status: "4.4.1",
            says: "connection timed out"
        )
        let notice = Reports.delivery(to: path, about: recipient, action: "delivered", status: "2.0.0", says: "250 ok")
        try round.drop("1", delay)
        try round.drop("2", notice)
        try round.drop("3", Reports.letter(to: path))
        try await round.turn()
        #expect(try round.events.isEmpty && round.suppression(recipient) == nil)
        #expect(try round.names("cur") == ["1:2,S", "2:2,S", "3:2,"])
    }

    @Test("Soft bounces suppress when there are as many as the site says, from different messages, and not before")
    func soft() async throws {
        let round = try await Round()
        for number in 1...4 {
            let name = "soft\(number)"
            try round.bench.job(
                name,
                TestJob(["brim@example.test"], manifest: "reply_to: r\(number)@riverside.example\n")
            )
            if number == 4 {
                #expect(try await round.bench.work(name).word == "done")
                #expect(try round.bench.results(name, "reason") == ["bounced"])
                break
            }
            let before = round.bench.relay.messages.count
            _ = try await round.bench.work(name)
            let path = round.bench.relay.messages[before].sender
            let report = Reports.delivery(
                to: path,
                about: "brim@example.test",
                status: "5.2.2",
                says: "552 5.2.2 Mailbox full"
            )
            // Said twice, it is once all the same.
            try round.drop("\(number)", report)
            try round.drop("\(number).again", report)
            try await round.turn()
            #expect(try round.suppression("brim@example.test") == (number == 3 ? .bounced : nil), "after \(number)")
        }
        let events = try round.events.sorted { $0.milliseconds < $1.milliseconds }
        #expect(events.map(\.consequence) == [.count, .count, .suppress])
        #expect(!round.bench.has("ehr-updates.csv", in: "soft1"))
        #expect(try round.bench.table("jobs/soft3/ehr-updates.csv").map { $0["update"] } == ["dead"])
    }

    @Test("A complaint suppresses at once for all mail, even one that does not say whose it is")
    func complaint() async throws {
        let round = try await Round()
        try round.drop("1", Reports.complaint(about: try round.path("p3@example.test")))
        try await round.turn()
        #expect(try round.suppression("p3@example.test") == .complained)
        #expect(try round.bench.results("visit", "reason") == ["", "", "complained"])
        let row = try #require(try round.bench.table("jobs/visit/tracking.csv").last)
        #expect(row["complained_at"] != "" && row["bounced_at"] == "")
        let updates = try round.bench.table("jobs/visit/ehr-updates.csv")
        #expect(updates.map { [$0["update"], $0["reason"]] } == [["opted-out", "complained"]])
    }

    @Test("without a tracking server a list has the way out by mail alone: header, link, no one-click, no preferences")
    func mailtoAlone() async throws {
        var job = TestJob.rows(2, manifest: "list: newsletter\n")
        job.files["visit.html"] = """
            <html><body><p>{{note}}</p><p><a href="https://www.riverside.example/">Home</a></p>
            {{#unsubscribe_url}}<p><a href="{{unsubscribe_url}}">Unsubscribe</a></p>{{/unsubscribe_url}}
            {{#preferences_url}}<p><a href="{{preferences_url}}">Choose</a></p>{{/preferences_url}}</body></html>
            """
        job.files["visit.txt"] = nil
        let round = try await Round(job, tracking: "")
        let message = try #require(round.bench.relay.messages.first { $0.recipients == ["p2@example.test"] })
        let text = String(decoding: message.bytes, as: UTF8.self).replacingOccurrences(of: "\r\n", with: "\n")
        let header = try #require(
            text.firstMatch(of: /\nList-Unsubscribe: <mailto:(u\+[a-z2-7]{60}@[^?]*)\?subject=unsubscribe>\n/)
        )
        #expect(!text.contains("List-Unsubscribe-Post:") && !text.contains("Choose"))
        let whole = text.replacingOccurrences(of: "=\n", with: "").replacingOccurrences(of: "=3D", with: "=")
        #expect(whole.contains("href=\"mailto:\(header.1)?subject=unsubscribe\""), "\(whole)")
        #expect(whole.contains("href=\"https://www.riverside.example/\""))
        try round.drop("1", Reports.optOut(to: String(header.1)))
        try await round.turn()
        #expect(try round.events.map(\.kind) == [.unsubscribe])
        try round.bench.job("next", TestJob(["p1@example.test", "p2@example.test"], manifest: "list: newsletter\n"))
        _ = try await round.bench.work("next")
        #expect(try round.bench.results("next", "reason") == ["", "opted-out"])
        #expect(try round.bench.table("jobs/visit/tracking.csv").map { $0["unsubscribed_at"] != "" } == [false, true])
    }

    @Test("mailto: takes the recipient off the job's list, whoever sends the message")
    func mailto() async throws {
        let round = try await Round(.rows(2, manifest: "list: newsletter\n"))
        let message = try #require(round.bench.relay.messages.first { $0.recipients == ["p2@example.test"] })
        let text = String(decoding: message.bytes, as: UTF8.self).replacingOccurrences(of: "\r\n", with: "\n")
        let header = try #require(text.range(of: "List-Unsubscribe: <https"))
        let mailto = try #require(text.range(of: "mailto:", range: header.lowerBound..<text.endIndex))
        let address = String(text[mailto.upperBound...].prefix { $0 != "?" })
        #expect(text[mailto.upperBound...].hasPrefix(address + "?subject=unsubscribe>\nList-Unsubscribe-Post:"))
        #expect(address.hasPrefix("u+") && address.hasSuffix("@bounce.riverside.example"))
        try round.drop("1", Reports.optOut(to: address, from: "someone.else@example.test"))
        // A bounce that is sent there says nothing.
        try round.drop("2", Reports.delivery(to: address, about: "p2@example.test"))
        try round.drop(
            "3",
            Reports.optOut(
                to: address.replacingOccurrences(of: "u+", with: "u+a").replacingOccurrences(of: "@", with: "x@")
            )
        )
        try await round.turn()
        let events = try round.events
        #expect(events.count == 1 && events.first?.kind == .unsubscribe && events.first?.list == "newsletter")
        #expect(try round.bench.table("jobs/visit/tracking.csv").map { $0["unsubscribed_at"] != "" } == [false, true])
        let updates = try round.bench.table("jobs/visit/ehr-updates.csv")
        #expect(updates.map { [$0["key"], $0["update"], $0["list"]] } == [["P-2", "opted-out", "newsletter"]])
        try round.bench.job(
            "next",
            TestJob(["p2@example.test"], manifest: "list: newsletter\nreply_to: x@riverside.example\n")
        )
        try round.bench.job("care", TestJob(["p2@example.test"], manifest: "reply_to: y@riverside.example\n"))
        _ = try await round.bench.work("next")
        _ = try await round.bench.work("care")
        #expect(try round.bench.results("next", "reason") == ["opted-out"])
        #expect(try round.bench.results("care", "status") == ["sent"])
    }

    @Test("Where the job's folder is gone, a mailbox is suppressed only if the report names it")
    func folderGone() async throws {
        let round = try await Round()
        try FileManager.default.removeItem(atPath: round.bench.scratch.path("jobs/visit"))
        try round.drop("1", Reports.delivery(to: try round.path("p1@example.test"), about: "p1@example.test"))
        try round.drop("2", Reports.delivery(to: try round.path("p2@example.test"), about: "p3@example.test"))
        try await round.turn()
        #expect(try round.suppression("p1@example.test") == .bounced)
        for address in ["p2@example.test", "p3@example.test"] { #expect(try round.suppression(address) == nil) }
        #expect(try round.events.map(\.consequence) == [.suppress, .nothing])
    }

    @Test("Where the folder is there, the row's own mailbox is meant, whomever the report names: it was passed on")
    func passedOn() async throws {
        let round = try await Round()
        try round.drop("1", Reports.delivery(to: try round.path("p2@example.test"), about: "elsewhere@example.net"))
        try await round.turn()
        #expect(try round.suppression("p2@example.test") == .bounced)
        #expect(try round.suppression("elsewhere@example.net") == nil)
    }

    @Test("A job's list of recipients does while it has no results yet")
    func underWay() async throws {
        let round = try await Round()
        try FileManager.default.removeItem(atPath: round.bench.scratch.path("jobs/visit/results.csv"))
        try round.drop("1", Reports.delivery(to: try round.path("p2@example.test"), about: "elsewhere@example.net"))
        try await round.turn()
        #expect(try round.suppression("p2@example.test") == .bounced)
    }

    @Test("A token of a job that this site does not know is nothing")
    func unknownJob() async throws {
        let round = try await Round()
        let returnPath = try #require(round.bench.site.returnPath(round.bench.worker.keys))
        let stranger = try #require(JobID(digest: Array(repeating: 7, count: 10)))
        let recipient = try AddressParser.parse("p1@example.test")
        for (name, job, row) in [("1", stranger, UInt32(1)), ("2", round.id, 4), ("3", round.id, 0)] {
            let path = try returnPath.address(job: job, row: RowNumber(row), recipient: recipient)
            try round.drop(name, Reports.delivery(to: path.text, about: "p1@example.test"))
        }
        try await round.turn()
        #expect(try round.events.isEmpty && round.suppression("p1@example.test") == nil)
    }

    @Test("What cannot be read, is empty or is enormous is put away and holds up nothing")
    func odd() async throws {
        let round = try await Round()
        try round.drop("1", "")
        try round.drop("2", String(repeating: "x", count: 5 << 20))
        try FileManager.default.createSymbolicLink(
            atPath: round.bench.scratch.path("mail/new/3"),
            withDestinationPath: "/etc/passwd"
        )
        try round.drop("4", Reports.delivery(to: try round.path("p1@example.test"), about: "p1@example.test"))
        // A name that is taken in `cur`: neither is lost.
        try round.bench.scratch.write("mail/cur/4:2,S", text: "earlier")
        try await round.turn()
        #expect(try round.names("new").isEmpty)
        #expect(try round.names("cur") == ["1:2,", "2:2,", "3:2,", "4.2:2,S", "4:2,S"])
        #expect(try round.events.count == 1)
    }

    @Test("A Maildir that is none is refused at the start; rules that cannot be read are, too")
    func configuration() async throws {
        let bench = try await Bench(more: "bounces: {domain: bounce.riverside.example, maildir: nowhere}\n")
        #expect(throws: EngineError.self) { try BounceService(bench.worker, log: Bench.silent) }
        let other = try await Bench(more: "bounces: {domain: bounce.riverside.example, rules: rules.yaml}\n")
        try other.scratch.write("rules.yaml", text: "reasons: 7\n")
        #expect(throws: EngineError.self) { try BounceImport(other.worker, log: Bench.silent) }
        let none = try await Bench()
        #expect(try BounceService(none.worker, log: Bench.silent) == nil)
    }
}
