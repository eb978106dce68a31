public import Core

/// Who gets no mail, or no mail of a kind: what the suppression list's file and the events come to.
///
/// Removals by hand stand against events by their times, since the two come from different files in any order: what
/// happened after a removal, or in the same millisecond, counts.
public struct SuppressionSet: Sendable {
    private static let all = 0
    private static let marketing = 1
    /// Scopes are 14 bits wide; lists beyond that count as all mail, which errs on the recipient's side.
    private static let maximumScope = 1 << 14 - 1

    private var table = TagTable()
    private var scopes: [String: Int] = [:]
    /// Removals, against events that come later and are older.
    ///
    /// Few, since people make them one by one.
    private var removals: [AddressTag: [(scope: Int?, milliseconds: Int64)]] = [:]

    /// A set of nobody.
    public init() {}

    /// How many pairs of mailbox and scope were ever on the list.
    public var count: Int {
        table.count
    }

    /// Why a message must not go to a mailbox; `nil` if it may.
    ///
    /// - Parameters:
    ///   - tag: The mailbox.
    ///   - list: The message's list, if it has one.
    ///   - isMarketing: Whether its purpose is marketing.
    public func reason(for tag: AddressTag, list: String? = nil, isMarketing: Bool = false) -> Reason? {
        let listScope = list.flatMap { scopes[$0] }
        var flags: TagState.Flags = []
        table.forEachState(of: tag) { state in
            if state.scope == Self.all || state.scope == listScope || (isMarketing && state.scope == Self.marketing) {
                flags.formUnion(state.flags.reasons)
            }
        }
        if flags.contains(.optedOut) { return .optedOut }
        if flags.contains(.complained) { return .complained }
        if flags.contains(.bounced) { return .bounced }
        return flags.contains(.byHand) ? .suppressedByHand : nil
    }

    /// Whether a record of the file is in force.
    func holds(_ record: SuppressionRecord) -> Bool {
        guard record.operation == .add, let scope = record.scope.flatMap({ known($0) }) else { return false }
        let flag = Self.flag(record.reason)
        var isHeld = false
        table.forEachState(of: record.tag) { state in
            if state.scope == scope, state.flags.contains(flag) { isHeld = true }
        }
        return isHeld
    }

    /// Whether what an event did is in force.
    func holds(_ event: Event) -> Bool {
        guard let record = SuppressionRecord(event), let scope = record.scope.flatMap({ known($0) }) else {
            return false
        }
        var isHeld = false
        table.forEachState(of: record.tag) { state in
            if state.scope == scope, state.flags.contains(Self.flag(record.reason).asEvent) { isHeld = true }
        }
        return isHeld && !isRemoved(record, scope)
    }

    /// Takes in a record of the file; records come in the file's order.
    public mutating func apply(_ record: SuppressionRecord) {
        switch record.operation {
        case .add:
            table.update(record.tag, scope: number(record.scope ?? .all)) { state in
                state.flags.insert(Self.flag(record.reason))
            }
        case .remove:
            let scope = record.scope.map { number($0) }
            removals[record.tag, default: []].append((scope, record.milliseconds))
            table.updateStates(of: record.tag) { state in
                guard scope == nil || state.scope == scope else { return }
                state.flags = state.eventTime < record.milliseconds ? [] : state.flags.subtracting(.filed)
            }
        }
    }

    /// Takes in an event; all but opt-outs, bounces and complaints change nothing.
    public mutating func apply(_ event: Event) {
        guard let record = SuppressionRecord(event) else { return }
        let scope = number(record.scope ?? .all)
        guard !isRemoved(record, scope) else { return }
        table.update(record.tag, scope: scope) { state in
            state.flags.insert(Self.flag(record.reason).asEvent)
            state.eventTime = max(state.eventTime, event.milliseconds)
        }
    }

    private func isRemoved(_ record: SuppressionRecord, _ scope: Int) -> Bool {
        removals[record.tag]?.contains { removal in
            (removal.scope == nil || removal.scope == scope) && record.milliseconds < removal.milliseconds
        } ?? false
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
        guard case .list(let name) = scope, scopes.count + 2 <= Self.maximumScope else { return Self.all }
        scopes[name] = scopes.count + 2
        return scopes.count + 1
    }

    private static func flag(_ reason: Reason) -> TagState.Flags {
        switch reason {
        case .optedOut: .optedOut
        case .complained: .complained
        case .bounced: .bounced
        default: .byHand
        }
    }
}
