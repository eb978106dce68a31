import Core
import Engine
import Glibc
import Synchronization

/// Shows how far a job is: a bar that is drawn over on a terminal, a line every few seconds elsewhere.
final class ProgressDisplay: Sendable {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let last: Mutex<ContinuousClock.Instant?> = Mutex(nil)

    /// Shows a state of things.
    func show(_ progress: JobProgress) {
        let now = ContinuousClock.now
        let isDue = last.withLock { last in
            let wait: Duration = isTerminal ? .milliseconds(200) : .seconds(5)
            if let last, now - last < wait { return false }
            last = now
            return true
        }
        guard isDue else { return }
        if isTerminal {
            write("\r\u{1B}[K" + Self.bar(progress, width: 24))
        } else {
            write(Self.line(progress) + "\n")
        }
    }

    /// Ends the bar's line.
    func finish() {
        if isTerminal { write("\r\u{1B}[K") }
    }

    static func bar(_ progress: JobProgress, width: Int) -> String {
        let done = progress.total == 0 ? width : width * progress.ended / progress.total
        let bar = String(repeating: "█", count: done) + String(repeating: "░", count: width - done)
        return "\(bar) \(line(progress))"
    }

    static func line(_ progress: JobProgress) -> String {
        var parts = ["\(progress.ended)/\(progress.total) rows"]
        if progress.isPaused {
            parts.append("paused")
        } else if let until = progress.waitingUntil {
            parts.append("waits until \(until) UTC")
        } else if progress.rowsPerSecond > 0 {
            parts.append("\(Int(progress.rowsPerSecond.rounded()))/s")
            if let left = progress.secondsLeft { parts.append("\(duration(left)) left") }
        }
        for status in RowStatus.allCases {
            if let count = progress.counts[status] { parts.append("\(count) \(status.rawValue)") }
        }
        if progress.deferred > 0 { parts.append("\(progress.deferred) to be tried again") }
        if let problem = progress.problem { parts.append(problem) }
        if !progress.notice.isEmpty { parts.append(progress.notice) }
        return parts.joined(separator: ", ")
    }

    private static func duration(_ seconds: Double) -> String {
        let seconds = Int(seconds.rounded(.up))
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3_600: return "\(seconds / 60) min \(seconds % 60) s"
        default: return "\(seconds / 3_600) h \(seconds / 60 % 60) min"
        }
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
