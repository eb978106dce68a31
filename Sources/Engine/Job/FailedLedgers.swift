import Core
import Ledger
import Synchronization

/// The ledgers whose writing failed in this process.
///
/// After a failed sync the kernel may show content that never reached the disk; the next writer must know.
final class FailedLedgers: Sendable {
    private let jobs: Mutex<Set<JobID>> = Mutex([])

    /// Remembers how a writer ended.
    func note(_ ledger: LedgerWriter) {
        let hasFailed = ledger.failure != nil
        _ = jobs.withLock { hasFailed ? $0.insert(ledger.header.job).inserted : $0.remove(ledger.header.job) != nil }
    }

    func contains(_ job: JobID) -> Bool {
        jobs.withLock { $0.contains(job) }
    }
}
