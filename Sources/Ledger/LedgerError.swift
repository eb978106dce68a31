public import Core
public import Files

/// Why a ledger cannot be used.
public enum LedgerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another process, or another part of this one, is writing it.
    case busy(JobID)
    /// There is one already: this content was taken up before.
    case exists(JobID)
    /// There is none.
    case notFound(JobID)
    /// It was being made when the process ended; nothing was sent under it, and making it again is safe.
    case unfinished(JobID)
    /// A line does not follow from the ones before it: the file was changed, or the disk lost some of it.
    ///
    /// What the job sent is no longer known, so that nothing may be sent under it.
    case broken(JobID, line: Int, what: String)
    /// A newer Wardpost wrote it.
    case version(JobID, found: String)
    /// What should be written is too long for one line.
    case tooLong(JobID)
    /// The file system refused.
    case file(FileError)

    /// For a person.
    public var description: String {
        switch self {
        case .busy(let job): "another process is working on job \(job)"
        case .exists(let job): "job \(job) was taken up before; its ledger is there"
        case .notFound(let job): "there is no ledger of job \(job)"
        case .unfinished(let job): "the ledger of job \(job) was never finished being made; nothing was sent under it"
        case .broken(let job, let line, let what):
            "line \(line) of the ledger of job \(job) cannot be trusted: \(what); nothing more is sent under it"
        case .version(let job, let found):
            "the ledger of job \(job) has format \(found), which this version does not know"
        case .tooLong(let job): "the head of the ledger of job \(job) is too long for one line"
        case .file(let error): error.description
        }
    }
}

/// Runs file system calls and gives their failure as the ledger's.
func onDisk<Result: ~Copyable>(_ body: () throws(FileError) -> Result) throws(LedgerError) -> Result {
    do throws(FileError) {
        return try body()
    } catch {
        throw .file(error)
    }
}
