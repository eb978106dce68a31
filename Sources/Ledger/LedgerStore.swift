public import Core
public import Files
public import OpenSSL

/// The site's ledgers: one file a job, `<job>.ledger`, in one directory.
///
/// A job's ledger has one writer at a time, by a lease. After a writer that did not close it, nothing that the file shows is
/// taken for durable, and that writer may wake up and go on: so the file is sealed, read, and copied to a new one with a higher number,
/// which alone counts from then on.
public struct LedgerStore: Sendable {
    let directory: Directory
    let key: HMACSHA256
    /// The least time between two syncs.
    private let gather: Duration
    /// Who may write, by job.
    public let leases: Leases
    private let witness: Witness?

    /// Opens the ledgers of a directory.
    ///
    /// - Parameters:
    ///   - directory: Where they are: `outbox/ledgers`.
    ///   - key: The site's ledger key; without it, no line can be made that would be believed.
    ///   - gather: The least time between two syncs, unless all rows that are under way wait for the next one. A record waits
    ///     no longer than this before its write begins, and a fast disk is not asked to sync every record by itself.
    ///   - leases: Who may write which; kept beside the ledgers unless it is given.
    ///   - witness: What is known of ledgers elsewhere, so that older ones put in their place are noticed.
    public init(
        directory: Directory,
        key: SecretBytes,
        gather: Duration = .microseconds(400),
        leases: Leases? = nil,
        witness: Witness? = nil
    ) {
        self.directory = directory
        self.key = HMACSHA256(key: key)
        self.gather = gather
        self.leases = leases ?? Leases(in: directory, kind: "leases")
        self.witness = witness
    }

    // MARK: - Writing

    /// Makes a job's ledger, durable before this returns, and holds it.
    ///
    /// - Parameters:
    ///   - header: The job.
    ///   - acceptsLoss: Whether somebody confirmed that a ledger which the witness knows is gone.
    public func create(_ header: LedgerHeader, acceptingLoss acceptsLoss: Bool = false) throws(LedgerError)
        -> LedgerWriter
    {
        try holding(header.job) { lease throws(LedgerError) in
            try create(header, acceptsLoss, lease)
        }
    }

    private func create(
        _ header: LedgerHeader,
        _ acceptsLoss: Bool,
        _ lease: Lease
    ) throws(LedgerError) -> LedgerWriter {
        let job = header.job
        var encoder = LineEncoder(messageDomain: header.messageDomain)
        encoder.append(header)
        let lines = 1 + header.links.count
        var bytes = encoder.buffer
        encoder.buffer = []
        guard Self.longestLine(bytes) <= LineFormat.longestLine else { throw .tooLong(job) }
        let head = (bytes.firstIndex(of: LineFormat.lineFeed) ?? 0) + 1
        var chain = Chain(head: bytes[..<(head - Chain.tail)], key: key)
        chain.writeTag(into: &bytes, at: head - 33)
        chain.seal(&bytes, from: head)

        let files = files(job)
        let mark = try mark(job)
        let last = try onDisk { () throws(FileError) in try files.numbers().last }
        if let last {
            // Nothing was sent under one that was never finished being made.
            try throwIfFinished(files, last, job)
        } else if mark != nil, !acceptsLoss {
            throw .restored(job, .missing)
        }
        var number = 0
        if last != nil || mark != nil { number = max(last ?? 0, mark?.number ?? 0) + 1 }
        let content = bytes
        try files.make(number) { file throws(LedgerError) in
            try onDisk { () throws(FileError) in try file.write(content) }
        }
        let start = LedgerWriter.Start(
            header: header,
            rows: RowStates(rows: header.rows),
            run: RunState(),
            lines: lines,
            length: Int64(bytes.count),
            chain: chain.state,
            torn: 0
        )
        return try writer(start, encoder, files, number, tag: chain.tag, lease)
    }

    /// Goes on with a job's ledger, and holds it: checks every line, and leaves behind what a torn write left.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - acceptsLoss: Whether somebody confirmed that it is older than what the witness knows.
    public func open(_ job: JobID, acceptingLoss acceptsLoss: Bool = false) throws(LedgerError) -> LedgerWriter {
        guard try contains(job) else { throw .notFound(job) }
        return try holding(job) { lease throws(LedgerError) in
            try open(job, acceptsLoss, lease)
        }
    }

    private func open(_ job: JobID, _ acceptsLoss: Bool, _ lease: Lease) throws(LedgerError) -> LedgerWriter {
        let files = files(job)
        let mark = try mark(job)
        guard let (last, old) = try onDisk({ () throws(FileError) in try files.open() }) else {
            throw mark == nil ? .notFound(job) : .restored(job, .missing)
        }
        let isSealed = try onDisk { () throws(FileError) in
            let isClosed = if case .closed = lease.origin { true } else { false }
            if isClosed, try !old.status().isSealed { return false }
            // Before anything is read: what is written later is not read.
            try LedgerFiles.seal(old)
            return true
        }
        let replay = try Replay(old, job: job, key: key, mark: mark)
        var wasRestored = false
        if let mark {
            let identity = try onDisk { () throws(FileError) in try FileIdentity(old) }
            if let objection = mark.objection(to: replay, number: last, file: identity) {
                guard acceptsLoss else { throw .restored(job, objection) }
                wasRestored = true
            }
        }
        var encoder = LineEncoder(messageDomain: replay.header.messageDomain)
        for channel in replay.channels {
            _ = encoder.channels.add(channel)
        }
        var start = LedgerWriter.Start(
            header: replay.header,
            rows: replay.rows,
            run: replay.run,
            lines: replay.lines,
            length: replay.length,
            chain: replay.chain,
            torn: replay.torn
        )
        guard isSealed || wasRestored || replay.torn > 0 else {
            return try writer(start, encoder, files, last, tag: Chain(hash: replay.chain).tag, lease)
        }
        let number = max(last, mark?.number ?? 0) + 1
        let tag = try copy(old, to: number, files, &start, from: lease.origin)
        return try writer(start, encoder, files, number, tag: tag, lease)
    }

    /// Copies the lines that hold into a file of another number, on other blocks of the disk, and writes down whose they were.
    private func copy(
        _ old: Descriptor,
        to number: Int,
        _ files: LedgerFiles,
        _ start: inout LedgerWriter.Start,
        from origin: Lease.Origin
    ) throws(LedgerError) -> [UInt8] {
        let before: Holder =
            switch origin {
            case .new: .unknown
            case .closed(let holder), .taken(let holder): holder
            }
        let record = LedgerRecord.takenOver(at: .now, number: number, process: before.process, host: before.host)
        var encoder = LineEncoder(messageDomain: "")
        encoder.append(record, channel: 0)
        var line = encoder.buffer
        var chain = Chain(hash: start.chain)
        chain.seal(&line)
        let (length, last) = (start.length, line)
        try files.make(number) { file throws(LedgerError) in
            try onDisk { () throws(FileError) in
                var offset: Int64 = 0
                while offset < length {
                    let block = try old.read(at: offset, count: Int(min(1 << 20, length - offset)))
                    guard !block.isEmpty else { throw FileError(.read, old.name, code: 5) }
                    try file.write(block)
                    offset += Int64(block.count)
                }
                try file.write(last)
            }
        }
        start.run.take(record)
        start.lines += 1
        start.length += Int64(line.count)
        start.chain = chain.state
        return chain.tag
    }

    // MARK: - Reading

    /// Reads a job's ledger as it is now, whoever may be writing it; every line is checked.
    public func read(_ job: JobID) throws(LedgerError) -> LedgerView {
        guard let (_, file) = try onDisk({ () throws(FileError) in try files(job).open() }) else {
            throw .notFound(job)
        }
        return LedgerView(try Replay(file, job: job, key: key), file: file)
    }

    /// Whether a job has a ledger, finished or not, or is known to have had one.
    public func contains(_ job: JobID) throws(LedgerError) -> Bool {
        try onDisk { () throws(FileError) in
            if try !files(job).numbers().isEmpty { return true }
            return try witness?.mark(of: job) != nil
        }
    }

    /// The jobs that have ledgers, in the order of their texts.
    public func list() throws(LedgerError) -> [JobID] {
        let names = try onDisk { () throws(FileError) in try directory.names { _ in true } }
        return Set(names.compactMap { LedgerFiles.parts(of: $0)?.job }).sorted { $0.description < $1.description }
    }

    // MARK: - Inside

    func files(_ job: JobID) -> LedgerFiles {
        LedgerFiles(directory: directory, job: job)
    }

    private func mark(_ job: JobID) throws(LedgerError) -> WitnessMark? {
        try onDisk { () throws(FileError) in try witness?.mark(of: job) }
    }

    private static func longestLine(_ bytes: [UInt8]) -> Int {
        bytes.split(separator: LineFormat.lineFeed).map(\.count).max() ?? 0
    }

    private func throwIfFinished(_ files: LedgerFiles, _ number: Int, _ job: JobID) throws(LedgerError) {
        let file = try onDisk { () throws(FileError) in try directory.openRegular(files.name(number)) }
        do throws(LedgerError) {
            _ = try Replay(file, job: job, key: key)
        } catch {
            if case .unfinished = error { return }
            throw error
        }
        throw .exists(job)
    }

    /// Takes a job's lease for a body that makes a writer of it; lets it go if the body fails.
    private func holding(
        _ job: JobID,
        _ body: (Lease) throws(LedgerError) -> LedgerWriter
    ) throws(LedgerError) -> LedgerWriter {
        guard case .held(let lease) = try onDisk({ () throws(FileError) in try leases.take("\(job)") }) else {
            throw .busy(job)
        }
        do throws(LedgerError) {
            return try body(lease)
        } catch {
            // What the holder before left stays as it was.
            if case .closed = lease.origin { lease.release(clean: true) } else { lease.release(clean: false) }
            throw error
        }
    }

    /// Begins to write a file that is in its place.
    private func writer(
        _ start: LedgerWriter.Start,
        _ encoder: LineEncoder,
        _ files: LedgerFiles,
        _ number: Int,
        tag: [UInt8],
        _ lease: Lease
    ) throws(LedgerError) -> LedgerWriter {
        let name = files.name(number)
        let (file, reading) = try onDisk { () throws(FileError) in
            let file = try directory.openAppending(name)
            // A view has a descriptor of its own, so that the writer's can be closed.
            let reading = try directory.openRegular(name)
            // Looked at when the file is there: whoever takes over from now on finds it, and seals it.
            try lease.confirm()
            return (file, reading)
        }
        var keeper: WitnessKeeper?
        if let witness {
            keeper = try onDisk { () throws(FileError) in
                let mark = WitnessMark(
                    number: number,
                    file: try FileIdentity(file),
                    length: start.length,
                    tag: tag,
                    isClosed: false
                )
                return try WitnessKeeper(witness, job: start.header.job, lease: lease, mark: mark)
            }
        }
        // Only now: until the witness knew of the new file, the old one vouched for it.
        files.sweep(below: number)
        return LedgerWriter(
            start,
            encoder: encoder,
            file: file,
            reading: reading,
            gather: gather,
            lease: lease,
            witness: keeper
        )
    }
}
