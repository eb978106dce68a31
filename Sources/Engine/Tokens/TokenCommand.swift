import CLinux
import Delivery
import Glibc

/// A program that prints a token: run without a shell, with little around it, for a bounded time and output.
///
/// It gets an empty standard input, `PATH`, `HOME` and `LANG`, no other variable, and no descriptor of ours. What it
/// writes to its standard error is thrown away: programs like to repeat secrets there.
struct TokenCommand: Sendable {
    /// The most that it may print.
    static let mostBytes = 64 << 10

    /// The program's path, absolute, and its arguments.
    let words: [String]
    /// Where it runs.
    let directory: String
    /// How long it may take.
    var limit: Duration = .seconds(30)

    /// Runs it to its end and gives what it printed.
    ///
    /// Blocks; call it on a thread that may wait.
    func run() throws(TokenProblem) -> [UInt8] {
        var ends: [Int32] = [-1, -1]
        guard unsafe wardpost_pipe(&ends) == 0 else { throw failed("cannot be started", errno, isTemporary: true) }
        let (readEnd, writeEnd) = (ends[0], ends[1])
        defer { close(readEnd) }
        let process: pid_t
        do {
            defer { close(writeEnd) }
            process = try spawn(output: writeEnd)
        }
        let deadline = ContinuousClock.now + limit
        let output = Result { () throws(TokenProblem) in try read(readEnd, until: deadline) }
        let status = wait(for: process, until: deadline, isHopeless: (try? output.get()) == nil)
        let bytes = try output.get()
        guard let status else { throw TokenProblem("the token command did not end in time", isTemporary: true) }
        guard status & 0x7F == 0 else {
            throw TokenProblem("the token command was ended by signal \(status & 0x7F)", isTemporary: true)
        }
        guard status == 0 else {
            throw TokenProblem("the token command ended with status \(status >> 8 & 0xFF)", isTemporary: true)
        }
        return bytes
    }

    private func failed(_ what: String, _ error: Int32, isTemporary: Bool) -> TokenProblem {
        let reason = unsafe strerror(error).map { unsafe String(cString: $0) } ?? "errno \(error)"
        return TokenProblem("the token command \(what): \(reason)", isTemporary: isTemporary)
    }

    private func spawn(output: Int32) throws(TokenProblem) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawnattr_init(&attributes)
        defer {
            unsafe posix_spawn_file_actions_destroy(&actions)
            unsafe posix_spawnattr_destroy(&attributes)
        }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        unsafe wardpost_spawn_close_from(&actions, 3)
        unsafe wardpost_spawn_directory(&actions, directory)
        // A group of its own, so that all of it can be ended; no signal is blocked or ignored because we do so.
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        var process: pid_t = 0
        var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        var environment = unsafe Self.environment.map { unsafe strdup($0) } + [nil]
        defer { unsafe (arguments + environment).forEach { unsafe free($0) } }
        let error = unsafe posix_spawn(&process, words[0], &actions, &attributes, &arguments, &environment)
        guard error == 0 else {
            let isTemporary = [EAGAIN, ENOMEM, EMFILE, ENFILE, ETXTBSY].contains(error)
            throw failed("cannot be started", error, isTemporary: isTemporary)
        }
        return process
    }

    private static var environment: [String] {
        let home = unsafe getenv("HOME").map { unsafe "HOME=" + String(cString: $0) }
        return ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
            + (home.map { [$0] } ?? [])
    }

    private func read(_ descriptor: Int32, until deadline: ContinuousClock.Instant) throws(TokenProblem) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let left = deadline - .now
            var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let milliseconds = Int32(
                clamping: left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000
            )
            let ready = milliseconds > 0 ? unsafe poll(&wanted, 1, milliseconds) : 0
            guard ready != 0 else {
                throw TokenProblem("the token command did not end in time", isTemporary: true)
            }
            // A signal of ours says nothing about the program: reading now would wait without a limit.
            guard ready > 0 else { continue }
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                guard errno == EINTR || errno == EAGAIN else {
                    throw failed("cannot be read", errno, isTemporary: true)
                }
                continue
            }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= Self.mostBytes else {
                throw TokenProblem("the token command prints more than 64 KiB", isTemporary: false)
            }
        }
    }

    /// Collects the process's status; ends it, and what it started, where it does not end by itself.
    private func wait(for process: pid_t, until deadline: ContinuousClock.Instant, isHopeless: Bool) -> Int32? {
        var status: Int32 = 0
        if !isHopeless {
            while ContinuousClock.now < deadline {
                let ended = unsafe waitpid(process, &status, WNOHANG)
                if ended == process { return status }
                if ended < 0, errno != EINTR { return nil }
                usleep(2_000)
            }
        }
        kill(-process, SIGKILL)
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        return nil
    }
}
