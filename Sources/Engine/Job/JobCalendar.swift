public import Core
import Intake
import Synchronization

/// A time zone whose rows wait, and until when.
public struct ZoneWait: Hashable, Sendable {
    /// The zone's name in the tz database.
    public var zone: String
    /// When its rows go on.
    public var until: Timestamp
}

extension [ZoneWait] {
    /// The zones and times, the first few of them, for a sentence; times are UTC.
    var sentence: String {
        let shown = prefix(8).map { "\($0.zone) at \($0.until)" }
        return shown.joined(separator: ", ") + (count > 8 ? " and \(count - 8) more zones" : "") + " UTC"
    }
}

/// When each row of a job may go: in its own zone, where the table has a column for that, else in the site's.
final class JobCalendar: Sendable {
    /// What a row may do now.
    enum Standing: Equatable, Sendable {
        /// Go.
        case open
        /// Go from that moment on.
        case shut(until: Timestamp)
        /// Never go: its time is over, or does not come.
        case over
    }

    private struct Clock {
        let schedule: JobSchedule
        /// What holds from some moment until before another.
        var standing = Standing.over
        var from = JobSchedule.never
        var until = JobSchedule.never

        mutating func standing(at now: Timestamp) -> Standing {
            if now >= from, now < until { return standing }
            from = now
            if now > schedule.deadline {
                (standing, until) = (.over, JobSchedule.never)
            } else if let opening = schedule.opening(from: now) {
                standing = opening > schedule.deadline ? .over : .shut(until: opening)
                until = opening
            } else {
                standing = .open
                until = min(schedule.closing(from: now), schedule.deadline + 1)
            }
            return standing
        }
    }

    /// Whether rows have zones of their own.
    let hasZones: Bool
    private let zones: RowZones
    private let make: @Sendable (TimeZoneRules, _ begun: Timestamp) -> JobSchedule
    private let storage: Mutex<(clocks: [Clock], begun: Timestamp)>

    /// Reads a manifest's times by the clocks of all its rows' zones.
    init(
        _ manifest: Manifest,
        begun: Timestamp,
        zones: RowZones,
        holidays: Holidays = Holidays(),
        usualSeconds: Int64 = JobSchedule.usualSeconds
    ) {
        hasZones = manifest.columns.zone != nil
        self.zones = zones
        storage = Mutex(([], begun))
        make = { zone, begun in
            JobSchedule(manifest, begun: begun, zone: zone, holidays: holidays, usualSeconds: usualSeconds)
        }
    }

    /// Somebody asks for rows again: they have their time from now on.
    func begin(at now: Timestamp) {
        storage.withLock { $0 = ([], now) }
    }

    /// The job's times in one of its zones.
    func schedule(_ zone: Int) -> JobSchedule {
        with(zone) { $0.schedule }
    }

    /// What a row of a zone may do now.
    func standing(_ zone: Int, at now: Timestamp) -> Standing {
        with(zone) { $0.standing(at: now) }
    }

    /// After which moment no row of a zone is tried.
    func deadline(_ zone: Int) -> Timestamp {
        with(zone) { $0.schedule.deadline }
    }

    /// After which moment no row at all is tried.
    var deadline: Timestamp {
        used.map { deadline($0) }.max() ?? deadline(0)
    }

    /// When the first row may go; `nil` if one may now.
    func opening(from now: Timestamp) -> Timestamp? {
        var first: Timestamp?
        for zone in used {
            switch standing(zone, at: now) {
            case .open: return nil
            case .shut(let until): first = first.map { min($0, until) } ?? until
            // Rows of a zone end by themselves, a whole job at its deadline.
            case .over: if !hasZones { first = schedule(zone).opening(from: now) }
            }
        }
        return first
    }

    /// The zones whose rows wait now, those that go on first before others.
    func waits(at now: Timestamp) -> [ZoneWait] {
        used.compactMap { zone in
            guard case .shut(let until) = standing(zone, at: now) else { return nil }
            return ZoneWait(zone: zones[zone].name, until: until)
        }.sorted { ($0.until, $0.zone) < ($1.until, $1.zone) }
    }

    private var used: Range<Int> { hasZones ? zones.used : 0..<1 }

    private func with<Value>(_ zone: Int, _ body: (inout Clock) -> Value) -> Value {
        storage.withLock { storage in
            while storage.clocks.count <= zone {
                storage.clocks.append(Clock(schedule: make(zones[storage.clocks.count], storage.begun)))
            }
            return body(&storage.clocks[zone])
        }
    }
}
