import CLinux
import Glibc

/// What the system says of a file (`fstat(2)`).
public struct FileStatus: Hashable, Sendable {
    /// What kind of thing a name stands for.
    public enum Kind: String, Sendable {
        /// A regular file.
        case regular
        /// A directory.
        case directory
        /// A symbolic link.
        case symbolicLink
        /// A pipe, socket or device.
        case special
    }

    /// The kind.
    public var kind: Kind
    /// Length in bytes.
    public var size: Int64
    /// Permission bits, the low twelve.
    public var permissions: UInt32
    /// The owner's number.
    public var owner: UInt32
    /// The group's number.
    public var group: UInt32
    /// How many names the file has.
    public var links: UInt64
    /// The inode's number.
    public var inode: UInt64
    /// The file system's number.
    public var device: UInt64
    /// When the content last changed, in nanoseconds since 1970 UTC by the file server's clock.
    public var modified: Int64
    /// When content or attributes last changed, likewise.
    public var changed: Int64

    /// Whether two names, or a name and a descriptor, are the same file.
    public func isSameFile(as other: FileStatus) -> Bool {
        inode == other.inode && device == other.device
    }

    /// Whether anybody but the owner may write.
    public var isWritableByOthers: Bool {
        permissions & 0o022 != 0
    }

    init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: kind = .regular
        case S_IFDIR: kind = .directory
        case S_IFLNK: kind = .symbolicLink
        default: kind = .special
        }
        size = Int64(status.st_size)
        permissions = status.st_mode & 0o7777
        owner = status.st_uid
        group = status.st_gid
        links = UInt64(status.st_nlink)
        inode = UInt64(status.st_ino)
        device = UInt64(status.st_dev)
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        changed = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
    }
}
