import Core
import GRDB
import Tracking

/// Takes new events into the index, a batch a transaction, with the places up to which the files were read.
struct EventIndexer {
    /// How many events about go into one transaction.
    static let batch = 20_000
    private static let tieBits: Int64 = 20

    let sources: ReportSources

    /// A reader that goes on where the index ends.
    func reader(_ db: Database) throws -> EventReader {
        let places = try GRDB.Row.fetchAll(db, sql: "SELECT file, offset, mac, mark, inside FROM source").map { row in
            EventPosition(
                file: row[0],
                offset: row[1],
                mac: Hex.decode(row[2] as String) ?? [],
                mark: Hex.decode(row[3] as String) ?? [],
                isInsideLine: row[4]
            )
        }
        return EventReader(directory: sources.events, keys: sources.eventKeys, from: places)
    }

    /// Takes in one batch; returns how many events it had.
    func take(from reader: EventReader, _ clock: inout DayClock, _ db: Database) throws -> Int {
        let words = Words(db)
        let insert = try NumberStatement(
            db,
            """
            INSERT OR IGNORE INTO event (id, job, row, day, kind, link, class, why, device, told_class, told_why, method,
            agent, visitor, severity, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        )
        var jobs: [JobID: Int64] = [:]
        var agents: [String: Agent] = [:]
        var failure: (any Error)?
        let count = try reader.poll(about: Self.batch) { event in
            guard failure == nil else { return }
            do {
                let job = try jobs[event.job] ?? JobIndexer.id(of: event.job, db)
                jobs[event.job] = job
                try Self.add(event, job, words, &agents, &clock, insert)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        for position in try reader.newPositions() {
            try db.execute(
                sql: "INSERT OR REPLACE INTO source (file, offset, mac, mark, inside) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    position.file, position.offset, Hex.encode(position.mac), Hex.encode(position.mark),
                    position.isInsideLine,
                ]
            )
        }
        let mark = try NumberStatement(db, "UPDATE job SET dirty = 1 WHERE id = ?")
        for job in jobs.values { try mark.run([job]) }
        return count
    }

    private static func add(
        _ event: Event,
        _ job: Int64,
        _ words: Words,
        _ agents: inout [String: Agent],
        _ clock: inout DayClock,
        _ insert: NumberStatement
    ) throws {
        let audience = try words.number(of: event.audience.rawValue)
        let why = try words.number(of: event.why)
        let agent = try agents[event.agent] ?? Agent(event.agent, words)
        agents[event.agent] = agent
        // What the device is by the agent alone; few rules know better.
        let device = event.kind == .open || event.kind == .click ? agent.device : nil
        var values: [Int64?] = [
            event.milliseconds << tieBits | tie(event, agent.hash), job, Int64(event.row.value),
            Int64(clock.day(of: event.time.seconds)), try words.number(of: event.kind.rawValue),
            event.link.map(Int64.init), audience, why, device, audience, why,
            try words.number(of: event.method), agent.number, event.visitor.map { Int64($0.value) },
            try event.severity.map { try words.number(of: $0.rawValue) },
            try event.reason.map { try words.number(of: $0) },
        ]
        // Two events of one millisecond that look alike are still two.
        while try !insert.changes(values) { values[0] = values[0].map { $0 + 1 } }
    }

    /// What is worked out of an agent once a batch: there are few, and they are long.
    private struct Agent {
        var number: Int64
        var device: Int64
        var hash: UInt64

        init(_ agent: String, _ words: Words) throws {
            number = try words.number(of: agent)
            device = try words.number(of: DeviceFamily(agent: agent).rawValue)
            hash = agent.utf8.reduce(EventIndexer.hashBasis) { EventIndexer.hash($0, $1) }
        }
    }

    /// The first number for an event of a moment: from what it says, so that an index made anew gives the same.
    private static func tie(_ event: Event, _ agent: UInt64) -> Int64 {
        var sum = agent
        for byte in event.job.digest { sum = hash(sum, byte) }
        for shift in [0, 8, 16, 24] as [UInt32] { sum = hash(sum, UInt8(truncatingIfNeeded: event.row.value >> shift)) }
        for byte in event.kind.rawValue.utf8 { sum = hash(sum, byte) }
        sum = hash(sum, UInt8(truncatingIfNeeded: event.link ?? 0))
        return Int64(truncatingIfNeeded: (sum ^ sum >> 32) & 0xF_FFFF)
    }

    /// FNV-1a.
    private static let hashBasis: UInt64 = 0xcbf2_9ce4_8422_2325

    private static func hash(_ sum: UInt64, _ byte: UInt8) -> UInt64 { (sum ^ UInt64(byte)) &* 0x100_0000_01b3 }

    /// The first number of a moment.
    static func id(ofMillisecond milliseconds: Int64) -> Int64 { milliseconds << tieBits }

    /// The moment of a number.
    static func milliseconds(of id: Int64) -> Int64 { id >> tieBits }
}
