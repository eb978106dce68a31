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
    /// It is not the one that was written last: the witness has seen more, or another file.
    case restored(JobID, Restored)
    /// Another process took the job over; what is written from now on is read by nobody.
    case takenOver(JobID)
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
        case .restored(let job, let what): "the ledger of job \(job) is not the one that was written last: \(what)"
        case .takenOver(let job): "another process took job \(job) over"
        case .version(let job, let found):
            "the ledger of job \(job) has format \(found), which this version does not know"
        case .tooLong(let job): "the head of the ledger of job \(job) is too long for one line"
        case .file(let error): error.description
        }
    }
}

/// Why a ledger is not the one that was written last.
public enum Restored: String, Hashable, Sendable, CustomStringConvertible {
    /// There is none.
    case missing = "it is missing"
    /// It ends before the last line that is known to have been written.
    case shorter = "it ends earlier than what is known to have been written"
    /// A line that is known to have been written is another one.
    case differs = "a line in it is not the one that is known to have been written"
    /// It is from before another process took over.
    case earlier = "it is from before the job was last taken over by another process"
    /// The file was put there while the job was under way.
    case otherFile = "it is a copy, put there while the job was under way, and may lack its last lines"

    /// For a person, as the end of a sentence.
    public var description: String { rawValue }
}

/// Runs file system calls and gives their failure as the ledger's.
func onDisk<Result: ~Copyable>(_ body: () throws(FileError) -> Result) throws(LedgerError) -> Result {
    do throws(FileError) {
        return try body()
    } catch {
        throw .file(error)
    }
}
