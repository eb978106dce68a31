import Glibc

/// A system call on a file that did not work: which file, what was asked, and why not.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was asked of the file.
    public enum Operation: String, Sendable {
        /// Opening what is there.
        case open
        /// Making what was not there.
        case create
        /// Reading.
        case read
        /// Writing.
        case write
        /// Making sure that it reached the disk.
        case sync
        /// Changing its length.
        case truncate
        /// Asking about it.
        case status
        /// Listing a directory.
        case list
        /// Giving it another name.
        case rename
        /// Removing it.
        case remove
        /// Locking it.
        case lock
        /// Giving it a second name.
        case link
    }

    /// What was asked.
    public var operation: Operation
    /// The name as it was given: relative to the directory it was looked up in.
    public var name: String
    /// The system's error number (`errno`).
    public var code: Int32
    /// A sentence in place of the system's, where the refusal is our own.
    public var explanation: String?

    /// Records a failed call.
    public init(_ operation: Operation, _ name: String, code: Int32, explanation: String? = nil) {
        self.operation = operation
        self.name = name
        self.code = code
        self.explanation = explanation
    }

    /// Records a failed call with the calling thread's `errno`.
    static func last(_ operation: Operation, _ name: String) -> FileError {
        FileError(operation, name, code: errno)
    }

    /// Whether there was nothing of that name.
    public var isNotFound: Bool {
        code == ENOENT || code == ENOTDIR
    }

    /// Whether the disk or the quota is full: a state that can pass.
    public var isOutOfSpace: Bool {
        code == ENOSPC || code == EDQUOT || code == EFBIG
    }

    /// Whether something of that name was there already.
    public var isThere: Bool {
        code == EEXIST
    }

    /// Whether the file system knows no second names.
    public var isWithoutLinks: Bool {
        code == EPERM || code == EOPNOTSUPP || code == ENOSYS || code == EMLINK
    }

    /// Whether the same call may work later with nothing changed in the job: the disk is full or failing, is mounted read-only,
    /// the share is away, descriptors or memory have run out.
    public var mayPass: Bool {
        if isOutOfSpace { return true }
        switch code {
        case EIO, EROFS, ESTALE, ETIMEDOUT, EBUSY, EMFILE, ENFILE, ENOMEM, EAGAIN, ENOLCK, ENODEV, EHOSTDOWN, ENOTCONN:
            return true
        default: return false
        }
    }

    /// Whether the name leads through a link or out of its directory.
    public var isEscape: Bool {
        code == ELOOP || code == EXDEV
    }

    /// For a person: `cannot open letters/a.pdf: Permission denied`.
    public var description: String {
        "cannot \(operation.rawValue) \(name): \(explanation ?? Self.sentence(code))"
    }

    private static func sentence(_ code: Int32) -> String {
        switch code {
        case ELOOP: return "the name leads through a symbolic link, which is never followed"
        case EXDEV: return "the name leads out of its directory"
        default:
            var buffer = [CChar](repeating: 0, count: 128)
            guard unsafe strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
            return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }
}
