import Core
import Files
import Foundation
import TestSupport
import Testing

@testable import Ledger

/// A ledger put back from a backup is noticed; one that was moved is not complained of.
@Suite(.timeLimit(.minutes(1))) struct WitnessTests {
    private struct Bench {
        let scratch: TemporaryDirectory
        let outside: TemporaryDirectory
        let store: LedgerStore
        let job = Fixture.job

        init() throws {
            scratch = try TemporaryDirectory()
            outside = try TemporaryDirectory()
            store = try Self.store(scratch, outside)
        }

        static func store(_ scratch: TemporaryDirectory, _ outside: TemporaryDirectory) throws -> LedgerStore {
            LedgerStore(
                directory: try Directory(path: scratch.path),
                key: Fixture.key,
                gather: .zero,
                witness: Witness(directory: try Directory(path: outside.path))
            )
        }

        var name: String { "\(job).ledger" }

        /// A ledger with two rows sent, a backup of it, and two more rows sent after that.
        func sendAndBackUp(isClosed: Bool) async throws -> [UInt8] {
            let writer = try store.create(Fixture.header(rows: 5))
            for row in [1, 2] as [UInt32] {
                writer.append(.ended(RowNumber(row), Fixture.sent(at: Fixture.noon, id: "x")))
            }
            #expect(await writer.flush())
            let backup = try scratch.read(name)
            for row in [3, 4] as [UInt32] {
                writer.append(.ended(RowNumber(row), Fixture.sent(at: Fixture.noon, id: "x")))
            }
            #expect(await writer.flush())
            if !isClosed {
                // A moment later the witness knows, too.
                while try mark?.length != Int64(scratch.read(name).count) {
                    try await Task.sleep(for: .milliseconds(20))
                }
                writer.abandon()
            }
            #expect(await writer.close())
            return backup
        }

        var mark: WitnessMark? {
            get throws { try Witness(directory: try Directory(path: outside.path)).mark(of: job) }
        }

        /// Why the ledger is not opened; `nil` if it is.
        func objection() async throws -> Restored? {
            do throws(LedgerError) {
                let writer = try store.open(job)
                #expect(await writer.close())
                return nil
            } catch {
                guard case .restored(_, let what) = error else { throw error }
                return what
            }
        }

        /// Puts a file back as a backup program does: as a new one.
        func restore(_ bytes: [UInt8], _ name: String) throws {
            try? FileManager.default.removeItem(atPath: scratch.path(name))
            // Something else has the number of the old one by now.
            try scratch.write("other", [1])
            try scratch.write(name, bytes)
        }
    }

    @Test(
        "An older ledger is not opened, as a new file or in the old one's place",
        arguments: [true, false],
        [true, false]
    )
    func older(isClosed: Bool, isNewFile: Bool) async throws {
        let bench = try Bench()
        let backup = try await bench.sendAndBackUp(isClosed: isClosed)
        if isNewFile {
            try bench.restore(backup, bench.name)
        } else {
            let file = try #require(FileHandle(forWritingAtPath: bench.scratch.path(bench.name)))
            try file.truncate(atOffset: UInt64(backup.count))
            try file.close()
        }
        for _ in 1...2 { #expect(try await bench.objection() == .shorter) }
        // Reading it is another matter.
        #expect(try bench.store.read(bench.job).rows.counts[.sent] == 2)
    }

    @Test("A ledger that is gone is not made anew, though the directory is there", arguments: [true, false])
    func missing(isClosed: Bool) async throws {
        let bench = try Bench()
        _ = try await bench.sendAndBackUp(isClosed: isClosed)
        try FileManager.default.removeItem(atPath: bench.scratch.path(bench.name))
        #expect(try bench.store.contains(bench.job), "it is known to have been there")
        #expect(try await bench.objection() == .missing)
        #expect(throws: LedgerError.restored(bench.job, .missing)) { try bench.store.create(Fixture.header(rows: 5)) }
        // Until somebody says so; and what is found later does not count then.
        let backup = try bench.store.create(Fixture.header(rows: 5), acceptingLoss: true)
        #expect(backup.counts[.pending] == 5)
        #expect(await backup.close())
        #expect(try await bench.objection() == nil)
    }

    @Test("An older ledger is opened when somebody says so, and from then on like any other")
    func accepted() async throws {
        let bench = try Bench()
        try bench.restore(try await bench.sendAndBackUp(isClosed: true), bench.name)
        #expect(try await bench.objection() == .shorter)
        let writer = try bench.store.open(bench.job, acceptingLoss: true)
        #expect(writer.counts[.sent] == 2 && writer.counts[.pending] == 3)
        writer.endOpenRows(at: Fixture.noon) { "\($0)@x" }
        #expect(await writer.flush())
        #expect(writer.counts[.unknown] == 3 && writer.counts.open == 0)
        #expect(await writer.close())
        #expect(try await bench.objection() == nil)
        #expect(try bench.store.read(bench.job).rows.counts[.unknown] == 3)
    }

    @Test("A ledger of the same length with another line is not opened")
    func differs() async throws {
        let bench = try Bench()
        let writer = try bench.store.create(Fixture.header(rows: 5))
        #expect(await writer.flush())
        let before = try bench.scratch.read(bench.name)
        writer.append(.ended(RowNumber(1), Fixture.sent(at: Fixture.noon, id: "x")))
        #expect(await writer.close())
        // A backup that went on by itself: another row, a line as long.
        let fork = try Fixture()
        try fork.scratch.write(fork.file, before)
        let other = try fork.store.open(fork.job)
        other.append(.ended(RowNumber(2), Fixture.sent(at: Fixture.noon, id: "x")))
        other.append(.ended(RowNumber(3), Fixture.sent(at: Fixture.noon, id: "x")))
        #expect(await other.close())
        try bench.restore(try fork.scratch.read("\(fork.job).1.ledger"), bench.name)
        #expect(try await bench.objection() == .differs)
    }

    @Test("A ledger from before the last take-over is not opened, even if it is complete")
    func earlier() async throws {
        let bench = try Bench()
        _ = try await bench.sendAndBackUp(isClosed: false)
        let old = try bench.scratch.read(bench.name)
        #expect(try await bench.objection() == nil, "the next takes over")
        #expect(!FileManager.default.fileExists(atPath: bench.scratch.path(bench.name)))
        try FileManager.default.removeItem(atPath: bench.scratch.path("\(bench.job).1.ledger"))
        try bench.restore(old, bench.name)
        #expect(try await bench.objection() == .earlier)
    }

    @Test("A copy put there while the job was under way is not opened, though it has every line known")
    func copiedUnderWay() async throws {
        let bench = try Bench()
        _ = try await bench.sendAndBackUp(isClosed: false)
        let all = try bench.scratch.read(bench.name)
        try bench.restore(all, bench.name)
        #expect(try await bench.objection() == .otherFile)
    }

    @Test("A whole site that was copied to another disk goes on, if its ledgers were closed")
    func moved() async throws {
        let bench = try Bench()
        _ = try await bench.sendAndBackUp(isClosed: true)
        let elsewhere = try TemporaryDirectory()
        try elsewhere.write(bench.name, try bench.scratch.read(bench.name))
        let store = try Bench.store(elsewhere, bench.outside)
        for _ in 1...2 {
            let writer = try store.open(bench.job)
            #expect(writer.counts[.sent] == 4)
            #expect(await writer.close())
        }
    }

    @Test("A ledger that the witness never saw, or saw less of, is taken as it is")
    func behind() async throws {
        let bench = try Bench()
        let early = try await {
            let writer = try bench.store.create(Fixture.header(rows: 5))
            #expect(await writer.close())
            return try bench.outside.read("\(bench.job)")
        }()
        let writer = try bench.store.open(bench.job)
        writer.append(.ended(RowNumber(1), Fixture.sent(at: Fixture.noon, id: "x")))
        #expect(await writer.close())
        try bench.outside.write("\(bench.job)", early)
        #expect(try await bench.objection() == nil)
        try FileManager.default.removeItem(atPath: bench.outside.path("\(bench.job)"))
        #expect(try await bench.objection() == nil)
        #expect(try bench.mark?.isClosed == true, "it is known now")
    }

    @Test(
        "The witness knows of a ledger before its first record can be called durable, and follows while it is written"
    )
    func follows() async throws {
        let bench = try Bench()
        let writer = try bench.store.create(Fixture.header(rows: 5))
        let first = try #require(try bench.mark)
        #expect(first.length == Int64(try bench.scratch.read(bench.name).count) && !first.isClosed && first.number == 0)
        writer.append(.tried(RowNumber(1), attempt: 1, at: Fixture.noon))
        #expect(await writer.flush())
        let length = Int64(try bench.scratch.read(bench.name).count)
        let end = ContinuousClock.now + .seconds(30)
        while try bench.mark?.length != length, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(try bench.mark?.length == length)
        #expect(await writer.close())
        #expect(try bench.mark?.isClosed == true)
    }

    @Test("Nothing is written when the witness cannot be")
    func unwritable() async throws {
        let bench = try Bench()
        try FileManager.default.removeItem(atPath: bench.outside.path)
        #expect(throws: LedgerError.self) { try bench.store.create(Fixture.header(rows: 5)) }
        try FileManager.default.createDirectory(atPath: bench.outside.path, withIntermediateDirectories: false)
        let store = try Bench.store(bench.scratch, bench.outside)
        let writer = try store.open(bench.job)
        try FileManager.default.removeItem(atPath: bench.outside.path)
        let end = ContinuousClock.now + .seconds(30)
        while writer.failure == nil, ContinuousClock.now < end {
            writer.append(.tried(RowNumber(1), attempt: 1, at: Fixture.noon))
            _ = await writer.flush()
            try await Task.sleep(for: .milliseconds(50))
        }
        guard case .file = writer.failure else { return #expect(Bool(false), "the writer went on unwitnessed") }
        #expect(await !writer.close())
        try FileManager.default.createDirectory(atPath: bench.outside.path, withIntermediateDirectories: false)
    }

    @Test("A damaged witness stops the job; it is not taken for none")
    func damaged() async throws {
        let bench = try Bench()
        _ = try await bench.sendAndBackUp(isClosed: true)
        for text in ["", "wardpost-witness 1\n", "wardpost-witness 2\nledger 0\n"] {
            try bench.outside.write("\(bench.job)", text: text)
            #expect(throws: LedgerError.self) { try bench.store.open(bench.job) }
        }
    }
}
