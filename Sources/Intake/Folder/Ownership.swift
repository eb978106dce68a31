public import Core
public import Files
internal import Glibc

/// Who may write a file decides whether it is believed.
public enum Ownership {
    /// What a file or directory is for.
    public enum Use: Sendable {
        /// Keys: written by us or root alone, and read by no stranger.
        case keys
        /// Configuration and the site's templates: written by us or root alone.
        case configuration
        /// A job: dropped by whoever may drop jobs, a group included, but not by everybody.
        case job
    }

    /// What is wrong with a file's owner or permissions; `nil` if nothing is.
    ///
    /// - Parameters:
    ///   - status: What the system says of the file.
    ///   - name: The name for the message.
    ///   - use: What it is for.
    ///   - user: Whose process this is; ours if `nil`.
    public static func objection(
        to status: FileStatus,
        name: String,
        use: Use,
        user: UInt32? = nil
    ) -> Diagnostic? {
        let place = Place(file: name)
        switch use {
        case .job:
            // The sticky bit keeps strangers from replacing what is there, not from adding a job.
            guard status.permissions & 0o002 != 0 else { return nil }
            return Diagnostic("everybody can write here", at: place, fix: "run `chmod o-w \(name)`")
        case .keys, .configuration:
            let user = user ?? geteuid()
            if status.owner != user, status.owner != 0 {
                return Diagnostic(
                    "it belongs to user \(status.owner), who is neither us nor root",
                    at: place,
                    fix: "change its owner to user \(user)"
                )
            }
            if status.isWritableByOthers {
                return Diagnostic("others can write here", at: place, fix: "run `chmod go-w \(name)`")
            }
            if use == .keys, status.permissions & 0o007 != 0 {
                return Diagnostic("everybody can read this key", at: place, fix: "run `chmod o= \(name)`")
            }
            return nil
        }
    }
}
