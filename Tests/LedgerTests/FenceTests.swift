import Core
import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Ledger

/// What a writer does that was taken for dead, and what its successor makes of it.
@Suite(.timeLimit(.minutes(1))) struct FenceTests {
    /// Two processes' stores of one directory, as far as one process can play both.
    private struct Bench {
        let scratch: TemporaryDirectory
        let witness: TemporaryDirectory
        let one: LedgerStore
        let other: LedgerStore
        let job = Fixture.job

        static let time = Duration.milliseconds(300)

        init() throws {
            scratch = try TemporaryDirectory()
            witness = try TemporaryDirectory()
            one = try Self.store(scratch, witness)
            other = try Self.store(scratch, witness)
        }

        static func store(_ scratch: TemporaryDirectory, _ witness: TemporaryDirectory) throws -> LedgerStore {
            let directory = try Directory(path: scratch.path)
            return LedgerStore(
                directory: directory,
                key: Fixture.key,
                gather: .zero,
                leases: Leases(in: directory, kind: "leases", time: time),
                witness: Witness(directory: try Directory(path: witness.path))
            )
        }

        /// The other process takes the job over, once it has missed the first for long enough.
        func takeOver() async throws -> LedgerWriter {
            while true {
                switch Result(catching: { try other.open(job) }) {
                case .success(let writer): return writer
                case .failure(let error):
                    try #require(error as? LedgerError == .busy(job), "\(error)")
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
        }

        /// What the witness knows.
        var mark: WitnessMark? {
            get throws { try Witness(directory: try Directory(path: witness.path)).mark(of: job) }
        }

        /// Makes a ledger file as a process does.
        func make(_ number: Int, _ bytes: [UInt8]) throws {
            let files = LedgerFiles(directory: try Directory(path: scratch.path), job: job)
            try files.make(number) { file throws(LedgerError) in
                try onDisk { () throws(FileError) in try file.write(bytes) }
            }
        }

        var files: [String] {
            get throws {
                try Directory(path: scratch.path).list().filter { $0.hasSuffix(".ledger") || $0.hasSuffix(".tmp") }
            }
        }
    }

    private static func row(_ number: UInt32) -> RowNumber { RowNumber(number) }

    @Test("What a writer appends after it was taken over is durable for nobody, and read by nobody")
    func zombie() async throws {
        let bench = try Bench()
        let first = try bench.one.create(Fixture.header(rows: 9))
        first.append(.started(at: Fixture.noon, process: 1, host: "one"))
        first.append(.tried(Self.row(1), attempt: 1, at: Fixture.noon))
        #expect(await first.flush())
        first.freeze()
        let second = try await bench.takeOver()
        #expect(!first.isHeld && second.isHeld)
        let answer = Shared<Bool?>(nil)
        first.append(.tried(Self.row(2), attempt: 1, at: Fixture.noon)) { isDurable in
            answer.change { $0 = isDurable }
        }
        #expect(await !first.flush())
        #expect(answer.now == false, "nobody may send a message on the strength of it")
        #expect(first.failure == .takenOver(bench.job) && first.isLost)
        #expect(await !first.close())
        #expect(second.state(of: Self.row(1)).phase == .tried && second.state(of: Self.row(2)).phase == .pending)
        #expect(second.endRowsUnderWay(at: Fixture.noon) { "\($0)@x" } == 1)
        #expect(await second.close())
        let view = try bench.one.read(bench.job)
        #expect(view.rows[Self.row(1)].phase == .ended(.unknown) && view.rows[Self.row(2)].phase == .pending)
        #expect(try bench.files == ["\(bench.job).1.ledger"])
    }

    @Test("A row that was called back as noted is found by whoever takes over, at whatever moment that happens")
    func noRowBetween() async throws {
        var count = 0
        for round in 0..<12 {
            let bench = try Bench()
            let first = try bench.one.create(Fixture.header(rows: 100_000))
            first.freeze()
            let noted = Shared<[UInt32]>([])
            let isOver = Shared(false)
            let appending = Task.detached {
                for row in 1...100_000 as ClosedRange<UInt32> where !isOver.now {
                    let answer = await withCheckedContinuation { continuation in
                        first.append(.tried(RowNumber(row), attempt: 1, at: Fixture.noon)) {
                            continuation.resume(returning: $0)
                        }
                    }
                    guard answer else { return }
                    noted.change { $0.append(row) }
                }
            }
            let second = try await bench.takeOver()
            isOver.change { $0 = true }
            await appending.value
            let missing = noted.now.filter { second.state(of: RowNumber($0)).phase != .tried }
            #expect(missing.isEmpty, "round \(round): \(missing.count) of \(noted.now.count)")
            count += noted.now.count
            #expect(await second.close())
        }
        #expect(count > 0, "nobody appended anything")
    }

    @Test("Take-over upon take-over, the chain verifies and says who followed whom")
    func chain() async throws {
        let bench = try Bench()
        _ = await (try bench.one.create(Fixture.header(rows: 20, links: ["https://riverside.example/x"]))).close()
        for turn in 1...6 as ClosedRange<UInt32> {
            let writer = try bench.one.open(bench.job)
            writer.append(.started(at: Fixture.noon, process: Int(turn), host: "one"))
            writer.append(.ended(Self.row(turn), Fixture.sent(at: Fixture.noon, id: "\(turn)@x", server: "mx\(turn)")))
            #expect(await writer.flush())
            writer.abandon()
            #expect(await writer.close())
        }
        let view = try bench.other.read(bench.job)
        for row in 1...6 as ClosedRange<UInt32> { #expect(try view.outcome(of: Self.row(row))?.server == "mx\(row)") }
        #expect(view.run.starts == 6)
        let name = try #require(try bench.files.first)
        let lines = try bench.scratch.text(name).split(separator: "\n").filter { $0.hasPrefix("taken-over\t") }
        #expect(lines.count == 5)
        let fields = lines.map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
        #expect(fields.map { $0[2] } == ["1", "2", "3", "4", "5"])
        #expect(Set(fields.map { $0[3] }) == ["\(getpid())"])
    }

    @Test("A ledger that was closed is not copied, however often it is opened")
    func cheap() async throws {
        let bench = try Bench()
        _ = await (try bench.one.create(Fixture.header(rows: 2))).close()
        let name = "\(bench.job).ledger"
        let inode = try Directory(path: bench.scratch.path).status(of: name)?.inode
        for _ in 1...3 {
            let writer = try bench.other.open(bench.job)
            #expect(await writer.close())
        }
        #expect(try Directory(path: bench.scratch.path).status(of: name)?.inode == inode)
        #expect(try bench.files == [name])
    }

    @Test("A ledger is read while one writes it and another takes it over")
    func readers() async throws {
        let bench = try Bench()
        let isOver = Shared(false)
        let first = try bench.one.create(Fixture.header(rows: 1_000))
        let reading = Task.detached {
            var most = 0
            while !isOver.now {
                let view = try bench.one.read(bench.job)
                #expect(view.rows.counts[.sent] >= most, "rows were lost to a reader")
                most = view.rows.counts[.sent]
                await Task.yield()
            }
            return most
        }
        var writer = first
        for turn in 0..<10 as Range<UInt32> {
            for row in 1...100 as ClosedRange<UInt32> {
                writer.append(.ended(Self.row(turn * 100 + row), Fixture.sent(at: Fixture.noon, id: "\(row)@x")))
            }
            #expect(await writer.flush())
            writer.abandon()
            #expect(await writer.close())
            writer = try bench.other.open(bench.job)
        }
        isOver.change { $0 = true }
        _ = try await reading.value
        #expect(writer.counts[.sent] == 1_000)
        #expect(await writer.close())
    }

    @Test("A take-over that ends at any step is done again by the next, and nothing is lost", arguments: 0..<6)
    func killed(step: Int) async throws {
        let bench = try Bench()
        let first = try bench.one.create(Fixture.header(rows: 3))
        first.append(.tried(Self.row(1), attempt: 1, at: Fixture.noon))
        first.append(.ended(Self.row(1), Fixture.sent(at: Fixture.noon, id: "1@x")))
        first.append(.tried(Self.row(2), attempt: 1, at: Fixture.noon))
        #expect(await first.flush())
        first.abandon()
        #expect(await first.close())
        // Each step as the take-over does it, up to where it was killed.
        let directory = try Directory(path: bench.scratch.path)
        let files = LedgerFiles(directory: directory, job: bench.job)
        let bytes = try bench.scratch.read(files.name(0))
        if step >= 1 {
            try bench.scratch.write("leases/\(bench.job)/2", Claim(holder: Self.ended, milliseconds: 1).bytes)
        }
        if step >= 2 { try LedgerFiles.seal(try directory.openRegular(files.name(0))) }
        if step >= 3 { try bench.scratch.write(".\(bench.job).1.ledger.abc.tmp", bytes.dropLast(7)) }
        if step >= 4 { try bench.make(1, bytes) }
        if step >= 5 { try directory.remove(files.name(0)) }
        if step == 5 {
            // The old file goes when the witness knows of the new one.
            let mark = try #require(try bench.mark)
            let file = try FileIdentity(try directory.openRegular(files.name(1)))
            try Witness(directory: try Directory(path: bench.witness.path)).write(
                WitnessMark(number: 1, file: file, length: mark.length, tag: mark.tag, isClosed: false),
                of: bench.job
            ) {}
        }
        let next = try bench.other.open(bench.job)
        #expect(next.state(of: Self.row(1)).phase == .ended(.sent))
        #expect(next.state(of: Self.row(2)).phase == .tried && next.state(of: Self.row(3)).phase == .pending)
        #expect(await next.close())
        #expect(try bench.files.count == 1)
        let last = try bench.one.open(bench.job)
        #expect(last.state(of: Self.row(2)).phase == .tried)
        #expect(await last.close())
    }

    /// A process of this machine that has ended.
    private static var ended: Holder {
        var holder = Holder.this
        holder.started += 1
        return holder
    }

    @Test("A ledger made by one that was too late is not believed")
    func late() async throws {
        let bench = try Bench()
        let first = try bench.one.create(Fixture.header(rows: 1))
        first.freeze()
        let second = try await bench.takeOver()
        // The first process, wherever it was stopped, makes the file that it was about to make.
        let files = LedgerFiles(directory: try Directory(path: bench.scratch.path), job: bench.job)
        let bytes = try bench.scratch.read(files.name(1))
        try bench.make(0, bytes)
        second.append(.ended(Self.row(1), Fixture.sent(at: Fixture.noon, id: "1@x")))
        #expect(await second.close())
        #expect(try bench.one.read(bench.job).rows.counts[.sent] == 1)
        let third = try bench.one.open(bench.job)
        #expect(third.counts[.sent] == 1)
        #expect(await third.close())
        #expect(try bench.files == [files.name(1)])
        _ = await first.close()
    }
}

extension LedgerWriter {
    /// Gives no sign of life any more, as a process that was stopped.
    func freeze() { commit.lease.isFrozen.store(true, ordering: .relaxed) }

    /// Lets go of the lease as a process does that ends in the middle.
    func abandon() { commit.lease.release(clean: false) }
}
