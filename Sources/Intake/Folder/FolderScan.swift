public import Core
public import Files

/// A file that a job needs before it can be taken up; any one of the names will do.
public struct RequiredFile: Hashable, Sendable {
    /// The names, relative to the job folder.
    public var anyOf: [String]

    /// One of these must be there.
    public init(anyOf names: [String]) {
        anyOf = names
    }

    /// This must be there.
    public init(_ name: String) {
        anyOf = [name]
    }
}

/// Watches one folder of the drop area from scan to scan, until it can be taken up.
///
/// It is complete when the manifest and every file that it names are there and no name looks like an unfinished transfer. It
/// is settled when `READY` is there, or when nothing in it (names, sizes, times, inodes) differed between scans for the settle
/// time by our own monotonic clock: the clocks of a share and of its clients are not compared with ours.
public struct FolderScan: Sendable {
    /// Where the folder stands.
    public enum State: Equatable, Sendable {
        /// There is no such folder.
        case gone
        /// It cannot be a job: a link, not a folder, not readable, or everybody's.
        case refused(Diagnostic)
        /// Something is missing or still being uploaded; the clause says what.
        case incomplete(String)
        /// Complete; taken up at this moment if nothing changes.
        case settling(until: ContinuousClock.Instant)
        /// Complete and settled.
        case ready
        /// A marker says that the job ended.
        case finished(JobFiles.Marker)
    }

    /// Folders deeper than this are refused.
    private static let depth = 16

    private let jobs: Directory
    /// The folder's name in `jobs/`.
    public let name: String
    private var print: Fingerprint?
    private var since: ContinuousClock.Instant?

    /// Starts to watch a folder.
    public init(_ name: String, in jobs: Directory) {
        self.name = name
        self.jobs = jobs
    }

    /// Looks at the folder.
    ///
    /// - Parameters:
    ///   - settle: How long nothing may change.
    ///   - now: The moment, by the caller's monotonic clock.
    ///   - required: Reads the manifest and gives the files that it names; `nil` while it cannot be read, in which case
    ///     the folder is ready once it settled, for the check to say what is wrong with it.
    public mutating func state(
        settle: Duration,
        now: ContinuousClock.Instant,
        required: (JobFolder) throws -> [RequiredFile]?
    ) rethrows -> State {
        let folder: JobFolder
        do throws(Diagnostic) {
            guard try kind() != nil else { return .gone }
            folder = try JobFolder(name, in: jobs)
        } catch let refusal {
            // It may have gone between the two looks.
            do { if try kind() == nil { return .gone } } catch {}
            return .refused(refusal)
        }
        if let marker = folder.marker { return .finished(marker) }
        var found = Fingerprint()
        do {
            try Self.add(folder.directory, below: "", depth: 0, to: &found)
        } catch {
            // Most often a file went while we looked: the upload goes on.
            restart(now)
            return error.isForbidden
                ? .refused(JobFolder.diagnostic(error, name)) : .incomplete("the folder changes while it is read")
        }
        if found != print {
            print = found
            restart(now)
        }
        if found.isTooDeep { return .refused(Diagnostic("folders are nested too deep", at: Place(file: name))) }
        if let unfinished = found.unfinished {
            return .incomplete("\(unfinished) looks like an unfinished transfer")
        }
        guard Self.isThere(JobFiles.manifest, in: folder) else { return .incomplete("manifest.yaml is not there yet") }
        for file in try required(folder) ?? [] where !file.anyOf.contains(where: { Self.isThere($0, in: folder) }) {
            return .incomplete("\(file.anyOf.joined(separator: " or ")) is not there yet")
        }
        if folder.has(.ready) { return .ready }
        let until = (since ?? now) + settle
        return now >= until ? .ready : .settling(until: until)
    }

    private func kind() throws(Diagnostic) -> FileStatus.Kind? {
        do throws(FileError) {
            guard let status = try jobs.status(of: name) else { return nil }
            if status.kind == .directory { return .directory }
        } catch {
            throw JobFolder.diagnostic(error, name)
        }
        throw Diagnostic("this is not a folder", at: Place(file: name))
    }

    private mutating func restart(_ now: ContinuousClock.Instant) {
        since = now
    }

    private static func isThere(_ path: String, in folder: JobFolder) -> Bool {
        // A name that will be refused is not waited for.
        guard JobFiles.objection(to: path) == nil else { return true }
        return ((try? folder.directory.status(of: path)) ?? nil) != nil
    }

    private static func add(
        _ directory: Directory,
        below path: String,
        depth: Int,
        to print: inout Fingerprint
    ) throws(FileError) {
        try directory.forEachName { (name) throws(FileError) in
            guard depth > 0 || JobFiles.isContent(name) else { return }
            guard let status = try directory.status(of: name) else { return }
            let full = path + name
            print.add(full, status, isUnfinished: JobFiles.isUnfinished(name))
            guard status.kind == .directory else { return }
            if depth >= Self.depth {
                print.isTooDeep = true
                return
            }
            try add(try directory.open(subdirectory: name), below: full + "/", depth: depth + 1, to: &print)
        }
    }

    /// What a folder looked like, in a few bytes however many files it has: sums do not depend on the order of names.
    private struct Fingerprint: Equatable {
        private var count = 0
        private var sums: (UInt64, UInt64) = (0, 0)
        var unfinished: String?
        var isTooDeep = false

        mutating func add(_ path: String, _ status: FileStatus, isUnfinished: Bool) {
            count += 1
            if isUnfinished, path < unfinished ?? "\u{10FFFF}" { unfinished = path }
            var hasher = Hasher()
            hasher.combine(path)
            hasher.combine(status.kind)
            hasher.combine(status.inode)
            // A folder's own size and time change with the files in it, ours included.
            if status.kind != .directory {
                hasher.combine(status.size)
                hasher.combine(status.modified)
            }
            var second = hasher
            second.combine(1)
            sums.0 &+= UInt64(bitPattern: Int64(hasher.finalize()))
            sums.1 &+= UInt64(bitPattern: Int64(second.finalize()))
        }

        static func == (left: Self, right: Self) -> Bool {
            left.count == right.count && left.sums == right.sums
        }
    }
}
