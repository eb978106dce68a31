import Files
import Foundation
import Intake
import Synchronization
import TestSupport
import Testing

/// A clock whose sleepers are woken at once, each having slept as long as it wanted.
private struct SkippingClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    final class Time: Sendable {
        let now = Mutex(Instant(offset: .zero))
        let onSleep: @Sendable (Int) throws -> Void
        let sleeps = Mutex(0)

        init(onSleep: @escaping @Sendable (Int) throws -> Void) {
            self.onSleep = onSleep
        }
    }

    let time: Time
    var now: Instant { time.now.withLock { $0 } }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        time.now.withLock { $0 = max($0, deadline) }
        let count = time.sleeps.withLock { count in
            count += 1
            return count
        }
        try time.onSleep(count)
    }
}

@Suite("Waiting for changes")
struct FolderWatcherTests {
    private let area: DropArea

    init() throws {
        area = try DropArea()
    }

    private func clock(onSleep: @escaping @Sendable (Int) throws -> Void = { _ in }) -> SkippingClock {
        SkippingClock(time: SkippingClock.Time(onSleep: onSleep))
    }

    @Test("without a change the wait takes its whole time", arguments: [true, false])
    func quiet(notices: Bool) async throws {
        let watcher = FolderWatcher(area.jobs, usesNotices: notices)
        #expect(watcher.hasNotices == notices)
        let clock = clock()
        #expect(try await watcher.wait(upTo: .seconds(10), clock: clock) == false)
        #expect(clock.now.offset == .seconds(10))
    }

    @Test("a new folder ends the wait early, and is told once")
    func newFolder() async throws {
        let watcher = FolderWatcher(area.jobs)
        let path = area.path + "/new"
        let clock = clock { count in
            if count == 3 { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false) }
        }
        #expect(try await watcher.wait(upTo: .seconds(10), clock: clock))
        #expect(clock.now.offset < .seconds(1))
        #expect(try await watcher.wait(upTo: .seconds(10), clock: clock) == false)
    }

    @Test("a file dropped in a watched job folder ends the wait; without watching it, it does not")
    func fileInFolder() async throws {
        let watcher = FolderWatcher(area.jobs)
        let area = area
        #expect(try await watcher.wait(upTo: .seconds(1), clock: clock { _ in try area.drop("PAUSE") }) == false)
        #expect(watcher.watch(try area.folder().directory))
        #expect(try await watcher.wait(upTo: .seconds(1), clock: clock { _ in try area.drop("STOP") }))
    }

    @Test("what happened before the wait counts")
    func before() async throws {
        let watcher = FolderWatcher(area.jobs)
        try FileManager.default.removeItem(atPath: area.path + "/job")
        #expect(try await watcher.wait(upTo: .zero, clock: clock()))
    }

    @Test("without notices the change is left to the scan")
    func noNotices() async throws {
        let watcher = FolderWatcher(area.jobs, usesNotices: false)
        let area = area
        let clock = clock { _ in try area.drop("x") }
        #expect(watcher.watch(area.jobs) == false)
        #expect(try await watcher.wait(upTo: .seconds(10), clock: clock) == false)
        #expect(clock.now.offset == .seconds(10))
    }

    @Test("a cancelled task stops waiting", .timeLimit(.minutes(1)))
    func cancelled() async throws {
        let watcher = FolderWatcher(area.jobs)
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    _ = try await watcher.wait(upTo: .seconds(3_600))
                    return false
                } catch {
                    return error is CancellationError
                }
            }
            group.cancelAll()
            #expect(await group.next() == true)
        }
    }
}
