public import Core

/// What came back from one job: its events, kept row by row, and folded when they are asked for.
///
/// Every fetch is an event: a person who opens a message twice is two opens. Whether a person or a program made a request
/// is told by the request itself (``Classifier``) and by the order and pace of all the message's requests
/// (``PaceRules``); the events stay as they are. The order in which events come does not matter, so that those of several
/// servers may come as they come.
///
/// Only rows from which something came back take memory: 32 bytes an event, for the first ``mostEvents`` events of a row. Those behind
/// them are counted as they were recorded.
public struct JobActivity: Sendable {
    /// How many events of a row are looked at together and listed one by one.
    public static let mostEvents = 256

    /// The job.
    public let job: JobID
    private let classifier: Classifier
    private let addresses: AddressKeeping
    private var rows: [UInt32: RowEvents] = [:]
    private var texts = EventTexts()
    /// How messages came back; few do.
    private var bounces: [UInt32: RowActivity.Bounce] = [:]
    /// Whether a message came back or was complained about, so that its row's result says so.
    public private(set) var hasReturns = false

    /// Nothing has come back yet.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - classifier: How programs are told from people. One serves all jobs.
    ///   - addresses: What the site keeps of visitors' addresses today; what it kept more earlier is passed over.
    public init(job: JobID, classifier: Classifier = .shipped, addresses: AddressKeeping = .nothing) {
        self.job = job
        self.classifier = classifier
        self.addresses = addresses
    }

    /// Takes in an event; `false` if it is another job's.
    @discardableResult
    public mutating func apply(_ event: Event) -> Bool {
        guard event.job == job else { return false }
        switch event.kind {
        case .subscribe, .confirm: return true
        case .open, .click, .unsubscribe, .resubscribe, .pickup, .bounce, .complaint: break
        }
        if event.kind == .bounce || event.kind == .complaint { hasReturns = true }
        if event.kind == .bounce {
            let new = RowActivity.Bounce(event)
            let known = bounces[event.row.value]
            if known.map({ new.tellsMore(than: $0) }) ?? true { bounces[event.row.value] = new }
        }
        var event = event
        if let address = event.address { event.address = ClientAddress(address)?.kept(addresses) }
        let record = EventRecord(event, classifier, &texts)
        rows[event.row.value, default: RowEvents()].add(record, texts)
        return true
    }

    /// What came back from one row, as far as it can be told without knowing when the message was delivered.
    public subscript(row: RowNumber) -> RowActivity {
        fold(row)?.activity ?? RowActivity()
    }

    /// How many rows something came back from.
    public var count: Int {
        rows.count
    }

    /// Whether something came back from a row.
    public func contains(_ row: RowNumber) -> Bool {
        rows[row.value] != nil
    }

    /// What came back from one row; `nil` for nothing.
    ///
    /// - Parameters:
    ///   - row: The row.
    ///   - delivered: When the receiving server took the message; the ledger knows.
    ///   - links: How many links the job's messages have; 0 if that is not known.
    public func fold(_ row: RowNumber, delivered: Timestamp? = nil, links: Int = 0) -> RowFold? {
        guard let events = rows[row.value] else { return nil }
        let (records, counted) = events.ordered(texts)
        var overflow = counted
        overflow.bounce = bounces[row.value]
        var fold = RowFold(overflow: overflow)
        let pace = PaceRules(rules: classifier.rules.pace, delivered: delivered, links: links)
        let verdicts = pace.verdicts(on: records)
        for (record, verdict) in zip(records, verdicts) { fold.add(record, verdict, texts) }
        fold.finish()
        return fold
    }
}

/// What came back from one row, event by event and in all.
public struct RowFold: Hashable, Sendable {
    /// The counts.
    public private(set) var activity: RowActivity
    /// The events in the order of their times.
    public private(set) var events: [TrackedEvent] = []
    private var visitors: Set<UInt32> = []

    init(overflow: RowActivity) {
        activity = overflow
    }

    mutating func add(_ record: EventRecord, _ verdict: PaceRules.Verdict, _ texts: EventTexts) {
        let why = verdict.reason ?? texts[record.why]
        let event = record.tracked(isAutomated: verdict.isAutomated, why: why, texts)
        activity.count(record.kind, event)
        if record.isRequest, !verdict.isAutomated, visitors.insert(record.visitor).inserted {
            activity.devices[event.device, default: 0] += 1
        }
        events.append(event)
    }

    mutating func finish() {
        visitors = []
    }
}

extension RowActivity {
    /// Counts an event whose class is settled.
    mutating func count(_ kind: Event.Kind, _ event: TrackedEvent) {
        let time = Timestamp(milliseconds: event.milliseconds)
        switch kind {
        case .open where event.isAutomated: automatedOpens.count(at: time)
        case .open: opens.count(at: time)
        case .click where event.isAutomated: automatedClicks.count(at: time)
        case .click:
            clicks.count(at: time)
            if let link = event.link { clicksByLink[link, default: 0] += 1 }
        case .unsubscribe: unsubscribedAt = min(unsubscribedAt ?? time, time)
        case .bounce: bouncedAt = min(bouncedAt ?? time, time)
        case .complaint: complainedAt = min(complainedAt ?? time, time)
        case .pickup, .resubscribe, .subscribe, .confirm: return
        }
        guard kind == .open || kind == .click else { return }
        if event.isAutomated { automatedReasons[event.why, default: 0] += 1 }
    }
}

extension RowActivity.Bounce {
    /// What a bounce's event tells.
    init(_ event: Event) {
        self.init(
            at: event.time,
            isHard: event.severity != .soft,
            suppresses: event.suppresses,
            reason: event.reason ?? "",
            status: event.status ?? ""
        )
    }
}
