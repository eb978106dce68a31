public import Core

/// Which mail a mailbox is kept from.
public enum SuppressionScope: Hashable, Sendable, CustomStringConvertible {
    /// All mail.
    case all
    /// Mail with `purpose: marketing`.
    case marketing
    /// Mail of one list.
    case list(String)

    /// The scope that an opt-out names: an empty list means all mail.
    public init(list: String) {
        self = list.isEmpty ? .all : .list(list)
    }

    /// `all`, `marketing` or `list NAME`.
    public var description: String {
        switch self {
        case .all: "all"
        case .marketing: "marketing"
        case .list(let name): "list \(name)"
        }
    }
}

/// One line of the suppression list: a mailbox was put on it, or taken off.
public struct SuppressionRecord: Hashable, Sendable {
    /// What is done.
    public enum Operation: String, Sendable {
        /// Mail is kept from the mailbox from now on.
        case add
        /// Mail goes to the mailbox again.
        case remove
    }

    /// What is done.
    public var operation: Operation
    /// The mailbox.
    public var tag: AddressTag
    /// The address, where somebody typed it in; it stands in the file for people and is not kept in memory.
    public var address: Protected<String>?
    /// Which mail; a removal without a scope takes the mailbox off altogether.
    public var scope: SuppressionScope?
    /// Why: ``Core/Reason/optedOut``, ``Core/Reason/bounced``, ``Core/Reason/complained`` or
    /// ``Core/Reason/suppressedByHand``.
    public var reason: Reason
    /// When the line was written, in milliseconds since 1970; for what comes from an event, when that happened.
    public var milliseconds: Int64
    /// For an imported entry, since when the mailbox was kept from mail by the file that it came from.
    public var since: Int64?
    /// For a removal, the one reason that it is about; all of them without it.
    public var only: Reason?
    /// The job whose message led to it.
    public var job: JobID?
    /// The row whose message led to it.
    public var row: RowNumber?

    /// Puts a mailbox on the list.
    public static func add(
        _ tag: AddressTag,
        address: Protected<String>? = nil,
        scope: SuppressionScope = .all,
        reason: Reason = .suppressedByHand,
        since: Int64? = nil,
        job: JobID? = nil,
        row: RowNumber? = nil,
        milliseconds: Int64 = wallClock()
    ) -> SuppressionRecord {
        SuppressionRecord(
            operation: .add,
            tag: tag,
            address: address,
            scope: scope,
            reason: reason,
            milliseconds: milliseconds,
            since: since,
            job: job,
            row: row
        )
    }

    /// Takes a mailbox off the list, for one scope or for all of them, for one reason or for all of them.
    public static func remove(
        _ tag: AddressTag,
        address: Protected<String>? = nil,
        scope: SuppressionScope? = nil,
        only: Reason? = nil,
        milliseconds: Int64 = wallClock()
    ) -> SuppressionRecord {
        SuppressionRecord(
            operation: .remove,
            tag: tag,
            address: address,
            scope: scope,
            reason: .suppressedByHand,
            milliseconds: milliseconds,
            only: only
        )
    }

    /// When what it says happened: by the file that it came from, or when the line was written.
    public var moment: Int64 {
        since ?? milliseconds
    }

    /// What an opt-out, what takes it back, a bounce or a complaint does to the list; `nil` for other events.
    ///
    /// A bounce keeps all mail from the mailbox if it says so, and a complaint does always. What takes an opt-out back is a removal of
    /// opt-outs.
    public init?(_ event: Event) {
        guard let tag = event.tag else { return nil }
        let scope: SuppressionScope
        let reason: Reason
        switch event.kind {
        case .unsubscribe: (scope, reason) = (SuppressionScope(event), .optedOut)
        case .resubscribe:
            self = .remove(tag, scope: SuppressionScope(event), only: .optedOut, milliseconds: event.milliseconds)
            return
        case .bounce:
            guard event.suppresses else { return nil }
            (scope, reason) = (.all, .bounced)
        case .complaint: (scope, reason) = (.all, .complained)
        case .open, .click, .pickup, .subscribe, .confirm: return nil
        }
        self = .add(
            tag,
            scope: scope,
            reason: reason,
            job: event.job,
            row: event.row,
            milliseconds: event.milliseconds
        )
    }

    private init(
        operation: Operation,
        tag: AddressTag,
        address: Protected<String>?,
        scope: SuppressionScope?,
        reason: Reason,
        milliseconds: Int64,
        since: Int64? = nil,
        only: Reason? = nil,
        job: JobID? = nil,
        row: RowNumber? = nil
    ) {
        self.operation = operation
        self.tag = tag
        self.address = address
        self.scope = scope
        self.reason = reason
        self.milliseconds = milliseconds
        self.since = since
        self.only = only
        self.job = job
        self.row = row
    }
}

extension SuppressionScope {
    /// What a recipient's wish is about.
    init(_ event: Event) {
        self = event.scope == "marketing" ? .marketing : SuppressionScope(list: event.list ?? "")
    }
}

extension SuppressionRecord {
    /// Appends the members of the record's line, without braces.
    func appendMembers(to line: inout JSONLine) {
        let time = Timestamp(milliseconds: milliseconds)
        line.append("time", time.description)
        line.append("ms", Int(milliseconds - time.seconds * 1_000))
        line.append("op", operation.rawValue)
        line.append("tag", tag.description)
        switch scope {
        case .all: line.append("scope", "all")
        case .marketing: line.append("scope", "marketing")
        case .list(let name):
            line.append("scope", "list")
            line.append("list", name)
        case nil: break
        }
        line.append("reason", reason.rawValue)
        if let only { line.append("only", only.rawValue) }
        if let since {
            let whole = Timestamp(milliseconds: since)
            line.append("since", whole.description)
            line.append("since_ms", Int(since - whole.seconds * 1_000))
        }
        if let address { line.append("address", address.exposed) }
        if let job { line.append("job", job.description) }
        if let row { line.append("row", Int(row.value)) }
    }

    /// Reads a line's members back; `nil` if one is missing or wrong.
    init?(_ line: JSONObject) {
        guard let milliseconds = line.moment, let operation = line.text("op").flatMap(Operation.init(rawValue:)),
            let tag = line.text("tag").flatMap({ AddressTag(hex: $0) })
        else { return nil }
        let scope: SuppressionScope?
        switch line.text("scope") {
        case "all": scope = .all
        case "marketing": scope = .marketing
        case "list":
            guard let name = line.text("list") else { return nil }
            scope = .list(name)
        case nil where operation == .remove: scope = nil
        default: return nil
        }
        self.init(
            operation: operation,
            tag: tag,
            address: line.text("address").map { Protected($0) },
            scope: scope,
            reason: Reason(rawValue: line.text("reason") ?? ""),
            milliseconds: milliseconds,
            since: line.text("since") == nil ? nil : line.moment("since", "since_ms"),
            only: line.text("only").map { Reason(rawValue: $0) },
            job: line.text("job").flatMap { JobID($0) },
            row: line.number("row").flatMap { UInt32(exactly: $0) }.map { RowNumber($0) }
        )
    }
}
