import Files
import GRDB

/// The database file: `outbox/index.sqlite`, mode 0600, gone and made anew whenever it is not as it should be.
struct IndexFile: Sendable {
    static let name = "index.sqlite"
    private static let suffixes = ["", "-wal", "-shm", "-journal"]

    let directory: Directory
    /// The directory's path, since SQLite knows files by paths.
    let path: String

    /// Which file it is now; `nil` if there is none.
    func identity() throws(FileError) -> UInt64? {
        try directory.status(of: Self.name)?.inode
    }

    /// Takes the file away, and what belongs to it.
    func remove() throws(FileError) {
        for suffix in Self.suffixes { try directory.remove(Self.name + suffix) }
    }

    /// Opens the file, made if it is not there; `zone` is what its days were parted by.
    func open(zone: String) throws -> DatabasePool {
        if let pool = try openOnce(zone: zone) { return pool }
        try remove()
        guard let pool = try openOnce(zone: zone) else {
            throw ReportError(.database, "the index cannot be made")
        }
        return pool
    }

    /// `nil` if what is there is of another version or zone, or no database.
    private func openOnce(zone: String) throws -> DatabasePool? {
        do {
            // SQLite gives its other files the mode of this one.
            if try directory.status(of: Self.name) == nil { _ = try? directory.create(Self.name, permissions: 0o600) }
            let pool = try DatabasePool(path: "\(path)/\(Self.name)", configuration: Self.configuration)
            let isGood = try pool.write { db in
                let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
                if version == 0 {
                    guard try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0 else { return false }
                    try Schema.create(db)
                    try db.execute(sql: "INSERT INTO meta (name, value) VALUES ('zone', ?)", arguments: [zone])
                    return true
                }
                guard version == Schema.version else { return false }
                return try String.fetchOne(db, sql: "SELECT value FROM meta WHERE name = 'zone'") == zone
            }
            if isGood { return pool }
            try pool.close()
            return nil
        } catch let error as DatabaseError where error.isDamage {
            return nil
        }
    }

    /// Gives a connection room for all that a new index is made of, and takes it back.
    ///
    /// Pages that are changed again and again while they are filled are then written once.
    static func makeRoom(_ isNew: Bool, _ db: Database) throws {
        try db.execute(sql: isNew ? "PRAGMA cache_size = -98304; PRAGMA wal_autocheckpoint = 16384" : usual)
    }

    /// 16 MiB of pages each; what is sorted goes to a file.
    private static let usual = "PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 1000"

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "wardpost.index"
        configuration.foreignKeysEnabled = false
        configuration.maximumReaderCount = 4
        // Another process may be writing a large job.
        configuration.busyMode = .timeout(60)
        configuration.prepareDatabase { db in
            try db.execute(sql: "\(usual); PRAGMA temp_store = FILE")
        }
        return configuration
    }
}

extension DatabaseError {
    /// Whether the file, and not the question, is at fault.
    var isDamage: Bool {
        switch resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT: true
        // A table that is missing, or another file where ours was.
        case .SQLITE_ERROR: message?.contains("no such") ?? false
        case .SQLITE_READONLY: extendedResultCode == .SQLITE_READONLY_DBMOVED
        default: false
        }
    }
}
