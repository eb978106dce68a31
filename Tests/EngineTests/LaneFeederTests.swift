import Core
import Delivery
import Intake
import Ledger
import TestSupport
import Testing

@testable import Engine

/// Rows from the table to the connections' side of the queue, without a network and in a clock of our own.
@Suite(.timeLimit(.minutes(3))) struct LaneFeederTests {
    /// A job's feeding half.
    struct Feeding {
        let bench: Bench
        let ledger: LedgerWriter
        let source: JobSource
        let feeder: RowFeeder
        let lanes: LaneFeeder

        init(
            _ limits: DomainLimits,
            addresses: [String],
            bounds: LaneRows.Bounds = LaneRows.Bounds()
        ) async throws {
            bench = try await Bench()
            try bench.job("visit", TestJob(addresses))
            let job = try bench.prepared("visit")
            ledger = try bench.ledger("visit")
            source = try bench.source(job, ledger, limits, bounds: bounds)
            let rows = RowReading(job: job, source: source)
            feeder = RowFeeder(rows) {}
            let lanes = LaneFeeder(rows) { Issue.record("the table could not be read: \($0)") }
            self.lanes = lanes
            source.queue.setNeed { lanes.need($0) }
            source.set(.open)
        }

        /// Takes rows for as long as there are any, as one connection does that never has to wait for its server; time is
        /// ours, and goes to the next moment at which a row may go.
        ///
        /// - Parameter each: Told each row and when it went.
        func drain(from start: ContinuousClock.Instant, _ each: (ReadyRow, ContinuousClock.Instant) -> Void) async {
            var now = start
            var counts = source.board.snapshot
            while !counts.isComplete {
                switch source.queue.pop(at: now) {
                case .row(let row):
                    each(row, now)
                    row.lane?.ended(at: now)
                    source.board.endsWhenDurable(row.row.number, .sent)(true)
                case .wait(let moment):
                    #expect(moment > now)
                    now = moment
                // The reader of the table is on its way.
                case .nothing: await Task.yield()
                }
                counts = source.board.snapshot
            }
        }
    }

    @Test("A hundred thousand rows to one slow provider cost two passes and keep a few rows in memory")
    func manyRows() async throws {
        let count = 100_000
        let addresses = (1...count).map { $0.isMultiple(of: 1_000) ? "p\($0)@example.test" : "p\($0)@gmail.com" }
        let feeding = try await Feeding(DomainLimits([.init("gmail", Rate("5/s"))]), addresses: addresses)
        guard case .complete = await feeding.feeder.pass() else { return #expect(Bool(false)) }
        let start = feeding.source.board.snapshot
        #expect(start.postponed == count - count / 1_000 - 32 && start.inFlight == count / 1_000 + 32)
        #expect(feeding.source.queue.counts == (count / 1_000 + 32, 32))
        var free = 0
        var slow: [ContinuousClock.Instant] = []
        var most = 0
        var order: [UInt32] = []
        await feeding.drain(from: .now) { row, now in
            if row.recipient.domain == "gmail.com" {
                slow.append(now)
                order.append(row.row.number.value)
            } else {
                free += 1
                // Nobody waits for the slow one.
                #expect(slow.count <= 1)
            }
            most = max(most, feeding.source.queue.counts.parked)
        }
        #expect(free == 100 && slow.count == count - 100 && order == order.sorted())
        #expect(most <= 32 && feeding.lanes.passes <= 2)
        // 99,900 messages at 5/s: five and a half hours, each a fifth of a second behind the one before. Answers are counted
        // in slots of a 512th of a second, which is what it may take longer.
        #expect(
            zip(slow, slow.dropFirst()).allSatisfy { (.milliseconds(200)...(.milliseconds(204))).contains($1 - $0) }
        )
        #expect(LaneTests.most(slow) == 5)
    }

    @Test("Two slow providers and a group are read for independently, each at its pace and each row once")
    func severalLanes() async throws {
        let domains = ["gmail.com", "googlemail.com", "yahoo.de", "aol.com", "north.example", "example.test"]
        let addresses = (0..<6_000).map { "p\($0)@\(domains[$0 % domains.count])" }
        let limits = DomainLimits([
            .init("gmail", Rate("50/s")), .init("yahoo", Rate("200/s")),
            .init("north", Rate("1000/s"), domains: ["north.example"]),
        ])
        let feeding = try await Feeding(limits, addresses: addresses, bounds: LaneRows.Bounds(rows: 8))
        async let pass = feeding.feeder.pass()
        var seen: [String: [ContinuousClock.Instant]] = [:]
        var rows: Set<UInt32> = []
        await feeding.drain(from: .now) { row, now in
            #expect(rows.insert(row.row.number.value).inserted)
            seen[row.lane?.name ?? "", default: []].append(now)
        }
        guard case .complete = await pass else { return #expect(Bool(false)) }
        #expect(rows.count == 6_000)
        for (name, gap) in [("gmail", 20), ("yahoo", 5), ("north", 1)] {
            let times = try #require(seen[name])
            #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= .milliseconds(gap) })
        }
        // One reader each; one that has read to its end before the feeder had may begin once more.
        #expect(feeding.lanes.passes <= 12)
    }

    @Test("More slow lanes than readers: the rest is put off by the clock, by its lane's pace")
    func moreThanReaders() async throws {
        let addresses = (0..<300).map { "p\($0)@d\($0 % 3).example" }
        let feeding = try await Feeding(
            DomainLimits(others: Rate("10/s")),
            addresses: addresses,
            bounds: LaneRows.Bounds(rows: 4, readers: 2)
        )
        let before = Timestamp.now
        guard case .complete = await feeding.feeder.pass() else { return #expect(Bool(false)) }
        let after = Timestamp.now
        let board = feeding.source.board
        #expect(board.snapshot.postponed == 288 && feeding.source.queue.counts.parked == 12)
        // Not before something has gone, and not later than it takes all of them.
        let due = try #require(board.earliestDue)
        let most = 2 + 4 * (after.seconds - before.seconds + 1)
        #expect(due > before && due <= after + most)
        #expect(!board.isDue(at: before) && board.isDue(at: due) && board.isDue(at: due + 5))
        var left: [UInt32: Int] = [:]
        board.claimRest { left[$0.value] = $1 }
        #expect(left.count == 288)
    }

    @Test("What a lane's reader cannot find is opened for the next pass, and nothing waits for ever")
    func lostCount() async throws {
        let feeding = try await Feeding(
            DomainLimits([.init("gmail", Rate("1000/s"))]),
            addresses: (1...40).map { "p\($0)@gmail.com" },
            bounds: LaneRows.Bounds(rows: 4)
        )
        guard case .complete = await feeding.feeder.pass() else { return #expect(Bool(false)) }
        let lane = feeding.source.paces.lane(of: "gmail.com")
        // One more than there is.
        #expect(feeding.source.queue.leaveOut(lane))
        await feeding.drain(from: .now) { _, _ in }
        #expect(feeding.source.board.snapshot.ended == 40)
    }
}
