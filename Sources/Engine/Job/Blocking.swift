import Dispatch

/// Runs what waits for the disk on threads of its own.
///
/// The threads that run tasks are as few as the cores: one that hashes a table of a million rows would keep every other job, and
/// the tracking server, waiting.
enum Blocking {
    private static let threads = DispatchQueue(label: "wardpost.files", attributes: .concurrent)

    /// Runs a body to its end, whether or not the task is cancelled meanwhile.
    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            threads.async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }

    /// Does something later.
    static func after(_ delay: Duration, _ body: @escaping @Sendable () -> Void) {
        threads.asyncAfter(deadline: .now() + .nanoseconds(Int(delay / .nanoseconds(1))), execute: body)
    }
}
