import CLinux
import Foundation
import Glibc
import Synchronization
import TestSupport

/// A program that runs beside a test, in a session of its own; it and what it started are killed at the latest when the last
/// reference to it goes.
final class Program: Sendable {
    /// Why a program could not be waited for.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What a program left behind.
    struct Result: Sendable {
        /// Its exit status; 128 and the signal's number if a signal ended it.
        var status: Int32
        /// What it wrote to its standard output.
        var output: String
        /// What it wrote to its standard error.
        var errors: String
    }

    private struct State {
        var status: Int32?
        var waiters: [CheckedContinuation<Int32, Never>] = []
    }

    /// Shared with the thread that waits, so that the program itself can go.
    private final class Box: Sendable {
        let state = Mutex(State())
    }

    /// The process.
    let pid: pid_t
    private let box = Box()
    private let scratch: TemporaryDirectory
    private let name: String

    /// Starts a program, found by its path or in PATH.
    init(
        _ arguments: [String],
        input: String = "",
        directory: String = "/",
        environment: [String: String] = [:]
    ) throws {
        scratch = try TemporaryDirectory()
        name = arguments.prefix(3).joined(separator: " ")
        try scratch.write("in", text: input)
        for file in ["out", "err"] { try scratch.write(file, []) }
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        pid = try Self.spawn(arguments, variables.map { "\($0)=\($1)" }, directory, scratch.path)
        let (pid, box) = (pid, box)
        Thread.detachNewThread {
            var raw: Int32 = 0
            while unsafe waitpid(pid, &raw, 0) < 0, errno == EINTR {}
            let status = raw & 0x7F == 0 ? raw >> 8 & 0xFF : 128 + raw & 0x7F
            let waiters = box.state.withLock { state in
                state.status = status
                defer { state.waiters = [] }
                return state.waiters
            }
            for waiter in waiters { waiter.resume(returning: status) }
        }
    }

    deinit {
        kill()
    }

    /// Runs a program to its end; kills it and throws if that takes too long.
    @discardableResult
    static func run(
        _ arguments: [String],
        input: String = "",
        directory: String = "/",
        environment: [String: String] = [:],
        within limit: Duration = .seconds(120)
    ) async throws -> Result {
        let program = try Program(arguments, input: input, directory: directory, environment: environment)
        return try await program.result(within: limit)
    }

    /// Runs a program that has to succeed; its output.
    @discardableResult
    static func output(_ arguments: [String], directory: String = "/", within limit: Duration = .seconds(120))
        async throws
        -> String
    {
        let result = try await run(arguments, directory: directory, within: limit)
        guard result.status == 0 else {
            throw Failure(description: "\(arguments.joined(separator: " ")): \(result.status) \(result.errors)")
        }
        return result.output
    }

    /// Whether it has ended.
    var hasEnded: Bool { box.state.withLock { $0.status != nil } }
    /// What it wrote to its standard output so far.
    var output: String { (try? scratch.text("out")) ?? "" }
    /// What it wrote to its standard error so far.
    var errors: String { (try? scratch.text("err")) ?? "" }

    /// Waits for its end.
    func status() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status: Int32? = box.state.withLock { state in
                if state.status == nil { state.waiters.append(continuation) }
                return state.status
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// Waits for its end; kills it and throws if that takes too long.
    func result(within limit: Duration = .seconds(120)) async throws -> Result {
        let isInTime = await withTaskGroup(of: Bool.self) { group in
            group.addTask { [self] in
                _ = await self.status()
                return true
            }
            group.addTask { [self] in
                guard (try? await Task.sleep(for: limit)) != nil else { return true }
                kill()
                return false
            }
            let first = await group.next() ?? true
            group.cancelAll()
            return first
        }
        let status = await self.status()
        guard isInTime else {
            throw Failure(description: "\(name) took longer than \(limit); \(errors.suffix(2_000))")
        }
        return Result(status: status, output: output, errors: errors)
    }

    /// Sends a signal to it alone.
    func signal(_ number: Int32) {
        box.state.withLock { state in
            // Once it was waited for, its number may be another's.
            if state.status == nil { _ = Glibc.kill(pid, number) }
        }
    }

    /// Asks it to end, and waits until it has.
    @discardableResult
    func stop(within limit: Duration = .seconds(30)) async throws -> Result {
        signal(SIGTERM)
        return try await result(within: limit)
    }

    /// Kills it and all that it started and did not move to another session.
    func kill() {
        box.state.withLock { state in
            if state.status == nil { _ = Glibc.kill(-pid, SIGKILL) }
        }
    }

    /// The first line that it writes to its standard output, as servers that tell their port do.
    func firstLine() async throws -> String {
        try await eventually("\(name) says something") { [self] in
            if let line = output.split(separator: "\n", maxSplits: 1).first, output.contains("\n") {
                return String(line)
            }
            guard !hasEnded else { throw Failure(description: "\(name) ended: \(errors)") }
            return nil
        }
    }

    /// The most memory that it had so far, in KiB; `nil` once it has ended.
    var peakMemory: Int? { memory("VmHWM:") }

    /// The memory that it has now, in KiB; `nil` once it has ended.
    var residentMemory: Int? { memory("VmRSS:") }

    private func memory(_ name: String) -> Int? {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) })
        else { return nil }
        return line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }
    }

    // MARK: - Starting

    private static func spawn(
        _ arguments: [String],
        _ environment: [String],
        _ directory: String,
        _ scratch: String
    ) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawnattr_init(&attributes)
        defer {
            unsafe posix_spawn_file_actions_destroy(&actions)
            unsafe posix_spawnattr_destroy(&attributes)
        }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, scratch + "/in", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, scratch + "/out", O_WRONLY | O_APPEND, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, scratch + "/err", O_WRONLY | O_APPEND, 0)
        // POSIX_SPAWN_SETSID is behind _GNU_SOURCE.
        unsafe posix_spawnattr_setflags(&attributes, 0x80)
        // A program that held what this process has open would keep its ports taken for as long as it runs.
        unsafe wardpost_spawn_close_from(&actions, 3)
        var pid: pid_t = 0
        // The C library's own way to another directory is behind _GNU_SOURCE as well.
        let command = ["env", "--chdir=\(directory)"] + arguments
        let code = unsafe withCStrings(command) { command in
            unsafe withCStrings(environment) { environment in
                unsafe posix_spawn(&pid, "/usr/bin/env", &actions, &attributes, command, environment)
            }
        }
        guard code == 0 else {
            throw Failure(description: "cannot start \(arguments[0]): \(unsafe String(cString: strerror(code)))")
        }
        return pid
    }

    private static func withCStrings<Value>(
        _ texts: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
    ) -> Value {
        let copies = unsafe texts.map { unsafe strdup($0) }
        defer { unsafe copies.forEach { unsafe free($0) } }
        return unsafe body(copies + [nil])
    }
}

/// Asks again and again until there is an answer; throws if there is none in time.
func eventually<Value>(
    _ what: String,
    within limit: Duration = .seconds(90),
    every pause: Duration = .milliseconds(20),
    _ body: () async throws -> Value?
) async throws -> Value {
    let end = ContinuousClock.now + limit
    while true {
        if let value = try await body() { return value }
        guard ContinuousClock.now < end else {
            throw Program.Failure(description: "waited \(limit) in vain: \(what)")
        }
        try await Task.sleep(for: pause)
    }
}

/// Asks again and again until something holds; throws if it does not in time.
func eventually(
    _ what: String,
    within limit: Duration = .seconds(90),
    every pause: Duration = .milliseconds(20),
    _ body: () async throws -> Bool
) async throws {
    let _: Bool = try await eventually(what, within: limit, every: pause) { try await body() ? true : nil }
}
