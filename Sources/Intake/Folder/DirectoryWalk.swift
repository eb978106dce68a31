internal import Files
internal import Glibc

extension Directory {
    /// Calls `body` with each name, as the file system has them; unlike `list()`, in memory that does not grow.
    ///
    /// - Throws: `FileError` from the system; a name that is no UTF-8 comes with U+FFFD and is found by nobody.
    func forEachName(_ body: (String) throws(FileError) -> Void) throws(FileError) {
        // A descriptor of its own, since reading moves a position that a duplicate would share.
        let own = unsafe openat(raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard own >= 0 else { throw FileError(.list, name, code: errno) }
        guard let stream = unsafe fdopendir(own) else {
            let error = FileError(.list, name, code: errno)
            _ = close(own)
            throw error
        }
        defer { _ = unsafe closedir(stream) }
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                if errno != 0 { throw FileError(.list, name, code: errno) }
                return
            }
            let text = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if text != ".", text != ".." { try body(text) }
        }
    }
}
