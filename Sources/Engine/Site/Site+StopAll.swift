import Files
import Intake

extension Site {
    /// Whether all jobs of the site are to stop, and where the file lies that says so.
    ///
    /// It may lie in the drop area, where everybody who drops jobs can put it, or at the site's top, where only the operator
    /// can, and only the operator can take it away. Anything of that name counts, a folder too: some programs that transfer
    /// files can make no empty file, and it is no moment to be particular.
    func stopAll(_ jobs: Directory) throws(FileError) -> String? {
        if try jobs.status(of: JobFiles.stopAll) != nil { return "jobs/\(JobFiles.stopAll)" }
        return try directory.status(of: JobFiles.stopAll) != nil ? JobFiles.stopAll : nil
    }

    /// The sentence for who wants a job worked while all are to stop; `nil` if none does.
    func stopAllSentence() throws -> String? {
        try stopAll(try jobs()).map { "\($0) is there: no job is taken up until it is removed" }
    }
}
