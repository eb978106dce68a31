import Core
import Files
import Glibc
import OpenSSL

/// Why nothing was appended to a file of ours.
public struct AppendRefused: Error, Hashable, Sendable, CustomStringConvertible {
    /// For a person.
    public let description: String
}

/// An append-only file of ours whose lines are chained under a key, the suppression list and the lists of subscribers: several
/// processes may append, each holding the file's lock while it does.
///
/// Whether the last one came to its end is told by a second file, there only while somebody appends. If it did not, what the file
/// shows may never have reached the disk, and syncing it again would prove nothing: it is written anew, on other blocks.
struct ChainedFile: Sendable {
    let directory: Directory
    let name: String
    /// What the header says under `wardpost`.
    let format: String
    let key: HMACSHA256
    /// What a person can do about damage.
    var remedy: String?
    /// How many bytes are gathered before they are written: all, so that a line which cannot be written keeps out the others, or a block,
    /// so that any number of lines takes little memory.
    var blockSize = Int.max

    /// Where the chain stands.
    struct Position: ~Copyable {
        var chain: Chain
        /// The last line's number.
        var count: Int
        /// Whether the file was begun just now.
        var isNew = false
    }

    /// Reads the file from its start, now and as it grows.
    var follower: ChainFollower {
        ChainFollower(name: name, format: format) { [key] _ in key }
    }

    /// There while somebody appends.
    private var unfinished: String { ".\(name).appending" }

    /// Writes lines behind the file's last one and returns when they are on the disk; all of them, or what a reader takes for none of
    /// the last.
    ///
    /// - Parameters:
    ///   - held: The file, locked; another is in its place afterwards if this one's last writer was cut short.
    ///   - body: Adds a line by its members, as often as it likes.
    /// - Returns: The file that has the lines, and how it was before.
    func append(
        to held: Descriptor,
        _ body: ((_ members: (inout JSONLine) -> Void) throws -> Void) throws -> Void
    ) throws -> Appended {
        let file = try directory.status(of: unfinished) == nil ? held : try rewrite(held)
        return try append(to: file, behind: try end(of: file), body)
    }

    /// The same behind a position that is known.
    func append(
        to file: Descriptor,
        behind position: consuming Position,
        _ body: ((_ members: (inout JSONLine) -> Void) throws -> Void) throws -> Void
    ) throws -> Appended {
        _ = try directory.openAppending(unfinished)
        let size = try file.status().size
        let isNew = position.isNew
        var chain = position.chain
        var lines = 0
        let first = position.count + 1
        var output: [UInt8] = []
        try body { members in
            var line = JSONLine()
            line.append("n", first + lines)
            lines += 1
            members(&line)
            guard line.bytes.count < ChainFollower.maximumLine / 2 else {
                throw AppendRefused(description: "record \(lines) is too long for \(name)")
            }
            chain.append(line, to: &output)
            if output.count >= blockSize {
                try file.write(output)
                output.removeAll(keepingCapacity: true)
            }
        }
        try file.write(output)
        try file.dataSync()
        try directory.remove(unfinished)
        return Appended(file: file, lines: lines, sizeBefore: size, isNew: isNew)
    }

    /// What appending came to.
    struct Appended {
        let file: Descriptor
        /// How many lines were added.
        let lines: Int
        /// How long the file was before them.
        let sizeBefore: Int64
        /// Whether there was no file, or none with a header, before.
        let isNew: Bool
    }

    /// Opens the file that has the name, and locks it.
    func hold() throws -> Descriptor {
        // Writers hold the lock for as long as they write, which is short for all but large imports.
        for _ in 0..<200 {
            let file = try directory.openAppending(name, permissions: 0o600)
            // Another may have been written in its place while we waited.
            if try file.lock(), let named = try directory.status(of: name), named.isSameFile(as: try file.status()) {
                return file
            }
            usleep(50_000)
        }
        throw AppendRefused(description: "\(name) is being written by another process; try again")
    }

    /// Copies what the file shows into a new one of the same name, synced, and holds that one.
    private func rewrite(_ old: Descriptor) throws -> Descriptor {
        let length = try old.status().size
        try directory.replace(name, permissions: 0o600) { output in
            var offset: Int64 = 0
            while offset < length {
                let block = try old.read(at: offset, count: Int(min(1 << 20, length - offset)))
                guard !block.isEmpty else {
                    throw AppendRefused(description: "\(name) became shorter while it was read")
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
        let mend = remedy.map { "; \($0)" } ?? ""
        guard let header = Chain.parts(first[..<headerEnd]) else {
            throw AppendRefused(description: "\(name) does not start with a header; it was damaged\(mend)")
        }
        var chain = Chain(key: key, header: header.text)
        guard constantTimeEqual(chain.next(header.text), header.mac) else {
            throw AppendRefused(description: "\(name) was made under another key, or its header was changed\(mend)")
        }
        let start = max(0, size - Int64(2 * ChainFollower.maximumLine))
        let tail = try file.read(at: start, count: Int(size - start))
        guard let last = tail.lastIndex(of: UInt8(ascii: "\n")) else {
            throw AppendRefused(description: "\(name) ends in a line that is too long; it was damaged\(mend)")
        }
        if last + 1 < tail.count { try file.truncate(to: start + Int64(last) + 1) }
        guard start + Int64(last) > Int64(headerEnd) else { return Position(chain: chain, count: 0) }
        let lineStart = tail[..<last].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let line = tail[lineStart..<last]
        guard let (_, mac) = Chain.parts(line), let count = JSONObject(line)?.number("n") else {
            let what = remedy ?? "put it right before adding to it"
            throw AppendRefused(description: "\(name) ends in a damaged line; \(what)")
        }
        chain.resume(from: mac)
        return Position(chain: chain, count: count)
    }

    /// Writes the header into an empty file.
    func begin(_ file: Descriptor) throws -> Position {
        var output: [UInt8] = []
        let chain = Chain(format, file: Hex.encode(Random.bytes(8)), key: key, number: 1, at: .now, to: &output)
        try file.write(output)
        try file.sync()
        try directory.sync()
        return Position(chain: chain, count: 0, isNew: true)
    }
}
