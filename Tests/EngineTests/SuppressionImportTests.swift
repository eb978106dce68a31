import Core
import Foundation
import TestSupport
import Testing
import Tracking

@testable import Engine

@Suite("Suppression lists in and out")
struct SuppressionImportTests {
    private func lines(_ admin: SuppressionAdmin) throws -> [String] {
        var lines: [String] = []
        try admin.forEach { mailbox, scope, reason, _ in lines.append("\(mailbox) \(scope) \(reason)") }
        return lines
    }

    private func export(_ admin: SuppressionAdmin) throws -> String {
        var bytes: [UInt8] = []
        try admin.export { bytes += $0 }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(
        "Lists of other systems are read by their own words",
        arguments: [
            (
                "sendgrid", "email,created\na@x.test,1700000000\n", "a@x.test all suppressed-by-hand"
            ),
            (
                "ses", "EmailAddress,Reason,LastUpdateTime\na@x.test,BOUNCE,2026-01-02T03:04:05.678+00:00\n",
                "a@x.test all bounced"
            ),
            (
                "postmark",
                "EmailAddress,SuppressionReason,Origin,CreatedAt\na@x.test,SpamComplaint,Recipient,2026-01-02T03:04:05Z\n",
                "a@x.test all complained"
            ),
            (
                "mailchimp",
                "Email Address,First Name,UNSUB_TIME,UNSUB_REASON\na@x.test,Ann,2026-01-02 03:04:05,normal\n",
                "a@x.test all suppressed-by-hand"
            ),
            (
                "lists", "e-mail;Liste;list;reason\na@x.test;x;news;Unsubscribed\n", "a@x.test list news opted-out"
            ),
            ("bare", "a@x.test\nb@x.test\n", "b@x.test all suppressed-by-hand"),
        ]
    )
    func others(name: String, text: String, line: String) async throws {
        let bench = try await Bench()
        let admin = try SuppressionAdmin(site: bench.site)
        let result = try admin.import(try bench.scratch.write("\(name).csv", text: text))
        #expect(result.added == 1 && result.refused == 0, "\(result)")
        #expect(try lines(admin) == [line])
    }

    @Test("An export comes back whole, tags without addresses included, and a second time adds nothing")
    func roundTrip() async throws {
        let bench = try await Bench()
        let admin = try SuppressionAdmin(site: bench.site)
        try admin.add(["a@x.test"], SuppressionWish(scope: "marketing"))
        try admin.add(["=b@x.test", "'=c@x.test"], SuppressionWish(list: "news", reason: "opt-out"))
        let keys = try bench.site.keys()
        let log = try EventLog(directory: try bench.site.outbox("events"), keys: keys.tokens)
        let tag = AddressTag(hex: "00112233445566778899aabbccddeeff")
        let job = try #require(JobID(digest: Array(1...10)))
        try await log.append(Event(.unsubscribe, job: job, row: RowNumber(1), list: "tips", tag: tag))
        let before = try lines(admin)
        #expect(before.count == 4)
        let csv = try export(admin)
        let file = try bench.scratch.write("export.csv", text: csv)
        let same = try admin.import(file)
        #expect(same.added == 0 && same.known == 4 && same.refused == 0, "\(same)")

        // The same keys and nothing else, as after a move.
        let fresh = try await Bench()
        for name in ["site.key", "tracking.key"] {
            try fresh.scratch.write("keys/\(name)", try bench.scratch.read("keys/\(name)"))
        }
        let other = try SuppressionAdmin(site: fresh.site)
        let moved = try other.import(try fresh.scratch.write("export.csv", text: csv))
        #expect(moved.added == 4 && moved.refused == 0, "\(moved)")
        #expect(try Set(lines(other)) == Set(before))
        #expect(try export(other).split(separator: "\r\n").sorted() == csv.split(separator: "\r\n").sorted())
    }

    @Test("An old export brings nobody back who was taken off since, and takes nobody off")
    func oldExport() async throws {
        let bench = try await Bench()
        let admin = try SuppressionAdmin(site: bench.site)
        try admin.add(["a@x.test", "b@x.test"], SuppressionWish())
        let old = try bench.scratch.write("old.csv", text: try export(admin))
        // What happened in a removal's own millisecond stays, and a millisecond is long.
        let added = wallClock()
        while wallClock() == added { await Task.yield() }
        #expect(try admin.remove(["a@x.test"], SuppressionWish()) == 1)
        try admin.add(["c@x.test"], SuppressionWish())
        let result = try admin.import(old)
        #expect(result.added == 0 && result.known == 1 && result.lifted == 1, "\(result)")
        #expect(try lines(admin) == ["b@x.test all suppressed-by-hand", "c@x.test all suppressed-by-hand"])
        // Whoever is put on it again stays.
        try admin.add(["a@x.test"], SuppressionWish())
        #expect(try admin.import(old).lifted == 0)
        #expect(try lines(admin).contains("a@x.test all suppressed-by-hand"))
    }

    @Test("A removal lifts what it names and nothing else")
    func removal() async throws {
        let bench = try await Bench()
        let admin = try SuppressionAdmin(site: bench.site)
        for wish in [
            try SuppressionWish(), try SuppressionWish(reason: "bounce"),
            try SuppressionWish(list: "news", reason: "opt-out"),
            try SuppressionWish(scope: "marketing"),
        ] { try admin.add(["a@x.test"], wish) }
        #expect(try admin.remove(["a@x.test"], SuppressionWish(reason: "bounce")) == 1)
        #expect(try lines(admin).count == 3)
        #expect(try admin.remove(["a@x.test"], SuppressionWish(list: "tips")) == 0)
        #expect(try admin.remove(["a@x.test"], SuppressionWish(list: "news")) == 1)
        #expect(try admin.remove(["a@x.test"], SuppressionWish(scope: "all")) == 1)
        #expect(try lines(admin) == ["a@x.test marketing suppressed-by-hand"])
        #expect(try admin.remove(["a@x.test"], SuppressionWish()) == 1)
        #expect(try lines(admin).isEmpty)
    }

    @Test("Rows that cannot be taken are named by their line, and never shown")
    func hostile() async throws {
        let bench = try await Bench()
        let admin = try SuppressionAdmin(site: bench.site)
        let text = """
            address,tag,scope,list,reason,since
            secret-nobody,,all,,opt-out,
            a@x.test,,everything,,opt-out,
            a@x.test,,list,"bad name",opt-out,
            a@x.test,,all,,opt-out,yesterday
            ,deadbeef:00112233445566778899aabbccddeeff,all,,opt-out,
            ,zz,all,,opt-out,
            ,,all,,opt-out,
            "a@x.test
            b@x.test",,all,,,
            ok@x.test,deadbeef:00112233445566778899aabbccddeeff,all,,because,
            '=ok@x.test,,all,,opt-out,
            """
        let result = try admin.import(try bench.scratch.write("list.csv", text: text + "\n"))
        #expect(result.added == 2 && result.strangeReasons == 1)
        #expect(result.problems.map { $0.place?.line } == [2, 3, 4, 5, 6, 7, 8, 9])
        #expect(result.refused == 8)
        #expect(!result.problems.map(\.description).joined().contains("secret"))
        #expect(try lines(admin) == ["ok@x.test all suppressed-by-hand", "=ok@x.test all opted-out"])
    }

    @Test(
        "Times are read in the forms that lists have",
        arguments: [
            ("2026-11-21 12:00:00.250", 1_795_262_400_250), ("2026-11-21 12:00:00", 1_795_262_400_000),
            ("2026-11-21T12:00:00Z", 1_795_262_400_000), ("2026-11-21T13:00:00+01:00", 1_795_262_400_000),
            ("2026-11-21T07:00:00-0500", 1_795_262_400_000), ("2026-11-21 12:00:00 UTC", 1_795_262_400_000),
            ("2026-11-21 12:00:00 +0000", 1_795_262_400_000), ("2026-11-21 12:00:00+00", 1_795_262_400_000),
            ("1795262400", 1_795_262_400_000), ("1795262400250", 1_795_262_400_250), ("2026-11-21", 1_795_219_200_000),
            ("21.11.2026", nil), ("2026-13-01", nil), ("2026-11-21 25:00:00", nil), ("2026-11-21 12:00:00 CET", nil),
            ("0", nil), ("-5", nil), ("2026-11-21T12:00:00+", nil), ("2026-11-21 12:00:00.x", nil),
        ] as [(String, Int64?)]
    )
    func moments(text: String, milliseconds: Int64?) {
        #expect(SuppressionWords.moment(text) == milliseconds)
    }
}
