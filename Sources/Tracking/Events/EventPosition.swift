/// How far one file of events was read, for whoever goes on in another process.
public struct EventPosition: Hashable, Sendable {
    /// The file's name.
    public var file: String
    /// Where the next line begins, in bytes.
    public var offset: Int64
    /// The `mac` from which the chain goes on.
    public var mac: [UInt8]
    /// A digest of what stands just before that place: by it another file of that name is known.
    public var mark: [UInt8]
    /// Whether the place is inside a line that is too long to be ours.
    public var isInsideLine: Bool

    /// Describes a place.
    public init(file: String, offset: Int64, mac: [UInt8], mark: [UInt8], isInsideLine: Bool = false) {
        self.file = file
        self.offset = offset
        self.mac = mac
        self.mark = mark
        self.isInsideLine = isInsideLine
    }
}

/// A file of events is not the one that was read before, or is gone.
public struct EventsReplaced: Error, Hashable, Sendable {
    /// The file's name.
    public let file: String
}
