import Core
import Intake
import Ledger
import Records
import Synchronization

/// Keeps `status.json` up to date while a job runs: once a second, and at once when its state changes.
///
/// A status that cannot be written stops nothing: it is for people, and the ledger holds the truth.
final class StatusReporter: Sendable {
    private let job: PreparedJob
    private let ledger: LedgerWriter
    private let records: JobRecords
    private let last: Mutex<(at: ContinuousClock.Instant, state: JobState)?> = Mutex(nil)

    init(_ job: PreparedJob, _ ledger: LedgerWriter, _ records: JobRecords) {
        self.job = job
        self.ledger = ledger
        self.records = records
    }

    /// Takes in how far the job is.
    func update(_ progress: JobProgress) {
        let state: JobState = progress.isPaused ? .paused : progress.waitingUntil == nil ? .running : .waiting
        let message =
            if progress.isPaused {
                "Paused; remove PAUSE to go on."
            } else if let until = progress.waitingUntil {
                "Goes on at \(until) UTC."
            } else {
                progress.problem.map { "Trying again: \($0)" } ?? ""
            }
        let isDue = last.withLock { last in
            let now = ContinuousClock.now
            if let last, last.state == state, now - last.at < .seconds(1) { return false }
            last = (now, state)
            return true
        }
        guard isDue else { return }
        write(state, message, progress.waitingUntil, progress.rowsPerSecond)
    }

    /// Says why the job does not go on now.
    func trouble(_ message: String) {
        write(.paused, message, nil, 0)
    }

    private func write(_ state: JobState, _ message: String, _ resumes: Timestamp?, _ rate: Double) {
        let status = JobStatus(
            state,
            job: job.id,
            name: job.manifest.name.value,
            message: message,
            counts: ledger.counts,
            takenUp: job.run.takenUp,
            resumes: resumes,
            updated: .now,
            rowsPerSecond: rate
        )
        try? records.writeStatus(status)
    }
}
