import Core
import Files
import Glibc
import OpenSSL
import TestSupport
import Testing

@testable import Ledger

/// A process can end at any moment, and the next one knows where to go on.
@Suite struct RestartTests {
    @Test("States, attempts and times are the same after a restart")
    func states() async throws {
        let fixture = try Fixture()
        let noon = Fixture.noon
        let writer = try fixture.store.create(Fixture.header(rows: 6))
        for record in Fixture.smallRecords { writer.append(record) }
        writer.append(.tried(RowNumber(4), attempt: 5_000, at: noon))
        writer.append(.ended(RowNumber(5), Outcome(.invalid, reason: .addressMissing, finishedAt: noon)))
        let live = (1...6 as ClosedRange<UInt32>).map { writer.state(of: RowNumber($0)) }
        #expect(await writer.close())

        let again = try fixture.store.open(fixture.job)
        #expect((1...6 as ClosedRange<UInt32>).map { again.state(of: RowNumber($0)) } == live)
        #expect(live.map(\.phase) == [.ended(.sent), .deferred, .tried, .tried, .ended(.invalid), .pending])
        #expect(live.map(\.attempts) == [1, 1, 1, 2_047, 0, 0])
        #expect(again.counts == writer.counts)
        #expect(again.counts.open == 4)
        #expect(again.withRows { $0.due(RowNumber(2)) } == noon + 300)
        #expect(again.withRows { Array($0.rows(.tried)) } == [RowNumber(3), RowNumber(4)])
        #expect(await again.close())
    }

    @Test("A row that was unknown may have arrived until it is sent, whatever else becomes of it")
    func mayHaveArrived() async throws {
        let fixture = try Fixture()
        let row = RowNumber(1)
        let writer = try fixture.store.create(Fixture.header(rows: 2))
        let refused = Outcome(.failed, reason: .mailboxUnknown, attempts: 2, finishedAt: Fixture.noon)
        let steps: [(LedgerRecord, Bool)] = [
            (.tried(row, attempt: 1, at: Fixture.noon), false),
            (.ended(row, Outcome(.unknown, reason: .answerLost, attempts: 1, finishedAt: Fixture.noon)), true),
            (.retried(at: Fixture.noon, .rows([1...2])), true),
            (.tried(row, attempt: 2, at: Fixture.noon), true),
            (.deferred(row, Fixture.deferral(due: Fixture.noon + 300)), true),
            (.ended(row, refused), true),
            (.ended(row, Fixture.sent(at: Fixture.noon, id: "a@riverside.example")), false),
        ]
        for (record, expected) in steps {
            writer.append(record)
            #expect(writer.state(of: row).mayHaveArrived == expected, "\(record)")
            #expect(await writer.flush())
            #expect(try fixture.store.read(fixture.job).rows[row].mayHaveArrived == expected, "\(record)")
        }
        #expect(!writer.state(of: RowNumber(2)).mayHaveArrived)
        #expect(await writer.close())
    }

    @Test("A writer goes on where the last one ended, channels and chain included")
    func goesOn() async throws {
        let fixture = try Fixture()
        #expect(await (try fixture.store.create(Fixture.header(rows: 40))).close())
        for row in 1...40 as ClosedRange<UInt32> {
            let writer = try fixture.store.open(fixture.job)
            let server = "mx\(row % 3)"
            writer.append(.ended(RowNumber(row), Fixture.sent(at: Fixture.noon, id: "\(row)@x", server: server)))
            #expect(await writer.close())
        }
        let view = try fixture.store.read(fixture.job)
        for row in 1...40 as ClosedRange<UInt32> {
            #expect(try view.outcome(of: RowNumber(row))?.server == "mx\(row % 3)")
        }
        let channels = try fixture.scratch.text(fixture.file).split(separator: "\n").count { $0.hasPrefix("channel") }
        #expect(channels == 3)
    }

    @Test("Rows under way when a process ended become unknown")
    func underWay() async throws {
        let fixture = try Fixture()
        _ = try await fixture.small()
        let writer = try fixture.store.open(fixture.job)
        let count = writer.endRowsUnderWay(at: Fixture.noon + 60) { "id-\($0)@riverside.example" }
        #expect(count == 1)
        let view = try #require(await writer.view())
        let outcome = try #require(try view.outcome(of: RowNumber(3)))
        #expect(outcome.status == .unknown)
        #expect(outcome.reason == .answerLost)
        #expect(outcome.attempts == 1)
        #expect(outcome.finishedAt == Fixture.noon + 60)
        #expect(outcome.messageID == "id-3@riverside.example")
        #expect(await writer.close())
    }

    @Test(
        "A retry takes up what was asked for, and never a row that was sent",
        arguments: [
            (RowSelection.statuses([.failed, .sent]), [2]),
            (.statuses([.unknown]), [3]),
            (.statuses([.failed, .held, .unknown]), [2, 3, 4]),
            (.rows([1...3]), [2, 3]),
            (.rows([4...4, 6...9]), [4]),
            (.rows([0...4_000_000_000]), [2, 3, 4]),
            (.deferred, []),
        ] as [(RowSelection, [UInt32])]
    )
    func retry(selection: RowSelection, rows: [UInt32]) async throws {
        let fixture = try Fixture()
        let writer = try fixture.store.create(Fixture.header(rows: 5))
        for (row, status) in zip([1, 2, 3, 4] as [UInt32], [.sent, .failed, .unknown, .held] as [RowStatus]) {
            let outcome = Outcome(status, reason: .refused, attempts: 2, finishedAt: Fixture.noon)
            writer.append(.ended(RowNumber(row), outcome))
        }
        writer.append(.closed(at: Fixture.noon, counts: writer.counts))
        writer.append(.retried(at: Fixture.noon + 1, selection))
        let live = writer.withRows { Array($0.rows(.retry)) }
        #expect(await writer.close())
        let view = try fixture.store.read(fixture.job)
        #expect(Array(view.rows.rows(.retry)) == rows.map { RowNumber($0) })
        #expect(live == rows.map { RowNumber($0) })
        #expect(view.run.retries == 1)
        #expect(view.run.closed == nil)
        for row in rows {
            #expect(view.rows[RowNumber(row)].attempts == 2, "attempts go on counting")
            #expect(try view.outcome(of: RowNumber(row)) == nil)
            guard case .ended(_, let before) = try view.latest(of: RowNumber(row)) else {
                Issue.record("what row \(row) had come to is still known")
                continue
            }
            #expect(before.reason == .refused)
        }
    }

    @Test(
        "A row that waits after a refusal is brought forward if it is asked for, and keeps its attempts",
        arguments: [(RowSelection.deferred, [2, 4]), (.rows([1...2]), [2]), (.statuses([.failed, .unknown]), [3])]
            as [(RowSelection, [UInt32])]
    )
    func forward(selection: RowSelection, rows: [UInt32]) async throws {
        let fixture = try Fixture()
        let writer = try fixture.store.create(Fixture.header(rows: 5))
        writer.append(.ended(RowNumber(1), Outcome(.sent, finishedAt: Fixture.noon)))
        writer.append(.ended(RowNumber(3), Outcome(.failed, reason: .refused, attempts: 2, finishedAt: Fixture.noon)))
        for row in [2, 4] as [UInt32] {
            let later = Deferral(attempts: 2, at: Fixture.noon, due: Fixture.noon + 900, reason: .serverBusy)
            writer.append(.deferred(RowNumber(row), later))
        }
        writer.append(.retried(at: Fixture.noon + 1, selection))
        #expect(await writer.close())
        let view = try fixture.store.read(fixture.job)
        #expect(Array(view.rows.rows(.retry)) == rows.map { RowNumber($0) })
        #expect(rows.allSatisfy { view.rows[RowNumber($0)].attempts == 2 })
        #expect(view.rows[RowNumber(5)].phase == .pending)
    }

    @Test("After SIGKILL at any moment, every record that was called back is there", arguments: 0..<8)
    func killed(round: Int) async throws {
        let scratch = try TemporaryDirectory()
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = scratch.path as String, round = round as Int] in
            let directory = try Directory(path: path)
            let store = LedgerStore(directory: directory, key: Fixture.key, gather: .zero)
            let writer = try store.create(Fixture.header(rows: 1_000_000))
            let acknowledged = try directory.create("acknowledged")
            let limit = [1, 7, 50, 333, 1_000, 2_500, 6_000, 20_000][round]
            for row in 1...1_000_000 as ClosedRange<UInt32> {
                writer.append(.tried(RowNumber(row), attempt: 1, at: Fixture.noon))
                writer.append(.ended(RowNumber(row), Fixture.sent(at: Fixture.noon, id: "\(row)@x"))) { isDurable in
                    guard isDurable else { return }
                    // One write(2), so that the kernel has it whatever becomes of us.
                    try? acknowledged.write(Array("\(row)\n".utf8))
                    if row == limit { kill(getpid(), SIGKILL) }
                }
            }
            _ = await writer.flush()
        }
        let rows = try scratch.text("acknowledged").split(separator: "\n").compactMap { UInt32($0) }
        #expect(!rows.isEmpty)
        let store = LedgerStore(directory: try Directory(path: scratch.path), key: Fixture.key)
        let writer = try store.open(Fixture.job)
        for row in rows {
            #expect(writer.state(of: RowNumber(row)).phase == .ended(.sent))
        }
        // Nothing that never was, either: rows come in order, and so do their states.
        let sent = writer.withRows { Array($0.rows(.ended(.sent))) }
        #expect(sent == (1...UInt32(sent.count)).map { RowNumber($0) })
        #expect(await writer.close())
    }
}
