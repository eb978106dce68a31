/// Writes a file through a buffer; what it takes can be watched, so that a digest costs no second reading.
public struct FileWriter: ~Copyable {
    private static let capacity = 1 << 16
    private let descriptor: Descriptor
    private var buffer: [UInt8] = []
    private let tap: (([UInt8]) -> Void)?
    /// How many bytes were taken.
    public private(set) var count = 0

    init(_ descriptor: Descriptor, tap: (([UInt8]) -> Void)?) {
        self.descriptor = descriptor
        self.tap = tap
        buffer.reserveCapacity(Self.capacity + 4_096)
    }

    /// Appends bytes.
    public mutating func append(_ bytes: some Sequence<UInt8>) throws(FileError) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.capacity { try flush() }
    }

    /// Appends a text as UTF-8.
    public mutating func append(_ text: String) throws(FileError) {
        try append(text.utf8)
    }

    mutating func flush() throws(FileError) {
        guard !buffer.isEmpty else { return }
        tap?(buffer)
        count += buffer.count
        try descriptor.write(buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}

extension Directory {
    /// Throws if a file could not be replaced here: makes one under a temporary name, writes to it, and removes it.
    public func probe(_ name: String) throws(FileError) {
        let temporary = Self.temporaryName(for: name)
        let file = try create(temporary)
        defer { try? discard(temporary) }
        try file.write(Array(name.utf8))
    }

    /// How much of a replacement is on the disk when it is done.
    public enum Durability: Sendable {
        /// The file and its name.
        case full
        /// The file. A crash may bring the old one back, whole, until something else syncs the directory.
        case content
        /// Nothing. A crash may leave the old file, the new one, or an empty one: for what is soon written again.
        case none
    }

    /// Replaces a file as a whole: written under a temporary name in this directory, synced, renamed, the directory
    /// synced; less of that where less durability will do.
    ///
    /// A reader sees the old file or the new one; on any error the old one stays and nothing else does.
    ///
    /// - Parameters:
    ///   - name: The file's name, without slashes. A link of that name is replaced, never followed.
    ///   - permissions: The new file's permission bits.
    ///   - durability: How much is on the disk when it is done.
    ///   - tap: Sees every byte on its way, in blocks.
    ///   - body: Writes the content.
    public func replace(
        _ name: String,
        permissions: UInt32 = 0o644,
        durability: Durability = .full,
        tap: (([UInt8]) -> Void)? = nil,
        _ body: (inout FileWriter) throws -> Void
    ) throws {
        let temporary = Self.temporaryName(for: name)
        let file = try create(temporary, permissions: permissions)
        do {
            // The mode given at creation is cut by the umask.
            try file.setPermissions(permissions)
            var writer = FileWriter(file, tap: tap)
            try body(&writer)
            try writer.flush()
            if durability != .none { try file.sync() }
            try rename(temporary, to: name)
        } catch {
            try? discard(temporary)
            throw error
        }
        if durability == .full { try sync() }
    }
}
