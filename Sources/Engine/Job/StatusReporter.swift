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
    private let steering: SteeringLog
    private let last: Mutex<(at: ContinuousClock.Instant, state: JobState, obeyed: JobStatus.Obeyed?)?> = Mutex(nil)

    init(_ job: PreparedJob, _ ledger: LedgerWriter, _ records: JobRecords, _ steering: SteeringLog) {
        self.steering = steering
        self.job = job
        self.ledger = ledger
        self.records = records
    }

    /// Takes in how far the job is.
    func update(_ progress: JobProgress) {
        let (state, message) = Self.standing(progress)
        let obeyed = progress.obeyed.last
        let isDue = last.withLock { last in
            let now = ContinuousClock.now
            if let last, last.state == state, last.obeyed == obeyed, now - last.at < .seconds(1) { return false }
            last = (now, state, obeyed)
            return true
        }
        guard isDue else { return }
        write(state, message, progress.obeyed, progress.waitingUntil, progress.rowsPerSecond, progress.zones)
    }

    private static func standing(_ progress: JobProgress) -> (JobState, String) {
        switch progress.ending {
        case .stopped(let file):
            return (.stopped, "Stopped by \(file); answers to what is under way are awaited, then results are written.")
        case .halted(let sentence):
            return (.held, "\(sentence). Answers to what is under way are awaited, then results are written.")
        case nil: break
        }
        if progress.isPaused { return (.paused, "Paused; remove PAUSE to go on.") }
        if let until = progress.waitingUntil {
            let zones = progress.zones
            return (.waiting, zones.count > 1 ? "Goes on in \(zones.sentence)." : "Goes on at \(until) UTC.")
        }
        let trouble = progress.problem.map { "Trying again: \($0)" }
        let zones = progress.zones.isEmpty ? "" : "Rows wait in \(progress.zones.sentence)."
        return (.running, [trouble ?? zones, progress.notice].filter { !$0.isEmpty }.joined(separator: " "))
    }

    /// Says why the job does not go on now.
    func trouble(_ message: String) {
        write(.paused, message, steering.all, nil, 0)
    }

    private func write(
        _ state: JobState,
        _ message: String,
        _ obeyed: [JobStatus.Obeyed],
        _ resumes: Timestamp?,
        _ rate: Double,
        _ zones: [ZoneWait] = []
    ) {
        let status = JobStatus(
            state,
            job: job.id,
            name: job.manifest.name.value,
            message: message,
            counts: ledger.counts,
            takenUp: job.run.takenUp,
            resumes: resumes,
            zones: zones.map { (zone: $0.zone, resumes: $0.until) },
            updated: .now,
            rowsPerSecond: rate,
            obeyed: obeyed,
            tracking: job.tracking
        )
        try? records.writeStatus(status)
    }
}
