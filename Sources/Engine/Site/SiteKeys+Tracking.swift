import Files
import Synchronization
import Tracking

extension SiteKeys {
    /// Tells one content of `tracking.key` from another without reading it.
    private struct Stamp: Equatable {
        var changed: Int64
        var inode: UInt64
        var size: Int64

        init(_ status: FileStatus) {
            (changed, inode, size) = (status.changed, status.inode, status.size)
        }
    }

    /// The keys of `tracking.key`, read again when the file changes.
    ///
    /// What was changed is read at each look until it can be used: a copy may have been looked at half written.
    static func trackingRing(in directory: Directory, name: String, validDays: Int) throws(EngineError) -> TokenKeyRing
    {
        // Before the content: what is written in between is seen at the next look.
        let first = Stamp(try trackingStatus(in: directory, name))
        let seen = Mutex(first)
        let keys = try trackingFile(in: directory, name: name).keys
        return TokenKeyRing(keys, validDays: validDays) {
            try seen.withLock { seen in
                let now = Stamp(try trackingStatus(in: directory, name))
                guard now != seen else { return nil }
                let keys = try trackingFile(in: directory, name: name).keys
                seen = now
                return keys
            }
        }
    }

    private static func trackingStatus(in directory: Directory, _ name: String) throws(EngineError) -> FileStatus {
        do {
            return try directory.openRegular(trackingFile).status()
        } catch {
            throw keyProblem(error, trackingFile, name)
        }
    }
}
