import Glibc

/// What becomes of the process's memory should it ever crash: nothing is written down, since it may hold cells.
enum Crash {
    /// Leaves no core file and prints no registers: a trap ends the process by its signal, and that is all.
    static func keepSilent() {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        // The runtime's own handlers would print a backtrace with the memory that registers point to.
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
            _ = signal(number, SIG_DFL)
        }
        // A peer that closes a socket or a pipe is no reason to end.
        _ = signal(SIGPIPE, SIG_IGN)
    }
}
