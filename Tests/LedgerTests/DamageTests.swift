import Core
import Files
import Foundation
import OpenSSL
import TestSupport
import Testing

@testable import Ledger

/// A ledger that is not what was written is noticed, and a torn tail is not mistaken for damage.
@Suite struct DamageTests {
    @Test("A ledger cut at any byte gives exactly the records whose lines are complete")
    func cutAnywhere() async throws {
        let whole = try Fixture()
        let bytes = try await whole.small()
        // Two lines of head: the job and its link.
        let ends = bytes.indices.filter { bytes[$0] == UInt8(ascii: "\n") }.map { $0 + 1 }
        let fixture = try Fixture()
        for length in 0...bytes.count {
            try fixture.scratch.write(fixture.file, bytes[..<length])
            let complete = ends.filter { $0 <= length }
            guard complete.count >= 2 else {
                #expect(throws: LedgerError.unfinished(fixture.job)) { try fixture.store.open(fixture.job) }
                continue
            }
            let view = try fixture.store.read(fixture.job)
            let last = complete[complete.count - 1]
            #expect(view.torn == Int64(length - last))
            #expect(view.run.starts == (complete.count >= 3 ? 1 : 0))
            #expect(view.rows[RowNumber(1)].phase == phase(complete.count, tried: 4, ended: 6, .ended(.sent)))
            #expect(view.rows[RowNumber(2)].phase == phase(complete.count, tried: 7, ended: 8, .deferred))
            #expect(view.rows[RowNumber(3)].phase == phase(complete.count, tried: 9, ended: 10, .tried))

            // Opening takes some syncs, and is tried where lines end and at some places between.
            guard length == last || length.isMultiple(of: 9) else { continue }
            let torn = try Fixture()
            try torn.scratch.write(torn.file, bytes[..<length])
            let writer = try torn.store.open(torn.job)
            #expect(writer.torn == Int64(length - last))
            #expect(await writer.close())
            let copy = try torn.scratch.read("\(torn.job).1.ledger")
            #expect(copy.starts(with: bytes[..<last]), "what holds is copied")
            #expect(copy[last...].starts(with: Array("taken-over\t".utf8)), "the torn tail is left behind")
            #expect(try torn.store.read(torn.job).torn == 0)
        }
    }

    private func phase(_ lines: Int, tried: Int, ended: Int, _ end: RowPhase) -> RowPhase {
        lines >= ended ? end : lines >= tried ? .tried : .pending
    }

    @Test("A changed byte is found wherever it is; in the last line, that line is cut", arguments: [0x01, 0x20, 0xFF])
    func changedAnywhere(mask: UInt8) async throws {
        let whole = try Fixture()
        let bytes = try await whole.small()
        let fixture = try Fixture()
        let lastLine = (bytes.dropLast().lastIndex(of: UInt8(ascii: "\n")) ?? 0) + 1
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= mask
            try fixture.scratch.write(fixture.file, changed)
            switch Result(catching: { try fixture.store.read(fixture.job) }) {
            case .success(let view):
                #expect(index >= lastLine, "byte \(index) was changed and nobody noticed")
                #expect(view.torn > 0)
                #expect(view.rows[RowNumber(3)].phase == .pending)
                #expect(view.rows[RowNumber(2)].phase == .deferred)
            case .failure(let error):
                let lines = bytes[..<index].count { $0 == UInt8(ascii: "\n") }
                guard case LedgerError.broken(_, line: lines + 1, _) = error else {
                    Issue.record("byte \(index) of line \(lines + 1): \(error)")
                    continue
                }
            }
        }
    }

    @Test("A tail of zeros, as a crash can leave it, is cut", arguments: [1, 40, 5_000, 3_000_000])
    func zeros(count: Int) async throws {
        let fixture = try Fixture()
        let bytes = try await fixture.small()
        try fixture.scratch.write(fixture.file, bytes.dropLast(10) + Array(repeating: 0, count: count))
        let view = try fixture.store.read(fixture.job)
        #expect(view.rows[RowNumber(3)].phase == .pending)
        #expect(view.rows[RowNumber(2)].phase == .deferred)
    }

    @Test("Zeros with more behind them are damage")
    func hole() async throws {
        let fixture = try Fixture()
        var bytes = try await fixture.small()
        let middle = bytes.count / 2
        for index in middle..<(middle + 20) { bytes[index] = 0 }
        try fixture.scratch.write(fixture.file, bytes)
        #expect(throws: LedgerError.self) { try fixture.store.open(fixture.job) }
    }

    @Test("A line that was left out, moved or repeated is damage", arguments: ["out", "swap", "twice"])
    func rearranged(how: String) async throws {
        let fixture = try Fixture()
        let text = String(decoding: try await fixture.small(), as: UTF8.self)
        var lines = text.split(separator: "\n").map { $0 + "\n" }
        switch how {
        case "out": lines.remove(at: 4)
        case "swap": lines.swapAt(4, 5)
        default: lines.insert(lines[4], at: 4)
        }
        try fixture.scratch.write(fixture.file, text: lines.joined())
        #expect(throws: LedgerError.self) { try fixture.store.open(fixture.job) }
    }

    @Test("Without the key, a line's tag cannot be made")
    func forged() async throws {
        let fixture = try Fixture()
        let bytes = try await fixture.small()
        let last = bytes[(bytes.count - 33)..<(bytes.count - 1)]
        let shown = try #require(Hex.decode(String(decoding: last, as: UTF8.self)))
        // The best that a forger can do: go on from the half that is shown.
        let line = Array("tried\t4\t1\t2026-11-22 12:00:00".utf8)
        for start in [shown, shown + Array(repeating: 0, count: 16), shown + shown] {
            let tag = Hex.encode(SHA256.hash(start + line).prefix(16))
            let next = line + Array("\t\(tag)\n".utf8)
            try fixture.scratch.write(fixture.file, bytes + next)
            #expect(try fixture.store.read(fixture.job).torn == Int64(next.count))
            try fixture.scratch.write(fixture.file, bytes + next + next)
            #expect(throws: LedgerError.self) { try fixture.store.read(fixture.job) }
        }
    }

    @Test("A ledger of another site's key is refused")
    func otherKey() async throws {
        let fixture = try Fixture()
        _ = try await fixture.small()
        let other = try fixture.other(key: SecretBytes(copying: Array(1...32)))
        #expect {
            try other.open(fixture.job)
        } throws: { error in
            if case LedgerError.broken(_, line: 1, _) = error { true } else { false }
        }
        #expect(throws: LedgerError.self, "it is not made anew either") {
            try other.create(Fixture.header(rows: 4))
        }
    }

    @Test("A ledger under another job's name is refused")
    func otherName() async throws {
        let fixture = try Fixture()
        let bytes = try await fixture.small()
        let other = try #require(fixture.job.next)
        try fixture.scratch.write("\(other).ledger", bytes)
        #expect(throws: LedgerError.self) { try fixture.store.open(other) }
    }

    @Test("A format that is not known is named")
    func version() async throws {
        let fixture = try Fixture()
        var encoder = LineEncoder(messageDomain: "")
        encoder.append(Fixture.header(rows: 1))
        let text = String(decoding: encoder.buffer, as: UTF8.self)
        var bytes = Array(text.replacing("wardpost-ledger\t1\t", with: "wardpost-ledger\t2\t").utf8)
        let chain = Chain(head: bytes[..<(bytes.count - Chain.tail)], key: HMACSHA256(key: Fixture.key))
        chain.writeTag(into: &bytes, at: bytes.count - 33)
        try fixture.scratch.write(fixture.file, bytes)
        #expect(throws: LedgerError.version(fixture.job, found: "2")) { try fixture.store.open(fixture.job) }
    }

    @Test("A link in a ledger's place is not followed")
    func link() async throws {
        let fixture = try Fixture()
        let elsewhere = try Fixture()
        _ = try await elsewhere.small()
        try FileManager.default.createSymbolicLink(
            atPath: fixture.scratch.path(fixture.file),
            withDestinationPath: elsewhere.scratch.path(elsewhere.file)
        )
        #expect(throws: LedgerError.self) { try fixture.store.open(fixture.job) }
        #expect(throws: LedgerError.self) { try fixture.store.create(Fixture.header(rows: 4)) }
    }
}
