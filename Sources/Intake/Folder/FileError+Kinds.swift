internal import Files
internal import Glibc

extension FileError {
    /// Whether the name stands for something that is no regular file.
    var isNoFile: Bool {
        // A socket cannot be opened (ENXIO); what can be is refused after a look at it (EINVAL).
        code == ENXIO || code == EINVAL || code == EISDIR || code == ENODEV
    }

    /// Whether permissions are in the way.
    var isForbidden: Bool {
        code == EACCES || code == EPERM
    }
}
