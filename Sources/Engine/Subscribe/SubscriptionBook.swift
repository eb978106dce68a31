import Core
import Files
import Intake
import Ledger
import Logging
import OpenSSL
import Records
import Tracking

/// The lists' records and tables, in the hands of the one process that has the lease.
///
/// Decides what becomes of wishes and of pressed buttons. Everything is written down first and taken in from the file, so that what
/// this process knows is what the next one will.
final class SubscriptionBook {
    /// What all of it needs.
    struct Surroundings: Sendable {
        let site: Site
        let keys: SiteKeys
        let subscribe: SiteConfiguration.Subscribe
        let rules: SubscriptionDesk.Rules
        /// Opens what was typed into the forms.
        let opener: SealingPrivateKey
        /// `outbox/lists`.
        let directory: Directory
        let log: Logger
    }

    let lease: Lease
    private(set) var desk: SubscriptionDesk
    /// Wishes whose messages are with the route.
    var sending: Set<SubscriptionWish.ID> = []

    private let around: Surroundings
    private let proof: ConfirmationProof
    private let files: [String: SubscriptionFile]
    private let readers: [String: SubscriptionFile.Reader]
    private let events: EventReader
    private var suppressions: SuppressionList
    private let outbox: Directory
    /// Whether a list's table may not be what it should.
    private var isStale = true
    /// The suppression list's file as it was when the tables were last made.
    private var seen: FileStatus?
    /// SHA-256 of the tables that were written.
    private var written: [String: [UInt8]] = [:]

    /// Opens the records, and ends what an earlier process left half done.
    init(_ around: Surroundings, lease: Lease) throws {
        self.around = around
        self.lease = lease
        desk = SubscriptionDesk(rules: around.rules)
        proof = ConfirmationProof(key: around.keys.confirmation)
        let names = around.subscribe.lists.map(\.value)
        files = Dictionary(
            uniqueKeysWithValues: names.map {
                ($0, SubscriptionFile($0, in: around.directory, key: around.keys.subscribers))
            }
        )
        readers = files.mapValues { $0.reader() }
        outbox = try around.site.outbox()
        // From their beginning: the address of a wish stands in its event and nowhere else.
        events = EventReader(directory: try around.site.outbox("events"), keys: around.keys.ring)
        suppressions = SuppressionList(
            outbox: outbox,
            key: around.keys.addressTag,
            events: EventReader(directory: try around.site.outbox("events"), keys: around.keys.ring)
        )
        try readRecords()
        // The process before ended between the message's end and the answer: nobody knows, and it is not sent again.
        for (id, wish) in desk.underWay {
            try append([SubscriptionRecord(.unknown, wish: id, reason: Reason.answerLost.rawValue)], to: wish.list)
        }
        for (list, reader) in readers where reader.firstFault != nil {
            around.log.error(
                "lines of a list's record are not believed",
                metadata: ["list": "\(list)", "fault": "\(reader.firstFault.map { "\($0)" } ?? "")"]
            )
        }
    }

    // MARK: - A turn

    /// Takes in what is new, decides, and writes the tables that changed.
    func turn(at now: Timestamp = .now) throws {
        var wishes: [Event] = []
        var buttons: [Event] = []
        var isStale = false
        try suppressions.refresh()
        try events.poll { event in
            switch event.kind {
            case .subscribe: wishes.append(event)
            case .confirm: buttons.append(event)
            case .open, .click: break
            default: isStale = true
            }
        }
        if isStale { self.isStale = true }
        desk.forget(before: now)
        try readRecords()
        // Files of events are read one after another: the button may stand before the form that led to it.
        for event in wishes { try take(wish: event, now) }
        for event in buttons { try take(button: event, now) }
        for (id, wish) in desk.late(at: now) where !sending.contains(id) {
            try append([SubscriptionRecord(.failed, wish: id, reason: "late")], to: wish.list)
        }
        try writeTables()
    }

    /// Takes in what was appended to the records, by whomever.
    private func readRecords() throws {
        for (list, reader) in readers {
            try reader.poll { record in
                desk.apply(record, of: list)
                if record.operation == .confirmed || record.operation == .imported { isStale = true }
            }
        }
    }

    /// Writes records down, durably and only while the lease is ours, and takes them in.
    func append(_ records: [SubscriptionRecord], to list: String) throws {
        guard let file = files[list] else { return }
        try file.append(records) { try lease.confirm() }
        try readRecords()
    }

    // MARK: - Wishes

    private func take(wish event: Event, _ now: Timestamp) throws {
        guard let list = event.list, files[list] != nil, let sealed = event.sealed,
            let id = SubscriptionWish.id(of: sealed)
        else { return }
        // What is too old to matter is not even opened.
        guard now < event.time + SubscriptionDesk.Rules.retention else { return }
        let isKnown = desk.knows(id)
        if isKnown, desk.wishes[id].map({ $0.stage == .confirmed || $0.address != nil }) ?? true { return }
        guard let wish = SubscriptionWish(opening: sealed, of: list, around.opener) else {
            if !isKnown, now <= event.time + SubscriptionDesk.Rules.patience {
                around.log.warning("a form was sealed with another key than keys/\(SiteKeys.subscribeFile)")
                try append([SubscriptionRecord(.refused, wish: id, reason: "unreadable")], to: list)
            }
            return
        }
        guard let address = SubscriberAddress.read(wish.address.exposed) else {
            if !isKnown { try append([SubscriptionRecord(.refused, wish: id, reason: "address-syntax")], to: list) }
            return
        }
        if isKnown { return desk.learn(id, address) }
        let tag = suppressions.tagger.tag(of: address)
        let judgement = desk.judge(
            list: list,
            tag: tag,
            requested: event.time,
            suppressed: (try reason(tag, list), try reason(tag, nil)),
            at: now
        )
        switch judgement {
        case .nothing: return
        case .refuse(let reason):
            try append([SubscriptionRecord(.refused, wish: id, reason: reason)], to: list)
        case .accept:
            let language = ConfirmationLetter.languages.contains(wish.language) ? wish.language : "en"
            let record = SubscriptionRecord(
                .accepted,
                wish: id,
                tag: tag,
                language: language,
                requested: event.time
            )
            try append([record], to: list)
            desk.learn(id, address)
        }
    }

    /// Why a mailbox gets no mail of a list, or none at all.
    ///
    /// Throws while nobody can say: not knowing whether somebody opted out is no licence to send.
    private func reason(_ tag: AddressTag, _ list: String?) throws -> Reason? {
        try suppressions.check()
        return try suppressions.suppressed.reason(for: tag, list: list)
    }

    // MARK: - Buttons

    private func take(button event: Event, _ now: Timestamp) throws {
        guard let list = event.list, files[list] != nil,
            let bytes = event.sealed.flatMap({ Base64.decodeURLSafe($0.utf8) })
        else { return }
        guard let (id, expires) = proof.open(bytes, list: list) else {
            return around.log.warning("a confirmation is forged or of another site", metadata: ["list": "\(list)"])
        }
        guard let (wish, address) = desk.confirmed(id, list: list, expires: expires, pressed: event.time) else {
            return
        }
        // First the older opt-out goes, then the subscription stands: if we end in between, both are done again.
        try lift(wish.tag, list, pressed: event)
        let record = SubscriptionRecord(
            .confirmed,
            milliseconds: event.milliseconds,
            wish: id,
            tag: wish.tag,
            language: wish.language,
            requested: wish.requested,
            address: Protected(address.text)
        )
        try append([record], to: list)
        around.log.notice("subscription confirmed", metadata: ["list": "\(list)", "wish": "\(id)"])
    }

    /// Takes an opt-out of this very list back: older ones only, and nothing but opt-outs.
    private func lift(_ tag: AddressTag, _ list: String, pressed: Event) throws {
        guard try reason(tag, list) == .optedOut else { return }
        try lease.confirm()
        let record = SuppressionRecord.remove(
            tag,
            scope: .list(list),
            only: .optedOut,
            milliseconds: pressed.milliseconds
        )
        try SuppressionFile(outbox: outbox, key: around.keys.addressTag, signer: around.keys.signing).append([record])
        try suppressions.refresh()
    }

    // MARK: - Messages

    /// The wishes whose messages may go out now, and whose mailboxes still may get them.
    func due(at now: Timestamp, most: Int) throws -> [(id: SubscriptionWish.ID, wish: SubscriptionDesk.Wish)] {
        try desk.due(at: now, most: most).filter { id, wish in
            guard !sending.contains(id) else { return false }
            let (all, own) = (try reason(wish.tag, nil), try reason(wish.tag, wish.list))
            guard let reason = all ?? (own == .optedOut ? nil : own) else { return true }
            try append([SubscriptionRecord(.failed, wish: id, reason: reason.rawValue)], to: wish.list)
            return false
        }
    }

    // MARK: - Tables

    /// Writes each list's table that is not what it should be.
    private func writeTables() throws {
        let status = try outbox.status(of: SuppressionFile.name)
        guard isStale || status != seen else { return }
        for list in files.keys {
            let table = try SubscriberTable.table(desk.subscribers[list] ?? Subscribers()) {
                try reason($0, list) == nil
            }
            let digest = SHA256.hash(table.bytes)
            let name = SubscriberTable.file(list)
            guard try digest != written[list] || around.directory.status(of: name) == nil else { continue }
            try lease.confirm()
            try around.directory.replace(name, permissions: 0o600) { try $0.append(table.bytes) }
            written[list] = digest
        }
        seen = status
        isStale = false
    }
}
