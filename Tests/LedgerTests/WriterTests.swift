import Core
import Files
import Glibc
import OpenSSL
import TestSupport
import Testing

@testable import Ledger

/// What the writer says is durable is, and what it says it holds it holds.
@Suite struct WriterTests {
    @Test("Callbacks come in order, each after its record is durable")
    func order() async throws {
        let fixture = try Fixture()
        let writer = try fixture.store.create(Fixture.header(rows: 500))
        let seen = Shared<[UInt32]>([])
        let early = Shared(0)
        for row in 1...500 as ClosedRange<UInt32> {
            let sequence = Shared(LedgerSequence(value: .max))
            sequence.change {
                $0 = writer.append(.tried(RowNumber(row), attempt: 1, at: Fixture.noon))
            }
            writer.whenDurable(sequence.now) { isDurable in
                if !isDurable || writer.durable < sequence.now { early.change { $0 += 1 } }
                seen.change { $0.append(row) }
            }
        }
        #expect(await writer.flush())
        #expect(await writer.close())
        #expect(seen.now.sorted() == Array(1...500))
        #expect(early.now == 0)
        #expect(writer.syncs < 500, "records share syncs")
    }

    @Test("A listener is told once for each sync, of every record, in order and when it is durable")
    func listener() async throws {
        final class Listener: DurabilityListener {
            let calls = Shared(0)
            let numbers = Shared<[UInt64]>([])
            func settled(_ numbers: [UInt64], isDurable: Bool) {
                guard isDurable else { return }
                calls.change { $0 += 1 }
                self.numbers.change { $0 += numbers }
            }
        }
        let fixture = try Fixture()
        let writer = try fixture.store.create(Fixture.header(rows: 500))
        let listener = Listener()
        for row in 1...500 as ClosedRange<UInt32> {
            writer.append(
                .tried(RowNumber(row), attempt: 1, at: Fixture.noon),
                then: DurabilityPromise(listener, number: UInt64(row))
            )
        }
        #expect(await writer.flush())
        #expect(listener.numbers.now == Array(1...500))
        #expect(listener.calls.now <= writer.syncs)
        #expect(await writer.close())
        writer.append(.paused(at: Fixture.noon), then: DurabilityPromise(listener, number: 501))
        #expect(listener.numbers.now.count == 500, "what comes after the end is not durable")
    }

    @Test("Many threads append at once and no record is lost or mixed up")
    func threads() async throws {
        let fixture = try Fixture()
        let writer = try fixture.store.create(Fixture.header(rows: 4_000))
        let durable = Shared(0)
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<8 as Range<UInt32> {
                group.addTask {
                    for index in 0..<500 as Range<UInt32> {
                        let row = RowNumber(thread * 500 + index + 1)
                        writer.append(.tried(row, attempt: 1, at: Fixture.noon))
                        let outcome = Fixture.sent(at: Fixture.noon, id: "\(row)@x", server: "mx\(row.value % 7)")
                        writer.append(.ended(row, outcome)) { if $0 { durable.change { $0 += 1 } } }
                    }
                }
            }
        }
        #expect(await writer.close())
        #expect(durable.now == 4_000)
        let view = try fixture.store.read(fixture.job)
        #expect(view.rows.counts[.sent] == 4_000)
        for row in 1...4_000 as ClosedRange<UInt32> {
            let outcome = try view.outcome(of: RowNumber(row))
            #expect(outcome == Fixture.sent(at: Fixture.noon, id: "\(row)@x", server: "mx\(row % 7)"))
        }
    }

    @Test("A durable record is called back at once")
    func late() async throws {
        let fixture = try Fixture()
        let writer = try fixture.store.create(Fixture.header(rows: 1))
        let sequence = writer.append(.paused(at: Fixture.noon))
        #expect(await writer.flush())
        let answer = Shared<Bool?>(nil)
        writer.whenDurable(sequence) { isDurable in answer.change { $0 = isDurable } }
        #expect(answer.now == true)
        #expect(writer.durable == sequence)
    }

    @Test("A second writer is turned away until the first has closed")
    func twoWriters() async throws {
        let fixture = try Fixture()
        let header = Fixture.header(rows: 1)
        let first = try fixture.store.create(header)
        let other = try fixture.other()
        #expect(throws: LedgerError.busy(fixture.job)) { try other.open(fixture.job) }
        #expect(throws: LedgerError.busy(fixture.job)) { try other.create(header) }
        let view = await first.view()
        #expect(await first.close())
        let second = try other.open(fixture.job)
        #expect(throws: LedgerError.busy(fixture.job)) { try fixture.store.open(fixture.job) }
        #expect(await second.close())
        #expect(view?.header == header)
    }

    @Test("The lock goes with a writer that nobody closes")
    func dropped() async throws {
        let fixture = try Fixture()
        let answer = Shared(false)
        do {
            let writer = try fixture.store.create(Fixture.header(rows: 1))
            writer.append(.paused(at: Fixture.noon)) { isDurable in answer.change { $0 = isDurable } }
        }
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(30)
        while true {
            switch Result(catching: { try fixture.store.open(fixture.job) }) {
            case .success(let writer):
                #expect(writer.run.isPaused)
                #expect(answer.now, "what was appended is made durable first")
                #expect(await writer.close())
                return
            case .failure(let error):
                try #require(error as? LedgerError == .busy(fixture.job) && clock.now < deadline)
                await Task.yield()
            }
        }
    }

    @Test("The same content is not taken up twice, and what is not there is not opened")
    func twice() async throws {
        let fixture = try Fixture()
        #expect(throws: LedgerError.notFound(fixture.job)) { try fixture.store.open(fixture.job) }
        #expect(throws: LedgerError.notFound(fixture.job)) { try fixture.store.read(fixture.job) }
        #expect(await (try fixture.store.create(Fixture.header(rows: 1))).close())
        #expect(throws: LedgerError.exists(fixture.job)) { try fixture.store.create(Fixture.header(rows: 1)) }
    }

    @Test("What a crash left of making a ledger is taken over")
    func unfinished() async throws {
        let fixture = try Fixture()
        try fixture.scratch.write(fixture.file, text: "wardpost-ledger\t1\t0102")
        #expect(throws: LedgerError.unfinished(fixture.job)) { try fixture.store.open(fixture.job) }
        #expect(await (try fixture.store.create(Fixture.header(rows: 7))).close())
        #expect(try fixture.store.read(fixture.job).header.rows == 7)
    }

    @Test("All jobs with a ledger are listed, and nothing else")
    func list() async throws {
        let fixture = try Fixture()
        #expect(await (try fixture.store.create(Fixture.header(rows: 1))).close())
        let other = try #require(fixture.job.next)
        try fixture.scratch.write("\(other).ledger", [])
        try fixture.scratch.write("notes.ledger", [])
        try fixture.scratch.write("\(other).ledger.tmp", [])
        #expect(try fixture.store.list() == [other, fixture.job].sorted { "\($0)" < "\($1)" })
        #expect(try fixture.store.contains(other))
    }

    @Test("What is appended after the end is refused")
    func afterClose() async throws {
        let fixture = try Fixture()
        let writer = try fixture.store.create(Fixture.header(rows: 1))
        #expect(await writer.close())
        let answer = Shared<Bool?>(nil)
        let sequence = writer.append(.paused(at: Fixture.noon)) { isDurable in answer.change { $0 = isDurable } }
        #expect(answer.now == false)
        writer.whenDurable(sequence) { isDurable in answer.change { $0 = isDurable } }
        #expect(answer.now == false)
        #expect(await writer.close())
        #expect(try fixture.store.read(fixture.job).run.lastEvent == nil)
    }

    @Test("A full disk fails the writer for good, and every callback hears of it")
    func fullDisk() async throws {
        let scratch = try TemporaryDirectory()
        // A limit on files' sizes is the process's, so that this happens in one of its own.
        await #expect(processExitsWith: .success) { [path = scratch.path as String] in
            let store = LedgerStore(directory: try Directory(path: path), key: Fixture.key, gather: .zero)
            let writer = try store.create(Fixture.header(rows: 1_000))
            _ = signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 20_000, rlim_max: rlim_t.max)
            _ = unsafe setrlimit(Int32(RLIMIT_FSIZE.rawValue), &limit)
            let good = Shared(0)
            let bad = Shared(0)
            for row in 1...1_000 as ClosedRange<UInt32> {
                let outcome = Fixture.sent(at: Fixture.noon, id: "\(row)@x")
                writer.append(.ended(RowNumber(row), outcome)) { isDurable in
                    (isDurable ? good : bad).change { $0 += 1 }
                }
                if row == 10 { #expect(await writer.flush()) }
            }
            #expect(!(await writer.flush()))
            #expect(writer.append(.paused(at: Fixture.noon)) > writer.durable)
            #expect(await writer.view() == nil)
            #expect(!(await writer.close()))
            guard case .file(let error) = writer.failure, error.isOutOfSpace else { exit(1) }
            #expect(good.now + bad.now == 1_000)
            #expect(good.now >= 10)
            #expect(bad.now > 0)
            #expect(writer.counts[.sent] == good.now, "only what is durable counts")
            // When there is room again, the ledger goes on from what holds, written anew.
            limit.rlim_cur = rlim_t.max
            _ = unsafe setrlimit(Int32(RLIMIT_FSIZE.rawValue), &limit)
            let again = try store.open(Fixture.job)
            #expect(try Directory(path: path).status(of: "\(Fixture.job).ledger") == nil)
            #expect(try Directory(path: path).status(of: "\(Fixture.job).1.ledger") != nil)
            #expect(again.counts[.sent] >= good.now)
            #expect(again.counts[.sent] < 1_000)
            again.append(.paused(at: Fixture.noon))
            #expect(await again.close())
            #expect(try store.read(Fixture.job).run.isPaused)
        }
    }
}
