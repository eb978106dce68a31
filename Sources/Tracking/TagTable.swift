/// What is known of one mailbox in one scope, in 64 bits.
struct TagState {
    /// Why mail is kept from it, one bit each, from the list's file and from events.
    struct Flags: OptionSet {
        let rawValue: UInt8

        static let optedOut = Flags(rawValue: 1)
        static let complained = Flags(rawValue: 2)
        static let bounced = Flags(rawValue: 4)
        static let byHand = Flags(rawValue: 8)
        /// The four above.
        static let filed = Flags(rawValue: 0x0F)

        /// The same reasons, learnt from an event.
        var asEvent: Flags {
            Flags(rawValue: rawValue << 4)
        }

        /// The reasons, however they were learnt.
        var reasons: Flags {
            Flags(rawValue: (rawValue | rawValue >> 4) & 0x0F)
        }
    }

    /// 2020-01-01 00:00:00 UTC; 41 bits of milliseconds from there reach beyond 2089.
    private static let epoch: Int64 = 1_577_836_800_000
    private static let latest: UInt64 = 1 << 41 - 1

    /// Milliseconds since `epoch` (41 bits), scope (14), flags (8), and one bit that says the place is taken.
    var word: UInt64

    init(word: UInt64) {
        self.word = word
    }

    init(scope: Int) {
        word = UInt64(scope) << 9 | 1
    }

    var scope: Int {
        Int(word >> 9 & 0x3FFF)
    }

    var flags: Flags {
        get { Flags(rawValue: UInt8(truncatingIfNeeded: word >> 1)) }
        set { word = word & ~(0xFF << 1) | UInt64(newValue.rawValue) << 1 }
    }

    /// When the latest of the events happened that are in the flags, in milliseconds since 1970.
    var eventTime: Int64 {
        get { Int64(word >> 23) + Self.epoch }
        set {
            let since = UInt64(max(0, newValue - Self.epoch))
            word = word & (1 << 23 - 1) | min(since, Self.latest) << 23
        }
    }
}

/// A set of address tags with a ``TagState`` for each scope: 24 bytes a place, no pointer, no string.
///
/// A tag is the output of a keyed hash, so its first half, taken as a fraction of the table's length, says where it
/// belongs; places are tried from there on. Nothing is ever taken out, a state without flags means "not on the list".
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

    /// Changes the states that one tag has.
    mutating func updateStates(of tag: AddressTag, _ body: (inout TagState) -> Void) {
        guard capacity > 0 else { return }
        var place = start(tag.high)
        while words[place + 2] != 0 {
            if words[place] == tag.high, words[place + 1] == tag.low {
                var state = TagState(word: words[place + 2])
                body(&state)
                words[place + 2] = state.word
            }
            place += 3
            if place == words.count { place = 0 }
        }
    }

    /// Changes the state of a tag in a scope, made if it is not there.
    mutating func update(_ tag: AddressTag, scope: Int, _ body: (inout TagState) -> Void) {
        // At most 7 of 8 places are taken, so that a free one is near.
        if count * 8 >= capacity * 7 { grow() }
        var place = start(tag.high)
        while words[place + 2] != 0 {
            if words[place] == tag.high, words[place + 1] == tag.low, TagState(word: words[place + 2]).scope == scope {
                break
            }
            place += 3
            if place == words.count { place = 0 }
        }
        if words[place + 2] == 0 {
            words[place] = tag.high
            words[place + 1] = tag.low
            words[place + 2] = TagState(scope: scope).word
            count += 1
        }
        var state = TagState(word: words[place + 2])
        body(&state)
        words[place + 2] = state.word
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
