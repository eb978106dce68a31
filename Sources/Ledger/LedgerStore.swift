public import Core
public import Files
public import OpenSSL

/// The site's ledgers: one file a job, `<job>.ledger`, in one directory.
public struct LedgerStore: Sendable {
    private static let suffix = ".ledger"
    private let directory: Directory
    private let key: HMACSHA256
    /// The least time between two syncs.
    private let gather: Duration

    /// Opens the ledgers of a directory.
    ///
    /// - Parameters:
    ///   - directory: Where they are: `outbox/ledgers`.
    ///   - key: The site's ledger key; without it, no line can be made that would be believed.
    ///   - gather: The least time between two syncs. A record waits no longer than this before its write begins, and
    ///     a fast disk is not asked to sync every record by itself. A connection sends one message a sync, so this bounds
    ///     what each can do: 5,000 a second.
    public init(directory: Directory, key: SecretBytes, gather: Duration = .microseconds(200)) {
        self.directory = directory
        self.key = HMACSHA256(key: key)
        self.gather = gather
    }

    /// Makes a job's ledger, durable before this returns, and holds it.
    public func create(_ header: LedgerHeader) throws(LedgerError) -> LedgerWriter {
        let job = header.job
        var encoder = LineEncoder(messageDomain: header.messageDomain)
        encoder.append(header)
        let lines = 1 + header.links.count
        var bytes = encoder.buffer
        encoder.buffer = []
        guard Self.longestLine(bytes) <= LineFormat.longestLine else { throw .tooLong(job) }
        let head = (bytes.firstIndex(of: UInt8(ascii: "\n")) ?? 0) + 1
        var chain = Chain(head: bytes[..<(head - Chain.tail)], key: key)
        chain.writeTag(into: &bytes, at: head - 33)
        chain.seal(&bytes, from: head)

        // Not exclusive: what a crash left of an attempt to make it is taken over, and the lock decides between two.
        let file = try hold(job)
        do throws(LedgerError) {
            _ = try Replay(file, job: job, key: key)
            throw .exists(job)
        } catch .unfinished {
            // Nothing was sent under it.
        }
        try onDisk { () throws(FileError) in
            try file.truncate(to: 0)
            try file.write(bytes)
            try file.sync()
            try directory.sync()
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
        return try writer(start, encoder, file)
    }

    /// Goes on with a job's ledger, and holds it: checks every line, and cuts off what a torn write left.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - afterFailedSync: Whether the ledger's last writer failed. What the kernel then shows of the file may never
    ///     have reached the disk, and syncing it again proves nothing; so it is written anew, to other blocks.
    public func open(_ job: JobID, afterFailedSync: Bool = false) throws(LedgerError) -> LedgerWriter {
        guard try contains(job) else { throw .notFound(job) }
        var file = try hold(job)
        let replay = try Replay(file, job: job, key: key)
        if afterFailedSync {
            file = try rewrite(file, job, to: replay.length)
        } else if replay.torn > 0 {
            try onDisk { () throws(FileError) in
                try file.truncate(to: replay.length)
                try file.sync()
            }
        }
        var encoder = LineEncoder(messageDomain: replay.header.messageDomain)
        for channel in replay.channels {
            _ = encoder.channels.add(channel)
        }
        let start = LedgerWriter.Start(
            header: replay.header,
            rows: replay.rows,
            run: replay.run,
            lines: replay.lines,
            length: replay.length,
            chain: replay.chain,
            torn: replay.torn
        )
        return try writer(start, encoder, file)
    }

    /// Reads a job's ledger as it is now, whoever may be writing it; every line is checked.
    public func read(_ job: JobID) throws(LedgerError) -> LedgerView {
        let file = try onDisk(job) { () throws(FileError) in try directory.openRegular(Self.name(job)) }
        return LedgerView(try Replay(file, job: job, key: key), file: file)
    }

    /// Whether a job has a ledger, finished or not.
    public func contains(_ job: JobID) throws(LedgerError) -> Bool {
        try onDisk { () throws(FileError) in try directory.status(of: Self.name(job)) } != nil
    }

    /// The jobs that have ledgers, in the order of their texts.
    public func list() throws(LedgerError) -> [JobID] {
        try onDisk { () throws(FileError) in try directory.list() }
            .filter { $0.hasSuffix(Self.suffix) }
            .compactMap { JobID(String($0.dropLast(Self.suffix.count))) }
            .sorted { $0.description < $1.description }
    }

    // MARK: - Files

    private static func name(_ job: JobID) -> String {
        "\(job)\(suffix)"
    }

    private static func longestLine(_ bytes: [UInt8]) -> Int {
        bytes.split(separator: UInt8(ascii: "\n")).map(\.count).max() ?? 0
    }

    /// Opens a job's file and locks it.
    private func hold(_ job: JobID) throws(LedgerError) -> Descriptor {
        let held: Descriptor? = try onDisk { () throws(FileError) in
            let file = try directory.openAppending(Self.name(job))
            guard try file.lock() else { return nil }
            // The name may have been given to a new file between the two calls.
            guard let named = try directory.status(of: Self.name(job)), try file.status().inode == named.inode else {
                return nil
            }
            return file
        }
        guard let held else { throw .busy(job) }
        return held
    }

    private func writer(
        _ start: LedgerWriter.Start,
        _ encoder: LineEncoder,
        _ file: Descriptor
    ) throws(LedgerError) -> LedgerWriter {
        // A view has a descriptor of its own, so that the lock ends with the writer and not with the last reader.
        let reading = try onDisk { () throws(FileError) in try directory.openRegular(Self.name(start.header.job)) }
        return LedgerWriter(start, encoder: encoder, file: file, reading: reading, gather: gather)
    }

    /// Copies the lines that hold into a new file of the same name, synced, and holds that one.
    private func rewrite(_ old: Descriptor, _ job: JobID, to length: Int64) throws(LedgerError) -> Descriptor {
        do {
            try directory.replace(Self.name(job), permissions: 0o600) { output in
                var offset: Int64 = 0
                while offset < length {
                    let block = try old.read(at: offset, count: Int(min(1 << 20, length - offset)))
                    guard !block.isEmpty else { throw FileError(.read, old.name, code: 5) }
                    try output.append(block)
                    offset += Int64(block.count)
                }
            }
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .file(FileError(.write, Self.name(job), code: 5, explanation: "\(error)"))
        }
        return try hold(job)
    }
}

/// As ``onDisk(_:)``, with a missing file as the ledger's own error.
private func onDisk<Result>(_ job: JobID, _ body: () throws(FileError) -> Result) throws(LedgerError) -> Result {
    do throws(FileError) {
        return try body()
    } catch {
        throw error.isNotFound ? .notFound(job) : .file(error)
    }
}
