import Core
import Dispatch
import Files
import Intake

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
        do {
            let reader = try rows.job.table.reader()
            var pending = 0
            var line = CSVRow()
            while try reader.next(into: &line) {
                guard let attempts = rows.source.board.claim(line.row.number, now: .now) else { continue }
                pending += 1
                // One wake for several rows: connections that wait are few once the job runs.
                switch try rows.offer(line, attempts) {
                case .refused: return .closed
                case .first: wake()
                case .another: if pending.isMultiple(of: 32) { wake() }
                case .parked, nil: continue
                }
            }
            return .complete
        } catch {
            return End(error)
        }
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
