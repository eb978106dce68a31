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

    /// Finds a job's times.
    ///
    /// - Parameters:
    ///   - manifest: What people asked for.
    ///   - begun: When the job was taken up, or somebody asked for its rows again.
    ///   - zone: The site's zone.
    ///   - usualSeconds: How long to try where the manifest does not say.
    init(_ manifest: Manifest, begun: Timestamp, zone: TimeZoneRules, usualSeconds: Int64 = Self.usualSeconds) {
        let times = manifest.times(in: zone)
        notBefore = times.notBefore
        window = manifest.window?.value
        self.zone = zone
        if let notAfter = times.notAfter {
            deadline = notAfter
        } else {
            // A job that waits for its hour has its day from then on; if that day ends while the window is shut, as on a
            // Saturday, it has the day that begins when the window opens next.
            let usual = Self.start(from: max(begun, notBefore ?? begun), window, zone) + usualSeconds
            let next = Self.start(from: usual, window, zone)
            deadline = next > usual ? next + usualSeconds : usual
        }
    }

    /// When sending may begin or go on; `nil` if it may now.
    func opening(from now: Timestamp) -> Timestamp? {
        let start = Self.start(from: max(now, notBefore ?? now), window, zone)
        return start > now ? start : nil
    }

    private static func start(from moment: Timestamp, _ window: SendingWindow?, _ zone: TimeZoneRules) -> Timestamp {
        window?.opening(from: moment, in: zone) ?? moment
    }
}
