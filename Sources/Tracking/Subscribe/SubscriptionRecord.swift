public import Core

/// One line of a list's record: what became of a wish to subscribe, or who was put on the list in another way.
public struct SubscriptionRecord: Hashable, Sendable {
    /// What happened.
    public enum Operation: String, CaseIterable, Sendable {
        /// A wish will get its confirmation message.
        case accepted
        /// It gets none; the reason says why.
        case refused
        /// The message is about to go out.
        case tried
        /// The relay took it.
        case sent
        /// It was not taken, for good or for too long.
        case failed
        /// It was not taken, and is tried again later.
        case deferred
        /// Nobody knows whether it was taken; it is not tried again by itself.
        case unknown
        /// Somebody followed the link and pressed the button: the address is subscribed.
        case confirmed
        /// Staff put the address on the list, and said by what right.
        case imported
    }

    /// What happened.
    public var operation: Operation
    /// When, in milliseconds since 1970.
    public var milliseconds: Int64
    /// The wish; all but imports have it.
    public var wish: SubscriptionWish.ID?
    /// The mailbox.
    public var tag: AddressTag?
    /// The language of the message and its pages.
    public var language: String?
    /// Which attempt it was, from 1.
    public var attempt: Int?
    /// When the next attempt is due.
    public var due: Timestamp?
    /// Why, in one stable word.
    public var reason: String?
    /// When the form was sent.
    public var requested: Timestamp?
    /// The address: of subscribers only, so that one who never confirms stands nowhere.
    public var address: Protected<String>?
    /// By what right staff put the address on the list, in their words.
    public var consent: String?

    /// Creates a record; leave out what it does not have.
    public init(
        _ operation: Operation,
        milliseconds: Int64 = wallClock(),
        wish: SubscriptionWish.ID? = nil,
        tag: AddressTag? = nil,
        language: String? = nil,
        attempt: Int? = nil,
        due: Timestamp? = nil,
        reason: String? = nil,
        requested: Timestamp? = nil,
        address: Protected<String>? = nil,
        consent: String? = nil
    ) {
        self.operation = operation
        self.milliseconds = milliseconds
        self.wish = wish
        self.tag = tag
        self.language = language
        self.attempt = attempt
        self.due = due
        self.reason = reason
        self.requested = requested
        self.address = address
        self.consent = consent
    }

    /// When, in whole seconds.
    public var time: Timestamp {
        Timestamp(milliseconds: milliseconds)
    }
}

extension SubscriptionRecord {
    /// Appends the members of the record's line, without braces.
    func appendMembers(to line: inout JSONLine) {
        line.append("time", time.description)
        line.append("ms", Int(milliseconds - time.seconds * 1_000))
        line.append("op", operation.rawValue)
        if let wish { line.append("wish", wish.description) }
        if let tag { line.append("tag", tag.description) }
        if let language { line.append("language", language) }
        if let attempt { line.append("attempt", attempt) }
        if let due { line.append("due", due.description) }
        if let reason { line.append("reason", reason) }
        if let requested { line.append("requested", requested.description) }
        if let address { line.append("address", address.exposed) }
        if let consent { line.append("consent", consent) }
    }

    /// Reads a line's members back; `nil` if one is missing or wrong, or the operation is one of a later version.
    init?(_ line: JSONObject) {
        guard let milliseconds = line.moment, let operation = line.text("op").flatMap(Operation.init(rawValue:)) else {
            return nil
        }
        self.init(
            operation,
            milliseconds: milliseconds,
            wish: line.text("wish").flatMap { SubscriptionWish.ID(hex: $0) },
            tag: line.text("tag").flatMap { AddressTag(hex: $0) },
            language: line.text("language"),
            attempt: line.number("attempt"),
            due: line.text("due").flatMap { Timestamp($0) },
            reason: line.text("reason"),
            requested: line.text("requested").flatMap { Timestamp($0) },
            address: line.text("address").map { Protected($0) },
            consent: line.text("consent")
        )
        switch operation {
        case .accepted: if wish == nil || tag == nil { return nil }
        case .refused, .tried, .sent, .failed, .deferred, .unknown: if wish == nil { return nil }
        case .confirmed: if wish == nil || tag == nil || address == nil { return nil }
        case .imported: if tag == nil || address == nil { return nil }
        }
    }
}

/// Somebody who asked for a list's mail, and proved it.
public struct Subscriber: Hashable, Sendable {
    /// Which one of the list, from 1 in the order in which they came; stays the same for good.
    public var number: Int
    /// The mailbox.
    public var tag: AddressTag
    /// The address, as it was typed the last time.
    public var address: Protected<String>
    /// Two letters; empty where nobody said.
    public var language: String
    /// When the form was sent; `nil` for those that staff put on the list.
    public var requested: Timestamp?
    /// When the button was pressed, or staff put the address on the list.
    public var confirmed: Timestamp
    /// By what right staff put the address on the list.
    public var consent: String?
}

/// Who subscribed to a list, as its record has it: whoever left since stands on the suppression list.
public struct Subscribers: Sendable {
    /// All of them, in the order of their numbers.
    public private(set) var all: [Subscriber] = []
    private var places: [AddressTag: Int] = [:]

    /// Nobody yet.
    public init() {}

    /// Takes in a line of the record.
    public mutating func apply(_ record: SubscriptionRecord) {
        guard record.operation == .confirmed || record.operation == .imported, let tag = record.tag,
            let address = record.address
        else { return }
        var subscriber = Subscriber(
            number: all.count + 1,
            tag: tag,
            address: address,
            language: record.language ?? "",
            requested: record.requested,
            confirmed: record.time,
            consent: record.consent
        )
        guard let place = places[tag] else {
            places[tag] = all.count
            return all.append(subscriber)
        }
        subscriber.number = all[place].number
        all[place] = subscriber
    }

    /// Whether a mailbox was ever subscribed.
    public func contains(_ tag: AddressTag) -> Bool {
        places[tag] != nil
    }
}
