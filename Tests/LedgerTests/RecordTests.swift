import Core
import Ledger
import TestSupport
import Testing

/// What is written can be read.
@Suite struct RecordTests {
    static let texts = [
        "",
        "250 2.0.0 Ok",
        "a\tb\nc\rd\\e\\t",
        "\u{0}\u{1}\u{1B}[31mred\u{7F}",
        "C1 \u{9B}31m, NEL \u{85}, nbsp \u{A0}, line \u{2028}",
        "=cmd|' /C calc'!A0",
        "\"quoted\",\"fake\nrow,1,sent\"",
        "Grüße 你好 🙂",
        "\\x41\\",
        "tried\t1\t1\t2026-11-22 12:00:00\t0123456789abcdef0123456789abcdef\n",
        "ends in @",
    ]

    @Test("An outcome comes back as it was, whatever a server said", arguments: texts)
    func outcomeWith(text: String) async throws {
        let fixture = try Fixture()
        let outcome = Outcome(
            .failed,
            reason: .mailboxUnknown,
            detail: text,
            attempts: 3,
            finishedAt: Fixture.noon,
            route: text,
            server: text,
            tls: Fixture.tls,
            messageID: text
        )
        let writer = try fixture.store.create(Fixture.header(rows: 1))
        writer.append(.ended(RowNumber(1), outcome))
        #expect(await writer.close())
        #expect(try fixture.store.read(fixture.job).outcome(of: RowNumber(1)) == outcome)
    }

    @Test("A deferral comes back as it was, whatever a server said", arguments: texts)
    func deferralWith(text: String) async throws {
        let fixture = try Fixture()
        var deferral = Fixture.deferral(due: Fixture.noon + 60)
        deferral.detail = text
        deferral.server = text
        let writer = try fixture.store.create(Fixture.header(rows: 1))
        writer.append(.deferred(RowNumber(1), deferral))
        #expect(await writer.close())
        let view = try fixture.store.read(fixture.job)
        #expect(try view.latest(of: RowNumber(1)) == .deferred(RowNumber(1), deferral))
        #expect(try view.outcome(of: RowNumber(1)) == nil)
        #expect(view.rows.due(RowNumber(1)) == Fixture.noon + 60)
    }

    @Test("The head comes back as it was, whatever the folder is called", arguments: texts)
    func headWith(text: String) async throws {
        let fixture = try Fixture()
        var header = Fixture.header(rows: 3, links: [text, "https://a.example/?a=1&b={{clinic}}"])
        header.folder = text
        header.name = text
        header.list = text
        #expect(await (try fixture.store.create(header)).close())
        #expect(try fixture.store.read(fixture.job).header == header)
    }

    @Test("Every status is kept", arguments: RowStatus.allCases)
    func every(status: RowStatus) async throws {
        let fixture = try Fixture()
        let outcome = Outcome(status, reason: .stopped, finishedAt: Fixture.noon)
        let writer = try fixture.store.create(Fixture.header(rows: 2))
        writer.append(.ended(RowNumber(2), outcome))
        #expect(await writer.close())
        let view = try fixture.store.read(fixture.job)
        #expect(view.rows[RowNumber(2)].phase == .ended(status))
        #expect(try view.outcome(of: RowNumber(2)) == outcome)
        #expect(view.rows.counts[status] == 1)
        #expect(view.rows.counts[.pending] == 1)
    }

    @Test("A server's endless text is cut at a character's end")
    func longDetail() async throws {
        let fixture = try Fixture()
        let writer = try fixture.store.create(Fixture.header(rows: 1))
        let text = String(repeating: "ü", count: 5_000)
        writer.append(.ended(RowNumber(1), Outcome(.failed, detail: text, finishedAt: Fixture.noon)))
        #expect(await writer.close())
        let detail = try fixture.store.read(fixture.job).outcome(of: RowNumber(1))?.detail
        #expect(detail == String(repeating: "ü", count: 512))
    }

    @Test("The job's own events are kept")
    func events() async throws {
        let fixture = try Fixture()
        let noon = Fixture.noon
        var counts = RowCounts(rows: 0)
        counts[.sent] = 2
        let later = JobTracking(opens: .init(false, by: .site), clicks: .init(false, by: .unset), untrackedRows: 17)
        let writer = try fixture.store.create(Fixture.header(rows: 2))
        for record: LedgerRecord in [
            .confirmed(at: noon, file: "CONFIRM"),
            .started(at: noon, process: 1, host: "a\tb"),
            .tracking(at: noon, JobTracking(opens: .init(true, by: .job), clicks: .init(false, by: .senderDomain))),
            .paused(at: noon + 1),
            .resumed(at: noon + 2),
            .stopped(at: noon + 3, reason: .stopped),
            .started(at: noon + 4, process: 2, host: "a"),
            .tracking(at: noon + 4, later),
            .closed(at: noon + 5, counts: counts),
        ] {
            writer.append(record)
        }
        let live = writer.run
        #expect(await writer.close())
        let run = try fixture.store.read(fixture.job).run
        #expect(run == live)
        #expect(run.confirmedBy == "CONFIRM")
        #expect(run.starts == 2)
        #expect(run.firstStart == noon)
        #expect(run.lastStart == noon + 4)
        #expect(!run.isPaused)
        #expect(run.tracking == later)
        #expect(run.tracked == [.opens], "what was tracked at first is not forgotten")
        #expect(run.stopped == .stopped)
        #expect(run.closed == noon + 5)
        #expect(run.lastEvent == noon + 5)
    }

    @Test("A ledger can be read with less, and a row's two lines stay below 200 bytes")
    func text() async throws {
        let fixture = try Fixture()
        let writer = try fixture.store.create(Fixture.header(rows: 1_000_000))
        writer.append(.tried(RowNumber(1), attempt: 1, at: Fixture.noon))
        writer.append(.ended(RowNumber(1), Fixture.sent(at: Fixture.noon, id: "first@riverside.example")))
        #expect(await writer.flush())
        let before = try fixture.scratch.read(fixture.file).count
        let row = RowNumber(1_000_000)
        writer.append(.tried(row, attempt: 1, at: Fixture.noon))
        writer.append(.ended(row, Fixture.sent(at: Fixture.noon, id: "abcdefghij0123456789@riverside.example")))
        #expect(await writer.close())
        #expect(try fixture.scratch.read(fixture.file).count - before < 200)

        let lines = try fixture.scratch.text(fixture.file).split(separator: "\n").map {
            $0.split(separator: "\t", omittingEmptySubsequences: false).dropLast().joined(separator: "\t")
        }
        #expect(
            lines == [
                "wardpost-ledger\t1\t0102030405060708090a\t2026-11-22 12:00:00\t1000000\t0\t2026-11-22 visits"
                    + "\tVisit summary\ttreatment\t\t0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
                    + "\triverside.example\t0.1.0\t",
                "tried\t1\t1\t2026-11-22 12:00:00",
                "channel\t1\tmain\tsmtp.relay.example\trelay\tTLSv1.3\tTLS_AES_256_GCM_SHA384\tpkix",
                "sent\t1\t1\t2026-11-22 12:00:00\t\t1\tfirst@\t250 2.0.0 Ok: queued as 4XyZ123abcd",
                "tried\t1000000\t1\t2026-11-22 12:00:00",
                "sent\t1000000\t1\t2026-11-22 12:00:00\t\t1\tabcdefghij0123456789@\t250 2.0.0 Ok: queued as 4XyZ123abcd",
            ]
        )
    }

    @Test(
        "A selection of rows reads as it is written",
        arguments: [
            ("failed,held", RowSelection.statuses([.held, .failed])),
            ("deferred", .deferred),
            ("1,5-7", .rows([1...1, 5...7])),
            ("", .statuses([])),
        ]
    )
    func selection(text: String, selection: RowSelection) {
        #expect(selection.description == text)
        #expect(RowSelection(text) == selection)
    }

    @Test(
        "What selects no rows is refused",
        arguments: ["0", "3-1", "1-2-3", "failed,1", "1,", "-1", "all", "4294967296"]
    )
    func noSelection(text: String) {
        #expect(RowSelection(text) == nil)
    }
}
