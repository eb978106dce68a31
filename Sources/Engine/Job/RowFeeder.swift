import Compose
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

    private let job: PreparedJob
    private let source: JobSource
    private let wake: @Sendable () -> Void
    private let thread = DispatchQueue(label: "wardpost.rows")

    init(job: PreparedJob, source: JobSource, wake: @escaping @Sendable () -> Void) {
        self.job = job
        self.source = source
        self.wake = wake
    }

    /// One pass over all rows.
    func pass() async -> End {
        source.set(feeding: true)
        let end = await withCheckedContinuation { continuation in
            thread.async { continuation.resume(returning: self.read()) }
        }
        source.set(feeding: false)
        wake()
        return end
    }

    private func read() -> End {
        do {
            let reader = try job.table.reader()
            var pending = 0
            var line = CSVRow()
            while try reader.next(into: &line) {
                guard let attempts = source.board.claim(line.row.number, now: .now) else { continue }
                pending += 1
                // One wake for several rows: connections that wait are few once the job runs.
                switch try feed(line, attempts) {
                case .refused: return .closed
                case .first: wake()
                case .another: if pending.isMultiple(of: 32) { wake() }
                case nil: continue
                }
            }
            return .complete
        } catch PinError.unreadable(let error) {
            return .unreadable(error)
        } catch let problem as Diagnostic {
            return .changed(problem)
        } catch {
            return .changed(Diagnostic("\(error)"))
        }
    }

    /// Queues one row; `nil` if it ended here.
    private func feed(_ line: CSVRow, _ attempts: Int) throws -> RowQueue.Pushed? {
        let row = line.row.number
        let recipient: Address
        switch job.judge(line) {
        case .good(let address): recipient = address
        case .bad(let status, let reason, let detail):
            source.end(row, status, reason, detail, attempts: attempts)
            return nil
        }
        let attachments: [AttachmentContent]
        do {
            attachments = try job.attachments(of: line.row, recipient: recipient)
        } catch let problem as RowRefusal {
            source.end(row, .invalid, problem.reason, problem.detail, attempts: attempts)
            return nil
        } catch {
            source.board.release(row)
            throw error
        }
        let ready = ReadyRow(row: line.row, recipient: recipient, attachments: attachments, attempts: attempts)
        let pushed = source.queue.push(ready)
        if pushed == .refused { source.board.release(row) }
        return pushed
    }
}
