public import Core
import Files
import Synchronization

/// The one writer of a job's ledger; holds the job's lease as long as it lives.
///
/// Appending never waits for the disk: records go into a buffer, and a thread of the writer's own takes all that has
/// gathered, writes it with one call, syncs once, and then keeps the promises about what has become durable, in order. While a
/// slow disk syncs, the buffer holds what comes in; since a sender goes on only when its rows are durable, that is
/// bounded by the connections times the rows that each has under way.
///
/// After a failed write or sync the writer is failed for good: each promise, then and later, is kept with `false`, and nothing
/// more is written. What had been appended and not called back may or may not be on the disk.
public final class LedgerWriter: Sendable {
    /// What is told when a record is durable, with `true`, or will never be, with `false`; called on the writer's own
    /// thread, so it must be quick and must not wait for the ledger.
    public typealias Callback = @Sendable (Bool) -> Void

    /// What the job is.
    public let header: LedgerHeader
    /// How many bytes of a torn write were cut off when the ledger was opened.
    public let torn: Int64
    let commit: GroupCommit
    private let reading: Descriptor

    /// Where a writer begins.
    struct Start: Sendable {
        var header: LedgerHeader
        var rows: RowStates
        var run: RunState
        var lines: Int
        var length: Int64
        var chain: [UInt8]
        var torn: Int64
    }

    init(
        _ start: Start,
        encoder: LineEncoder,
        file: Descriptor,
        reading: Descriptor,
        gather: Duration,
        lease: Lease,
        witness: WitnessKeeper?
    ) {
        header = start.header
        torn = start.torn
        self.reading = reading
        commit = GroupCommit(start, encoder: encoder, file: file, lease: lease, witness: witness)
        let commit = commit
        let chain = start.chain
        WriterThread.start { commit.run(chain: Chain(hash: chain), gather: gather) }
    }

    deinit {
        commit.stop()
    }

    // MARK: - The right to write

    /// Whether the job is still ours beyond doubt; to be asked immediately before a message's content goes out.
    public var isHeld: Bool { commit.lease.isHeld }

    /// Whether another process has taken the job over: what is appended from now on is read by nobody.
    public var isLost: Bool {
        if case .takenOver = failure { return true }
        return commit.lease.isLost
    }

    /// From whom the job came.
    public var origin: Lease.Origin { commit.lease.origin }

    // MARK: - Appending

    /// Adds a record; it becomes durable by itself, soon.
    ///
    /// The row of a record must be one of the job's.
    @discardableResult
    public func append(_ record: LedgerRecord) -> LedgerSequence {
        commit.append(record, then: nil)
    }

    /// Adds a record and keeps a promise when it is durable, or will never be.
    @discardableResult
    public func append(_ record: LedgerRecord, then promise: DurabilityPromise) -> LedgerSequence {
        commit.append(record, then: promise)
    }

    /// Adds a record and calls back when it is durable.
    @discardableResult
    public func append(_ record: LedgerRecord, then callback: @escaping Callback) -> LedgerSequence {
        commit.append(record, then: DurabilityPromise(callback))
    }

    /// Calls back when a record is durable; at once, on this thread, if it is already.
    public func whenDurable(_ sequence: LedgerSequence, _ callback: @escaping Callback) {
        commit.whenDurable(sequence, callback)
    }

    /// The latest durable record.
    public var durable: LedgerSequence {
        LedgerSequence(value: commit.durable.load(ordering: .acquiring))
    }

    /// How many groups were synced: fewer than records, if senders are many.
    public var syncs: Int {
        commit.syncs.load(ordering: .relaxed)
    }

    /// Waits until all that was appended is durable; `false` if it will never be.
    public func flush() async -> Bool {
        await withCheckedContinuation { continuation in
            commit.whenAllDurable { continuation.resume(returning: $0) }
        }
    }

    /// Makes all that was appended durable, ends the writer and lets the lease go; `false` if not all became durable.
    ///
    /// What is appended afterwards is refused: what is told of it is `false`.
    public func close() async -> Bool {
        await withCheckedContinuation { continuation in
            commit.stop { continuation.resume(returning: $0) }
        }
    }

    /// Why the writer failed; `nil` while it has not.
    public var failure: LedgerError? {
        commit.state.withLock { $0.failure }
    }

    // MARK: - What the job has come to

    /// How many rows are how far, by what is durable.
    public var counts: RowCounts {
        commit.state.withLock { $0.durableCounts }
    }

    /// A row's state, by what was appended.
    public func state(of row: RowNumber) -> RowState {
        commit.state.withLock { $0.rows[row] }
    }

    /// Reads all rows' states, by what was appended, while appending waits: a look through a million takes a
    /// millisecond.
    public func withRows<Result>(_ body: (borrowing RowStates) -> sending Result) -> sending Result {
        commit.state.withLock { body($0.rows) }
    }

    /// What the job as a whole has been through, by what was appended.
    public var run: RunState {
        commit.state.withLock { $0.run }
    }

    /// The ledger as it is now, once all that was appended is durable; `nil` if it will never be.
    ///
    /// For a moment when nobody appends: a record that comes in meanwhile may not be in the file yet. Costs nothing until
    /// the next append, which then copies the rows' states.
    public func view() async -> LedgerView? {
        guard await flush() else { return nil }
        let header = header
        let reading = reading
        return commit.state.withLock { state in
            LedgerView(
                header: header,
                rows: state.rows,
                run: state.run,
                channels: state.encoder.channels.all,
                torn: 0,
                file: reading
            )
        }
    }

    // MARK: - After a restart

    /// Writes down that the rows which were under way when the last process ended are `unknown`: their messages may have
    /// arrived, and only a person can decide to send them again.
    ///
    /// To be called once, before the first row is tried.
    ///
    /// - Parameters:
    ///   - time: When that was found.
    ///   - messageID: The Message-ID that the row's message has at every attempt.
    /// - Returns: How many rows there are.
    @discardableResult
    public func endRowsUnderWay(at time: Timestamp, messageID: (RowNumber) -> String) -> Int {
        let rows = commit.state.withLock { Array($0.rows.rows(.tried)) }
        let detail = "Wardpost was stopped after the message was sent and before the answer was written down"
        for row in rows { end(row, time, detail, messageID(row)) }
        return rows.count
    }

    /// Writes down that no row without an end is known not to have been sent: the ledger came from a backup, and only a person
    /// can tell which rows to send.
    ///
    /// - Parameters:
    ///   - time: When that was found.
    ///   - messageID: The Message-ID that the row's message has at every attempt.
    public func endOpenRows(at time: Timestamp, messageID: (RowNumber) -> String) {
        let rows = commit.state.withLock { state in
            (1...UInt32(max(1, state.rows.count))).map { RowNumber($0) }
                .filter { state.rows.contains($0) && !state.rows[$0].phase.isEnded }
        }
        let detail = "The job's ledger came from a backup; the row may have been sent after that was made"
        for row in rows { end(row, time, detail, messageID(row)) }
    }

    private func end(_ row: RowNumber, _ time: Timestamp, _ detail: String, _ messageID: String) {
        let outcome = Outcome(
            .unknown,
            reason: .answerLost,
            detail: detail,
            attempts: state(of: row).attempts,
            finishedAt: time,
            messageID: messageID
        )
        append(.ended(row, outcome))
    }
}
