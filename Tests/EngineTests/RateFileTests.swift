import Delivery
import Files
import TestSupport
import Testing

@testable import Engine

@Suite("A rate's log in a file that processes share")
struct RateFileTests {
    private let scratch: TemporaryDirectory
    private let rooms: Directory
    private let rate = RouteSettings.Rate(4, per: .seconds(3600), burst: 4)

    init() throws {
        scratch = try TemporaryDirectory()
        rooms = try Directory(path: scratch.path)
    }

    private func open(_ name: String = "route.main", boot: String = "b") throws -> RateFile {
        try RateFile.open(name, in: rooms, rate: rate, boot: boot)
    }

    /// How many get leave at a moment, an hour or more after the file was made.
    private func taken(_ file: RateFile, after: Duration = .seconds(3600), atMost: Int = 100) throws -> Int {
        let now = BootClock.now + RateLog.Moment(after / .nanoseconds(1))
        var count = 0
        while count < atMost, try file.update(at: now, { log, process in log.take(process, at: now) }) == .go {
            count += 1
        }
        return count
    }

    @Test("What one process took, the other finds taken")
    func shared() throws {
        let (one, two) = (try open(), try open())
        #expect(try taken(one, atMost: 3) == 3)
        #expect(try taken(two) == 1)
        #expect(try taken(one) == 0)
    }

    @Test("What a process had under way when it ended counts for a period from then on")
    func restart() throws {
        do {
            let file = try open()
            #expect(try taken(file) == 4)
        }
        let next = try open()
        #expect(try next.update(at: BootClock.now, { log, _ in log.busyProcesses }) == [])
        #expect(try taken(next, after: .seconds(3000)) == 0)
    }

    @Test("A process that is gone is noticed by one that goes on")
    func gone() throws {
        let file = try open()
        do {
            let other = try open()
            #expect(try taken(other, after: .zero, atMost: 2) == 0)
            #expect(try taken(other, after: .seconds(3600), atMost: 2) == 2)
        }
        // Both count as answered at the next look.
        let later = BootClock.now + 3_700_000_000_000
        let busy = try file.update(at: later) { log, _ in log.busyProcesses }
        #expect(busy == [])
        #expect(try taken(file, after: .seconds(3700)) == 2)
    }

    @Test(
        "While one is at it, others are told so and do not wait; a file without a lock is let go when its process ends"
    )
    func busy() throws {
        let file = try open()
        let other = try rooms.openShared("route.main.b")
        #expect(try other.lock(byte: 1 << 40))
        #expect(try file.update(at: BootClock.now, { _, _ in 1 }) == nil)
        other.unlock(byte: 1 << 40)
        #expect(try file.update(at: BootClock.now, { _, _ in 1 }) == 1)
    }

    @Test("A damaged file is taken for one in which all was let go just now")
    func damaged() throws {
        do { _ = try open() }
        try scratch.write("route.main.b", text: String(repeating: "x", count: RateLog.byteCount))
        let file = try open()
        #expect(try taken(file, after: .seconds(3000)) == 0)
        #expect(try taken(file, after: .seconds(7300)) == 4)
    }

    @Test("Another start of the machine, long ago: nothing is carried over")
    func anotherBoot() throws {
        // This machine has been up for longer than a second.
        let quick = RouteSettings.Rate(5, per: .milliseconds(500), burst: 5)
        do {
            let old = try RateFile.open("route.main", in: rooms, rate: quick, boot: "a")
            let now = BootClock.now + 1_000_000_000
            for _ in 0..<5 { _ = try old.update(at: now) { log, process in log.take(process, at: now) } }
        }
        let new = try RateFile.open("route.main", in: rooms, rate: quick, boot: "b")
        let now = BootClock.now + 1_000_000_000
        #expect(try new.update(at: now) { log, process in log.take(process, at: now) } == .go)
        #expect(try rooms.list() == ["route.main.a", "route.main.b"])
    }
}
