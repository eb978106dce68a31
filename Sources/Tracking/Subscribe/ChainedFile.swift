import Core
import Files
import Glibc
import OpenSSL

/// An append-only file of ours whose lines are chained under a key, as the suppression list is: several processes may append,
/// each holding the file's lock while it does.
///
/// Whether the last one came to its end is told by a second file, there only while somebody appends. If it did not, what the file
/// shows may never have reached the disk, and syncing it again would prove nothing: it is written anew, on other blocks.
struct ChainedFile: Sendable {
    /// Why nothing was appended.
    struct Refused: Error, Hashable, Sendable, CustomStringConvertible {
        let description: String
    }

    let directory: Directory
    let name: String
    /// What the header says under `wardpost`.
    let format: String
    let key: HMACSHA256

    /// Reads the file from its start, now and as it grows.
    var follower: ChainFollower {
        ChainFollower(name: name, format: format) { [key] _ in key }
    }

    /// There while somebody appends.
    private var unfinished: String { ".\(name).appending" }

    /// Appends lines, each without its number, and returns when they are on the disk; all of them, or what a reader takes for
    /// none of the last.
    ///
    /// - Parameters:
    ///   - count: How many.
    ///   - isAllowed: Asked when the file is locked and nothing is written yet; may throw.
    ///   - members: Writes the members of one line.
    func append(_ count: Int, isAllowed: () throws -> Void, _ members: (Int, inout JSONLine) -> Void) throws {
        guard count > 0 else { return }
        var file = try hold()
        try isAllowed()
        if try directory.status(of: unfinished) != nil { file = try rewrite(file) }
        _ = try directory.openAppending(unfinished)
        var position = try end(of: file)
        var output: [UInt8] = []
        for index in 0..<count {
            position.count += 1
            var line = JSONLine()
            line.append("n", position.count)
            members(index, &line)
            guard line.bytes.count < ChainFollower.maximumLine / 2 else {
                throw Refused(description: "record \(index + 1) is too long for \(name)")
            }
            position.chain.append(line, to: &output)
        }
        try file.write(output)
        try file.dataSync()
        try directory.remove(unfinished)
    }

    /// Opens the file that has the name, and locks it.
    private func hold() throws -> Descriptor {
        for _ in 0..<200 {
            let file = try directory.openAppending(name, permissions: 0o600)
            // Another may have been written in its place while we waited.
            if try file.lock(), let named = try directory.status(of: name), named.isSameFile(as: try file.status()) {
                return file
            }
            usleep(50_000)
        }
        throw Refused(description: "\(name) is being written by another process; try again")
    }

    /// Copies what the file shows into a new one of the same name, synced, and holds that one.
    private func rewrite(_ old: Descriptor) throws -> Descriptor {
        let length = try old.status().size
        try directory.replace(name, permissions: 0o600) { output in
            var offset: Int64 = 0
            while offset < length {
                let block = try old.read(at: offset, count: Int(min(1 << 20, length - offset)))
                guard !block.isEmpty else { throw Refused(description: "\(name) became shorter while it was read") }
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
            if size > 0 { try file.truncate(to: 0) }
            return try begin(file)
        }
        guard let header = Chain.parts(first[..<headerEnd]) else {
            throw Refused(description: "\(name) does not start with a header; it was damaged")
        }
        var chain = Chain(key: key, header: header.text)
        guard constantTimeEqual(chain.next(header.text), header.mac) else {
            throw Refused(description: "\(name) was made under another key, or its header was changed")
        }
        let start = max(0, size - Int64(2 * ChainFollower.maximumLine))
        let tail = try file.read(at: start, count: Int(size - start))
        guard let last = tail.lastIndex(of: UInt8(ascii: "\n")) else {
            throw Refused(description: "\(name) ends in a line that is too long; it was damaged")
        }
        if last + 1 < tail.count { try file.truncate(to: start + Int64(last) + 1) }
        guard start + Int64(last) > Int64(headerEnd) else { return Position(chain: chain, count: 0) }
        let lineStart = tail[..<last].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let line = tail[lineStart..<last]
        guard let (_, mac) = Chain.parts(line), let count = JSONObject(line)?.number("n") else {
            throw Refused(description: "\(name) ends in a damaged line; put it right before adding to it")
        }
        chain.resume(from: mac)
        return Position(chain: chain, count: count)
    }

    private func begin(_ file: Descriptor) throws -> Position {
        var header = JSONLine()
        header.append("wardpost", format)
        header.append("version", 1)
        header.append("file", Hex.encode(Random.bytes(8)))
        header.append("key", 1)
        header.append("time", Timestamp.now.description)
        var chain = Chain(key: key, header: header.bytes[...])
        var output: [UInt8] = []
        chain.append(header, to: &output)
        try file.write(output)
        try file.sync()
        try directory.sync()
        return Position(chain: chain, count: 0)
    }

    private struct Position: ~Copyable {
        var chain: Chain
        var count: Int
    }
}
