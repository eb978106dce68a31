import Core
import Ledger
import Testing

@testable import Engine

@Suite struct ProgressTests {
    static func snapshot(sent: Int, open: Int = 0, deferred: Int = 0) -> JobBoard.Snapshot {
        var counts = RowCounts(rows: 0)
        counts[.sent] = sent
        return JobBoard.Snapshot(counts: counts, open: open, deferred: deferred, inFlight: 0)
    }

    static func progress(
        _ snapshot: JobBoard.Snapshot,
        total: Int = 10,
        isPaused: Bool = false,
        waitingUntil: Timestamp? = nil
    ) -> JobProgress {
        ProgressMeter(total: total)
            .progress(snapshot, isPaused: isPaused, waitingUntil: waitingUntil, problem: nil)
    }

    @Test("Counts are what the board says; states without rows are left out")
    func counts() {
        let progress = Self.progress(Self.snapshot(sent: 4, open: 6))
        #expect(progress.ended == 4 && progress.total == 10 && progress.counts == [.sent: 4])
    }

    @Test("Nothing is known of the pace at first, nor of the time left")
    func first() {
        let progress = Self.progress(Self.snapshot(sent: 4, open: 6))
        #expect(progress.rowsPerSecond == 0 && progress.secondsLeft == nil)
    }

    @Test(
        "A job waits, too, whose rows are partly refused for now and partly before their own time, not one with a lane's"
    )
    func mixed() {
        var snapshot = Self.snapshot(sent: 4, deferred: 3)
        snapshot.postponed = 3
        #expect(Self.progress(snapshot).isWaiting)
        snapshot.leftOut = 1
        #expect(!Self.progress(snapshot).isWaiting)
        snapshot.leftOut = 0
        snapshot.inFlight = 1
        #expect(!Self.progress(snapshot).isWaiting)
    }

    @Test("A job waits while it is paused, too early, or has only rows that were refused for now")
    func waiting() {
        #expect(!Self.progress(Self.snapshot(sent: 4, open: 6)).isWaiting)
        #expect(!Self.progress(Self.snapshot(sent: 10)).isWaiting)
        #expect(Self.progress(Self.snapshot(sent: 4, open: 6), isPaused: true).isWaiting)
        #expect(Self.progress(Self.snapshot(sent: 4, open: 6), waitingUntil: Timestamp(seconds: 1)).isWaiting)
        #expect(Self.progress(Self.snapshot(sent: 4, deferred: 6)).isWaiting)
        #expect(!Self.progress(Self.snapshot(sent: 4, open: 1, deferred: 5)).isWaiting)
    }
}

@Suite struct RowSetTests {
    @Test("A row is in the set once it was put there, and no other is")
    func members() {
        var set = RowSet()
        let rows: [UInt32] = [1, 63, 64, 65, 1_000, 1_000_000]
        for row in rows { set.insert(RowNumber(row)) }
        for row in rows { #expect(set.contains(RowNumber(row))) }
        for row in [2, 62, 66, 999, 1_001, 999_999, 1_000_001, .max] as [UInt32] {
            #expect(!set.contains(RowNumber(row)))
        }
        #expect(!RowSet().contains(RowNumber(1)))
    }
}
