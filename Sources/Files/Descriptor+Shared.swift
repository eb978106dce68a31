import CLinux

import Glibc

/// What several processes do with one small file.
extension Descriptor {
    /// Takes one byte's lock for this open file, without waiting; `false` if another holds it.
    ///
    /// Bytes beyond the end of the file can be locked. Like ``lock()``, it ends with the last reference to this descriptor.
    public func lock(byte offset: Int64) throws(FileError) -> Bool {
        if wardpost_lock_byte(raw, offset, 1) == 0 { return true }
        if errno == EAGAIN || errno == EACCES { return false }
        throw .last(.lock, name)
    }

    /// Lets go of one byte's lock.
    public func unlock(byte offset: Int64) {
        _ = wardpost_lock_byte(raw, offset, 0)
    }
}
