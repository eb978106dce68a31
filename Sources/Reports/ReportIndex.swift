import Core
public import Files
import GRDB
import Intake
import Ledger
import Synchronization
import Tracking

/// Answers questions across jobs, from an SQLite index that is made of the site's files and can be deleted at any time.
///
/// One process writes it at a time, whichever comes first; any number read it meanwhile. What the index says is what the files said
/// when ``update()`` last looked. An index that is damaged, of another version or of another time zone is deleted and made anew.
///
/// All calls wait for the disk: they are made from a thread that may.
public final class ReportIndex: Sendable {
    /// What an update found.
    public struct Update: Hashable, Sendable {
        /// How many jobs were read.
        public var jobs = 0
        /// How many events were read.
        public var events = 0
        /// Whether the index was made from nothing.
        public var isNew = false
        /// What could not be read, a sentence each.
        public var problems: [String] = []

        /// Nothing was found.
        public init() {}
    }

    private struct Opened {
        var pool: DatabasePool
        var identity: UInt64?
    }

    let sources: ReportSources
    let tagger: Tagger
    /// A recipients' domain is named if so many of its mailboxes were written to.
    let smallestDomain: Int
    private let file: IndexFile
    private let opened = Mutex<Opened?>(nil)

    /// Prepares to use the index of a site.
    ///
    /// - Parameters:
    ///   - directory: Where it is: `outbox`.
    ///   - path: That directory's path.
    ///   - sources: What it is made from.
    ///   - smallestDomain: How many mailboxes of a domain must have been written to for it to be named.
    public init(directory: Directory, path: String, sources: ReportSources, smallestDomain: Int = 10) {
        file = IndexFile(directory: directory, path: path)
        self.sources = sources
        self.smallestDomain = min(max(smallestDomain, 1), Domains.mostCounted)
        tagger = Tagger(key: sources.tags)
    }

    // MARK: - Making

    /// Takes in what is new in the files.
    @discardableResult
    public func update() throws(ReportError) -> Update {
        try mended { try self.updateOnce($0) }
    }

    /// Makes the index from nothing.
    @discardableResult
    public func rebuild() throws(ReportError) -> Update {
        do {
            try discard()
        } catch {
            throw ReportError(.files, "\(error)")
        }
        return try update()
    }

    private func updateOnce(_ pool: DatabasePool) throws -> Update {
        var update = Update()
        update.isNew = try pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM job") } == 0
        if update.isNew { try pool.writeWithoutTransaction { try IndexFile.makeRoom(true, $0) } }
        defer { if update.isNew { try? pool.writeWithoutTransaction { try IndexFile.makeRoom(false, $0) } } }
        try takeJobs(pool, &update)
        do {
            try takeEvents(pool, &update)
        } catch let error as EventsReplaced {
            // What was read of that file is no longer there: nothing tells which of it still holds.
            guard !update.isNew else { throw ReportError(.files, "\(error.file) changes while it is read") }
            throw Stale()
        }
        try pool.write {
            try Schema.createIndices($0)
            try mindRules($0)
        }
        let dirty = try pool.read { try Int64.fetchAll($0, sql: "SELECT id FROM job WHERE dirty = 1 ORDER BY id") }
        let clock = DayClock(zone: sources.zone)
        var rest = dirty[...]
        while !rest.isEmpty {
            try pool.write { db in
                let fold = try EventFold(sources.classifier, clock, db)
                var events = 0
                while events < EventIndexer.batch, let job = rest.popFirst() { events += try fold.fold(job) }
            }
        }
        return update
    }

    /// Has all events counted anew if the rules are others than those by which they were.
    private func mindRules(_ db: Database) throws {
        let known = try String.fetchOne(db, sql: "SELECT value FROM meta WHERE name = 'rules'")
        guard known != sources.rules else { return }
        if known != nil { try db.execute(sql: "UPDATE job SET dirty = 1") }
        try db.execute(
            sql: "INSERT OR REPLACE INTO meta (name, value) VALUES ('rules', ?)",
            arguments: [sources.rules]
        )
    }

    private struct Known {
        var id: Int64
        var ledger: String
        var results: String
        var folder: String
    }

    private func takeJobs(_ pool: DatabasePool, _ update: inout Update) throws {
        let stamps = try sources.ledgers.stamps()
        var known: [String: Known] = [:]
        try pool.read { db in
            let rows = try GRDB.Row.fetchCursor(db, sql: "SELECT job, id, ledger, results, folder FROM job")
            while let row = try rows.next() {
                known[row[0]] = Known(id: row[1], ledger: row[2], results: row[3], folder: row[4])
            }
        }
        var stale: [(job: JobID, stamp: LedgerStamp)] = []
        for (job, stamp) in stamps.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            let before = known.removeValue(forKey: "\(job)")
            if let before, before.ledger == "\(stamp)" {
                let results = ResultFacts.stamp(job, folder: before.folder, sources)
                // Put away by somebody: what was known stays as long as the index does.
                if results == nil || results == before.results { continue }
            }
            stale.append((job, stamp))
        }
        var rest = stale[...]
        while !rest.isEmpty {
            try pool.write { db in
                let indexer = try JobIndexer(sources, tagger, db)
                var rows = 0
                while rows < JobIndexer.batch, let next = rest.popFirst() {
                    rows += try take(next.job, next.stamp, indexer, &update)
                }
            }
        }
        for (_, lost) in known where !lost.ledger.isEmpty { try pool.write { try JobSweep.forget(lost.id, $0) } }
    }

    /// Takes one job; returns how many rows it has.
    private func take(
        _ job: JobID,
        _ stamp: LedgerStamp,
        _ indexer: JobIndexer,
        _ update: inout Update
    ) throws -> Int {
        do {
            let rows = try indexer.take(job, stamp: stamp)
            update.jobs += 1
            return rows
        } catch let error as LedgerError {
            switch error {
            // Nothing was sent under one that is not finished being made; and one may be gone by now.
            case .unfinished, .notFound: return 0
            default: break
            }
            update.problems.append("ledger \(job): \(error)")
            try indexer.write(problem: "\(error)", of: job, stamp: "\(stamp)")
            return 0
        }
    }

    private func takeEvents(_ pool: DatabasePool, _ update: inout Update) throws {
        let indexer = EventIndexer(sources: sources)
        var clock = DayClock(zone: sources.zone)
        var reader: EventReader?
        var generation = 0
        while true {
            let count = try pool.write { db in
                let now = try Int.fetchOne(db, sql: "SELECT value FROM meta WHERE name = 'events'") ?? 0
                // Another process may have gone on since.
                if reader == nil || now != generation { reader = try indexer.reader(db) }
                guard let reader else { return 0 }
                let count = try indexer.take(from: reader, &clock, db)
                generation = now + 1
                try db.execute(
                    sql: "INSERT OR REPLACE INTO meta (name, value) VALUES ('events', ?)",
                    arguments: ["\(generation)"]
                )
                return count
            }
            if count == 0 { break }
            update.events += count
        }
        if let reader, reader.faults > 0 {
            update.problems.append("events: \(reader.faults) lines do not hold and are left out")
        }
    }

    // MARK: - Access

    /// The index does not fit the files any more.
    private struct Stale: Error {}

    /// Asks the index as it is.
    func read<Answer>(_ body: (Database) throws -> Answer) throws(ReportError) -> Answer {
        try mended { pool in
            // An index that was deleted is made anew before it answers.
            if try pool.read({ try Int.fetchOne($0, sql: "SELECT count(*) FROM meta WHERE name = 'events'") }) == 0 {
                _ = try self.updateOnce(pool)
            }
            return try pool.read(body)
        }
    }

    /// Changes what the index keeps for itself.
    func write<Answer>(_ body: (Database) throws -> Answer) throws(ReportError) -> Answer {
        try mended { try $0.write(body) }
    }

    /// Runs a body over the index; once more over a new one if this one turns out to be damaged or stale.
    private func mended<Answer>(_ body: (DatabasePool) throws -> Answer) throws(ReportError) -> Answer {
        do {
            do {
                return try body(try pool())
            } catch let error as DatabaseError where error.isDamage {
                try discard()
            } catch is Stale {
                try discard()
            }
            return try body(try pool())
        } catch let error as ReportError {
            throw error
        } catch let error as DatabaseError {
            throw ReportError(.database, "the index: \(error.message ?? "\(error.resultCode)")")
        } catch {
            throw ReportError(.files, "\(error)")
        }
    }

    /// The open database; another one if the file was deleted or replaced since.
    private func pool() throws -> DatabasePool {
        try opened.withLock { opened in
            let identity = try file.identity()
            if let known = opened, known.identity == identity, identity != nil { return known.pool }
            let pool = try file.open(zone: sources.zone.name)
            opened = Opened(pool: pool, identity: try file.identity())
            return pool
        }
    }

    private func discard() throws {
        try opened.withLock { opened in
            opened = nil
            try file.remove()
        }
    }
}
