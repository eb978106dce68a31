import Core
import GRDB
import Tracking

/// Counts jobs' events anew: message by message, as their `tracking.csv` does.
///
/// Whether a person did something is told by all that came from a message together, so that a late event may change what an
/// earlier one counts as. Good within one transaction only.
final class EventFold {
    private struct Group: Hashable {
        var day: Int64
        var domain: Int64
        var channel: Int64
        var kind: Event.Kind
        var audience: Event.Audience
    }

    private struct Count {
        var count: Int64 = 0
        var first: Int64 = 0
    }

    /// What the ledger says of the message whose events come.
    private struct Message {
        var row: Int64
        var domain: Int64
        var channel: Int64
        var finished: Int64
    }

    /// An event and what the index has for it.
    private struct Stored {
        var id: Int64
        var audience: Int64
        var why: Int64
        var device: Int64?
        var event: Event
    }

    private let db: Database
    private let words: Words
    private let classifier: Classifier
    private var clock: DayClock
    private let read: NumberStatement
    private let mark: NumberStatement
    private let removeSums: NumberStatement
    private let insertSum: NumberStatement

    // Of the job whose events are counted.
    private var job = JobID.noJob
    private var links = 0
    private var groups: [Group: Count] = [:]
    private var changes: [(id: Int64, audience: Int64, why: Int64, device: Int64?)] = []

    init(_ classifier: Classifier, _ clock: DayClock, _ db: Database) throws {
        self.db = db
        self.classifier = classifier
        self.clock = clock
        words = Words(db)
        // Only what was sent has events that count.
        read = try NumberStatement(
            db,
            """
            SELECT e.row, m.domain, m.channel, m.finished, e.id, e.kind, e.link, e.told_class, e.told_why, e.method, e.agent,
            e.visitor, e.severity, e.reason, e.class, e.why, e.device FROM event e
            CROSS JOIN message m ON m.job = e.job AND m.row = e.row AND m.state = \(RowStatus.sent.code)
            WHERE e.job = ? ORDER BY e.row, e.id
            """
        )
        mark = try NumberStatement(db, "UPDATE event SET class = ?, why = ?, device = ? WHERE id = ?")
        removeSums = try NumberStatement(db, "DELETE FROM event_day WHERE job = ?")
        insertSum = try NumberStatement(
            db,
            "INSERT INTO event_day (job, day, domain, channel, kind, class, count, first) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
    }

    /// Counts the events of one job whose events or rows changed; returns how many there are.
    func fold(_ id: Int64) throws -> Int {
        let row = try GRDB.Row.fetchOne(db, sql: "SELECT job, links FROM job WHERE id = ?", arguments: [id])
        guard let row, let job = JobID(row[0] as String) else { return 0 }
        self.job = job
        links = row[1]
        groups.removeAll(keepingCapacity: true)
        changes.removeAll(keepingCapacity: true)
        try JobSweep.noteDays(of: id, db)
        let count = try run(id)
        try write(id)
        try JobSweep.noteDays(of: id, db)
        try db.execute(sql: "UPDATE job SET dirty = 0 WHERE id = ?", arguments: [id])
        return count
    }

    private func run(_ id: Int64) throws -> Int {
        var count = 0
        var message: Message?
        var events: [Stored] = []
        try read.forEach([id]) { row in
            count += 1
            if message?.row != row[0] {
                if let message { try add(events, of: message) }
                events.removeAll(keepingCapacity: true)
                message = Message(row: row[0], domain: row[1], channel: row[2], finished: row[3])
            }
            if let event = try event(row) { events.append(event) }
        }
        if let message { try add(events, of: message) }
        return count
    }

    private func event(_ row: NumberRow) throws -> Stored? {
        guard let kind = Event.Kind(rawValue: try words.word(row[5])),
            let audience = Event.Audience(rawValue: try words.word(row[7]))
        else { return nil }
        var event = Event(
            kind,
            job: job,
            row: RowNumber(UInt32(row[0])),
            milliseconds: EventIndexer.milliseconds(of: row[4]),
            link: row.optional(6).map(Int.init),
            audience: audience,
            why: try words.word(row[8]),
            method: try words.word(row[9]),
            agent: try words.word(row[10])
        )
        event.visitor = row.optional(11).map { VisitorMark(value: UInt32(truncatingIfNeeded: $0)) }
        event.severity = try row.optional(12).flatMap { Event.Severity(rawValue: try words.word($0)) }
        event.reason = try row.optional(13).map { try words.word($0) }
        return Stored(id: row[4], audience: row[14], why: row[15], device: row.optional(16), event: event)
    }

    /// Counts one message's events.
    private func add(_ events: [Stored], of message: Message) throws {
        let delivered = Timestamp(seconds: message.finished)
        let verdicts = classifier.verdicts(on: events.map(\.event), delivered: delivered, links: links)
        var first: [Event.Kind: Timestamp] = [:]
        var isRequestsAlone = true
        for (stored, verdict) in zip(events, verdicts) {
            let event = stored.event
            self[event.milliseconds / 1_000, message, event.kind, verdict.audience].count += 1
            if event.kind == .open || event.kind == .click {
                if verdict.audience == .human { first[event.kind] = min(first[event.kind] ?? event.time, event.time) }
            } else {
                isRequestsAlone = false
            }
            try note(verdict, of: stored)
        }
        for (kind, time) in first { note(time, message, kind) }
        if isRequestsAlone { return }
        // What else came back means what `tracking.csv` says it means.
        var activity = JobActivity(job: job, classifier: classifier)
        for stored in events { activity.apply(stored.event) }
        guard let row = activity.fold(RowNumber(UInt32(message.row)), delivered: delivered, links: links)?.activity
        else { return }
        note(row.unsubscribedAt, message, .unsubscribe)
        note(row.bouncedAt, message, .bounce)
        note(row.complainedAt, message, .complaint)
    }

    /// Notes what an event came to, if the index has something else.
    private func note(_ verdict: EventVerdict, of stored: Stored) throws {
        let audience = try words.number(of: verdict.audience.rawValue)
        let why = try words.number(of: verdict.why)
        let device = try verdict.device.map { try words.number(of: $0.rawValue) }
        if (audience, why) != (stored.audience, stored.why) || device != stored.device {
            changes.append((stored.id, audience, why, device))
        }
    }

    private func note(_ time: Timestamp?, _ message: Message, _ kind: Event.Kind) {
        guard let time else { return }
        self[time.seconds, message, kind, .human].first += 1
    }

    private subscript(seconds: Int64, message: Message, kind: Event.Kind, audience: Event.Audience) -> Count {
        get { groups[group(seconds, message, kind, audience), default: Count()] }
        set { groups[group(seconds, message, kind, audience)] = newValue }
    }

    private func group(_ seconds: Int64, _ message: Message, _ kind: Event.Kind, _ audience: Event.Audience) -> Group {
        Group(
            day: Int64(clock.day(of: seconds)),
            domain: message.domain,
            channel: message.channel,
            kind: kind,
            audience: audience
        )
    }

    private func write(_ id: Int64) throws {
        for change in changes { try mark.run([change.audience, change.why, change.device, change.id]) }
        try removeSums.run([id])
        var sums: [(place: [Int64], count: Count)] = []
        for (group, count) in groups {
            let kind = try words.number(of: group.kind.rawValue)
            let audience = try words.number(of: group.audience.rawValue)
            sums.append(([id, group.day, group.domain, group.channel, kind, audience], count))
        }
        // In the table's order, which is much quicker.
        sums.sort { $0.place.lexicographicallyPrecedes($1.place) }
        for sum in sums { try insertSum.run(sum.place + [sum.count.count, sum.count.first]) }
    }
}
