import Compose
import Core
import Dispatch
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
                guard try feed(line, attempts) else { return .closed }
                pending += 1
                // One wake for several rows: connections that wait are few once the job runs.
                if pending.isMultiple(of: 32) || pending == 1 { wake() }
            }
            return .complete
        } catch let problem as Diagnostic {
            return .changed(problem)
        } catch {
            return .changed(Diagnostic("\(error)"))
        }
    }

    /// Queues one row, or ends it here; `false` if the source wants no more.
    private func feed(_ line: CSVRow, _ attempts: Int) throws -> Bool {
        let row = line.row.number
        let recipient: Address
        switch job.judge(line) {
        case .good(let address): recipient = address
        case .bad(let status, let reason, let detail):
            source.end(row, status, reason, detail, attempts: attempts)
            return true
        }
        let attachments: [AttachmentContent]
        do {
            attachments = try job.attachments(of: line.row, recipient: recipient)
        } catch let problem as RowRefusal {
            source.end(row, .invalid, problem.reason, problem.detail, attempts: attempts)
            return true
        } catch {
            source.board.release(row)
            throw error
        }
        let ready = ReadyRow(row: line.row, recipient: recipient, attachments: attachments, attempts: attempts)
        guard source.queue.push(ready) else {
            source.board.release(row)
            return false
        }
        return true
    }
}
