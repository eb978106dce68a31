import Core
import Intake

/// When a job may send, in one zone.
struct JobSchedule: Sendable {
    /// How long a job tries when its manifest has no `not_after`.
    static let usualSeconds: Int64 = 86_400
    /// For hours that never come.
    static let never = Timestamp(year: 9999, month: 12, day: 31)

    let notBefore: Timestamp?
    /// Nothing is tried after this.
    let deadline: Timestamp
    let hours: SendingHours
    let zone: TimeZoneRules

    /// Finds a job's times.
    ///
    /// - Parameters:
    ///   - manifest: What people asked for.
    ///   - begun: When the job was taken up, or somebody asked for its rows again.
    ///   - zone: Whose clocks count.
    ///   - holidays: Days on which nothing goes.
    ///   - usualSeconds: How long to try where the manifest does not say.
    init(
        _ manifest: Manifest,
        begun: Timestamp,
        zone: TimeZoneRules,
        holidays: Holidays = Holidays(),
        usualSeconds: Int64 = Self.usualSeconds
    ) {
        let times = manifest.times(in: zone)
        notBefore = times.notBefore
        hours = SendingHours(manifest.window?.value, holidays: holidays)
        self.zone = zone
        if let notAfter = times.notAfter {
            deadline = notAfter
        } else {
            // A job that waits for its hour has its day from then on; if that day ends while the window is shut, as on a
            // Saturday, it has the day that begins when the window opens next.
            let first = hours.opening(from: max(begun, notBefore ?? begun), in: zone)
            let usual = (first ?? begun) + usualSeconds
            let next = hours.opening(from: usual, in: zone) ?? usual
            deadline = next > usual ? next + usualSeconds : usual
        }
    }

    /// When sending may begin or go on; `nil` if it may now.
    func opening(from now: Timestamp) -> Timestamp? {
        let start = hours.opening(from: max(now, notBefore ?? now), in: zone) ?? Self.never
        return start > now ? start : nil
    }

    /// When sending must rest that may go on now; ``never`` if it need not.
    func closing(from now: Timestamp) -> Timestamp {
        hours.closing(from: now, in: zone) ?? Self.never
    }
}
