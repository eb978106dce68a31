internal import Core
internal import NIOCore

/// Something on an event loop that must not last for ever.
protocol Timed: AnyObject {
    /// The loop's second after which it is over.
    var deadline: Int { get }

    /// Its time is up.
    func expire()

    /// The server is about to stop: end now, or after the request that is under way.
    func drain()
}

/// What the connections of one event loop share; everything here happens on it.
final class LoopState {
    let eventLoop: any EventLoop
    let limits: WebLimits
    let counters: WebCounters
    /// One for each of the server's addresses.
    let responders: [any WebResponder]
    /// Seconds since the start, as deadlines count them: one timer for all connections, none for each.
    private(set) var second = 0
    /// The field that says what time it is, with its end.
    private(set) var date: [UInt8] = []
    /// The same without name and end.
    private(set) var dateText = ""
    /// Where answers are written before they are encrypted.
    var buffer = ByteBuffer()
    private(set) var isDraining = false
    private var timed: [ObjectIdentifier: any Timed] = [:]

    init(
        _ eventLoop: any EventLoop,
        _ limits: WebLimits,
        _ counters: WebCounters,
        _ responders: [any WebResponder]
    ) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.counters = counters
        self.responders = responders
        setDate()
    }

    /// How many things are watched.
    var count: Int { timed.count }

    func add(_ item: any Timed) {
        timed[ObjectIdentifier(item)] = item
    }

    func remove(_ item: any Timed) {
        timed[ObjectIdentifier(item)] = nil
    }

    /// A second went by.
    func tick() {
        second += 1
        setDate()
        let over = timed.values.filter { $0.deadline < second }
        for item in over {
            counters.count(counters.expired)
            item.expire()
        }
    }

    /// Ends what is idle, and all else when it has answered.
    func drain() {
        isDraining = true
        for item in Array(timed.values) { item.drain() }
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private func setDate() {
        let now = Timestamp.now
        let at = now.fields
        dateText =
            "\(Self.days[at.weekday]), \(at.day < 10 ? "0" : "")\(at.day) \(Self.months[at.month - 1]) \(at.year) "
            + "\(now.description.suffix(8)) GMT"
        date = Array("date: \(dateText)\r\n".utf8)
    }
}
