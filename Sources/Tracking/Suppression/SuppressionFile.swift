internal import Core
public import Files
internal import Glibc
public import OpenSSL

/// The suppression list's file, `outbox/suppression.jsonl`: only ever appended to, its lines chained under a key, and signed.
///
/// Several processes may append; each holds the file's lock while it does. Mode 0600, since staff type addresses into it.
///
/// Whether the last one came to its end is told by a second file, there only while somebody appends. If it did not, what the file
/// shows may never have reached the disk, and syncing it again would prove nothing: it is written anew, on other blocks.
public struct SuppressionFile: Sendable {
    /// The file's name in the outbox.
    public static let name = "suppression.jsonl"
    /// The name of the signature over the whole of it.
    public static let signatureName = name + ".sig"
    static let keyUse = "wardpost suppression list v1"
    /// There while somebody appends.
    static let unfinished = ".suppression.appending"

    /// Why nothing was appended.
    public struct Refused: Error, Hashable, Sendable, CustomStringConvertible {
        /// For a person.
        public let description: String
    }

    let outbox: Directory
    let key: HMACSHA256
    let signer: SigningKey?

    /// Names the file; it is made when something is appended.
    ///
    /// - Parameters:
    ///   - outbox: The site's `outbox`.
    ///   - key: The site's suppression key, the same that address tags are made with.
    ///   - signer: Signs the file for those who have no key of ours; it has no signature without it.
    public init(outbox: Directory, key: SecretBytes, signer: SigningKey? = nil) {
        self.outbox = outbox
        self.key = Self.derived(key)
        self.signer = signer
    }

    /// Appends records and returns when they are on the disk; how many there were.
    ///
    /// They are written as they come, so that an import of any length takes little memory. If one cannot be written, the
    /// ones before it may be on the list.
    ///
    /// - Parameters:
    ///   - records: The records.
    ///   - signs: Whether the file is signed afterwards, which reads it once; who appends several times signs at the end.
    @discardableResult
    public func append(_ records: some Sequence<SuppressionRecord>, signs: Bool = true) throws -> Int {
        var file = try hold()
        if try outbox.status(of: Self.unfinished) != nil { file = try rewrite(file) }
        let position = try end(of: file)
        return try append(to: file, position, signs: signs) { add in
            for record in records { try add { record.appendMembers(to: &$0) } }
        }
    }

    /// Writes lines behind a position, syncs, and signs.
    func append(
        to file: Descriptor,
        _ position: consuming Position,
        signs: Bool = true,
        _ body: ((_ members: (inout JSONLine) -> Void) throws -> Void) throws -> Void
    ) throws -> Int {
        _ = try outbox.openAppending(Self.unfinished)
        let before = position.count
        let size = try file.status().size
        let isNew = position.isNew
        var chain = position.chain
        var count = before
        var output: [UInt8] = []
        try body { members in
            count += 1
            var line = JSONLine()
            line.append("n", count)
            members(&line)
            guard line.bytes.count < ChainFollower.maximumLine / 2 else {
                throw Refused(description: "record \(count - before) is too long")
            }
            chain.append(line, to: &output)
            if output.count >= 65_536 {
                try file.write(output)
                output.removeAll(keepingCapacity: true)
            }
        }
        try file.write(output)
        try file.dataSync()
        try outbox.remove(Self.unfinished)
        if signs { try sign(file, behind: size, isNew: isNew) }
        return count - before
    }

    /// How long the file is; 0 if there is none.
    public var length: Int64 {
        get throws { try outbox.status(of: Self.name)?.size ?? 0 }
    }

    /// Signs the file after several additions.
    ///
    /// - Parameter before: How long it was before the first of them.
    public func sign(behind before: Int64) throws {
        try sign(try hold(), behind: before, isNew: before == 0)
    }

    static func derived(_ key: SecretBytes) -> HMACSHA256 {
        HMACSHA256(key: SecretBytes(copying: HMACSHA256(key: key).tag(of: Array(keyUse.utf8))))
    }

    static func follower(_ key: HMACSHA256, from start: ChainCheckpoint? = nil) -> ChainFollower {
        ChainFollower(name: name, format: "suppression", from: start) { _ in key }
    }

    /// Opens the file that has the name, and locks it.
    func hold() throws -> Descriptor {
        // Writers hold the lock for as long as they write, which is short for all but large imports.
        for _ in 0..<200 {
            let file = try outbox.openAppending(Self.name, permissions: 0o600)
            // Another may have been written in its place while we waited.
            if try file.lock(), let named = try outbox.status(of: Self.name), named.isSameFile(as: try file.status()) {
                return file
            }
            usleep(50_000)
        }
        throw Refused(description: "\(Self.name) is being written by another process; try again")
    }

    /// Copies what the file shows into a new one of the same name, synced, and holds that one.
    private func rewrite(_ old: Descriptor) throws -> Descriptor {
        let length = try old.status().size
        try outbox.replace(Self.name, permissions: 0o600) { output in
            var offset: Int64 = 0
            while offset < length {
                let block = try old.read(at: offset, count: Int(min(1 << 20, length - offset)))
                guard !block.isEmpty else {
                    throw Refused(description: "\(Self.name) became shorter while it was read")
                }
                try output.append(block)
                offset += Int64(block.count)
            }
        }
        return try hold()
    }

    /// Where the chain stands; cuts off a last line that a crash has torn, which nobody was ever told of.
    private func end(of file: Descriptor) throws -> Position {
        let size = try file.status().size
        let first = try file.read(at: 0, count: ChainFollower.maximumLine)
        guard let headerEnd = first.firstIndex(of: UInt8(ascii: "\n")) else {
            // Nothing yet, or a header that a crash has torn.
            if size > 0 { try file.truncate(to: 0) }
            return try begin(file)
        }
        let mend = "`wardpost suppress mend` puts it right"
        guard let header = Chain.parts(first[..<headerEnd]) else {
            throw Refused(description: "\(Self.name) does not start with a header; it was damaged; \(mend)")
        }
        var chain = Chain(key: key, header: header.text)
        guard constantTimeEqual(chain.next(header.text), header.mac) else {
            throw Refused(description: "\(Self.name) was made under another key, or its header was changed; \(mend)")
        }
        let start = max(0, size - Int64(2 * ChainFollower.maximumLine))
        let tail = try file.read(at: start, count: Int(size - start))
        guard let last = tail.lastIndex(of: UInt8(ascii: "\n")) else {
            throw Refused(description: "\(Self.name) ends in a line that is too long; it was damaged; \(mend)")
        }
        if last + 1 < tail.count { try file.truncate(to: start + Int64(last) + 1) }
        guard start + Int64(last) > Int64(headerEnd) else { return Position(chain: chain, count: 0) }
        let lineStart = tail[..<last].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let line = tail[lineStart..<last]
        guard let (_, mac) = Chain.parts(line), let count = JSONObject(line)?.number("n") else {
            throw Refused(description: "\(Self.name) ends in a damaged line; \(mend)")
        }
        chain.resume(from: mac)
        return Position(chain: chain, count: count)
    }

    func begin(_ file: Descriptor) throws -> Position {
        var header = JSONLine()
        header.append("wardpost", "suppression")
        header.append("version", 1)
        header.append("file", Hex.encode(Random.bytes(8)))
        header.append("key", 1)
        header.append("time", Timestamp.now.description)
        var chain = Chain(key: key, header: header.bytes[...])
        var output: [UInt8] = []
        chain.append(header, to: &output)
        try file.write(output)
        try file.sync()
        try outbox.sync()
        return Position(chain: chain, count: 0, isNew: true)
    }

    struct Position: ~Copyable {
        var chain: Chain
        var count: Int
        var isNew = false
    }
}
