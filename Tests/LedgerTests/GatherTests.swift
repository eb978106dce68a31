import Core
import Files
import TestSupport
import Testing

@testable import Ledger

/// Whom the writer waits for before it syncs.
@Suite(.timeLimit(.minutes(1))) struct GatherTests {
    /// A writer that would wait for ten minutes, if it waited for the time alone.
    private func patient(_ body: (LedgerWriter) async throws -> Void) async throws {
        let scratch = try TemporaryDirectory()
        let directory = try Directory(path: scratch.path)
        let store = LedgerStore(directory: directory, key: Fixture.key, gather: .seconds(600))
        let writer = try store.create(Fixture.header(rows: 4))
        try await body(writer)
        #expect(await writer.close())
    }

    private func tried(_ row: UInt32) -> LedgerRecord {
        .tried(RowNumber(row), attempt: 1, at: Fixture.noon)
    }

    private func ended(_ row: UInt32) -> LedgerRecord {
        .ended(RowNumber(row), Fixture.sent(at: Fixture.noon, id: "\(row)@riverside.example"))
    }

    @Test("A group is written at once when every row that is under way waits for it")
    func full() async throws {
        try await patient { writer in
            for row in 1...4 as ClosedRange<UInt32> {
                writer.append(tried(row))
                #expect(await writer.flush())
                writer.append(ended(row))
            }
            #expect(writer.syncs >= 4)
        }
    }

    @Test("While another row is under way its record is waited for, and goes into the same group")
    func gathers() async throws {
        try await patient { writer in
            writer.append(tried(1))
            #expect(await writer.flush())
            let syncs = writer.syncs
            let isDurable = Shared(false)
            let second = writer.append(tried(2)) { answer in isDurable.change { $0 = answer } }
            for _ in 0..<1_000 { await Task.yield() }
            #expect(!isDurable.now && writer.durable < second, "row 1 is under way: it will say something soon")
            writer.append(ended(1))
            // Now row 2 is the only one under way, and it waits.
            #expect(await writer.flush())
            #expect(isDurable.now && writer.syncs == syncs + 1)
        }
    }

    @Test("The end of the ledger waits for nobody")
    func end() async throws {
        try await patient { writer in
            writer.append(tried(1))
            #expect(await writer.flush())
            writer.append(tried(2))
        }
    }
}
