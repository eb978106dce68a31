import Core
public import Files
import Synchronization

/// What is known of ledgers, kept away from them: how far each was written, and which file that was.
///
/// When jobs and ledgers are put back from a backup, this is not, and tells that they are older than what was sent.
public struct Witness: Sendable {
    private static let head = "wardpost-witness 1"
    private let directory: Directory

    /// Keeps its files in a directory that is restored apart from jobs and ledgers, if at all.
    public init(directory: Directory) {
        self.directory = directory
    }

    /// What is known of a job's ledger; `nil` if it was never seen.
    func mark(of job: JobID) throws(FileError) -> WitnessMark? {
        guard try directory.status(of: "\(job)") != nil else { return nil }
        let lines = String(decoding: try directory.read("\(job)", limit: 4_096), as: UTF8.self).split(separator: "\n")
        var values: [String: Substring] = [:]
        for line in lines.dropFirst() {
            guard let space = line.firstIndex(of: " ") else { continue }
            values[String(line[..<space])] = line[line.index(after: space)...]
        }
        guard lines.first.map(String.init) == Self.head, let number = values["ledger"].flatMap({ Int($0) }),
            let inode = values["inode"].flatMap({ UInt64($0) }), let birth = values["born"].flatMap({ Int64($0) }),
            let length = values["length"].flatMap({ Int64($0) }), let tag = values["tag"].flatMap({ Hex.decode($0) }),
            let state = values["state"]
        else { throw FileError(.read, "\(directory.name)/\(job)", code: 5, explanation: "it is damaged") }
        return WitnessMark(
            number: number,
            file: FileIdentity(inode: inode, birth: birth),
            length: length,
            tag: tag,
            isClosed: state == "closed"
        )
    }

    /// Keeps what is known now, durably; `isAllowed` is asked immediately before.
    func write(
        _ mark: WitnessMark,
        of job: JobID,
        if isAllowed: @escaping @Sendable () throws(FileError) -> Void
    ) throws(FileError) {
        let text = """
            \(Self.head)
            ledger \(mark.number)
            inode \(mark.file.inode)
            born \(mark.file.birth)
            length \(mark.length)
            tag \(Hex.encode(mark.tag))
            state \(mark.isClosed ? "closed" : "open")

            """
        do {
            try directory.guarded(by: isAllowed).replace("\(job)", permissions: 0o600) { try $0.append(text) }
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError(.write, "\(directory.name)/\(job)", code: 5, explanation: "\(error)")
        }
    }
}

/// Which file something is: a copy is another one, even under the same name.
struct FileIdentity: Hashable, Sendable {
    var inode: UInt64
    /// 0 where the file system does not say.
    var birth: Int64

    init(inode: UInt64, birth: Int64) {
        self.inode = inode
        self.birth = birth
    }

    init(_ file: Descriptor) throws(FileError) {
        self.init(inode: try file.status().inode, birth: file.birth)
    }

    /// Whether two can be the same.
    ///
    /// The device's number is left out: it can be another one each time that a share or volume is mounted.
    func isSame(as other: FileIdentity) -> Bool {
        inode == other.inode && (birth == other.birth || birth == 0 || other.birth == 0)
    }
}

/// How far a ledger is known to have been written.
struct WitnessMark: Hashable, Sendable {
    /// The ledger file's number.
    var number: Int
    var file: FileIdentity
    /// Where its last line known ends.
    var length: Int64
    /// What that line shows of its hash.
    var tag: [UInt8]
    /// Whether nothing was written after that.
    var isClosed: Bool

    /// Why a ledger is not the one that was written last; `nil` if it may be.
    func objection(to replay: Replay, number: Int, file: FileIdentity) -> Restored? {
        if number < self.number { return .earlier }
        if replay.length < length { return .shorter }
        if !replay.hasMark { return .differs }
        // A higher number was made by somebody who took over, from the file that we knew.
        if number > self.number || file.isSame(as: self.file) { return nil }
        // A ledger that was closed can be copied whole: a site that was moved to another disk goes on.
        return isClosed ? nil : .otherFile
    }
}

/// Keeps the witness up to date while a ledger is written: at its begin, about once a second, and at its end.
final class WitnessKeeper: Kept {
    private struct State {
        var written: WitnessMark
        var failure: FileError?
        var isOver = false
    }

    private let witness: Witness
    private let job: JobID
    private let lease: Lease
    /// Apart from the rest, so that the ledger's writer never waits for the witness's disk.
    private let latest: Mutex<WitnessMark>
    private let state: Mutex<State>

    /// Writes a first mark, durable before this returns.
    init(_ witness: Witness, job: JobID, lease: Lease, mark: WitnessMark) throws(FileError) {
        self.witness = witness
        self.job = job
        self.lease = lease
        latest = Mutex(mark)
        state = Mutex(State(written: mark))
        try witness.write(mark, of: job) { () throws(FileError) in try lease.confirm() }
        Keeper.shared.add(self, after: .seconds(1))
    }

    /// Why the witness could not be kept up to date, if so; `nil` while that is being tried.
    var failure: FileError? {
        state.withLockIfAvailable { $0.failure } ?? nil
    }

    /// Takes in how far the ledger is durable.
    func note(length: Int64, tag: [UInt8]) {
        latest.withLock { mark in
            mark.length = length
            mark.tag = tag
        }
    }

    func keep() -> Duration? {
        write() ? .seconds(1) : nil
    }

    /// Writes the last mark: nothing comes after it.
    func close() {
        latest.withLock { $0.isClosed = true }
        _ = write()
        state.withLock { $0.isOver = true }
    }

    private func write() -> Bool {
        let mark = latest.withLock { $0 }
        let lease = lease
        return state.withLock { state in
            guard !state.isOver, mark != state.written else { return !state.isOver }
            do throws(FileError) {
                try witness.write(mark, of: job) { () throws(FileError) in try lease.confirm() }
                state.written = mark
                state.failure = nil
            } catch {
                state.failure = error
            }
            return true
        }
    }
}
