import Synchronization

/// Wakes the one task that waits for it; a ring that nobody waited for is heard by who comes next.
final class Bell: Sendable {
    private struct State {
        var isRung = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// Wakes who waits.
    func ring() {
        let waiting = state.withLock { state in
            if state.waiting == nil { state.isRung = true }
            return state.waiting.take()
        }
        waiting?.resume()
    }

    /// Returns when it was rung, after that time, or when the task is cancelled; sometimes for no reason.
    func wait(atMost limit: Duration) async {
        async let _: Void = ring(after: limit)
        await withTaskCancellationHandler {
            await withCheckedContinuation { listen($0) }
        } onCancel: {
            ring()
        }
    }

    /// Returns when it was rung or after that time, whether or not the task is cancelled; sometimes for no reason.
    func waitThrough(atMost limit: Duration) async {
        Blocking.after(limit) { [self] in ring() }
        await withCheckedContinuation { listen($0) }
    }

    private func listen(_ continuation: CheckedContinuation<Void, Never>) {
        let isRung = state.withLock { state in
            defer { state.isRung = false }
            if !state.isRung { state.waiting = continuation }
            return state.isRung
        }
        if isRung { continuation.resume() }
    }

    private func ring(after limit: Duration) async {
        if (try? await Task.sleep(for: limit)) != nil { ring() }
    }
}
