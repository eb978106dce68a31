import Core
import Tracking

/// What was done about wishes to subscribe, and what is to be done next: the lists' records folded together, and the rules.
///
/// Pure: it reads no clock and no file. Whatever is decided becomes a record first, and is taken in from there, so that a
/// process that starts anew knows all that the last one knew.
struct SubscriptionDesk {
    /// The rules.
    struct Rules: Sendable {
        /// For how many seconds the link in a message works.
        static let validity: Int64 = 3 * 86_400
        /// A wish that comes to us later than this many seconds is let lie.
        static let patience: Int64 = 86_400
        /// How many messages a mailbox gets in a day for one list, and for all.
        static let aDay = (list: 1, all: 3)
        /// How many messages a mailbox gets for a list in thirty days without answering.
        static let unanswered = 3
        /// For how many seconds messages are counted.
        static let memory: Int64 = 30 * 86_400
        /// For how many seconds a wish can still be confirmed, if the event is slow to come over.
        static let retention: Int64 = 14 * 86_400

        /// How many messages go out in an hour in all.
        var perHour: Int
        /// How long a message waits that was not taken.
        var backoff = Backoff()
    }

    /// How far a wish is.
    enum Stage: Equatable, Sendable {
        /// Its message is to go out.
        case open
        /// Its message is about to go out.
        case tried
        /// Its message went out, or did not, or nobody knows; it is not sent again.
        case ended(SubscriptionRecord.Operation)
        /// The button was pressed.
        case confirmed
    }

    /// A wish that was accepted.
    struct Wish: Sendable {
        var list: String
        var tag: AddressTag
        var language: String
        /// When the form was sent.
        var requested: Timestamp
        /// When its message was first made ready; the message's date.
        var accepted: Timestamp
        var stage = Stage.open
        var attempts = 0
        var due: Timestamp
        /// Known once the event was read; it stands in no file of ours before it is confirmed.
        var address: Address?
        /// When the link stops working.
        var expires: Timestamp { accepted + Rules.validity }
    }

    let rules: Rules
    private(set) var wishes: [SubscriptionWish.ID: Wish] = [:]
    private(set) var subscribers: [String: Subscribers] = [:]
    /// Wishes that get no message.
    private var refused: [SubscriptionWish.ID: Timestamp] = [:]
    /// Messages of the last thirty days, by mailbox.
    private var history: [AddressTag: [(list: String, at: Timestamp)]] = [:]
    /// When messages went out in the last hour.
    private var tries: [Timestamp] = []

    init(rules: Rules) {
        self.rules = rules
    }

    /// Takes in a line of a list's record.
    mutating func apply(_ record: SubscriptionRecord, of list: String) {
        subscribers[list, default: Subscribers()].apply(record)
        guard let wish = record.wish else { return }
        switch record.operation {
        case .accepted:
            guard let tag = record.tag else { return }
            wishes[wish] = Wish(
                list: list,
                tag: tag,
                language: record.language ?? "en",
                requested: record.requested ?? record.time,
                accepted: record.time,
                due: record.time,
                address: wishes[wish]?.address
            )
            history[tag, default: []].append((list, record.time))
        case .refused:
            refused[wish] = record.time
        case .tried:
            tries.append(record.time)
            change(wish) { wish in
                wish.stage = .tried
                wish.attempts = record.attempt ?? wish.attempts + 1
            }
        case .deferred:
            change(wish) { wish in
                wish.stage = .open
                wish.attempts = record.attempt ?? wish.attempts
                wish.due = record.due ?? record.time
            }
        case .sent, .failed, .unknown:
            change(wish) { $0.stage = .ended(record.operation) }
        case .confirmed:
            change(wish) { wish in
                wish.stage = .confirmed
                wish.address = nil
            }
            if let tag = record.tag { history[tag]?.removeAll { $0.list == list } }
        case .imported:
            return
        }
    }

    private mutating func change(_ id: SubscriptionWish.ID, _ body: (inout Wish) -> Void) {
        guard var wish = wishes[id], wish.stage != .confirmed else { return }
        body(&wish)
        wishes[id] = wish
    }

    /// Forgets what is too old to matter.
    mutating func forget(before now: Timestamp) {
        tries.removeAll { $0 + 3_600 <= now }
        wishes = wishes.filter { now < $0.value.accepted + Rules.retention }
        refused = refused.filter { now < $0.value + Rules.retention }
        history = history.compactMapValues { messages in
            let kept = messages.filter { now < $0.at + Rules.memory }
            return kept.isEmpty ? nil : kept
        }
    }

    // MARK: - Wishes

    /// What is to be done about a wish.
    enum Judgement: Equatable, Sendable {
        /// Nothing: it was seen before, or is too old.
        case nothing
        /// It gets a message.
        case accept
        /// It gets none; the word says why.
        case refuse(String)
    }

    /// Whether a wish was decided before.
    func knows(_ id: SubscriptionWish.ID) -> Bool {
        wishes[id] != nil || refused[id] != nil
    }

    /// Notes the address of a wish that was accepted by an earlier process.
    mutating func learn(_ id: SubscriptionWish.ID, _ address: Address) {
        change(id) { $0.address = address }
    }

    /// Judges a wish that was not decided before.
    ///
    /// - Parameters:
    ///   - list: The list.
    ///   - tag: The mailbox.
    ///   - requested: When the form was sent.
    ///   - suppressed: Why the mailbox gets no mail of the list, and why it gets no mail at all.
    ///   - now: The moment.
    func judge(
        list: String,
        tag: AddressTag,
        requested: Timestamp,
        suppressed: (list: Reason?, all: Reason?),
        at now: Timestamp
    ) -> Judgement {
        guard now <= requested + Rules.patience else { return .nothing }
        // Who wants no mail at all, or whose mailbox does not bear it, is not written to for a form that anybody can fill in.
        if let reason = suppressed.all { return .refuse(reason.rawValue) }
        switch suppressed.list {
        case nil: if subscribers[list]?.contains(tag) == true { return .refuse("subscribed") }
        // Who left this list may come back: by the message's link, and by nothing else.
        case .optedOut?: break
        case let reason?: return .refuse(reason.rawValue)
        }
        let messages = history[tag] ?? []
        let today = messages.filter { now < $0.at + 86_400 }
        let ofList = messages.filter { $0.list == list }
        guard today.count < Rules.aDay.all, today.count(where: { $0.list == list }) < Rules.aDay.list,
            ofList.count < Rules.unanswered
        else { return .refuse("too-often") }
        return .accept
    }

    // MARK: - Messages

    /// The wishes whose messages may go out now, the oldest first; as many as the hour's measure allows.
    func due(at now: Timestamp, most: Int) -> [(id: SubscriptionWish.ID, wish: Wish)] {
        let room = rules.perHour - tries.count { now < $0 + 3_600 }
        guard room > 0 else { return [] }
        return wishes.filter { $0.value.stage == .open && $0.value.due <= now && $0.value.address != nil }
            .sorted { ($0.value.accepted, $0.key.description) < ($1.value.accepted, $1.key.description) }
            .prefix(min(room, most)).map { ($0.key, $0.value) }
    }

    /// The wishes whose message was not taken for too long, or whose address can no longer be known.
    func late(at now: Timestamp) -> [(id: SubscriptionWish.ID, wish: Wish)] {
        wishes.filter { $0.value.stage == .open && $0.value.accepted + Rules.patience < now }.map { ($0.key, $0.value) }
    }

    /// The wishes whose message was about to go out when the last process ended.
    var underWay: [(id: SubscriptionWish.ID, wish: Wish)] {
        wishes.filter { $0.value.stage == .tried }.map { ($0.key, $0.value) }
    }

    // MARK: - Confirmations

    /// The wish that a pressed button makes a subscription of; `nil` if it does nothing: unknown, late, or done before.
    func confirmed(
        _ id: SubscriptionWish.ID,
        list: String,
        expires: Timestamp,
        pressed: Timestamp
    ) -> (wish: Wish, address: Address)? {
        guard let wish = wishes[id], wish.list == list, wish.stage != .confirmed, let address = wish.address,
            pressed <= min(expires, wish.expires)
        else { return nil }
        return (wish, address)
    }
}
