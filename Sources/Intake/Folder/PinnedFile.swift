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
/// Pinning reads it through and keeps 32 bytes for each 64 KiB: the digest of the file up to there, so that one pass gives the
/// whole file's, too. Every later reading goes from the start through the same descriptor and is compared, chunk by chunk,
/// before a byte of it is used. Renaming or removing the file changes nothing; rewriting it is noticed.
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
        var hasher = SHA256()
        var digests: [UInt8] = []
        digests.reserveCapacity(Int(before.size / Int64(Self.chunkLength) + 1) * SHA256.byteCount)
        var bytes: [UInt8] = []
        var offset: Int64 = 0
        while offset < before.size {
            let count = Int(min(Int64(Self.chunkLength), before.size - offset))
            try Self.read(file, at: offset, count: count, into: &bytes)
            guard bytes.count == count else { throw .changed(name: file.name) }
            hasher.update(bytes)
            digests += hasher.digestSoFar()
            tap?(bytes)
            offset += Int64(count)
        }
        let after = try Self.status(of: file)
        guard after.size == before.size, after.modified == before.modified else { throw .changed(name: file.name) }
        size = before.size
        status = before
        digest = hasher.finalize()
        chunkDigests = digests
    }

    /// How many chunks it has; none if it is empty.
    public var chunkCount: Int {
        chunkDigests.count / SHA256.byteCount
    }

    /// The file from its start, chunk by chunk, each compared with what was pinned before it is given.
    public struct Reader: ~Copyable {
        private let file: PinnedFile
        private var hasher = SHA256()
        private var next = 0

        init(_ file: PinnedFile) {
            self.file = file
        }

        /// Reads the next chunk into a buffer that keeps its memory; `false` at the end.
        ///
        /// - Throws: ``PinError/changed(name:)`` if it is not what was pinned; the buffer is empty then.
        public mutating func read(into bytes: inout [UInt8]) throws(PinError) -> Bool {
            guard next < file.chunkCount else { return false }
            let offset = Int64(next) * Int64(PinnedFile.chunkLength)
            let isLast = next == file.chunkCount - 1
            let count = Int(min(Int64(PinnedFile.chunkLength), file.size - offset))
            // One byte beyond the end, so that a file that grew is noticed.
            try PinnedFile.read(file.file, at: offset, count: isLast ? count + 1 : count, into: &bytes)
            hasher.update(bytes)
            let expected = file.chunkDigests[(next * SHA256.byteCount)..<((next + 1) * SHA256.byteCount)]
            guard bytes.count == count, hasher.digestSoFar()[...] == expected else {
                bytes.removeAll(keepingCapacity: true)
                throw .changed(name: file.name)
            }
            next += 1
            return true
        }
    }

    /// Begins a reading.
    public func reader() -> Reader {
        Reader(self)
    }

    /// The whole content, compared like any reading; for small files.
    public func contents() throws(PinError) -> [UInt8] {
        var all: [UInt8] = []
        all.reserveCapacity(Int(size))
        var bytes: [UInt8] = []
        var reader = reader()
        while try reader.read(into: &bytes) { all += bytes }
        return all
    }

    /// The content from its start, chunk by chunk, for a ``CSVReader``.
    public func bytes() -> ByteSource {
        var reader = Optional(reader())
        return { buffer in
            try reader?.read(into: &buffer) ?? false
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
