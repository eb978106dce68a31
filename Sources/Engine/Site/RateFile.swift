import Delivery
import Files
import Glibc
import Synchronization

/// A rate's log in a small file of the site's `outbox/rates`, shared by all processes of this machine and found again by the next
/// one.
///
/// Changed under an open-file-description lock that is held for a few system calls. Each process holds one more byte's lock as
/// long as it lives: whose lock is free is gone, and what it had under way is counted as answered now. There is a file for each
/// start of the machine, since its moments count from there; the first process after a start carries over what the files before it
/// hold. A process that is killed leaves the file whole: the log is less than a page.
final class RateFile: RateStore {
    private static let whole: Int64 = 1 << 40
    private static let living: Int64 = whole + 1
    /// What a system that lost its power may not have written yet.
    private static let writeBack: Duration = .seconds(35)
    /// How often to look for processes that are gone.
    private static let sweepInterval: RateLog.Moment = 250_000_000

    private let file: Descriptor
    private let rate: RouteSettings.Rate
    private let process: Int
    private let swept = Mutex<RateLog.Moment>(0)

    private init(_ file: Descriptor, _ rate: RouteSettings.Rate, process: Int) {
        self.file = file
        self.rate = rate
        self.process = process
    }

    /// Opens a rate's log, or makes it; waits while another process is at it.
    ///
    /// - Parameters:
    ///   - name: What the rate is of.
    ///   - rooms: The directory.
    ///   - boot: What tells this start of the machine from others.
    static func open(
        _ name: String,
        in rooms: Directory,
        rate: RouteSettings.Rate,
        boot: String
    ) throws -> RateFile {
        let file = try rooms.openShared("\(name).\(boot)")
        try waitForLock(of: file)
        defer { file.unlock(byte: whole) }
        let now = BootClock.now
        var log: RateLog
        let bytes = try file.read(at: 0, count: RateLog.byteCount + 1)
        if bytes.isEmpty {
            log = RateLog(rate, at: now)
            try carryOver(into: &log, name, rooms, rate, boot: boot, now)
        } else if let read = RateLog(bytes, rate: rate, at: now) {
            log = read
        } else {
            log = RateLog(rate, at: now)
            log.exhaust(at: now)
        }
        guard let process = try (0..<RateLog.processes).first(where: { try file.lock(byte: living + Int64($0)) }) else {
            throw FileError(.lock, file.name, code: EAGAIN, explanation: "too many processes share it")
        }
        // From after the lock on: until it was free, whoever had the place may have sent.
        log.reap(process, at: max(now, BootClock.now))
        try file.write(log.bytes, at: 0)
        return RateFile(file, rate, process: process)
    }

    func update<Value: Sendable>(
        at now: RateLog.Moment,
        _ body: (inout RateLog, _ process: Int) -> Value
    ) throws -> Value? {
        try swept.withLock { swept in
            guard try file.lock(byte: Self.whole) else { return nil }
            defer { file.unlock(byte: Self.whole) }
            let bytes = try file.read(at: 0, count: RateLog.byteCount + 1)
            // Somebody cut it or wrote into it: nothing is known of what was let go.
            var log = RateLog(bytes, rate: rate, at: now) ?? Self.unknown(rate, at: now)
            if now - swept >= Self.sweepInterval {
                swept = now
                try sweep(&log, at: now)
            }
            let value = body(&log, process)
            try file.write(log.bytes, at: 0)
            return value
        }
    }

    /// Counts as answered what processes had under way that are gone.
    private func sweep(_ log: inout RateLog, at now: RateLog.Moment) throws {
        for other in log.busyProcesses where other != process {
            // As above: what it sent last it may have sent a moment before its place was free.
            guard try file.lock(byte: Self.living + Int64(other)) else { continue }
            log.reap(other, at: max(now, BootClock.now))
            file.unlock(byte: Self.living + Int64(other))
        }
    }

    private static func unknown(_ rate: RouteSettings.Rate, at now: RateLog.Moment) -> RateLog {
        var log = RateLog(rate, at: now)
        log.exhaust(at: now)
        return log
    }

    /// Takes over what was let go before the machine was started again.
    ///
    /// All that is known for sure of when that was: before the start. So it counts from the start on, and only a rate by the minute
    /// or the hour can be touched by it.
    private static func carryOver(
        into log: inout RateLog,
        _ name: String,
        _ rooms: Directory,
        _ rate: RouteSettings.Rate,
        boot: String,
        _ now: RateLog.Moment
    ) throws {
        guard Duration.nanoseconds(now) < rate.period else { return }
        for other in try rooms.list() where other.hasPrefix("\(name).") && other != "\(name).\(boot)" {
            guard !other.dropFirst(name.count + 1).contains(".") else { continue }
            let bytes = try rooms.read(other, limit: RateLog.byteCount)
            let old = RateLog(bytes, rate: rate, at: now) ?? unknown(rate, at: now)
            log.carry(old, writeBack: writeBack)
        }
    }

    private static func waitForLock(of file: Descriptor) throws {
        for _ in 0..<2_000 {
            if try file.lock(byte: whole) { return }
            usleep(1_000)
        }
        throw FileError(.lock, file.name, code: EAGAIN, explanation: "another process does not let go of it")
    }
}
