import Core
import Foundation
import Glibc
import Testing

@testable import Ledger

/// A million rows are no trouble: the tests' debug build takes fewer, since it is twenty times slower.
@Suite(.serialized) struct SizeTests {
    #if DEBUG
        static let rows: UInt32 = 40_000
    #else
        static let rows: UInt32 = 1_000_000
    #endif

    @Test("Many rows are written, replayed and read back in bounded memory")
    func many() async throws {
        let fixture = try Fixture()
        let store = LedgerStore(directory: fixture.directory, key: Fixture.key)
        let clock = ContinuousClock()
        let writer = try store.create(Fixture.header(rows: Int(Self.rows)))
        let writing = await clock.measure {
            for row in 1...Self.rows {
                writer.append(.tried(RowNumber(row), attempt: 1, at: Fixture.noon + Int64(row / 10_000)))
                let outcome = Fixture.sent(
                    at: Fixture.noon + Int64(row / 10_000),
                    id: "abcdefghij01234\(row)@riverside.example"
                )
                writer.append(.ended(RowNumber(row), outcome))
                // As senders do, which wait for their rows.
                if row.isMultiple(of: 20_000) { _ = await writer.flush() }
            }
        }
        #expect(await writer.close())
        let before = resident()
        var view = try store.read(fixture.job)
        let replaying = try clock.measure { view = try store.read(fixture.job) }
        let after = resident()
        #expect(view.rows.counts[.sent] == Int(Self.rows))
        var sum = 0
        let reading = try clock.measure {
            for row in 1...Self.rows {
                sum += try view.outcome(of: RowNumber(row))?.attempts ?? 0
            }
        }
        #expect(sum == Int(Self.rows))
        // Eight bytes a row, twice while one view follows the other, and a few blocks.
        #expect(after - before < 16 * Int(Self.rows) + 16 << 20)
        print("ledger: \(Self.rows) rows written in \(writing), replayed in \(replaying), read in \(reading)")
    }

    /// This process's memory in bytes.
    private func resident() -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(getpagesize())
    }
}
