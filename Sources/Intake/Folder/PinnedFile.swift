internal import Core
public import Files
internal import OpenSSL

/// A pinned file could not be read again as it was.
public enum PinError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file's content is not what was pinned.
    case changed(name: String)
    /// The system could not read it.
    case unreadable(FileError)

    /// One clause for a person.
    public var description: String {
        switch self {
        case .changed(let name): "\(name) was changed after the job was taken up"
        case .unreadable(let error): error.description
        }
    }
}

/// A file opened once and remembered by its digests.
///
/// Pinning reads it through and keeps 32 bytes for each 64 KiB; every later reading goes through the same descriptor and is
/// compared before a byte of it is used. Renaming or removing the file changes nothing; rewriting it is noticed.
public final class PinnedFile: Sendable {
    /// How many bytes one digest vouches for.
    public static let chunkLength = 1 << 16

    /// The name under which it was opened.
    public let name: String
    /// Its length in bytes.
    public let size: Int64
    /// SHA-256 of the whole file.
    public let digest: [UInt8]
    /// What the system said when it was opened.
    public let status: FileStatus

    private let file: Descriptor
    private let chunkDigests: [UInt8]

    /// Pins an open regular file.
    ///
    /// - Parameters:
    ///   - file: The file, open for reading.
    ///   - tap: Sees every byte once, in chunks.
    /// - Throws: ``PinError/changed(name:)`` if the file is being written.
    public init(_ file: Descriptor, tap: (([UInt8]) -> Void)? = nil) throws(PinError) {
        self.file = file
        name = file.name
        let before = try Self.status(of: file)
        var whole = SHA256()
        var chunk = SHA256()
        var digests: [UInt8] = []
        digests.reserveCapacity(Int(before.size / Int64(Self.chunkLength) + 1) * SHA256.byteCount)
        var bytes: [UInt8] = []
        var offset: Int64 = 0
        while offset < before.size {
            let count = Int(min(Int64(Self.chunkLength), before.size - offset))
            try Self.read(file, at: offset, count: count, into: &bytes)
            guard bytes.count == count else { throw .changed(name: file.name) }
            whole.update(bytes)
            chunk.update(bytes)
            digests += chunk.finalize()
            tap?(bytes)
            offset += Int64(count)
        }
        let after = try Self.status(of: file)
        guard after.size == before.size, after.modified == before.modified else { throw .changed(name: file.name) }
        size = before.size
        status = before
        digest = whole.finalize()
        chunkDigests = digests
    }

    /// How many chunks it has; none if it is empty.
    public var chunkCount: Int {
        chunkDigests.count / SHA256.byteCount
    }

    /// Reads a chunk, counted from 0, into a buffer that keeps its memory; throws if it is not what was pinned.
    public func read(chunk index: Int, into bytes: inout [UInt8]) throws(PinError) {
        let offset = Int64(index) * Int64(Self.chunkLength)
        let isLast = index == chunkCount - 1
        let count = Int(min(Int64(Self.chunkLength), size - offset))
        // One byte beyond the end, so that a file that grew is noticed.
        try Self.read(file, at: offset, count: isLast ? count + 1 : count, into: &bytes)
        let expected = chunkDigests[(index * SHA256.byteCount)..<((index + 1) * SHA256.byteCount)]
        guard bytes.count == count, SHA256.hash(bytes)[...] == expected else {
            bytes.removeAll(keepingCapacity: true)
            throw .changed(name: name)
        }
    }

    /// The whole content, compared like any reading; for small files.
    public func contents() throws(PinError) -> [UInt8] {
        var all: [UInt8] = []
        all.reserveCapacity(Int(size))
        var bytes: [UInt8] = []
        for chunk in 0..<chunkCount {
            try read(chunk: chunk, into: &bytes)
            all += bytes
        }
        return all
    }

    /// The content from its start, chunk by chunk, for a ``CSVReader``.
    public func bytes() -> ByteSource {
        var next = 0
        return { [self] buffer in
            guard next < chunkCount else { return false }
            try read(chunk: next, into: &buffer)
            next += 1
            return true
        }
    }

    private static func status(of file: Descriptor) throws(PinError) -> FileStatus {
        do { return try file.status() } catch { throw .unreadable(error) }
    }

    private static func read(
        _ file: Descriptor,
        at offset: Int64,
        count: Int,
        into bytes: inout [UInt8]
    ) throws(PinError) {
        do { try file.read(at: offset, count: count, into: &bytes) } catch { throw .unreadable(error) }
    }
}
