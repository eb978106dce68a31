import Bounces
import Core
import Files
import Intake
import Ledger
import Tracking

/// Makes events of mail that came back: opens its token, finds its mailbox, decides what follows, and says so only when that is
/// on the disk.
///
/// One process at a time does so for a site, and looks first at what others appended. So a mail that is read again, since a
/// process ended before it was put away or since somebody sent it again, counts once.
actor BounceIntake {
    /// A mail to be read.
    struct Mail: Sendable {
        var name: String
        /// `nil` if it cannot be read.
        var bytes: [UInt8]?
    }

    /// How much of a mail is read: reports come first, the message behind them.
    static let mostBytes = BounceReader.enoughBytes
    private static let lockName = "bounces.lock"

    private let site: Site
    private let keys: SiteKeys
    private let mails: ReturnedMailReader
    private let settings: SiteConfiguration.Bounces?
    private let patience: Duration
    private var mailboxes: RowMailboxes
    private var book: BounceBook?
    private var log: EventLog?

    /// Prepares to read a site's returned mail.
    ///
    /// - Parameters:
    ///   - site: The site.
    ///   - keys: Its keys.
    ///   - store: Its ledgers.
    ///   - rules: What reports mean.
    ///   - patience: How long another process is waited for that reads returned mail.
    init(site: Site, keys: SiteKeys, store: LedgerStore, rules: BounceRules, patience: Duration = .seconds(60)) {
        self.site = site
        self.keys = keys
        self.patience = patience
        settings = site.configuration.bounces
        let tagger = AddressTagger(key: keys.addressTag)
        mails = ReturnedMailReader(
            reader: BounceReader(rules: rules),
            returnPath: site.returnPath(keys),
            tagger: tagger
        )
        mailboxes = RowMailboxes(site: site, store: store, tagger: tagger)
    }

    /// The rules of a site.
    static func rules(of site: Site) throws(EngineError) -> BounceRules {
        guard let name = site.configuration.bounces?.rules else { return .standard }
        let bytes = try site.file(name)
        do throws(Diagnostics) {
            return try BounceRules(reading: bytes, file: name.value)
        } catch {
            throw EngineError(.configuration, error.all)
        }
    }

    /// Reads mails, and returns when all that they say is on the disk.
    func take(_ batch: [Mail]) async throws -> [ReturnedMail] {
        let lock = try await hold()
        defer { lock.unlock(byte: 0) }
        do {
            return try await takeHeld(batch)
        } catch {
            // What was not made durable must not be taken for something that was.
            book = nil
            throw error
        }
    }

    /// Jobs whose files do not say yet what came back in the last day: a process may have ended between the two.
    func unwritten() throws -> Set<JobID> {
        let since = wallClock() - 86_400_000
        let jobs = try site.jobs()
        var found: Set<JobID> = []
        for (id, latest) in book?.latest ?? [:] where latest > since {
            guard let job = try mailboxes.job(id), let folder = try? jobs.open(subdirectory: job.folder),
                let written = try folder.status(of: JobFiles.tracking)
            else { continue }
            if written.modified / 1_000_000 <= latest { found.insert(id) }
        }
        return found
    }

    private func takeHeld(_ batch: [Mail]) async throws -> [ReturnedMail] {
        var book =
            try self.book
            ?? BounceBook(
                EventReader(directory: try site.outbox("events"), keys: keys.ring),
                after: settings?.after ?? 3,
                days: settings?.days ?? 30
            )
        try book.refresh()
        let readings = batch.map { mail in mail.bytes.map { mails.read($0) } }
        let found = try findMailboxes(readings)
        var results: [ReturnedMail] = []
        var events: [Event] = []
        for (mail, reading) in zip(batch, readings) {
            var result = ReturnedMail(mail.name, .unreadable)
            if let reading { result.facts = reading.facts }
            switch reading?.meaning {
            case nil: break
            case .nothing(let verdict): result.verdict = verdict
            case .note(let note):
                if let event = try judge(note, found, &book, &result) { events.append(event) }
            }
            results.append(result)
        }
        try await append(events)
        self.book = book
        return results
    }

    /// The mailboxes of notes that do not name them, one look into each job's folder.
    private func findMailboxes(_ readings: [ReturnedMailReader.Reading?]) throws -> [JobID: [RowNumber: AddressTag]] {
        var wanted: [JobID: [ReturnToken]] = [:]
        for reading in readings {
            guard case .note(let note)? = reading?.meaning, note.tag == nil else { continue }
            wanted[note.token.job, default: []].append(note.token)
        }
        var found: [JobID: [RowNumber: AddressTag]] = [:]
        for (job, tokens) in wanted { found[job] = try mailboxes.tags(tokens, of: job) }
        return found
    }

    /// What a note comes to; the event to be appended, if it is new.
    private func judge(
        _ note: ReturnedMailReader.Note,
        _ found: [JobID: [RowNumber: AddressTag]],
        _ book: inout BounceBook,
        _ result: inout ReturnedMail
    ) throws -> Event? {
        let token = note.token
        guard let job = try mailboxes.job(token.job), (1...UInt32(clamping: job.rows)).contains(token.row.value) else {
            result.verdict = .unknownMessage
            return nil
        }
        result.job = token.job
        result.row = token.row
        let tag = note.tag ?? found[token.job]?[token.row]
        let now = wallClock()
        var event: Event
        switch note.matter {
        case .bounce(let severity, let consequence):
            event = Event(.bounce, job: token.job, row: token.row, milliseconds: now, tag: tag, why: "report")
            event.severity = severity
            event.reason = note.reason
            event.status = note.status.isEmpty ? nil : note.status
            event.consequence = Self.consequence(consequence, tag, now, &book)
            result.verdict = severity == .hard ? .hardBounce : .softBounce
            result.consequence = event.consequence?.rawValue ?? ""
        case .complaint:
            event = Event(.complaint, job: token.job, row: token.row, milliseconds: now, tag: tag, why: "report")
            event.reason = note.reason.isEmpty ? nil : note.reason
            result.verdict = .complaint
            result.consequence = tag == nil ? "none" : "suppress"
        case .optOut:
            event = Event(
                .unsubscribe,
                job: token.job,
                row: token.row,
                milliseconds: now,
                list: job.list,
                tag: tag,
                why: ReturnedMailReader.byMail
            )
            result.verdict = .optOut
            result.consequence = "suppress"
            // An opt-out of nobody is no event.
            if tag == nil {
                result.verdict = .unknownMessage
                return nil
            }
        }
        guard book.note(event) else {
            result.verdict = .countedBefore
            result.consequence = ""
            return nil
        }
        return event
    }

    private static func consequence(
        _ rule: Consequence,
        _ tag: AddressTag?,
        _ now: Int64,
        _ book: inout BounceBook
    ) -> Event.Consequence {
        // Without the mailbox nobody can be kept from anything.
        guard let tag else { return .nothing }
        switch rule {
        case .atOnce: return .suppress
        case .never: return .nothing
        case .after(let limit): return book.isOneTooMany(tag, at: now, after: limit) ? .suppress : .count
        }
    }

    /// Appends events together, so that the disk is waited for once.
    private func append(_ events: [Event]) async throws {
        guard !events.isEmpty else { return }
        // Not before there is something to say: a file at each start would be one too many.
        let log = try self.log ?? EventLog(directory: site.outbox("events"), keys: keys.tokens, host: Working.host)
        self.log = log
        log.use(keys.tokens)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for event in events { group.addTask { try await log.append(event) } }
            try await group.waitForAll()
        }
    }

    private func hold() async throws -> Descriptor {
        let file = try site.outbox().openShared(Self.lockName, permissions: 0o600)
        let end = ContinuousClock.now + patience
        while try !file.lock(byte: 0) {
            guard ContinuousClock.now < end else {
                throw EngineError(.tryAgain, "another process reads returned mail; try again")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        return file
    }
}
