internal import Core
public import Files
internal import Glibc
public import OpenSSL

/// The suppression list's file, `outbox/suppression.jsonl`: only ever appended to, its lines chained under a key, and signed.
///
/// Several processes may append (``ChainedFile``). Mode 0600, since staff type addresses into it.
public struct SuppressionFile: Sendable {
    /// The file's name in the outbox.
    public static let name = "suppression.jsonl"
    /// The name of the signature over the whole of it.
    public static let signatureName = name + ".sig"
    private static let format = "suppression"
    static let keyUse = "wardpost suppression list v1"

    /// Why nothing was appended.
    public typealias Refused = AppendRefused

    let file: ChainedFile
    let signer: SigningKey?
    var outbox: Directory { file.directory }
    var key: HMACSHA256 { file.key }

    /// Names the file; it is made when something is appended.
    ///
    /// - Parameters:
    ///   - outbox: The site's `outbox`.
    ///   - key: The site's suppression key, the same that address tags are made with.
    ///   - signer: Signs the file for those who have no key of ours; it has no signature without it.
    public init(outbox: Directory, key: SecretBytes, signer: SigningKey? = nil) {
        file = ChainedFile(
            directory: outbox,
            name: Self.name,
            format: Self.format,
            key: Self.derived(key),
            remedy: "`wardpost suppress mend` puts it right",
            blockSize: 65_536
        )
        self.signer = signer
    }

    /// Appends records and returns when they are on the disk; how many there were.
    ///
    /// They are written as they come, so that an import of any length takes little memory. If one cannot be written, the
    /// ones before it may be on the list.
    ///
    /// - Parameters:
    ///   - records: The records.
    ///   - signs: Whether the file is signed afterwards, which reads it once; who appends several times signs at the end.
    @discardableResult
    public func append(_ records: some Sequence<SuppressionRecord>, signs: Bool = true) throws -> Int {
        let appended = try file.append(to: try file.hold()) { add in
            for record in records { try add { record.appendMembers(to: &$0) } }
        }
        if signs { try sign(appended) }
        return appended.lines
    }

    /// How long the file is; 0 if there is none.
    public var length: Int64 {
        get throws { try outbox.status(of: Self.name)?.size ?? 0 }
    }

    /// Signs the file after several additions.
    ///
    /// - Parameter before: How long it was before the first of them.
    public func sign(behind before: Int64) throws {
        try sign(try file.hold(), behind: before, isNew: before == 0)
    }

    static func derived(_ key: SecretBytes) -> HMACSHA256 {
        HMACSHA256(key: SecretBytes(copying: HMACSHA256(key: key).tag(of: Array(keyUse.utf8))))
    }

    static func follower(_ key: HMACSHA256, from start: ChainCheckpoint? = nil) -> ChainFollower {
        ChainFollower(name: name, format: format, from: start) { _ in key }
    }
}
