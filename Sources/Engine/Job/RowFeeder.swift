import Core
import Dispatch
import Files
import Intake
import NIOCore

/// Reads the recipient file from its first row to its last and queues the rows that can go out now.
///
/// A pass at a time: the first for all rows, later ones for those that were deferred and are due. Reading the file again costs
/// about a second for a million rows, and saves keeping where each row lies. Runs on a thread of its own, since reading
/// blocks.
final class RowFeeder: Sendable {
    /// How a pass ended.
    enum End: Sendable {
        /// Every row was looked at.
        case complete
        /// The source wants no more.
        case closed
        /// A file of the job is not what it was when the job was taken up.
        case changed(Diagnostic)
        /// A file of the job cannot be read now; that may pass.
        case unreadable(FileError)
    }

    private let rows: RowReading
    private let wake: @Sendable () -> Void
    private let thread = DispatchQueue(label: "wardpost.rows")

    init(_ rows: RowReading, wake: @escaping @Sendable () -> Void) {
        self.rows = rows
        self.wake = wake
    }

    /// One pass over all rows.
    func pass() async -> End {
        rows.source.begin()
        let end = await withCheckedContinuation { continuation in
            thread.async { continuation.resume(returning: self.read()) }
        }
        rows.source.endPass()
        wake()
        return end
    }

    private func read() -> End {
        var batch = Batch(rows, wake)
        do {
            let reader = try rows.job.table.reader()
            var line = CSVRow()
            while try reader.next(into: &line) {
                guard let attempts = rows.source.board.claim(line.row.number, now: .now) else { continue }
                switch try rows.prepare(line, attempts) {
                case .ready(let row): if !batch.add(row) { return .closed }
                case .refused:
                    batch.release()
                    return .closed
                case .parked, .ended: continue
                }
            }
            return batch.flush() ? .complete : .closed
        } catch {
            batch.release()
            return End(error)
        }
    }
}

/// The last steps to the queue: where messages are made ahead, rows are rendered several at a time.
private struct Batch {
    /// How many bytes of rows and attachments are enough.
    static let mostBytes = 1 << 20
    /// While so many bytes of messages wait, no more are made ahead: attachments can be large.
    static let mostAhead = 4 << 20
    /// Connections that wait are few once the job runs, so one wake does for several rows.
    static let rowsToWake = 32

    private let rows: RowReading
    private let wake: @Sendable () -> Void
    private let isAhead: Bool
    /// Several rows for each core, so that none is without work for long.
    private let most = 16 * System.coreCount
    private var held: [ReadyRow] = []
    private var bytes = 0
    private var pushed = 0

    init(_ rows: RowReading, _ wake: @escaping @Sendable () -> Void) {
        self.rows = rows
        self.wake = wake
        isAhead = rows.source.maker.isAhead
    }

    /// Takes a row; `false` if nothing more is wanted.
    mutating func add(_ row: ReadyRow) -> Bool {
        guard isAhead else { return push(row) }
        held.append(row)
        bytes += row.size
        guard held.count == most || bytes >= Self.mostBytes else { return true }
        return flush()
    }

    /// Queues all that it has; `false` if nothing more is wanted.
    mutating func flush() -> Bool {
        if rows.source.queue.ahead < Self.mostAhead { rows.source.maker.render(&held) }
        for (index, row) in held.enumerated() where !push(row) {
            held.removeFirst(index + 1)
            release()
            return false
        }
        held.removeAll(keepingCapacity: true)
        bytes = 0
        return true
    }

    private mutating func push(_ row: ReadyRow) -> Bool {
        pushed += 1
        switch rows.push(row) {
        case .first: wake()
        case .another: if pushed.isMultiple(of: Self.rowsToWake) { wake() }
        case .refused: return false
        }
        return true
    }

    /// Lets go of what it has.
    mutating func release() {
        for row in held { rows.source.board.release(row.row.number) }
        held = []
    }
}

extension RowFeeder.End {
    /// What kept the table from being read.
    init(_ error: any Error) {
        switch error {
        case PinError.unreadable(let error): self = .unreadable(error)
        case let problem as Diagnostic: self = .changed(problem)
        default: self = .changed(Diagnostic("\(error)"))
        }
    }
}
