import Core

/// What was taken off the list, against what is read later and happened earlier.
///
/// Small against the list: people take mailboxes off one by one. Of equal removals the latest counts.
struct SuppressionRemovals: Sendable {
    struct Removal: Hashable {
        /// The number of the scope; `nil` for all of them.
        var scope: Int?
        /// The reason that it is about; `nil` for all of them.
        var cause: TagState.Cause?
        /// Whether the recipient did it, who can take back opt-outs and nothing else.
        var isOwn: Bool
        var milliseconds: Int64

        func covers(_ slot: TagState) -> Bool {
            (scope == nil || scope == slot.scope) && (cause == nil || cause == slot.cause)
        }
    }

    private(set) var all: [AddressTag: [Removal]] = [:]

    mutating func add(_ removal: Removal, of tag: AddressTag) {
        var known = all[tag] ?? []
        let same = known.firstIndex {
            $0.scope == removal.scope && $0.cause == removal.cause && $0.isOwn == removal.isOwn
        }
        if let same {
            known[same].milliseconds = max(known[same].milliseconds, removal.milliseconds)
        } else {
            known.append(removal)
        }
        all[tag] = known
    }

    /// Whether what happened at a moment was lifted later.
    ///
    /// - Parameters:
    ///   - tag: The mailbox.
    ///   - slot: The scope and reason.
    ///   - milliseconds: When it happened; what happened in the removal's own millisecond stays.
    ///   - byOwnOnly: Whether only what recipients took back counts.
    func lift(_ tag: AddressTag, _ slot: Int, at milliseconds: Int64, byOwnOnly: Bool = false) -> Bool {
        guard let known = all[tag] else { return false }
        let state = TagState(slot: slot)
        return known.contains { removal in
            (removal.isOwn || !byOwnOnly) && removal.covers(state) && milliseconds < removal.milliseconds
        }
    }
}
