/// What a rate has let go, as the receiving end may see it: exact there, not only here.
///
/// A message that was let go reaches the server's eyes at some moment between its leave and its answer; nobody knows when. So
/// it counts from the one on, and until a period after the other:
///
/// - Messages are spaced evenly, but for the burst, when they get their leave (the same arithmetic as in ``Pace``).
/// - Another gets leave only if those without an answer, those answered within the last period, and itself are together no more
///   than the rate's count and what the burst has over one.
///
/// The second rule makes it exact whatever the network does: of all messages that a server sees within one period, look at the
/// one that got its leave last. At that moment each of the others was unanswered, or had been answered less than a period
/// before, and so was counted. What it costs: where answers take long, they take away from the rate.
///
/// Answers are counted in slots of 1/512 of the period, rounded up. Moments are nanoseconds since the machine started
/// (`CLOCK_BOOTTIME`), so that several processes can share a log. Pure: time is handed in.
public struct RateLog: Hashable, Sendable {
    /// Nanoseconds since the machine started.
    public typealias Moment = Int64

    /// What a request for leave gave.
    public enum Answer: Hashable, Sendable {
        /// Go.
        case go
        /// Nothing before that moment.
        case notBefore(Moment)
        /// Nothing before one of those under way has its answer.
        case afterAnAnswer
    }

    /// How many processes can share a log.
    public static let processes = 64
    static let slots = 512
    /// One more for the slot that has just begun, one for the one that ends within it.
    static let ring = slots + 2

    /// The rate's count, period and burst; a log that was kept under another rate is carried over.
    let count: Int64
    let period: Int64
    let burst: Int64
    /// One message's share of the period, and one slot's; rounded up.
    let share: Int64
    let width: Int64
    /// When the bucket is full again.
    var full: Moment
    /// The number of the latest slot that anything was counted in.
    var latest: Int64 = 0
    /// Messages answered, by slot.
    var answered = [UInt32](repeating: 0, count: ring)
    /// Messages that have leave and no answer, by process.
    var underWay = [UInt32](repeating: 0, count: processes)
    /// The sums of both.
    private(set) var recent: Int64 = 0
    private(set) var open: Int64 = 0

    /// A log in which nothing has been let go; the first gets leave after its share of the period.
    public init(_ rate: RouteSettings.Rate, at now: Moment) {
        let (seconds, attoseconds) = rate.period.components
        period = max(1, seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
        count = Int64(max(1, rate.count))
        burst = Int64(max(1, rate.burst))
        share = (period + count - 1) / count
        width = (period + Int64(Self.slots) - 1) / Int64(Self.slots)
        full = now + share * burst
        latest = now / width
    }

    /// The most that a period may see.
    var most: Int64 { count + burst - 1 }

    /// Before which moment the spacing lets nothing go.
    var earliest: Moment { full - share * (burst - 1) }

    // MARK: - Events

    /// Asks for leave for one message of a process.
    public mutating func take(_ process: Int, at now: Moment) -> Answer {
        advance(to: now)
        guard now >= earliest else { return .notBefore(earliest) }
        guard recent + open < most else {
            guard let oldest else { return .afterAnAnswer }
            return .notBefore((oldest + 1) * width + period)
        }
        underWay[process] += 1
        open += 1
        full = max(full, now) + share
        return .go
    }

    /// A message that had leave has its answer, or never will.
    public mutating func ended(_ process: Int, at now: Moment) {
        guard underWay[process] > 0 else { return }
        underWay[process] -= 1
        open -= 1
        record(1, at: now)
    }

    /// A process is gone: what it had under way may have been seen until now.
    public mutating func reap(_ process: Int, at now: Moment) {
        let left = underWay[process]
        guard left > 0 else { return }
        underWay[process] = 0
        open -= Int64(left)
        record(left, at: now)
    }

    /// Counts messages as answered at a moment.
    mutating func record(_ messages: UInt32, at moment: Moment) {
        guard messages > 0 else { return }
        advance(to: moment)
        // What another process noted a moment later has moved the latest slot on; later is the safe side.
        answered[place(latest)] += messages
        recent += Int64(messages)
    }

    /// The processes that have messages under way.
    public var busyProcesses: [Int] {
        underWay.indices.filter { underWay[$0] > 0 }
    }

    /// Takes over what was let go before the machine was started, which is moment 0: it is all that is known of when that was.
    ///
    /// `writeBack` is for how long before the end the other log may not have been written.
    public mutating func carry(_ other: RateLog, writeBack: Duration) {
        let (seconds, attoseconds) = writeBack.components
        let lost = (seconds * 1_000_000_000 + attoseconds / 1_000_000_000) / share + burst
        record(UInt32(clamping: min(other.recent + other.open + lost, most)), atTheStart: true)
    }

    /// Counts messages as answered when the machine was started, if that is less than a period ago.
    private mutating func record(_ messages: UInt32, atTheStart: Bool) {
        let first = latest - Int64(Self.ring) + 1
        guard first <= 0 else { return }
        answered[0] += messages
        recent += Int64(messages)
    }

    /// Counts as if everything had been let go at a moment: nothing is known of what was.
    public mutating func exhaust(at moment: Moment) {
        record(UInt32(clamping: most), at: moment)
    }

    // MARK: - Slots

    /// Forgets what lies more than a period back.
    private mutating func advance(to now: Moment) {
        let slot = now / width
        guard slot > latest else { return }
        let first = (now - period) / width
        if recent > 0 {
            // The slots that fall out, and those that are used again.
            for old in (latest - Int64(Self.ring) + 1)..<min(first, latest + 1) where old >= 0 { clear(old) }
        }
        latest = slot
    }

    private mutating func clear(_ slot: Int64) {
        let place = place(slot)
        recent -= Int64(answered[place])
        answered[place] = 0
    }

    /// The oldest slot in which anything is counted.
    private var oldest: Int64? {
        guard recent > 0 else { return nil }
        return (max(0, latest - Int64(Self.ring) + 1)...latest).first { answered[place($0)] > 0 }
    }

    private func place(_ slot: Int64) -> Int {
        Int(slot % Int64(Self.ring))
    }

    /// Sets the sums right after the parts were read.
    mutating func sum() {
        recent = answered.reduce(0) { $0 + Int64($1) }
        open = underWay.reduce(0) { $0 + Int64($1) }
    }
}
