import GRDB

/// The index's tables.
///
/// All of it is made from ledgers, signed results and events, and can be made again.
enum Schema {
    /// Another number, and an index of an earlier version is deleted and made anew.
    static let version = 2

    static func create(_ db: Database) throws {
        try db.execute(sql: tables)
        try db.execute(sql: "PRAGMA user_version = \(version)")
    }

    /// Adds what rows are found by, unless it is there: once all that there was is in, since it takes far longer row by row.
    static func createIndices(_ db: Database) throws {
        try db.execute(sql: indices)
    }

    private static let tables = """
        CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        -- How far each file of events was read.
        CREATE TABLE source (file TEXT PRIMARY KEY, offset INTEGER NOT NULL, mac TEXT NOT NULL, mark TEXT NOT NULL,
            inside INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE job (id INTEGER PRIMARY KEY, job TEXT NOT NULL UNIQUE,
            -- What was read: stamps of the ledger and of the results; empty for a job without.
            ledger TEXT NOT NULL DEFAULT '', results TEXT NOT NULL DEFAULT '', problem TEXT NOT NULL DEFAULT '',
            -- Whether its events are to be counted anew.
            dirty INTEGER NOT NULL DEFAULT 0,
            folder TEXT NOT NULL DEFAULT '', name TEXT NOT NULL DEFAULT '', purpose TEXT NOT NULL DEFAULT '',
            list TEXT NOT NULL DEFAULT '', sender TEXT NOT NULL DEFAULT '', sender_domain TEXT NOT NULL DEFAULT '',
            taken_up INTEGER NOT NULL DEFAULT 0, rows INTEGER NOT NULL DEFAULT 0, links INTEGER NOT NULL DEFAULT 0,
            closed INTEGER);
        CREATE INDEX job_by_time ON job (taken_up, job);
        CREATE TABLE word (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE);
        CREATE TABLE channel (id INTEGER PRIMARY KEY, route TEXT NOT NULL, server TEXT NOT NULL, scope TEXT NOT NULL,
            version TEXT NOT NULL, cipher TEXT NOT NULL, verification TEXT NOT NULL,
            UNIQUE (route, server, scope, version, cipher, verification));
        -- Recipients' domains, and how many different mailboxes of each were written to, up to a limit.
        CREATE TABLE domain (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, mailboxes INTEGER NOT NULL DEFAULT 0);
        CREATE TABLE mailbox (domain INTEGER NOT NULL, tag INTEGER NOT NULL, PRIMARY KEY (domain, tag)) WITHOUT ROWID;
        -- One for each row that ended; `key` is a tag of the row's key.
        CREATE TABLE message (job INTEGER NOT NULL, row INTEGER NOT NULL, state INTEGER NOT NULL, reason INTEGER NOT NULL,
            attempts INTEGER NOT NULL, finished INTEGER NOT NULL, day INTEGER NOT NULL, channel INTEGER NOT NULL,
            domain INTEGER, key INTEGER, PRIMARY KEY (job, row)) WITHOUT ROWID;
        -- `id` is the moment in milliseconds and, in the last 20 bits, something that tells events of one moment apart.
        -- What starts with `told` is as the event says; `class`, `why` and `device` are what all events of the message come to.
        CREATE TABLE event (id INTEGER PRIMARY KEY, job INTEGER NOT NULL, row INTEGER NOT NULL, day INTEGER NOT NULL,
            kind INTEGER NOT NULL, link INTEGER, class INTEGER NOT NULL, why INTEGER NOT NULL, device INTEGER,
            told_class INTEGER NOT NULL, told_why INTEGER NOT NULL, method INTEGER NOT NULL, agent INTEGER NOT NULL,
            visitor INTEGER, severity INTEGER, reason INTEGER);
        -- What reports add up: job by job and day by day, as it is asked for. A domain of 0 is none that is known.
        CREATE TABLE outcome_day (job INTEGER NOT NULL, day INTEGER NOT NULL, domain INTEGER NOT NULL,
            channel INTEGER NOT NULL, state INTEGER NOT NULL, reason INTEGER NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (job, day, domain, channel, state, reason)) WITHOUT ROWID;
        -- `first` is how many messages had their first of that kind on that day.
        CREATE TABLE event_day (job INTEGER NOT NULL, day INTEGER NOT NULL, domain INTEGER NOT NULL,
            channel INTEGER NOT NULL, kind INTEGER NOT NULL, class INTEGER NOT NULL, count INTEGER NOT NULL,
            first INTEGER NOT NULL, PRIMARY KEY (job, day, domain, channel, kind, class)) WITHOUT ROWID;
        -- Days whose figures may differ from what was written, by kind of period.
        CREATE TABLE changed (kind TEXT NOT NULL, day INTEGER NOT NULL, PRIMARY KEY (kind, day)) WITHOUT ROWID;
        """

    private static let indices = """
        CREATE INDEX IF NOT EXISTS message_by_key ON message (key) WHERE key IS NOT NULL;
        CREATE INDEX IF NOT EXISTS event_by_row ON event (job, row);
        """
}
