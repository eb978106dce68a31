import Core
import Files
import Foundation
import Ledger
import OpenSSL
import TestSupport
import Testing

@testable import Records

/// The files beside the job say what the ledger and the events say.
@Suite struct ResultsTests {
    private func mixed(_ fixture: Fixture) async throws -> LedgerView {
        try await fixture.view(Fixture.mixed, links: Fixture.mixedLinks, events: Fixture.mixedEvents)
    }

    private let switches = Summary.Switches(opens: true, clicks: true)

    @Test("All records of a small job are as they should be, to the byte")
    func snapshots() async throws {
        let fixture = try Fixture()
        let view = try await mixed(fixture)
        let summary = try fixture.records.rebuild(
            Fixture.mixedTexts,
            view,
            switches: switches,
            activity: Fixture.activity
        )
        try fixture.records.writeEvents(Fixture.mixedTexts, view) { $0.value == 2 ? Fixture.trackedEvents : [] }
        for name in ["results.csv", "tracking.csv", "tracking-events.csv", "summary.json", "summary.html"] {
            try expectSnapshot(try fixture.scratch.read(name), name)
        }
        #expect(summary.outcomes.ended == 5)
        #expect(summary.outcomes.notSent == 3)
        #expect(summary.state == .done)
    }

    @Test("The same ledger and events give the same bytes again")
    func reproducible() async throws {
        let fixture = try Fixture()
        let view = try await mixed(fixture)
        let names = ["results.csv", "tracking.csv", "summary.json", "summary.html"]
        var versions: [[[UInt8]]] = []
        for _ in 0..<2 {
            try fixture.records.rebuild(Fixture.mixedTexts, view, switches: switches, activity: Fixture.activity)
            versions.append(try names.map { try fixture.scratch.read($0) })
            for name in names { try FileManager.default.removeItem(atPath: fixture.scratch.path(name)) }
        }
        #expect(versions[0] == versions[1])
    }

    @Test("The column order is the contract's")
    func columns() {
        #expect(
            ResultsFile.columns.joined(separator: ",")
                == "row,key,address,status,reason,detail,attempts,finished_at,route,server,tls_scope,tls_version,tls_cipher,"
                + "tls_verification,message_id"
        )
        #expect(
            TrackingFile.columns.joined(separator: ",")
                == "row,key,address,opens,first_open_at,last_open_at,automated_opens,clicks,first_click_at,last_click_at,"
                + "automated_clicks,links,unsubscribed_at,bounced_at,complained_at"
        )
        #expect(ProblemsFile.columns.joined(separator: ",") == "file,line,column,problem,fix")
    }

    @Test("Where nothing came back there is no file of events; once there is one it is kept up")
    func events() async throws {
        let fixture = try Fixture()
        let view = try await mixed(fixture)
        let name = "tracking-events.csv"
        // Row 1 was sent, row 3 was not: what comes back of a row that was not sent is no event of the job's.
        for wanted in [0, 3] as [UInt32] {
            try fixture.records.writeEvents(Fixture.mixedTexts, view) {
                $0.value == wanted ? Fixture.trackedEvents : []
            }
            #expect(!FileManager.default.fileExists(atPath: fixture.scratch.path(name)))
        }
        try fixture.records.writeEvents(Fixture.mixedTexts, view) { $0.value == 2 ? Fixture.trackedEvents : [] }
        let full = try fixture.scratch.read(name)
        #expect(
            String(decoding: full, as: UTF8.self).split(whereSeparator: \.isNewline).count == 1
                + Fixture.trackedEvents.count
        )
        try fixture.records.writeEvents(Fixture.mixedTexts, view) { _ in [] }
        #expect(try fixture.scratch.read(name).count < full.count)
    }

    @Test("Rows that have not ended are left out")
    func open() async throws {
        let fixture = try Fixture()
        let view = try await fixture.view([Fixture.sent(1), nil, Fixture.sent(3)])
        let totals = try fixture.records.writeResults(ListedTexts([("a", "a@x"), ("b", "b@x"), ("c", "c@x")]), view)
        let lines = try fixture.scratch.text("results.csv").components(separatedBy: "\r\n")
        #expect(lines.count == 4)
        #expect(lines[2].hasPrefix("3,c,"))
        #expect(totals.open == 1)
        #expect(totals == (try OutcomeTotals(counting: view)))
    }

    @Test("A server's hostile answer stays one cell of one line", .enabled(if: Command.exists("python3")))
    func hostile() async throws {
        let fixture = try Fixture()
        let details = [
            "=cmd|' /C calc'!A0", "\"\r\n9,x,y@z,sent,,\"", "\u{1B}]0;owned\u{7}\u{9B}2J",
            "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p",
            "@SUM(1)\t\"", "＝1+1", "\u{0}\u{0}", "550 5.7.1 \u{202E}txet", String(repeating: "\"", count: 500),
        ]
        let view = try await fixture.view(details.map { Fixture.ended(.failed, .refused, $0) })
        let texts = ListedTexts(details.map { ($0, $0) })
        try fixture.records.rebuild(texts, view, switches: switches) { _ in nil }
        let script = """
            import csv, sys
            rows = list(csv.reader(open(sys.argv[1], encoding="utf-8-sig", newline=""), strict=True))
            assert len(rows) == 1 + int(sys.argv[2]), len(rows)
            for number, row in enumerate(rows[1:]):
                assert len(row) == 15, row
                assert row[0] == str(number + 1) and row[3] == "failed" and row[4] == "refused", row
                assert row[1] == row[2] == row[5], row
                assert row[5][0] not in "=+-@\\t\\r\\n＝＋－＠", row
                assert not any(ord(c) < 32 and c not in "\\t\\r\\n" or 127 <= ord(c) < 160 for c in row[5]), row
            """
        let path = fixture.scratch.path("results.csv")
        let result = try Command.run(["python3", "-c", script, path, "\(details.count)"])
        #expect(result.status == 0, Comment(rawValue: result.errorText))
    }

    @Test(
        "A spreadsheet opens the results and finds every cell",
        .enabled(if: Command.exists("soffice")),
        .timeLimit(.minutes(3))
    )
    func spreadsheet() async throws {
        let fixture = try Fixture()
        try fixture.records.writeResults(Fixture.mixedTexts, try await mixed(fixture))
        // Everything as text, so that what comes out is what was in the cells.
        let columns = (1...15).map { "\($0)/2" }.joined(separator: "/")
        try Command.run(
            [
                "soffice", "-env:UserInstallation=file://\(fixture.ledgers.path)/office", "--headless",
                "--infilter=CSV:44,34,76,1,\(columns)", "--convert-to", "fods", "--outdir", fixture.scratch.path,
                fixture.scratch.path("results.csv"),
            ]
        )
        let sheet = try fixture.scratch.text("results.fods")
        for cell in ["'-5", "0001", "bob+tag@example.com", "Müller, &quot;Jo&quot;", "'=x@example.com"] {
            let text = cell.replacing("'", with: "&apos;")
            #expect(sheet.contains("<text:p>\(text)</text:p>"), "\(cell)")
        }
        #expect(!sheet.contains("table:formula"))
    }

    @Test(
        "Files can be read by whomever the folder lets in, and by nobody else",
        arguments: [0o700, 0o750, 0o775, 0o777]
    )
    func permissions(folder: Int) async throws {
        let fixture = try Fixture()
        try FileManager.default.setAttributes([.posixPermissions: folder], ofItemAtPath: fixture.scratch.path)
        let records = try JobRecords(folder: fixture.directory, signer: Signer(fixture.key))
        try records.rebuild(ListedTexts([("a", "a@x")]), try await fixture.view([Fixture.sent(1)]), switches: switches)
        { _ in
            nil
        }
        for name in try fixture.directory.list() {
            let mode = try #require(try fixture.directory.status(of: name)?.permissions)
            #expect(mode == UInt32(0o600 | folder & 0o044), "\(name)")
        }
    }

    @Test("Nothing temporary is left behind, and an error leaves the old files alone")
    func failure() async throws {
        struct Broken: RowTexts {
            func forEach(_ body: (RowNumber, ArraySlice<UInt8>, ArraySlice<UInt8>) throws -> Void) throws {
                try body(RowNumber(1), [], [])
                throw CancellationError()
            }
        }
        let fixture = try Fixture()
        let view = try await fixture.view([Fixture.sent(1)])
        try fixture.records.writeResults(ListedTexts([("a", "a@x")]), view)
        let before = try fixture.scratch.read("results.csv")
        #expect(throws: CancellationError.self) { try fixture.records.writeResults(Broken(), view) }
        #expect(try fixture.scratch.read("results.csv") == before)
        #expect(try fixture.directory.list() == ["results.csv", "results.csv.sig"])
        #expect(try SignatureCheck(fixture.key.verifyingKey).check("results.csv", in: fixture.directory) == .good)
    }

    @Test("A link planted under a record's name is replaced, not followed")
    func planted() async throws {
        let fixture = try Fixture()
        try fixture.ledgers.write("target", text: "untouched")
        for name in ["results.csv", "results.csv.sig", ".results.csv.new.tmp"] {
            try FileManager.default.createSymbolicLink(
                atPath: fixture.scratch.path(name),
                withDestinationPath: fixture.ledgers.path("target")
            )
        }
        try fixture.records.writeResults(ListedTexts([("a", "a@x")]), try await fixture.view([Fixture.sent(1)]))
        #expect(try fixture.ledgers.text("target") == "untouched")
        #expect(try fixture.directory.status(of: "results.csv")?.kind == .regular)
    }
}
