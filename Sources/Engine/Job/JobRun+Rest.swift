import Core
import Delivery
import Ledger

/// How rows end that a job leaves behind.
extension JobRun {
    /// Cancels what no connection has begun, for `STOP`.
    func cancelOpenRows(_ file: String) async {
        guard let view = await ledger.view() else { return }
        if cancelRest(view, by: file) > 0 { wasCutShort.set() }
    }

    /// Ends every row that is not under way since a file says so; how many there were.
    @discardableResult
    func cancelRest(_ view: LedgerView, by file: String) -> Int {
        rest(view, .cancelled, RouteProblem(.stopped, detail: "\(file) was dropped", server: ""))
    }

    /// Ends every row that is not at its end and not under way; how many there were.
    @discardableResult
    func rest(_ view: LedgerView, _ status: RowStatus, _ problem: RouteProblem) -> Int {
        var count = 0
        source.board.claimRest { row, attempts in
            count += 1
            end(row, attempts, view, status, problem)
        }
        return count
    }

    /// Ends rows whose own time is over and that were tried before; others end where that is found.
    func endOverdue() async {
        let rows = source.takeOverdue()
        guard !rows.isEmpty, let view = await ledger.view() else { return }
        let problem = RouteProblem(.pastNotAfter, detail: JobSource.late, server: "")
        for (row, attempts) in rows { end(row, attempts, view, .cancelled, problem) }
    }

    private func end(
        _ row: RowNumber,
        _ attempts: Int,
        _ view: LedgerView,
        _ status: RowStatus,
        _ problem: RouteProblem
    ) {
        var outcome = Outcome(
            status,
            reason: problem.reason,
            detail: problem.detail,
            attempts: attempts,
            finishedAt: .now,
            route: problem.server.isEmpty ? "" : job.routeName,
            server: problem.server
        )
        // A row that was tried and refused for now is not "before it was tried": that refusal is what it came to.
        // One that was handed back in the middle of its next try names no server, and is cancelled like the others; so is
        // one of a halted job, which goes on with what was not refused for good.
        let isCancelled = status == .cancelled && problem.reason != .halted
        switch attempts > 0 ? try? view.latest(of: row) : nil {
        case .deferred(_, let last)? where isCancelled && !last.server.isEmpty:
            outcome.status = .failed
            outcome.reason = last.reason
            outcome.detail = last.detail
            outcome.route = last.route
            outcome.server = last.server
            outcome.tls = last.tls
            outcome.messageID = job.run.messages.messageID(of: row)
        // Asked for again, and not tried again: what it came to before still holds, above all that nobody knows.
        case .ended(_, let last)? where last.status == .unknown || isCancelled && last.status == .failed:
            outcome = last
        default: break
        }
        source.end(row, outcome)
    }
}
