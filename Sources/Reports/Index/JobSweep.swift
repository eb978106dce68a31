import GRDB

/// What is done about a job as a whole.
enum JobSweep {
    /// Notes that the figures of all days on which a job has any may change.
    static func noteDays(of id: Int64, _ db: Database) throws {
        for kind in [Period.Kind.day, .week, .month] {
            for table in ["outcome_day", "event_day"] {
                let note = try db.cachedStatement(
                    sql: """
                        INSERT OR IGNORE INTO changed (kind, day) SELECT DISTINCT ?, day FROM \(table) WHERE job = ?
                        """
                )
                try note.execute(arguments: [kind.rawValue, id])
            }
        }
    }

    /// Forgets what a ledger that is gone told; events stay, and count for nothing.
    static func forget(_ id: Int64, _ db: Database) throws {
        try noteDays(of: id, db)
        for table in ["message", "outcome_day", "event_day"] {
            try db.execute(sql: "DELETE FROM \(table) WHERE job = ?", arguments: [id])
        }
        try db.execute(
            sql: "UPDATE job SET ledger = '', results = '', folder = '', rows = 0, taken_up = 0 WHERE id = ?",
            arguments: [id]
        )
    }
}
