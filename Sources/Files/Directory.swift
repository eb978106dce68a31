import CLinux

import Glibc

/// An open directory.
///
/// All that we read or write is looked up from one of these, never from a path that others can bend.
///
/// Names may have slashes; they are resolved below the directory only (`openat2(2)` with `RESOLVE_BENEATH`,
/// `RESOLVE_NO_SYMLINKS` and `RESOLVE_NO_MAGICLINKS`), so neither `..`, an absolute path nor a link leads elsewhere.
public final class Directory: Sendable {
    private let descriptor: Descriptor
    /// Asked before a name is changed or removed here; may forbid it.
    private let guardian: (@Sendable () throws(FileError) -> Void)?

    /// The name under which it was opened, for messages.
    public var name: String {
        descriptor.name
    }

    private init(_ descriptor: Descriptor, guardian: (@Sendable () throws(FileError) -> Void)? = nil) {
        self.descriptor = descriptor
        self.guardian = guardian
    }

    /// The same directory, for somebody who may lose the right to change it: names are given and taken only after asking.
    ///
    /// Asked immediately before the system is, so that whoever was stopped meanwhile and goes on finds out.
    public func guarded(by guardian: @escaping @Sendable () throws(FileError) -> Void) -> Directory {
        Directory(descriptor, guardian: guardian)
    }

    /// Opens a directory by a path that the operator gave; the path itself may go through links.
    public convenience init(path: String) throws(FileError) {
        let raw = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard raw >= 0 else { throw .last(.open, path) }
        self.init(Descriptor(takingOwnershipOf: raw, name: path))
    }

    /// Opens a directory below this one.
    public func open(subdirectory name: String) throws(FileError) -> Directory {
        Directory(try openBeneath(name, O_RDONLY | O_DIRECTORY, .open))
    }

    /// Opens a regular file below this one for reading; never blocks, and refuses links, pipes, sockets and devices.
    public func openRegular(_ name: String) throws(FileError) -> Descriptor {
        // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        let file = try openBeneath(name, O_RDONLY | O_NONBLOCK | O_NOCTTY, .open)
        guard try file.status().kind == .regular else {
            throw FileError(.open, name, code: EINVAL, explanation: "it is not a regular file")
        }
        return file
    }

    /// Reads a whole regular file of at most `limit` bytes.
    public func read(_ name: String, limit: Int) throws(FileError) -> [UInt8] {
        let file = try openRegular(name)
        let size = try file.status().size
        guard size <= Int64(limit) else {
            throw FileError(.read, name, code: EFBIG, explanation: "it is larger than \(limit) bytes")
        }
        // One byte more than the size, so that a file that grows is noticed.
        let bytes = try file.read(at: 0, count: Int(size) + 1)
        guard bytes.count <= limit else {
            throw FileError(.read, name, code: EFBIG, explanation: "it is larger than \(limit) bytes")
        }
        return bytes
    }

    /// Opens a regular file to append to it and to read it, made with these permissions if it is not there.
    public func openAppending(_ name: String, permissions: UInt32 = 0o600) throws(FileError) -> Descriptor {
        let flags = O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY
        let file = try openBeneath(name, flags, .open, permissions)
        guard try file.status().kind == .regular else {
            throw FileError(.open, name, code: EINVAL, explanation: "it is not a regular file")
        }
        return file
    }

    /// Opens a regular file to read it and to write at any place, made with these permissions if it is not there.
    public func openShared(_ name: String, permissions: UInt32 = 0o600) throws(FileError) -> Descriptor {
        let file = try openBeneath(name, O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY, .open, permissions)
        guard try file.status().kind == .regular else {
            throw FileError(.open, name, code: EINVAL, explanation: "it is not a regular file")
        }
        return file
    }

    /// Makes a file that must not be there yet and opens it to append and to read.
    public func create(_ name: String, permissions: UInt32 = 0o600) throws(FileError) -> Descriptor {
        try openBeneath(name, O_RDWR | O_APPEND | O_CREAT | O_EXCL, .create, permissions)
    }

    /// Makes a file that must not be there yet and opens it to write at any place.
    public func createWritable(_ name: String, permissions: UInt32 = 0o600) throws(FileError) -> Descriptor {
        try openBeneath(name, O_RDWR | O_CREAT | O_EXCL, .create, permissions)
    }

    /// Makes a file without a name in this directory, gone when its descriptor is; messages call it as they are told to.
    public func createAnonymous(as shown: String? = nil) throws(FileError) -> Descriptor {
        // O_TMPFILE is a macro over two flags that Swift does not import.
        let raw = unsafe openat(descriptor.raw, ".", O_RDWR | O_CLOEXEC | 0o20_000_000 | O_DIRECTORY, 0o600)
        if raw >= 0 { return Descriptor(takingOwnershipOf: raw, name: shown ?? "\(name)/(temporary)") }
        // Not every file system (NFS among them) has it: make a file and take its name away.
        let temporary = Self.temporaryName(for: "anonymous")
        let file = try create(temporary)
        try discard(temporary)
        return file
    }

    /// What a name stands for, the link itself where it is one; `nil` if there is nothing.
    public func status(of name: String) throws(FileError) -> FileStatus? {
        try FaultDoor.ask(.status, descriptor.raw, name, as: name)
        var result = stat()
        if unsafe fstatat(descriptor.raw, name, &result, AT_SYMLINK_NOFOLLOW) == 0 {
            return FileStatus(result)
        }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw .last(.status, name)
    }

    /// What the system says of this directory.
    public func status() throws(FileError) -> FileStatus {
        try descriptor.status()
    }

    /// The names in it, sorted by their bytes, without `.` and `..`.
    public func list() throws(FileError) -> [String] {
        try names { _ in true }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The wanted names in it, in no order.
    public func names(where isWanted: (String) -> Bool) throws(FileError) -> [String] {
        // A descriptor of its own, since reading a directory moves the position that a duplicate would share.
        let raw = unsafe openat(descriptor.raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard raw >= 0 else { throw .last(.list, name) }
        guard let stream = unsafe fdopendir(raw) else {
            let error = FileError.last(.list, name)
            _ = close(raw)
            throw error
        }
        defer { _ = unsafe closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                if errno != 0 { throw .last(.list, name) }
                break
            }
            let text = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if text != ".", text != "..", isWanted(text) { names.append(text) }
        }
        return names
    }

    /// Makes a directory; not an error if one is there.
    public func makeDirectory(_ name: String, permissions: UInt32 = 0o755) throws(FileError) {
        try FaultDoor.ask(.create, descriptor.raw, name, as: name)
        if unsafe mkdirat(descriptor.raw, name, mode_t(permissions)) == 0 { return }
        guard errno == EEXIST else { throw .last(.create, name) }
        guard try status(of: name)?.kind == .directory else {
            throw FileError(.create, name, code: ENOTDIR)
        }
    }

    /// Removes a file's name; not an error if there is none.
    public func remove(_ name: String) throws(FileError) {
        try guardian?()
        try discard(name)
    }

    /// Removes the names of those of these files that are there, in this order, and makes sure that it reached the disk; syncs
    /// nothing if there was none.
    public func removeDurably(_ names: [String]) throws(FileError) {
        var isChanged = false
        for name in names {
            try guardian?()
            if try unlink(name) { isChanged = true }
        }
        if isChanged { try sync() }
    }

    /// Removes a file of our own that nobody else knows, guarded or not.
    func discard(_ name: String) throws(FileError) {
        _ = try unlink(name)
    }

    /// Says whether there was one.
    private func unlink(_ name: String) throws(FileError) -> Bool {
        try FaultDoor.ask(.remove, descriptor.raw, name, as: name)
        if unsafe unlinkat(descriptor.raw, name, 0) == 0 { return true }
        if errno == ENOENT { return false }
        throw .last(.remove, name)
    }

    /// Gives a file another name in this directory, in one step; what had that name is gone.
    public func rename(_ old: String, to new: String) throws(FileError) {
        try guardian?()
        try FaultDoor.ask(.rename, descriptor.raw, new, as: new)
        guard unsafe renameat(descriptor.raw, old, descriptor.raw, new) == 0 else { throw .last(.rename, new) }
    }

    /// Gives a file of this directory a second name, which must not be there yet.
    public func link(_ old: String, to new: String) throws(FileError) {
        try FaultDoor.ask(.link, descriptor.raw, new, as: new)
        guard unsafe linkat(descriptor.raw, old, descriptor.raw, new, 0) == 0 else { throw .last(.link, new) }
    }

    /// Makes sure that names made, changed or removed here reached the disk.
    public func sync() throws(FileError) {
        try descriptor.sync()
    }

    /// The number of the open directory, for notices of changes.
    public var raw: Int32 {
        descriptor.raw
    }

    /// A name that nobody else uses: hidden, and ending as unfinished transfers do.
    static func temporaryName(for name: String) -> String {
        let dot = name.hasPrefix(".") ? "" : "."
        return "\(dot)\(name).\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
    }

    private func openBeneath(
        _ name: String,
        _ flags: Int32,
        _ operation: FileError.Operation,
        _ permissions: UInt32 = 0
    ) throws(FileError) -> Descriptor {
        try FaultDoor.ask(operation, descriptor.raw, name, as: name)
        let resolve = WARDPOST_RESOLVE_BENEATH | WARDPOST_RESOLVE_NO_SYMLINKS | WARDPOST_RESOLVE_NO_MAGICLINKS
        let all = UInt64(UInt32(bitPattern: flags | O_CLOEXEC | O_NOFOLLOW))
        while true {
            let raw = unsafe wardpost_openat2(descriptor.raw, name, all, UInt64(permissions), resolve)
            if raw >= 0 { return Descriptor(takingOwnershipOf: raw, name: name) }
            // EAGAIN: a rename raced with the look-up and the kernel could not vouch for `..`.
            if errno == EINTR || errno == EAGAIN { continue }
            throw .last(operation, name)
        }
    }
}
