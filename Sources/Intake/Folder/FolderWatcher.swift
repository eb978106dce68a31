internal import CLinux
public import Files
internal import Glibc

/// Shortens the wait between two scans of the drop area when the system says that something changed.
///
/// Change notices (`inotify(7)`) only hint: network shares do not give them for what other machines do, and the queue can
/// overflow. So the scan is what counts, and this is a wait that may end early. It costs no thread: the queue is looked at a
/// few times a second without blocking.
public final class FolderWatcher: Sendable {
    /// How often the queue is looked at.
    private static let pace = Duration.milliseconds(200)

    private let queue: Descriptor?

    /// Watches a directory; without notices, if the system has none to give, or if they are not wanted.
    public init(_ directory: Directory, usesNotices: Bool = true) {
        let raw = usesNotices ? inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC)) : -1
        queue = raw < 0 ? nil : Descriptor(takingOwnershipOf: raw, name: "inotify")
        watch(directory)
    }

    /// Whether change notices are to be had at all.
    public var hasNotices: Bool {
        queue != nil
    }

    /// Watches one more directory, such as a job's folder; it is forgotten by itself when it is removed.
    ///
    /// Returns `false` if it cannot be watched; the scans still see it.
    @discardableResult
    public func watch(_ directory: Directory) -> Bool {
        guard let queue else { return false }
        let mask = UInt32(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)
        return unsafe inotify_add_watch(queue.raw, "/proc/self/fd/\(directory.raw)", mask) >= 0
    }

    /// Waits until something changed or the time is over; throws when the task is cancelled.
    ///
    /// Returns whether something changed. Changes since the last call count.
    public func wait<C: Clock>(upTo limit: Duration, clock: C) async throws -> Bool where C.Duration == Duration {
        let end = clock.now.advanced(by: limit)
        while true {
            if hasChanged() { return true }
            let left = clock.now.duration(to: end)
            guard left > .zero else { return false }
            try await clock.sleep(
                until: clock.now.advanced(by: hasNotices ? min(left, Self.pace) : left),
                tolerance: nil
            )
        }
    }

    /// Waits by the continuous clock.
    public func wait(upTo limit: Duration) async throws -> Bool {
        try await wait(upTo: limit, clock: .continuous)
    }

    /// Empties the queue; what the notices say does not matter, the scan will see.
    private func hasChanged() -> Bool {
        guard let queue else { return false }
        var changed = false
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while unsafe read(queue.raw, &buffer, buffer.count) > 0 { changed = true }
        return changed
    }
}
