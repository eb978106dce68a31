public import Core
import Files

/// What the file system says of a ledger: another stamp, another content.
public struct LedgerStamp: Hashable, Sendable, CustomStringConvertible {
    /// Which of the job's files counts.
    public let number: Int
    /// What the system says of it.
    private let status: FileStatus

    init(number: Int, status: FileStatus) {
        self.number = number
        self.status = status
    }

    /// One word that differs from that of any other state of the ledger.
    public var description: String {
        "\(number).\(status.inode).\(status.size).\(status.modified)"
    }
}

extension LedgerStore {
    /// Reads a job's ledger as it is now, where its stamp was taken just before: without looking for which of its files counts.
    ///
    /// A later copy that came meanwhile has another stamp, and is read when that is seen.
    public func read(_ job: JobID, at stamp: LedgerStamp) throws(LedgerError) -> LedgerView {
        let name = files(job).name(stamp.number)
        guard let file = try? directory.openRegular(name) else { return try read(job) }
        return LedgerView(try Replay(file, job: job, key: key), file: file)
    }

    /// The stamps of all ledgers, by their jobs; costs one look at each file, and reads none.
    public func stamps() throws(LedgerError) -> [JobID: LedgerStamp] {
        try onDisk { () throws(FileError) in
            var latest: [JobID: (number: Int, name: String)] = [:]
            for name in try directory.names(where: { _ in true }) {
                guard let (job, number) = LedgerFiles.parts(of: name), number >= latest[job]?.number ?? 0 else {
                    continue
                }
                latest[job] = (number, name)
            }
            var stamps: [JobID: LedgerStamp] = [:]
            for (job, file) in latest {
                // A copy may have taken its place meanwhile; the next look finds that.
                guard let status = try directory.status(of: file.name) else { continue }
                stamps[job] = LedgerStamp(number: file.number, status: status)
            }
            return stamps
        }
    }
}
