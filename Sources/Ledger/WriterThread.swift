import CLinux
import Glibc

/// A semaphore: how the appending threads wake the one that writes.
@safe final class Wakeup: @unchecked Sendable {
    // Sendable: the semaphore's memory is made before `init` returns and freed in `deinit`; sem_post(3) and sem_wait(3)
    // may be called by any thread.
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        unsafe semaphore = .allocate(capacity: 1)
        unsafe semaphore.initialize(to: sem_t())
        _ = unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        _ = unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    func post() {
        _ = unsafe sem_post(semaphore)
    }

    func wait() {
        while unsafe sem_wait(semaphore) != 0, errno == EINTR {}
    }

    /// Waits until it is posted, or for so long.
    func wait(atMost duration: Duration) {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        let (seconds, attoseconds) = duration.components
        let nanoseconds = time.tv_nsec + Int(attoseconds / 1_000_000_000)
        time.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
        time.tv_nsec = nanoseconds % 1_000_000_000
        while unsafe sem_clockwait(semaphore, CLOCK_MONOTONIC, &time) != 0, errno == EINTR {}
    }
}

/// Runs a body on a thread of its own: it blocks in `fdatasync(2)`, which neither an event loop nor the threads that
/// run tasks may do.
///
/// All signals stay with the other threads.
enum WriterThread {
    private final class Body {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    static func start(_ run: @escaping @Sendable () -> Void) {
        let body = unsafe Unmanaged.passRetained(Body(run)).toOpaque()
        var all = sigset_t()
        var before = sigset_t()
        _ = unsafe sigfillset(&all)
        _ = unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        var thread = pthread_t()
        let code = unsafe pthread_create(&thread, nil, enter, body)
        _ = unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        guard code == 0 else { fatalError("the system gives no more threads") }
        _ = pthread_detach(thread)
    }

    private static let enter: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { raw in
        // A batch thread never takes the core from a thread that works: where senders use all cores, groups grow by
        // themselves; where a core is idle, nothing waits (sched(7)).
        var parameters = sched_param()
        _ = unsafe sched_setscheduler(0, WARDPOST_SCHED_BATCH, &parameters)
        if let raw = unsafe raw {
            unsafe Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run()
        }
        return nil
    }

    /// Lets the calling thread sleep.
    static func sleep(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        _ = unsafe nanosleep(&time, nil)
    }
}
