public import Core
public import Files

/// A job's folder, held by descriptor: whatever happens to its name, this is the folder that was taken up.
public final class JobFolder: Sendable {
    /// The folder's name in `jobs/`.
    public let name: String
    /// The folder itself.
    public let directory: Directory

    private let jobs: Directory
    private let status: FileStatus

    /// Opens a folder of the drop area; refuses links, and folders that everybody can write.
    public init(_ name: String, in jobs: Directory) throws(Diagnostic) {
        let place = Place(file: name)
        guard !name.contains("/"), JobFiles.objection(to: name) == nil else {
            throw Diagnostic("this is no name for a job folder", at: place)
        }
        do {
            directory = try jobs.open(subdirectory: name)
            status = try directory.status()
        } catch {
            throw Self.diagnostic(error, name)
        }
        if let objection = Ownership.objection(to: status, name: name, use: .job) { throw objection }
        self.name = name
        self.jobs = jobs
    }

    /// Whether the name in `jobs/` still stands for this folder; `false` once it was renamed, replaced or removed.
    public var isInPlace: Bool {
        guard let now = try? jobs.status(of: name) else { return false }
        return now.kind == .directory && now.isSameFile(as: status)
    }

    // MARK: Steering

    /// What lies in the folder to steer the job, and whether the folder is still where it was.
    public struct Steering: Sendable {
        /// Whether the name in `jobs/` still stands for this folder.
        public var isInPlace: Bool
        /// The files that steer, by their state on the disk; only regular ones count.
        public var controls: [JobFiles.Control: FileStatus]
    }

    /// Looks at the files that steer the job.
    ///
    /// Throws if that cannot be told: a folder that cannot be looked at is not one without `PAUSE`.
    public func steering() throws(FileError) -> Steering {
        let now = try jobs.status(of: name)
        var controls: [JobFiles.Control: FileStatus] = [:]
        for control in JobFiles.Control.allCases {
            if let found = try directory.status(of: control.rawValue), found.kind == .regular {
                controls[control] = found
            }
        }
        return Steering(
            isInPlace: now.map { $0.kind == .directory && $0.isSameFile(as: status) } ?? false,
            controls: controls
        )
    }

    /// Whether somebody dropped a file that steers the job.
    ///
    /// Only a regular file counts.
    public func has(_ control: JobFiles.Control) -> Bool {
        (try? directory.status(of: control.rawValue))?.kind == .regular
    }

    /// Removes a file that steers the job, once it was followed.
    public func remove(_ control: JobFiles.Control) throws(FileError) {
        try directory.remove(control.rawValue)
    }

    /// How the job ended, as the marker in the folder says.
    ///
    /// A hint for people: what was sent stands in the ledger.
    public var marker: JobFiles.Marker? {
        JobFiles.Marker.allCases.first { (try? directory.status(of: $0.rawValue))?.kind == .regular }
    }

    // MARK: Its files

    /// Opens a file of the job: below the folder, regular, with one name, not larger than its kind may be.
    ///
    /// Never blocks and never follows a link.
    public func open(_ path: String, as kind: FileKind) throws(Diagnostic) -> Descriptor {
        if let objection = JobFiles.objection(to: path) { throw Diagnostic(objection, at: Place(file: path)) }
        let file: Descriptor
        let status: FileStatus
        do {
            file = try directory.openRegular(path)
            status = try file.status()
        } catch {
            throw Self.diagnostic(error, path)
        }
        if let objection = Self.objection(to: status, path, kind) { throw objection }
        return file
    }

    /// Opens a file of the job and pins it.
    ///
    /// - Parameters:
    ///   - path: The name as the manifest or a row gives it.
    ///   - kind: What it is for.
    ///   - tap: Sees every byte once, in chunks.
    public func pin(
        _ path: String,
        as kind: FileKind,
        tap: (([UInt8]) -> Void)? = nil
    ) throws(Diagnostic) -> PinnedFile {
        let file = try open(path, as: kind)
        do {
            return try PinnedFile(file, tap: tap)
        } catch {
            switch error {
            case .changed:
                throw Diagnostic(
                    "the file changes while it is read",
                    at: Place(file: path),
                    fix: "drop the job again when it is complete"
                )
            case .unreadable(let error): throw Self.diagnostic(error, path)
            }
        }
    }

    /// Pins a file outside the job folder, such as a template of the site, by the same rules.
    public static func pin(
        _ path: String,
        as kind: FileKind,
        in directory: Directory
    ) throws(Diagnostic) -> PinnedFile {
        if let objection = JobFiles.objection(to: path) { throw Diagnostic(objection, at: Place(file: path)) }
        do {
            let file = try directory.openRegular(path)
            if let objection = objection(to: try file.status(), path, kind) { throw objection }
            return try PinnedFile(file)
        } catch let error as Diagnostic {
            throw error
        } catch let error as FileError {
            throw diagnostic(error, path)
        } catch {
            throw Diagnostic("the file changes while it is read", at: Place(file: path))
        }
    }

    private static func objection(to status: FileStatus, _ path: String, _ kind: FileKind) -> Diagnostic? {
        let place = Place(file: path)
        if status.links > 1 {
            return Diagnostic(
                "the file has \(status.links) names (hard links), so it may be somebody else's",
                at: place,
                fix: "put a copy here"
            )
        }
        if status.size > kind.limit {
            return Diagnostic("the file is larger than \(kind.limit) bytes", at: place)
        }
        return Ownership.objection(to: status, name: path, use: .job)
    }

    /// Says what the system refused, in words that help.
    static func diagnostic(_ error: FileError, _ path: String) -> Diagnostic {
        let place = Place(file: path)
        if error.isNotFound { return Diagnostic("the file is not there", at: place) }
        if error.isEscape {
            return Diagnostic("links are not followed", at: place, fix: "put the file itself here")
        }
        if error.isNoFile {
            return Diagnostic("this is a pipe, a socket, a device or a folder, not a file", at: place)
        }
        if error.isForbidden {
            return Diagnostic("we may not read this", at: place, fix: "let the group of Wardpost read it")
        }
        var diagnostic = Diagnostic(error.description, at: place)
        diagnostic.mayPass = error.mayPass
        return diagnostic
    }
}
