public import Core
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
        /// How many of them cannot go out.
        public var invalidRows: Int
        /// All problems and warnings.
        public var problems: [Diagnostic]

        /// The findings in one sentence.
        public var sentence: String {
            guard isGood else {
                let count = problems.count { $0.severity == .error }
                return "\(job): refused; \(count) problem\(count == 1 ? "" : "s") to mend."
            }
            let rest = invalidRows == 0 ? "" : ", \(invalidRows) of them cannot go out"
            return "\(job): ready, \(rows) row\(rows == 1 ? "" : "s")\(rest)."
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
        let finding = JobChecker(site: site, keys: keys, composesEveryRow: true).check(folder)
        return Report(
            job: folder.name,
            id: finding.job?.id,
            isGood: finding.job != nil,
            rows: finding.rows,
            invalidRows: finding.invalidRows,
            problems: finding.problems
        )
    }
}

extension Site {
    /// The name of a job's folder in `jobs/`, from what a person typed: the name, or a path that leads there.
    public func name(ofJob text: String) throws(EngineError) -> String {
        try jobName(text)
    }
}
