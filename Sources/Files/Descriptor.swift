import CLinux

import Glibc

/// An open file.
///
/// Closed once, when the last reference goes.
///
/// Every call may be made from any thread: the kernel keeps positioned reads, appends and syncs apart, and the number
/// itself never changes.
public final class Descriptor: Sendable {
    /// The file descriptor's number; valid as long as this object is.
    public let raw: Int32
    /// The name under which it was opened, for messages.
    public let name: String

    /// Takes ownership of an open descriptor.
    public init(takingOwnershipOf raw: Int32, name: String) {
        self.raw = raw
        self.name = name
    }

    deinit {
        _ = close(raw)
    }

    /// What the system says of the file now.
    public func status() throws(FileError) -> FileStatus {
        var result = stat()
        guard unsafe fstat(raw, &result) == 0 else { throw .last(.status, name) }
        return FileStatus(result)
    }

    /// Reads up to `count` bytes at a position; fewer only at the end of the file.
    public func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        try read(at: offset, count: count, into: &bytes)
        return bytes
    }

    /// Reads up to `count` bytes at a position into a buffer that is emptied first and keeps its memory.
    public func read(at offset: Int64, count: Int, into bytes: inout [UInt8]) throws(FileError) {
        try FaultDoor.ask(.read, raw, as: name)
        if bytes.count < count {
            bytes.append(contentsOf: repeatElement(0, count: count - bytes.count))
        }
        var done = 0
        while done < count {
            let part = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(raw, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset) + done)
            }
            if part < 0 {
                if errno == EINTR { continue }
                throw .last(.read, name)
            }
            if part == 0 { break }
            done += part
        }
        bytes.removeLast(bytes.count - done)
    }

    /// Writes all bytes at the descriptor's own position (the end, for a file opened to append).
    public func write(_ bytes: [UInt8]) throws(FileError) {
        try FaultDoor.ask(.write, raw, as: name)
        var done = 0
        while done < bytes.count {
            let part = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(raw, buffer.baseAddress?.advanced(by: done), buffer.count - done)
            }
            if part < 0 {
                if errno == EINTR { continue }
                throw .last(.write, name)
            }
            done += part
        }
    }

    /// Writes all bytes at a position; not for a file opened to append.
    public func write(_ bytes: [UInt8], at offset: Int64) throws(FileError) {
        try FaultDoor.ask(.write, raw, as: name)
        var done = 0
        while done < bytes.count {
            let part = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(raw, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset) + done)
            }
            if part < 0 {
                if errno == EINTR { continue }
                throw .last(.write, name)
            }
            done += part
        }
    }

    /// When the file was made, in nanoseconds since 1970; 0 where the file system does not say.
    ///
    /// A copy has another moment than what it was copied from, whatever times the copying program sets.
    public var birth: Int64 {
        Int64(wardpost_birth(raw))
    }

    /// Makes sure that the content reached the disk (`fdatasync(2)`).
    ///
    /// After a failure the kernel may have dropped the data and forgotten: the file must not be trusted to hold what was
    /// written, and calling this again proves nothing.
    public func dataSync() throws(FileError) {
        try FaultDoor.ask(.sync, raw, as: name)
        guard fdatasync(raw) == 0 else { throw .last(.sync, name) }
    }

    /// Makes sure that content and attributes reached the disk (`fsync(2)`); the same warning holds.
    public func sync() throws(FileError) {
        try FaultDoor.ask(.sync, raw, as: name)
        guard fsync(raw) == 0 else { throw .last(.sync, name) }
    }

    /// Cuts the file to a length.
    public func truncate(to length: Int64) throws(FileError) {
        try FaultDoor.ask(.truncate, raw, as: name)
        guard ftruncate(raw, off_t(length)) == 0 else { throw .last(.truncate, name) }
    }

    /// Sets the permission bits.
    public func setPermissions(_ permissions: UInt32) throws(FileError) {
        guard fchmod(raw, mode_t(permissions)) == 0 else { throw .last(.write, name) }
    }

    /// Takes the exclusive lock of the whole file for this open file; `false` if another holds it.
    ///
    /// An open-file-description lock: it ends when the last reference to this descriptor goes, works across NFSv4, and is
    /// not dropped when the process closes another descriptor of the same file, as POSIX locks are.
    public func lock() throws(FileError) -> Bool {
        if wardpost_lock(raw) == 0 { return true }
        if errno == EAGAIN || errno == EACCES { return false }
        throw .last(.lock, name)
    }
}
