public import Core
import Delivery
import Intake

/// Reads a job as a run would, and reports everything at once; sends nothing and writes nothing.
public struct JobCheck: Sendable {
    /// What a check found.
    public struct Report: Sendable {
        /// The folder's name.
        public var job: String
        /// The job's identity, if nothing stands against it.
        public var id: JobID?
        /// Whether it would be sent.
        public var isGood: Bool
        /// How many rows there are.
        public var rows: Int
        /// The list whose subscribers they are; `nil` for a table of the job's own.
        public var list: String?
        /// How many of them cannot go out.
        public var invalidRows: Int
        /// When sending will begin, where that is not at once; for each zone where rows have their own.
        public var begins: [ZoneWait]
        /// What is tracked, and which rules decide; `nil` where the manifest cannot be read.
        public var tracking: TrackingReport?
        /// All problems and warnings.
        public var problems: [Diagnostic]
        /// The job's route, if nothing stands against the job.
        var settings: RouteSettings?
        /// What its messages need of a server.
        var needs = ProbeReport.Needs()

        /// The findings in one sentence.
        public var sentence: String {
            guard isGood else {
                let count = problems.count { $0.severity == .error }
                return "\(job): refused; \(count) problem\(count == 1 ? "" : "s") to mend."
            }
            let rest = invalidRows == 0 ? "" : ", \(invalidRows) of them cannot go out"
            let begin =
                switch begins.count {
                case 0: ""
                case 1: " Sending begins at \(begins[0].until) UTC."
                default: " Sending begins in \(begins.sentence)."
                }
            let unit = list.map { " subscriber\(rows == 1 ? "" : "s") of \($0)" } ?? " row\(rows == 1 ? "" : "s")"
            return "\(job): ready, \(rows)\(unit)\(rest).\(begin)"
        }
    }

    private let site: Site
    private let keys: SiteKeys

    /// Prepares to check a site's jobs.
    public init(site: Site) throws(EngineError) {
        self.site = site
        keys = try site.keys()
    }

    /// Checks a job by what a person typed.
    public func check(_ name: String) throws(EngineError) -> Report {
        let folder = try site.jobFolder(name)
        let now = Timestamp.now
        let finding = JobChecker(site: site, keys: keys, composesEveryRow: true).check(folder, now: now)
        return Report(
            job: folder.name,
            id: finding.job?.id,
            isGood: finding.job != nil,
            rows: finding.rows,
            list: finding.job?.manifest.recipientList?.value,
            invalidRows: finding.invalidRows,
            begins: finding.job?.calendar(begun: now).waits(at: now) ?? [],
            tracking: finding.manifest.map { TrackingReport(finding, $0, in: site.configuration) },
            problems: finding.problems,
            settings: finding.job?.route,
            needs: finding.needs
        )
    }
}

extension Site {
    /// The name of a job's folder in `jobs/`, from what a person typed: the name, or a path that leads there.
    public func name(ofJob text: String) throws(EngineError) -> String {
        try jobName(text)
    }
}
