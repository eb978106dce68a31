import Core
import Files
import Foundation
import Glibc
import Ledger
import OpenSSL
import TestSupport
import Testing

@testable import Records

/// A million rows are no trouble: the tests' debug build takes fewer, since it is twenty times slower.
@Suite(.serialized) struct SizeTests {
    #if DEBUG
        static let rows: UInt32 = 20_000
    #else
        static let rows: UInt32 = 1_000_000
    #endif

    /// Rows made up as they are asked for.
    private struct MadeUp: RowTexts {
        func forEach(_ body: (RowNumber, ArraySlice<UInt8>, ArraySlice<UInt8>) throws -> Void) throws {
            for row in 1...SizeTests.rows {
                try body(RowNumber(row), Array("key-\(row)".utf8)[...], Array("person\(row)@example.com".utf8)[...])
            }
        }
    }

    @Test("Records of many rows are written in bounded memory")
    func many() async throws {
        let fixture = try Fixture()
        let store = LedgerStore(
            directory: try Directory(path: fixture.ledgers.path),
            key: SecretBytes(copying: Array(0..<32))
        )
        let header = LedgerHeader(
            job: Fixture.job,
            takenUp: Fixture.noon,
            folder: "f",
            name: "n",
            purpose: "treatment",
            rows: Int(Self.rows),
            contentDigest: [],
            messageDomain: "riverside.example",
            version: "0"
        )
        let writer = try store.create(header)
        for row in 1...Self.rows {
            writer.append(.ended(RowNumber(row), Fixture.sent(Int64(row / 10_000))))
            if row.isMultiple(of: 20_000) { _ = await writer.flush() }
        }
        #expect(await writer.close())
        let view = try store.read(Fixture.job)
        let before = try resident()
        let clock = ContinuousClock()
        var summary: Summary?
        let time = try clock.measure {
            let switches = Summary.Switches(opens: false, clicks: false)
            summary = try fixture.records.rebuild(MadeUp(), view, switches: switches) { _ in nil }
        }
        let after = try resident()
        #expect(summary?.outcomes[.sent] == Int(Self.rows))
        #expect(after - before < 16 << 20, "\(after - before) bytes more than before")
        print("records: \(Self.rows) rows in \(time)")
    }

    private func resident() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return try #require(pages) * Int(getpagesize())
    }
}
