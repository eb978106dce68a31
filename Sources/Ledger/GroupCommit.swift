import Core
import Files
import Synchronization

/// The buffer that many threads fill and the loop, on one thread, that makes it durable group by group.
final class GroupCommit: Sendable {
    struct State: ~Copyable {
        var encoder: LineEncoder
        var rows: RowStates
        var run: RunState
        /// Where in the file the encoder's buffer will begin.
        var offset: Int64
        /// How many records there are, buffered ones included.
        var appended: UInt64
        /// How many of them are durable or in the group that is being written.
        var taken: UInt64
        /// Kept once the buffer is durable.
        var waiting: [DurabilityPromise] = []
        /// Kept once the group that is being written is durable.
        var waitingForGroup: [DurabilityPromise] = []
        /// What came after the end was asked for; never written.
        var refused: [DurabilityPromise] = []
        var durableCounts: RowCounts
        /// The ledger; the loop takes it, so that it is closed when the loop ends.
        var file: Descriptor?
        var failure: LedgerError?
        /// The loop sleeps until it is woken.
        var isIdle = false
        /// The loop waits for more to write together; it is woken when no more can come.
        var isGathering = false
        var isStopping = false
        /// The loop has ended and the lease is let go.
        var hasEnded = false
        /// Called when the loop has ended.
        var atEnd: [LedgerWriter.Callback] = []
    }

    let state: Mutex<State>
    let durable: Atomic<UInt64>
    let syncs = Atomic<Int>(0)
    /// The right to write.
    let lease: Lease
    private let job: JobID
    private let witness: WitnessKeeper?
    private let wakeup = Wakeup()

    init(
        _ start: LedgerWriter.Start,
        encoder: LineEncoder,
        file: Descriptor,
        lease: Lease,
        witness: WitnessKeeper?
    ) {
        self.lease = lease
        self.witness = witness
        job = start.header.job
        let records = UInt64(start.lines)
        state = Mutex(
            State(
                encoder: encoder,
                rows: start.rows,
                run: start.run,
                offset: start.length,
                appended: records,
                taken: records,
                durableCounts: start.rows.counts,
                file: file
            )
        )
        durable = Atomic(records)
    }

    // MARK: - Any thread

    func append(_ record: LedgerRecord, then promise: DurabilityPromise?) -> LedgerSequence {
        let (sequence, wake, ended) = state.withLock { state in
            // The count goes on in any case, so that no sequence is ever mistaken for a durable one.
            state.appended += 1
            let sequence = LedgerSequence(value: state.appended)
            guard !state.isStopping else {
                if !state.hasEnded, let promise { state.refused.append(promise) }
                return (sequence, false, state.hasEnded)
            }
            if state.failure == nil { state.encode(record) }
            if let promise { state.waiting.append(promise) }
            return (sequence, state.wakes(), false)
        }
        if wake { wakeup.post() }
        if ended { promise?(false) }
        return sequence
    }

    func whenDurable(_ sequence: LedgerSequence, _ callback: @escaping LedgerWriter.Callback) {
        let (answer, wake): (Bool?, Bool) = state.withLock { state in
            if sequence.value <= durable.load(ordering: .acquiring) { return (true, false) }
            if state.hasEnded { return (false, false) }
            if sequence.value <= state.taken, state.failure == nil {
                state.waitingForGroup.append(DurabilityPromise(callback))
                return (nil, false)
            }
            state.waiting.append(DurabilityPromise(callback))
            return (nil, state.wakes())
        }
        if let answer { callback(answer) }
        if wake { wakeup.post() }
    }

    func whenAllDurable(_ callback: @escaping LedgerWriter.Callback) {
        let last = state.withLock { $0.failure == nil ? $0.appended : .max }
        whenDurable(LedgerSequence(value: last), callback)
    }

    /// Ends the loop when the buffer is durable.
    func stop(then callback: LedgerWriter.Callback? = nil) {
        let (answer, wake): (Bool?, Bool) = state.withLock { state in
            if state.hasEnded { return (state.failure == nil, false) }
            state.isStopping = true
            if let callback { state.atEnd.append(callback) }
            return (nil, state.wakes())
        }
        if let answer { callback?(answer) }
        if wake { wakeup.post() }
    }

    // MARK: - The writer's thread

    fileprivate struct Group {
        var count: UInt64
        var counts: RowCounts
        var isLast: Bool
        var failure: LedgerError?
    }

    /// Makes what comes durable until told to stop; file and lease are let go at the end.
    func run(chain: consuming Chain, gather: Duration) {
        var file = state.withLock { $0.file.take() }
        var bytes: [UInt8] = []
        var length = state.withLock { $0.offset }
        var last = ContinuousClock.now - gather
        while true {
            while state.withLock({ $0.rests() }) { wakeup.wait() }
            let pause = gather - (ContinuousClock.now - last)
            if pause > .zero, state.withLock({ $0.gathers() }) {
                wakeup.wait(atMost: pause)
                state.withLock { $0.isGathering = false }
            }
            last = .now
            bytes.removeAll(keepingCapacity: true)
            let group = state.withLock { $0.take(&bytes) }
            var failure = group.failure
            if failure == nil, !bytes.isEmpty, let file {
                do throws(LedgerError) {
                    chain.seal(&bytes)
                    try write(bytes, to: file)
                    length += Int64(bytes.count)
                    witness?.note(length: length, tag: chain.tag)
                } catch {
                    failure = error
                }
            }
            finish(group, failure)
            if group.isLast { break }
        }
        file = nil
        let isGood = state.withLock { $0.failure == nil }
        if isGood { witness?.close() }
        lease.release(clean: isGood)
        end()
    }

    /// Makes a group durable, and makes sure that it will be read.
    private func write(_ bytes: [UInt8], to file: Descriptor) throws(LedgerError) {
        let isSealed = try onDisk { () throws(FileError) in
            try file.write(bytes)
            try file.dataSync()
            // Asked after the sync: whoever takes over forbids writing first and reads then, so that what was durable before
            // is read, and what comes later is seen here to be in vain.
            return try file.status().isSealed
        }
        if isSealed { throw .takenOver(job) }
        if let failure = witness?.failure { throw lease.isLost ? .takenOver(job) : .file(failure) }
        syncs.add(1, ordering: .relaxed)
    }

    private func finish(_ group: Group, _ failure: LedgerError?) {
        let promises = state.withLock { state in
            if failure == nil {
                durable.store(group.count, ordering: .releasing)
                state.durableCounts = group.counts
            } else if state.failure == nil {
                state.failure = failure
                state.encoder.buffer = []
            }
            defer { state.waitingForGroup.removeAll(keepingCapacity: true) }
            return state.waitingForGroup
        }
        promises.keep(failure == nil)
    }

    private func end() {
        let (refused, atEnd, isGood) = state.withLock { state in
            state.hasEnded = true
            defer { (state.waiting, state.refused, state.atEnd) = ([], [], []) }
            return (state.waiting + state.refused, state.atEnd, state.failure == nil)
        }
        refused.keep(false)
        for callback in atEnd {
            callback(isGood)
        }
    }
}

extension GroupCommit.State {
    /// Whether the loop has nothing to do; it is woken for the next record then.
    fileprivate mutating func rests() -> Bool {
        isIdle = encoder.buffer.isEmpty && waiting.isEmpty && !isStopping
        return isIdle
    }

    /// Whether the loop waits for more to write together.
    fileprivate mutating func gathers() -> Bool {
        isGathering = !isStopping && !isFull
        return isGathering
    }

    /// Whether every row that is under way waits for this group: a sender goes on only when its own record is durable, so
    /// nothing more will come.
    private var isFull: Bool {
        waiting.count >= rows.counts[.tried]
    }

    /// Whether the loop sleeps and must be woken; only one thread is told so.
    fileprivate mutating func wakes() -> Bool {
        defer { isIdle = false }
        guard isGathering, isStopping || isFull else { return isIdle }
        isGathering = false
        return true
    }

    /// Hands over all that has gathered.
    fileprivate mutating func take(_ bytes: inout [UInt8]) -> GroupCommit.Group {
        swap(&bytes, &encoder.buffer)
        swap(&waiting, &waitingForGroup)
        offset += Int64(bytes.count)
        taken = appended
        return GroupCommit.Group(count: appended, counts: rows.counts, isLast: isStopping, failure: failure)
    }

    /// Writes a record's line, a channel's before it where it is new, and keeps what it says.
    fileprivate mutating func encode(_ record: LedgerRecord) {
        switch record {
        case .tried(let row, let attempt, _):
            rows.set(row, .tried, attempts: attempt, offset: position)
            encoder.append(record, channel: 0)
        case .ended(let row, let outcome):
            let channel = number(of: Channel(route: outcome.route, server: outcome.server, tls: outcome.tls))
            rows.set(row, .ended(outcome.status), attempts: outcome.attempts, offset: position)
            encoder.append(record, channel: channel)
        case .deferred(let row, let deferral):
            let channel = number(of: Channel(route: deferral.route, server: deferral.server, tls: deferral.tls))
            rows.set(row, .deferred, attempts: deferral.attempts, offset: position)
            rows.setDue(row, deferral.due)
            encoder.append(record, channel: channel)
        case .retried(_, let selection):
            rows.retry(selection)
            run.take(record)
            encoder.append(record, channel: 0)
        default:
            run.take(record)
            encoder.append(record, channel: 0)
        }
    }

    private var position: Int64 {
        offset + Int64(encoder.buffer.count)
    }

    private mutating func number(of channel: Channel) -> Int {
        if channel.isEmpty { return 0 }
        if let number = encoder.channels.number(of: channel) { return number }
        let number = encoder.channels.add(channel)
        encoder.append(channel, number: number)
        return number
    }
}
