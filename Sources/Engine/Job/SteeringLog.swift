import Core
import Records
import Synchronization

/// What people dropped into a running job's folder and what was made of it, for `status.json`: the latest few.
final class SteeringLog: Sendable {
    private static let most = 10
    private let entries: Mutex<[JobStatus.Obeyed]> = Mutex([])

    /// Notes what was done.
    func note(_ file: String, _ what: String) {
        entries.withLock { entries in
            entries.append(JobStatus.Obeyed(file, at: .now, what))
            if entries.count > Self.most { entries.removeFirst() }
        }
    }

    /// All that is kept, the latest last.
    var all: [JobStatus.Obeyed] { entries.withLock { $0 } }
}
