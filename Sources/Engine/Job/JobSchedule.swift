import Core
import Intake

/// When a job may send.
struct JobSchedule: Sendable {
    /// How long a job tries when its manifest has no `not_after`.
    static let usualSeconds: Int64 = 86_400

    let notBefore: Timestamp?
    /// Nothing is tried after this.
    let deadline: Timestamp
    let window: SendingWindow?
    let zone: TimeZoneRules

    init(_ manifest: Manifest, takenUp: Timestamp, zone: TimeZoneRules) {
        let times = manifest.times(in: zone)
        notBefore = times.notBefore
        // A job that waits for its hour has its day from then on.
        deadline = times.notAfter ?? max(takenUp, times.notBefore ?? takenUp) + Self.usualSeconds
        window = manifest.window?.value
        self.zone = zone
    }

    /// When sending may begin or go on; `nil` if it may now.
    func opening(from now: Timestamp) -> Timestamp? {
        var start = now
        if let notBefore, notBefore > now { start = notBefore }
        if let window, let opening = window.opening(from: start, in: zone) { start = opening }
        return start > now ? start : nil
    }
}
