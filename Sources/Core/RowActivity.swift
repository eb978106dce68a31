/// What came back from one row's message: opens, clicks, and what ended its welcome.
///
/// A fold of the row's events: taking the same events in the same order gives the same value, and so the same line of
/// `tracking.csv`. Memory is kept small for millions of rows; nothing here is a cell.
public struct RowActivity: Hashable, Sendable {
    /// How often something happened, and when first and last.
    public struct Tally: Hashable, Sendable {
        /// How many times.
        public private(set) var count: UInt32 = 0
        /// The first time; `nil` if it never happened.
        public private(set) var first: Timestamp?
        /// The last time; `nil` if it never happened.
        public private(set) var last: Timestamp?

        /// Nothing has happened yet.
        public init() {}

        /// Counts one more; events may come in any order.
        public mutating func count(at time: Timestamp) {
            count = count == .max ? count : count + 1
            first = first.map { min($0, time) } ?? time
            last = last.map { max($0, time) } ?? time
        }

        /// Counts all of another tally.
        public mutating func add(_ other: Tally) {
            let (sum, isTooMuch) = count.addingReportingOverflow(other.count)
            count = isTooMuch ? .max : sum
            if let time = other.first { first = first.map { min($0, time) } ?? time }
            if let time = other.last { last = last.map { max($0, time) } ?? time }
        }
    }

    /// Opens by people, as far as can be told.
    public var opens = Tally()
    /// Opens by machines: image proxies that fetch ahead, scanners.
    public var automatedOpens = Tally()
    /// Clicks by people, as far as can be told.
    public var clicks = Tally()
    /// Clicks by machines: link scanners.
    public var automatedClicks = Tally()
    /// How the message came back.
    public struct Bounce: Hashable, Sendable {
        /// When.
        public var at: Timestamp
        /// Whether the mailbox is dead; otherwise another message may get through.
        public var isHard: Bool
        /// Whether the mailbox gets no more mail for it.
        public var suppresses: Bool
        /// Why, in one word.
        public var reason: String
        /// The enhanced status code (RFC 3463); empty if none is known.
        public var status: String

        /// Says how a message came back.
        public init(at time: Timestamp, isHard: Bool, suppresses: Bool, reason: String, status: String) {
            at = time
            self.isHard = isHard
            self.suppresses = suppresses
            self.reason = reason
            self.status = status
        }

        /// Whether this one tells more than another: what ends the mailbox's mail, then what is final, then what came first.
        public func tellsMore(than other: Bounce) -> Bool {
            if suppresses != other.suppresses { return suppresses }
            if isHard != other.isHard { return isHard }
            if at != other.at { return at < other.at }
            return (reason, status) < (other.reason, other.status)
        }
    }

    /// People's clicks by link; links count from 1.
    public var clicksByLink: [Int: UInt32] = [:]
    /// When the recipient opted out; the first time, if several.
    public var unsubscribedAt: Timestamp?
    /// When the message came back.
    public var bouncedAt: Timestamp?
    /// How it came back; of several reports the one that tells most.
    public var bounce: Bounce?
    /// When the recipient complained.
    public var complainedAt: Timestamp?

    /// How many devices people used, by the name of their family: more than one device may mean that the message was
    /// passed on.
    ///
    /// A device that changes its network counts again.
    public var devices: [String: UInt32] = [:]
    /// Why opens and clicks count as automated, and how many.
    public var automatedReasons: [String: UInt32] = [:]

    /// Nothing has come back yet.
    public init() {}

    /// How many devices people used in all.
    public var deviceCount: UInt32 {
        devices.values.reduce(0, +)
    }

    /// Whether nothing has come back.
    public var isEmpty: Bool {
        self == RowActivity()
    }
}
