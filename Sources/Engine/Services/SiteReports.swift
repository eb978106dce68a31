public import Core
import Files
import Intake
import Ledger
import OpenSSL
import Records
public import Reports
import Tracking

/// Reports on a whole site: questions across its jobs, and the files in `reports/`.
public struct SiteReports: Sendable {
    /// The index that answers questions.
    public let index: ReportIndex
    private let site: Site
    private let signing: SigningKey

    /// Prepares to report; reads the site's keys and no file of a job.
    public init(site: Site) throws(EngineError) {
        let keys = try site.keys()
        self.site = site
        signing = keys.signing
        var sources = ReportSources(
            ledgers: LedgerStore(directory: try site.outbox("ledgers"), key: keys.ledger),
            events: try site.outbox("events"),
            eventKeys: keys.tokens,
            jobs: try site.jobs(),
            unclaimed: try site.outbox("unclaimed"),
            records: keys.signing.verifyingKey,
            tags: keys.index,
            zone: site.configuration.zone.value,
            classifier: try site.classifier(),
            rules: try Self.rules(of: site)
        )
        sources.eventKeys = keys.ring
        index = ReportIndex(
            directory: try site.outbox(),
            path: site.absolute("outbox"),
            sources: sources,
            smallestDomain: site.configuration.reports.smallestDomain
        )
    }

    /// Which rules tell programs from people: the program's own, or the site's by their digest.
    private static func rules(of site: Site) throws(EngineError) -> String {
        guard let name = site.configuration.tracking?.visitors.rules else { return Version.current }
        return "\(Version.current) \(Hex.encode(SHA256.hash(try site.file(name))))"
    }

    /// Takes in what is new in ledgers, results and events.
    @discardableResult
    public func update(rebuilding: Bool = false) throws(EngineError) -> ReportIndex.Update {
        try asking { () throws(ReportError) in rebuilding ? try index.rebuild() : try index.update() }
    }

    /// The day that it is by the site's clock.
    public func day(of moment: Timestamp = .now) -> Day {
        DayClock(zone: site.configuration.zone.value).day(of: moment)
    }

    /// A period's report, from the index as it is.
    public func report(
        _ period: Period,
        by dimensions: [Dimension] = Report.dimensions,
        now: Timestamp = .now
    ) throws(EngineError) -> Report {
        try asking { () throws(ReportError) in
            try index.report(
                period,
                site: site.configuration.site.value,
                by: dimensions,
                complaintLimit: site.configuration.bounces?.complaints?.limit,
                now: now
            )
        }
    }

    /// Writes a report's files, signed, into `reports/` or another directory; returns the paths of those that were written.
    ///
    /// A report that tells less than usual says so in its name, and does not replace the whole one.
    public func write(
        _ report: Report,
        as formats: [ReportFormat] = ReportFormat.allCases,
        to path: String? = nil
    ) throws(EngineError) -> [String] {
        var name = "\(report.period)"
        let told = report.groups.map(\.dimension)
        if told != Report.dimensions { name += ".by-" + told.map(\.rawValue).joined(separator: "-") }
        do {
            let directory = try path.map { path throws(FileError) in try Directory(path: path) } ?? site.room("reports")
            let files = try ReportFiles(
                directory: directory,
                signer: Signer(signing),
                check: SignatureCheck(signing.verifyingKey)
            )
            return try files.write(report, as: formats, name: name).map { "\(path ?? site.absolute("reports"))/\($0)" }
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
    }

    /// Writes all reports of a kind whose figures may have changed, and the latest two, whatever changed; those of
    /// periods without any figures are left out.
    ///
    /// Returns the paths of those that were written.
    public func writeChanged(_ kind: Period.Kind, now: Timestamp = .now) throws(EngineError) -> [String] {
        let today = Period(kind, of: day(of: now))
        let before = Period(kind, of: today.first.advanced(by: -1))
        var periods = try asking { () throws(ReportError) in try index.changedPeriods(kind) }
        periods += [before, today].filter { !periods.contains($0) }
        var written: [String] = []
        for period in periods {
            try asking { () throws(ReportError) in try index.noteTold(period) }
            do throws(EngineError) {
                let report = try report(period, now: now)
                if !report.total.isEmpty { written += try write(report) }
            } catch {
                try? index.noteUntold(period)
                throw error
            }
        }
        return written
    }

    private func asking<Answer>(_ body: () throws(ReportError) -> Answer) throws(EngineError) -> Answer {
        do throws(ReportError) {
            return try body()
        } catch {
            throw EngineError(error.code == .question ? .usage : .tryAgain, error.description)
        }
    }
}
