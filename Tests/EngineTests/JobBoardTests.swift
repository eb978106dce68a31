import Core
import Files
import Ledger
import OpenSSL
import TestSupport
import Testing

@testable import Engine

@Suite struct JobBoardTests {
    static let now = Timestamp(seconds: 1_000)

    /// A board of what a ledger's records come to.
    static func board(rows: Int, _ records: [LedgerRecord] = []) async throws -> JobBoard {
        let scratch = try TemporaryDirectory()
        let store = LedgerStore(directory: try Directory(path: scratch.path), key: SecretBytes(random: 32))
        guard let id = JobID(digest: Array(1...10)) else { fatalError("ten bytes are a digest") }
        let writer = try store.create(
            LedgerHeader(
                job: id,
                takenUp: now,
                folder: "a",
                name: "A",
                purpose: "treatment",
                rows: rows,
                contentDigest: Array(1...32),
                version: "1"
            )
        )
        for record in records { writer.append(record) }
        let board = writer.withRows { JobBoard($0) }
        #expect(await writer.close())
        return board
    }

    static func deferred(_ row: UInt32, attempts: Int, due: Int64) -> LedgerRecord {
        .deferred(
            RowNumber(row),
            Deferral(attempts: attempts, at: now, due: Timestamp(seconds: due), reason: .serverBusy)
        )
    }

    static func ended(_ row: UInt32, _ status: RowStatus) -> LedgerRecord {
        .ended(RowNumber(row), Outcome(status, finishedAt: now))
    }

    @Test("A row is claimed once, and again after it was put back")
    func claims() async throws {
        let board = try await Self.board(rows: 2)
        let row = RowNumber(1)
        #expect(board.claim(row, now: Self.now) == 0)
        #expect(board.claim(row, now: Self.now) == nil)
        board.release(row)
        #expect(board.claim(row, now: Self.now) == 0)
        #expect(board.snapshot.inFlight == 1 && board.snapshot.open == 1)
    }

    @Test("A deferred row is claimed when it is due, with its attempts")
    func deferrals() async throws {
        let board = try await Self.board(rows: 2)
        let row = RowNumber(2)
        _ = board.claim(row, now: Self.now)
        board.deferred(row, attempts: 3, due: Self.now + 60)
        #expect(board.earliestDue == Self.now + 60)
        #expect(board.claim(row, now: Self.now + 59) == nil)
        #expect(board.claim(row, now: Self.now + 60) == 3)
        #expect(board.earliestDue == nil)
        board.release(row)
        #expect(board.claim(row, now: Self.now) == 3)
    }

    @Test("The board is complete when every row ended, and not while one is under way")
    func completeness() async throws {
        let board = try await Self.board(rows: 3)
        for number in 1...3 as ClosedRange<UInt32> {
            #expect(!board.snapshot.isComplete)
            _ = board.claim(RowNumber(number), now: Self.now)
            #expect(!board.snapshot.isComplete)
            board.endsWhenDurable(RowNumber(number), number == 2 ? .failed : .sent)(true)
        }
        let end = board.snapshot
        #expect(end.isComplete && end.ended == 3 && end.counts[.sent] == 2 && end.counts[.failed] == 1)
    }

    @Test("What a ledger says after a restart is taken over")
    func adoption() async throws {
        let board = try await Self.board(
            rows: 6,
            [
                Self.ended(1, .sent),
                Self.deferred(2, attempts: 2, due: 1_500),
                Self.ended(3, .failed),
                .retried(at: Self.now, .rows([3...3])),
                Self.ended(4, .unknown),
                Self.deferred(5, attempts: 1, due: 900),
            ]
        )
        let start = board.snapshot
        #expect(start.open == 2 && start.deferred == 2 && start.inFlight == 0)
        #expect(start.ended == 2 && start.counts[.sent] == 1 && start.counts[.unknown] == 1)
        let claimed = (1...6 as ClosedRange<UInt32>).map { board.claim(RowNumber($0), now: Self.now) }
        #expect(claimed == [nil, nil, 0, nil, 1, 0])
    }

    @Test("What is left is claimed in order, due or not, but not what is under way")
    func rest() async throws {
        let board = try await Self.board(rows: 5, [Self.deferred(2, attempts: 4, due: 9_999), Self.ended(3, .sent)])
        _ = board.claim(RowNumber(4), now: Self.now)
        var rest: [UInt32: Int] = [:]
        board.claimRest { rest[$0.value] = $1 }
        #expect(rest == [1: 0, 2: 4, 5: 0])
        #expect(board.snapshot.inFlight == 4)
    }

    @Test("An empty job is complete")
    func empty() async throws {
        #expect(try await Self.board(rows: 0).snapshot.isComplete)
    }
}

/// Rows that wait for a reason of ours: nothing of it is in the ledger.
@Suite struct PostponedRowTests {
    static let now = JobBoardTests.now

    @Test("A postponed row is claimed when its time has come, with its attempts, and counts as not ended")
    func postponed() async throws {
        let board = try await JobBoardTests.board(rows: 3, [JobBoardTests.deferred(2, attempts: 2, due: 900)])
        #expect(board.claim(RowNumber(2), now: Self.now) == 2)
        board.postpone(RowNumber(2), until: Self.now + 60)
        #expect(board.snapshot.postponed == 1 && board.snapshot.deferred == 0 && !board.snapshot.isComplete)
        #expect(board.claim(RowNumber(2), now: Self.now + 59) == nil)
        #expect(!board.isDue(at: Self.now + 59) && board.isDue(at: Self.now + 60) && board.isDue(at: Self.now + 999))
        #expect(board.earliestDue == Self.now + 60)
        #expect(board.claim(RowNumber(2), now: Self.now + 60) == 2)
        #expect(!board.isDue(at: Self.now + 999) && board.earliestDue == nil)
    }

    @Test("The first of many is due first, whatever became of those before it")
    func due() async throws {
        let board = try await JobBoardTests.board(rows: 100)
        for row in 1...100 as ClosedRange<UInt32> {
            _ = board.claim(RowNumber(row), now: Self.now)
            board.postpone(RowNumber(row), until: Self.now + Int64(row))
        }
        for row in 1...100 as ClosedRange<UInt32> {
            let due = Self.now + Int64(row)
            #expect(!board.isDue(at: due + -1) && board.isDue(at: due) && board.earliestDue == due)
            #expect(board.claim(RowNumber(row), now: due) == 0)
            board.endsWhenDurable(RowNumber(row), .sent)(true)
        }
        #expect(board.snapshot.isComplete)
    }

    @Test("A row that was left out is nobody's but its lane's, until all are opened or the job ends")
    func leftOut() async throws {
        let board = try await JobBoardTests.board(rows: 4)
        for row in 1...4 as ClosedRange<UInt32> {
            _ = board.claim(RowNumber(row), now: Self.now)
            board.leaveOut(RowNumber(row))
        }
        #expect(
            board.snapshot.postponed == 4 && !board.snapshot.isComplete && !board.isDue(at: Timestamp(seconds: .max))
        )
        #expect(board.claim(RowNumber(1), now: Timestamp(seconds: .max)) == nil)
        #expect(board.isLeftOut(RowNumber(1)) && board.claimLeftOut(RowNumber(1)) == 0)
        #expect(!board.isLeftOut(RowNumber(1)) && board.claimLeftOut(RowNumber(1)) == nil)
        var rest: [UInt32] = []
        board.claimRest { row, _ in rest.append(row.value) }
        #expect(rest == [2, 3, 4])
        for row in rest { board.leaveOut(RowNumber(row)) }
        board.openLeftOut()
        #expect(board.snapshot.open == 3 && board.snapshot.postponed == 0)
        #expect(board.claim(RowNumber(3), now: Self.now) == 0)
    }
}
