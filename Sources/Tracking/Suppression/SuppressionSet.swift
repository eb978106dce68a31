public import Core

/// Who gets no mail, or no mail of a kind: what the suppression list's file and the events come to.
///
/// An entry is a mailbox, a scope and a reason. It is in force if something put it there that nothing lifted:
///
/// - A removal by hand lifts what stands above it in the file, and what happened before it: events, and imported entries by
///   the time that they tell. What happened later, or in the same millisecond, counts.
/// - A recipient's own taking back lifts opt-outs of its scope that happened before it, wherever they stand, and nothing else.
///
/// So the order in which the files are read does not matter.
///
/// The set is a table in memory over an index on the disk, so that its memory does not grow with the list.
public struct SuppressionSet: Sendable {
    static let all = 0
    static let marketing = 1
    /// Scopes are 14 bits wide; lists beyond that count as all mail, which errs on the recipient's side.
    static let maximumScope = 1 << 14 - 1

    private(set) var table = TagTable()
    private(set) var removals = SuppressionRemovals()
    /// The names of lists, by the number of their scope less two.
    private(set) var listNames: [String] = []
    private var scopes: [String: Int] = [:]
    /// What was known before.
    let base: SuppressionIndex?

    /// A set of nobody.
    public init() {
        base = nil
    }

    /// The set that an index has.
    init(_ base: SuppressionIndex) {
        self.base = base
        for name in base.contents.listNames { _ = number(.list(name)) }
        for (tag, removal) in base.contents.removals { removals.add(removal, of: tag) }
    }

    /// How many entries were ever taken in since the index.
    public var count: Int {
        table.count
    }

    /// Why a message must not go to a mailbox; `nil` if it may.
    ///
    /// - Parameters:
    ///   - tag: The mailbox.
    ///   - list: The message's list, if it has one.
    ///   - isMarketing: Whether its purpose is marketing.
    public func reason(for tag: AddressTag, list: String? = nil, isMarketing: Bool = false) throws -> Reason? {
        let listScope = list.flatMap { scopes[$0] }
        var causes = 0
        try forEachState(of: tag) { state in
            let scope = state.scope
            if scope == Self.all || scope == listScope || (isMarketing && scope == Self.marketing) {
                causes |= 1 << state.cause.rawValue
            }
        }
        return TagState.Cause.allCases.first { causes & 1 << $0.rawValue != 0 }?.reason
    }

    /// Whether a record of the file is in force and says so best.
    func holds(_ record: SuppressionRecord) throws -> Bool {
        guard record.operation == .add, let slot = knownSlot(record.scope ?? .all, record.reason),
            let state = try state(of: record.tag, slot: slot), state.isFiled
        else { return false }
        return state.isByEvent || state.moment == TagState.storable(record.moment)
    }

    /// Whether what an event did is in force, and the file does not say so.
    func holds(_ event: Event) throws -> Bool {
        guard let record = SuppressionRecord(event), record.operation == .add,
            let slot = knownSlot(record.scope ?? .all, record.reason),
            let state = try state(of: record.tag, slot: slot)
        else { return false }
        return state.isByEvent && !state.isFiled && state.moment == TagState.storable(record.moment)
    }

    /// The moment of the entry that a record would make, if it is in force.
    func moment(of record: SuppressionRecord) throws -> Int64? {
        guard let slot = knownSlot(record.scope ?? .all, record.reason),
            let state = try state(of: record.tag, slot: slot), state.isInForce
        else { return nil }
        return state.moment
    }

    /// Whether an imported record tells of what was lifted since.
    func isLifted(_ record: SuppressionRecord) -> Bool {
        guard let slot = knownSlot(record.scope ?? .all, record.reason) else { return false }
        return removals.lift(record.tag, slot, at: record.moment)
    }

    /// How many entries a removal would lift.
    func countLifted(by removal: SuppressionRecord) throws -> Int {
        var scope: Int?
        if let wanted = removal.scope {
            // A list that was never heard of has nothing to lift.
            guard let number = known(wanted) else { return 0 }
            scope = number
        }
        let wanted = Self.removal(removal, scope)
        var count = 0
        try forEachState(of: removal.tag) { if wanted.covers($0) { count += 1 } }
        return count
    }

    /// Takes in a record of the file; records come in the file's order.
    public mutating func apply(_ record: SuppressionRecord) throws {
        guard record.operation == .add else {
            let removal = Self.removal(record, record.scope.map { number($0) })
            removals.add(removal, of: record.tag)
            return try lift(record.tag, removal)
        }
        let slot = TagState.slot(scope: number(record.scope ?? .all), record.reason.cause)
        // What was typed in counts from its place in the file; what was imported, from the time it tells.
        guard !removals.lift(record.tag, slot, at: record.moment, byOwnOnly: record.since == nil) else { return }
        table.update(record.tag, slot: slot) { state in
            state.isFiled = true
            state.moment = max(state.moment, record.moment)
        }
    }

    /// Takes in an event; all but opt-outs, what takes them back, bounces and complaints change nothing.
    public mutating func apply(_ event: Event) throws {
        guard let record = SuppressionRecord(event) else { return }
        guard record.operation == .add else {
            let removal = SuppressionRemovals.Removal(
                scope: number(record.scope ?? .all),
                cause: .optedOut,
                isOwn: true,
                milliseconds: record.milliseconds
            )
            removals.add(removal, of: record.tag)
            return try lift(record.tag, removal)
        }
        let slot = TagState.slot(scope: number(record.scope ?? .all), record.reason.cause)
        guard !removals.lift(record.tag, slot, at: record.milliseconds) else { return }
        table.update(record.tag, slot: slot) { state in
            state.isByEvent = true
            state.moment = max(state.moment, record.milliseconds)
        }
    }

    /// The scope of a number.
    func scope(_ number: Int) -> SuppressionScope {
        switch number {
        case Self.all: .all
        case Self.marketing: .marketing
        default: number - 2 < listNames.count ? .list(listNames[number - 2]) : .all
        }
    }

    // MARK: - States

    /// The states of a mailbox that are in force.
    private func forEachState(of tag: AddressTag, _ body: (TagState) -> Void) throws {
        guard let base else {
            return table.forEachState(of: tag) { if $0.isInForce { body($0) } }
        }
        // Nearly all are in one of the two or in none.
        var hidden: [Int] = []
        table.forEachState(of: tag) { state in
            if state.isWhole { hidden.append(state.slot) }
            if state.isInForce { body(state) }
        }
        try base.forEachState(of: tag) { state in
            if state.isInForce, !hidden.contains(state.slot) { body(state) }
        }
    }

    private func state(of tag: AddressTag, slot: Int) throws -> TagState? {
        let here = table.state(of: tag, slot: slot)
        if let here, here.isWhole { return here }
        var there: TagState?
        try base?.forEachState(of: tag) { if $0.slot == slot { there = $0 } }
        guard var joined = there else { return here }
        if let here { joined.join(here) }
        return joined
    }

    private mutating func lift(_ tag: AddressTag, _ removal: SuppressionRemovals.Removal) throws {
        var slots: Set<Int> = []
        table.forEachState(of: tag) { if removal.covers($0) { slots.insert($0.slot) } }
        try base?.forEachState(of: tag) { if removal.covers($0) { slots.insert($0.slot) } }
        for slot in slots {
            guard let joined = try state(of: tag, slot: slot) else { continue }
            let isOver = joined.moment < removal.milliseconds
            if removal.isOwn, !isOver { continue }
            table.update(tag, slot: slot) { state in
                state.isWhole = true
                state.isFiled = false
                state.isByEvent = joined.isByEvent && !isOver
                state.moment = joined.moment
            }
        }
    }

    private static func removal(_ record: SuppressionRecord, _ scope: Int?) -> SuppressionRemovals.Removal {
        SuppressionRemovals.Removal(
            scope: scope,
            cause: record.only?.cause,
            isOwn: false,
            milliseconds: record.milliseconds
        )
    }

    private func knownSlot(_ scope: SuppressionScope, _ reason: Reason) -> Int? {
        known(scope).map { TagState.slot(scope: $0, reason.cause) }
    }

    private func known(_ scope: SuppressionScope) -> Int? {
        switch scope {
        case .all: Self.all
        case .marketing: Self.marketing
        case .list(let name): scopes[name]
        }
    }

    private mutating func number(_ scope: SuppressionScope) -> Int {
        if let known = known(scope) { return known }
        guard case .list(let name) = scope, listNames.count + 2 <= Self.maximumScope else { return Self.all }
        listNames.append(name)
        scopes[name] = listNames.count + 1
        return listNames.count + 1
    }
}

extension Reason {
    /// The kind of reason that it is.
    var cause: TagState.Cause {
        switch self {
        case .optedOut: .optedOut
        case .complained: .complained
        case .bounced: .bounced
        default: .byHand
        }
    }
}

extension TagState.Cause {
    var reason: Reason {
        switch self {
        case .optedOut: .optedOut
        case .complained: .complained
        case .bounced: .bounced
        case .byHand: .suppressedByHand
        }
    }
}
