import Core
import Intake
public import Logging
import Reports
public import ServiceLifecycle

/// Writes the site's reports when the configuration says: by day, by week, by month.
///
/// What was missed while nothing ran is made up for at the start. A report is written again when late events change it.
public struct ReportService: Service {
    /// How often the clock is looked at.
    public var interval: Duration = .seconds(15)

    private let reports: SiteReports
    private let schedule: ReportSchedule
    private let log: Logger

    /// Prepares to write a site's reports; `nil` if it wants none by itself.
    public init?(site: Site, log: Logger) throws(EngineError) {
        let schedule = ReportSchedule(site.configuration.reports, zone: site.configuration.zone.value)
        guard !schedule.isEmpty else { return nil }
        reports = try SiteReports(site: site)
        self.schedule = schedule
        self.log = log
    }

    /// Writes until told to stop.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            var last: [Period.Kind: Timestamp] = [:]
            while !Task.isCancelled {
                let now = Timestamp.now
                for kind in schedule.kinds {
                    // At the start, what was due last is due now: whoever wrote it may have been stopped before.
                    guard let due = schedule.latest(kind, at: now), last[kind].map({ $0 < due }) ?? true else {
                        continue
                    }
                    if await write(kind, now) { last[kind] = now }
                }
                try? await Task.sleep(for: interval)
            }
        }
    }

    /// Writes what changed of a kind; `false` if that is to be tried again.
    private func write(_ kind: Period.Kind, _ now: Timestamp) async -> Bool {
        do {
            let (update, written) = try await Blocking.run { [reports] in
                (try reports.update(), try reports.writeChanged(kind, now: now))
            }
            for problem in update.problems { log.warning("not in reports", metadata: ["cause": "\(problem)"]) }
            if !written.isEmpty {
                log.notice("reports written", metadata: ["kind": "\(kind.rawValue)", "files": "\(written.count)"])
            }
            return true
        } catch {
            log.error("reports cannot be written", metadata: ["kind": "\(kind.rawValue)", "cause": "\(error)"])
            // Once a minute at most: a full disk is not mended sooner.
            try? await Task.sleep(for: .seconds(60))
            return false
        }
    }
}

/// When reports are due.
struct ReportSchedule: Sendable {
    private let times: [Period.Kind: TimeOfDay]
    private let zone: TimeZoneRules

    init(_ reports: SiteConfiguration.Reports, zone: TimeZoneRules) {
        var times: [Period.Kind: TimeOfDay] = [:]
        times[.day] = reports.daily
        times[.week] = reports.weekly
        times[.month] = reports.monthly
        self.times = times
        self.zone = zone
    }

    var isEmpty: Bool { times.isEmpty }

    /// The kinds of reports that are wanted, in the order in which they are written.
    var kinds: [Period.Kind] { Period.Kind.allCases.filter { times[$0] != nil } }

    /// The latest moment, not after the given one, at which reports of a kind are due.
    func latest(_ kind: Period.Kind, at now: Timestamp) -> Timestamp? {
        guard let time = times[kind] else { return nil }
        var period = Period(kind, of: DayClock(zone: zone).day(of: now))
        // Due on a period's first day, for those before.
        for _ in 0..<2 {
            if let due = moment(period.first, time), due <= now { return due }
            period = Period(kind, of: period.first.advanced(by: -1))
        }
        return nil
    }

    private func moment(_ day: Day, _ time: TimeOfDay) -> Timestamp? {
        let date = day.date
        return CalendarDate(year: date.year, month: date.month, day: date.day)
            .flatMap { LocalTime(date: $0, hour: time.minutes / 60, minute: time.minutes % 60) }
            .map { zone.moment(of: $0) }
    }
}
