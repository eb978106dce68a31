public import Files
public import OpenSSL

/// A list's record, `outbox/lists/LIST.jsonl`: what became of each wish, and who subscribed.
///
/// Only ever appended to, its lines chained under a key; mode 0600, since it holds subscribers' addresses.
public struct SubscriptionFile: Sendable {
    /// What its name ends with.
    public static let suffix = ".jsonl"

    /// The list.
    public let list: String
    private let file: ChainedFile

    /// Names a list's record; the file is made when something is appended.
    ///
    /// - Parameters:
    ///   - list: The list.
    ///   - directory: `outbox/lists`.
    ///   - key: The site's key of these records.
    public init(_ list: String, in directory: Directory, key: SecretBytes) {
        self.list = list
        let own = HMACSHA256(key: key).tag(of: Array("list \(list)".utf8))
        file = ChainedFile(
            directory: directory,
            name: list + Self.suffix,
            format: "subscribers",
            key: HMACSHA256(key: SecretBytes(copying: own))
        )
    }

    /// Appends records and returns when they are on the disk.
    ///
    /// - Parameters:
    ///   - records: What happened.
    ///   - isAllowed: Asked when nobody else can write and nothing is written yet; may throw.
    public func append(_ records: [SubscriptionRecord], isAllowed: () throws -> Void = {}) throws {
        guard !records.isEmpty else { return }
        let held = try file.hold()
        try isAllowed()
        _ = try file.append(to: held) { add in
            for record in records { try add { record.appendMembers(to: &$0) } }
        }
    }

    /// Reads the record from its start, now and as it grows.
    public func reader() -> Reader {
        Reader(directory: file.directory, file.follower)
    }

    /// Follows a record from look to look.
    public final class Reader {
        /// How many lines were left out because they are damaged or forged.
        public private(set) var faults = 0
        /// The first of them, for a person.
        public private(set) var firstFault: ChainFault?
        private let directory: Directory
        private var follower: ChainFollower

        init(directory: Directory, _ follower: consuming ChainFollower) {
            self.directory = directory
            self.follower = follower
        }

        /// Hands over each new record, in order.
        public func poll(_ body: (SubscriptionRecord) -> Void) throws {
            var found: [ChainFault] = []
            try follower.poll(in: directory) {
                found.append($0)
            } _: { line in
                if let record = SubscriptionRecord(line) { body(record) }
            }
            faults += found.count
            firstFault = firstFault ?? found.first
        }
    }
}
