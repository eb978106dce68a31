/// What is known of one mailbox in one slot, in 64 bits; a slot is a scope and a reason.
struct TagState: Hashable {
    /// The reasons, in the order in which they are named to people.
    enum Cause: Int, CaseIterable {
        case optedOut, complained, bounced, byHand
    }

    /// 2020-01-01 00:00:00 UTC; 41 bits of milliseconds from there reach beyond 2089.
    private static let epoch: Int64 = 1_577_836_800_000
    private static let latest: UInt64 = 1 << 41 - 1
    private static let taken: UInt64 = 1
    private static let filed: UInt64 = 2
    private static let event: UInt64 = 4
    private static let replaces: UInt64 = 8

    /// Milliseconds since `epoch` (41 bits), slot (16), four flags.
    var word: UInt64

    init(word: UInt64) {
        self.word = word
    }

    init(slot: Int) {
        word = UInt64(slot) << 4 | Self.taken
    }

    static func slot(scope: Int, _ cause: Cause) -> Int {
        scope << 2 | cause.rawValue
    }

    var slot: Int { Int(word >> 4 & 0xFFFF) }
    var scope: Int { slot >> 2 }
    var cause: Cause { Cause(rawValue: slot & 3) ?? .byHand }

    /// Whether the list's file keeps mail from the mailbox.
    var isFiled: Bool {
        get { word & Self.filed != 0 }
        set { set(Self.filed, newValue) }
    }

    /// Whether an event keeps mail from it.
    var isByEvent: Bool {
        get { word & Self.event != 0 }
        set { set(Self.event, newValue) }
    }

    /// Whether this is all there is to say of the slot, and what the index has of it no longer holds.
    var isWhole: Bool {
        get { word & Self.replaces != 0 }
        set { set(Self.replaces, newValue) }
    }

    /// Whether mail is kept from it.
    var isInForce: Bool { word & (Self.filed | Self.event) != 0 }

    /// When the latest of what put it there happened, in milliseconds since 1970.
    var moment: Int64 {
        get { Int64(word >> 20) + Self.epoch }
        set {
            let since = UInt64(max(0, newValue - Self.epoch))
            word = word & (1 << 20 - 1) | min(since, Self.latest) << 20
        }
    }

    /// The same moment as a state can hold it: not before 2020.
    static func storable(_ moment: Int64) -> Int64 {
        min(max(moment, epoch), epoch + Int64(latest))
    }

    /// Takes in what else is known of the slot.
    mutating func join(_ other: TagState) {
        isFiled = isFiled || other.isFiled
        isByEvent = isByEvent || other.isByEvent
        moment = max(moment, other.moment)
    }

    private mutating func set(_ flag: UInt64, _ value: Bool) {
        if value { word |= flag } else { word &= ~flag }
    }
}

/// A mailbox and what is known of it in one slot.
struct TagEntry: Hashable, Comparable {
    static let byteCount = 24

    var tag: AddressTag
    var state: TagState

    static func < (left: TagEntry, right: TagEntry) -> Bool {
        if left.tag.high != right.tag.high { return left.tag.high < right.tag.high }
        if left.tag.low != right.tag.low { return left.tag.low < right.tag.low }
        return left.state.slot < right.state.slot
    }
}

/// A set of address tags with a ``TagState`` for each slot: 24 bytes a place, no pointer, no string.
///
/// A tag is the output of a keyed hash, so its first half, taken as a fraction of the table's length, says where it
/// belongs; places are tried from there on. Nothing is ever taken out, a state out of force means "not on the list".
struct TagTable {
    /// Three words a place: the tag's halves and the state; a state of 0 is a free place.
    private var words: [UInt64] = []
    private(set) var count = 0

    private var capacity: Int {
        words.count / 3
    }

    /// The states of one tag, handed to `body` one by one.
    func forEachState(of tag: AddressTag, _ body: (TagState) -> Void) {
        guard capacity > 0 else { return }
        var place = start(tag.high)
        while words[place + 2] != 0 {
            if words[place] == tag.high, words[place + 1] == tag.low { body(TagState(word: words[place + 2])) }
            place += 3
            if place == words.count { place = 0 }
        }
    }

    /// The state of one tag in one slot.
    func state(of tag: AddressTag, slot: Int) -> TagState? {
        var found: TagState?
        forEachState(of: tag) { if $0.slot == slot { found = $0 } }
        return found
    }

    /// Changes the state of a tag in a slot, made if it is not there.
    mutating func update(_ tag: AddressTag, slot: Int, _ body: (inout TagState) -> Void) {
        // At most 7 of 8 places are taken, so that a free one is near.
        if count * 8 >= capacity * 7 { grow() }
        var place = start(tag.high)
        while words[place + 2] != 0 {
            if words[place] == tag.high, words[place + 1] == tag.low, TagState(word: words[place + 2]).slot == slot {
                break
            }
            place += 3
            if place == words.count { place = 0 }
        }
        if words[place + 2] == 0 {
            words[place] = tag.high
            words[place + 1] = tag.low
            words[place + 2] = TagState(slot: slot).word
            count += 1
        }
        var state = TagState(word: words[place + 2])
        body(&state)
        words[place + 2] = state.word
    }

    /// All entries in the order of their tags.
    func sorted() -> [TagEntry] {
        var entries: [TagEntry] = []
        entries.reserveCapacity(count)
        for index in stride(from: 0, to: words.count, by: 3) where words[index + 2] != 0 {
            let tag = AddressTag(high: words[index], low: words[index + 1])
            entries.append(TagEntry(tag: tag, state: TagState(word: words[index + 2])))
        }
        entries.sort()
        return entries
    }

    private func start(_ high: UInt64) -> Int {
        Int(high.multipliedFullWidth(by: UInt64(capacity)).high) * 3
    }

    private mutating func grow() {
        let old = words
        words = Array(repeating: 0, count: 3 * max(64, capacity + capacity / 2))
        for index in stride(from: 0, to: old.count, by: 3) where old[index + 2] != 0 {
            var place = start(old[index])
            while words[place + 2] != 0 {
                place += 3
                if place == words.count { place = 0 }
            }
            words[place] = old[index]
            words[place + 1] = old[index + 1]
            words[place + 2] = old[index + 2]
        }
    }
}
