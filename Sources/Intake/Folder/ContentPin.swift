public import Core
internal import OpenSSL

/// Makes a job's identity of its content: which files, under which names, with which bytes.
///
/// The digest is over one line a file, sorted by scope and name, and over the rows' attachments in row order. Every text
/// goes in with its length before it, so that no two contents make the same input.
public struct ContentPin: Sendable {
    /// Where a name was looked up.
    public enum Scope: String, Sendable {
        /// In the job folder.
        case job
        /// In the site's templates.
        case site
    }

    private struct Entry: Hashable {
        var scope: String
        var name: String
        var size: Int64
        var digest: [UInt8]
    }

    private var entries: Set<Entry> = []
    private var attachments: [UInt8] = []

    /// A job without content.
    public init() {}

    /// Adds a pinned file; adding it twice changes nothing.
    public mutating func add(_ file: PinnedFile, _ scope: Scope = .job) {
        entries.insert(Entry(scope: scope.rawValue, name: file.name, size: file.size, digest: file.digest))
    }

    /// Adds what the rows name; see ``AttachmentPins/finish()``.
    public mutating func add(attachments digest: [UInt8]) {
        attachments = digest
    }

    /// SHA-256 over all that was added.
    public var digest: [UInt8] {
        var hasher = SHA256()
        hasher.update(Array("wardpost job content 1".utf8))
        let sorted = entries.sorted { ($0.scope, $0.name) < ($1.scope, $1.name) }
        for entry in sorted {
            Self.add(Array(entry.scope.utf8), to: &hasher)
            Self.add(Array(entry.name.utf8), to: &hasher)
            Self.add(bigEndian: UInt64(entry.size), to: &hasher)
            hasher.update(entry.digest)
        }
        Self.add(attachments, to: &hasher)
        return hasher.finalize()
    }

    /// The identity of this content's first run.
    public var jobID: JobID? {
        JobID(digest: digest)
    }

    private static func add(_ bytes: [UInt8], to hasher: inout SHA256) {
        add(bigEndian: UInt64(bytes.count), to: &hasher)
        hasher.update(bytes)
    }

    static func add(bigEndian number: UInt64, to hasher: inout SHA256) {
        hasher.update((0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) })
    }
}
