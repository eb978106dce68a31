import Core
import Delivery
import Ledger

/// How a row's end, its next turn or its return comes into the ledger, and from there onto the board.
extension JobSource {
    /// Writes down where a row stays; the board learns it when the disk has it.
    ///
    /// A row that was `unknown` and was asked for again stays so unless it is sent: that a later message was refused, or never
    /// tried, says nothing of the earlier one.
    func end(_ row: RowNumber, _ outcome: Outcome) {
        var outcome = outcome
        if outcome.status != .sent, ledger.state(of: row).mayHaveArrived { outcome.status = .unknown }
        ledger.append(.ended(row, outcome), then: board.endsWhenDurable(row, outcome.status))
    }

    /// An outcome of a row that never reached a server.
    func end(_ row: RowNumber, _ status: RowStatus, _ reason: Reason, _ detail: String = "", attempts: Int = 0) {
        end(
            row,
            Outcome(
                status,
                reason: reason,
                detail: detail,
                attempts: attempts,
                finishedAt: .now,
                route: attempts > 0 ? job.routeName : ""
            )
        )
    }

    func end(_ message: Ticket, _ status: RowStatus, _ result: AttemptResult) {
        end(
            message.row,
            Outcome(
                status,
                reason: result.reason,
                detail: result.detail,
                attempts: message.attempt,
                finishedAt: .now,
                route: job.routeName,
                server: result.server,
                tls: result.tls,
                messageID: job.run.messages.messageID(of: message.row)
            )
        )
    }

    /// A temporary refusal: the row waits for its next turn, or has had its last.
    func again(_ message: Ticket, _ result: AttemptResult, _ deadline: Timestamp) {
        let now = Timestamp.now
        let wait = backoff.delay(afterAttempts: message.attempt, spread: .random(in: 0...1))
        let due = now + wait
        guard due <= deadline else { return end(message, .failed, result) }
        let board = board
        ledger.append(
            .deferred(
                message.row,
                Deferral(
                    attempts: message.attempt,
                    at: now,
                    due: due,
                    reason: result.reason,
                    detail: result.detail,
                    route: job.routeName,
                    server: result.server,
                    tls: result.tls
                )
            )
        ) { isDurable in
            if isDurable { board.deferred(message.row, attempts: message.attempt, due: due) }
        }
    }

    /// A row given back untried.
    ///
    /// The ledger may hold that it was about to go out, and must not be left saying so.
    func handBack(_ message: Ticket, _ result: AttemptResult) {
        let board = board
        // Otherwise what it says of the row still holds: that its fate is unknown, for one that was asked for again.
        guard ledger.state(of: message.row).phase == .tried else { return board.release(message.row) }
        let now = Timestamp.now
        let deferral = Deferral(attempts: message.attempt - 1, at: now, due: now, reason: result.reason)
        ledger.append(.deferred(message.row, deferral)) { isDurable in
            if isDurable { board.release(message.row) }
        }
    }
}
