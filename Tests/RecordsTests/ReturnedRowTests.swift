import Core
import Files
import Foundation
import Ledger
import OpenSSL
import TestSupport
import Testing

@testable import Records

/// What a bounce, a complaint or an opt-out changes in a job's files.
@Suite("Returned rows")
struct ReturnedRowTests {
    static let switches = Summary.Switches(opens: true, clicks: true)

    static func bounce(_ suppresses: Bool, _ reason: String = "mailbox-unknown") -> RowActivity.Bounce {
        .init(at: Fixture.noon + 60, isHard: suppresses, suppresses: suppresses, reason: reason, status: "5.1.1")
    }

    /// Rows: dead, full, complained, opted out, opened, two refused, one suppressed, one without TLS.
    static func activity(_ row: RowNumber) -> RowActivity? {
        var activity = RowActivity()
        switch row.value {
        case 1: activity.bounce = bounce(true)
        case 2: activity.bounce = bounce(false, "mailbox-full")
        case 3: activity.complainedAt = Fixture.noon + 120
        case 4: activity.unsubscribedAt = Fixture.noon + 180
        case 5: activity.opens.count(at: Fixture.noon)
        case 9:
            activity.bounce = bounce(false, "no-tls")
            activity.unsubscribedAt = Fixture.noon + 180
        default: return nil
        }
        activity.bouncedAt = activity.bounce?.at
        return activity
    }

    static let texts = ListedTexts((1...9).map { ($0 == 2 ? "=P2" : "P-\($0)", "p\($0)@x.example") })

    private func view(_ fixture: Fixture) async throws -> LedgerView {
        func outcome(_ status: RowStatus, _ reason: Reason) -> Outcome {
            Outcome(status, reason: reason, finishedAt: Fixture.noon + 5)
        }
        return try await fixture.view(
            (1...5).map { Fixture.sent($0) } + [
                outcome(.failed, .mailboxUnknown), outcome(.failed, .contentRefused), outcome(.suppressed, .optedOut),
                Fixture.sent(9),
            ]
        )
    }

    @Test("a row stays sent, and its reason says that it came back or was complained about")
    func results() async throws {
        let fixture = try Fixture()
        let view = try await view(fixture)
        let summary = try fixture.records.rebuild(
            Self.texts,
            view,
            switches: Self.switches,
            activity: Self.activity
        )
        let lines = try fixture.lines("results.csv")
        let states = lines.dropFirst().map {
            $0.split(separator: ",", omittingEmptySubsequences: false)[3...4].joined(separator: " ")
        }
        #expect(
            states == [
                "sent bounced", "sent bounced", "sent complained", "sent ", "sent ", "failed mailbox-unknown",
                "failed content-refused", "suppressed opted-out", "sent bounced",
            ]
        )
        // The totals are those of what servers answered.
        #expect(summary.outcomes[.sent] == 6 && summary.tracking.bounced == 3 && summary.tracking.complained == 1)
    }

    @Test("the source system is told by the row's key which addresses are dead, opted out or without TLS, and why")
    func updates() async throws {
        let fixture = try Fixture()
        try fixture.records.writeUpdates(Self.texts, try await view(fixture), activity: Self.activity)
        #expect(
            try fixture.lines("ehr-updates.csv") == [
                "row,key,update,reason,since,list", "1,P-1,dead,mailbox-unknown,2026-11-22 12:01:00,",
                "3,P-3,opted-out,complained,2026-11-22 12:02:00,", "4,P-4,opted-out,opted-out,2026-11-22 12:03:00,",
                "6,P-6,dead,mailbox-unknown,2026-11-22 12:00:05,", "8,P-8,opted-out,opted-out,2026-11-22 12:00:05,",
                "9,P-9,no-tls,no-tls,2026-11-22 12:01:00,", "9,P-9,opted-out,opted-out,2026-11-22 12:03:00,",
            ]
        )
        let reports = try SignatureCheck(fixture.key.verifyingKey).check(job: fixture.directory)
        #expect(reports == [.init(file: "ehr-updates.csv", finding: .good)])
    }

    @Test("a key that a spreadsheet would run is made harmless, and where there is nothing to say there is no file")
    func harmless() async throws {
        let fixture = try Fixture()
        let view = try await view(fixture)
        try fixture.records.writeUpdates(Self.texts, view) { row in
            var activity = RowActivity()
            if row.value == 2 { activity.complainedAt = Fixture.noon }
            return activity
        }
        #expect(try fixture.lines("ehr-updates.csv")[1].hasPrefix("2,'=P2,"))
        let refused = Outcome(.failed, reason: .contentRefused, finishedAt: Fixture.noon)
        let other = try Fixture()
        let clean = try await other.view([Fixture.sent(1), refused])
        let texts = ListedTexts([("a", "a@x"), ("b", "b@x")])
        for isDead in [true, false] {
            try other.records.writeUpdates(texts, clean) { row in
                var activity = RowActivity()
                if isDead, row.value == 1 { activity.bounce = Self.bounce(true) }
                return activity
            }
            for name in ["ehr-updates.csv", "ehr-updates.csv.sig"] {
                #expect(try (other.directory.status(of: name) != nil) == isDead)
            }
        }
    }

    @Test("results that a process was replacing when it ended are finished, and nothing else is taken for them")
    func finished() async throws {
        let fixture = try Fixture()
        let view = try await view(fixture)
        try fixture.records.writeResults(Self.texts, view, activity: Self.activity)
        let (new, signature) = (
            try fixture.directory.read("results.csv", limit: 1 << 20),
            try fixture.directory.read("results.csv.sig", limit: 256)
        )
        func put(_ name: String, _ bytes: [UInt8]) throws {
            try fixture.directory.replace(name) { try $0.append(bytes) }
        }
        let check = SignatureCheck(fixture.key.verifyingKey)
        // The old signature is gone, nothing renamed yet.
        try put("results.csv", Array("old".utf8))
        try fixture.directory.remove("results.csv.sig")
        try put(".results.csv.new.tmp", new)
        try put(".results.csv.sig.new.tmp", signature)
        try fixture.records.finishResults()
        #expect(try check.check("results.csv", in: fixture.directory) == .good)
        #expect(try fixture.directory.read("results.csv", limit: 1 << 20) == new)
        // The file has its name already.
        try fixture.directory.rename("results.csv.sig", to: ".results.csv.sig.new.tmp")
        try fixture.records.finishResults()
        #expect(try check.check("results.csv", in: fixture.directory) == .good)
        // What was not signed stays out.
        try fixture.directory.rename("results.csv.sig", to: ".results.csv.sig.new.tmp")
        try put(".results.csv.new.tmp", Array("forged".utf8))
        try fixture.records.finishResults()
        #expect(try check.check("results.csv", in: fixture.directory) == .unsigned)
        #expect(try fixture.directory.read("results.csv", limit: 1 << 20) == new)
    }
}

extension Fixture {
    /// The lines of a file, without the byte-order mark.
    fileprivate func lines(_ name: String) throws -> [String] {
        String(decoding: try scratch.read(name).dropFirst(3), as: UTF8.self).components(separatedBy: "\r\n").filter {
            !$0.isEmpty
        }
    }
}
