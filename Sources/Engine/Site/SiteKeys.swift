import Core
import Files
import OpenSSL
import Tracking

/// The site's secrets, read from its key directory.
///
/// | file | what | who needs it |
/// | --- | --- | --- |
/// | `site.key` | 32 random bytes in hexadecimal: ledger chains, Message-IDs, address tags, return paths | the sending host |
/// | `tracking.key` | likewise, one or more of them: tokens and event logs; see ``TrackingKeyFile`` | the sending host and the tracking host |
/// | `records.pem` | P-256 private key that signs results | the sending host |
/// | `records.pub.pem` | its public half | everybody |
/// | `subscribe.pem` | P-256 private key that opens what people type into a list's form | the sending host |
/// | `subscribe.pub.pem` | its public half | the tracking host |
struct SiteKeys: Sendable {
    static let siteFile = "site.key"
    static let trackingFile = "tracking.key"
    static let signingFile = "records.pem"
    static let publicFile = "records.pub.pem"
    static let subscribeFile = "subscribe.pem"
    static let subscribePublicFile = "subscribe.pub.pem"
    static let byteCount = 32

    private let site: SecretBytes
    let signing: SigningKey

    /// The key of ledger chains.
    var ledger: SecretBytes { derive(from: site, "wardpost ledger") }
    /// The key of Message-IDs and MIME boundaries.
    var identity: SecretBytes { derive(from: site, "wardpost identity") }
    /// The key of address tags on the suppression list.
    var addressTag: SecretBytes { derive(from: site, "wardpost address tag") }
    /// The key of the suppression list's own chain.
    var suppression: SecretBytes { derive(from: site, "wardpost suppression") }
    /// The key of the tags by which the index of reports knows rows' keys and mailboxes.
    var index: SecretBytes { derive(from: site, "wardpost index") }
    /// The key of the records of lists' subscribers.
    var subscribers: SecretBytes { derive(from: site, "wardpost subscribers") }
    /// The key of the proofs in confirmation links, which the tracking host does not have.
    var confirmation: SecretBytes { derive(from: site, "wardpost confirmation") }
    /// The key of return paths.
    var returnPath: SecretBytes { derive(from: site, "wardpost return path") }
    /// The keys of tokens in links and of event logs, which may be replaced while we run.
    let ring: TokenKeyRing
    /// The same as they are now; a file that cannot be used leaves those in force that were there.
    var tokens: TokenKeys {
        try? ring.refresh()
        return ring.current
    }

    /// Reads all keys; refuses a directory or a file that others can read or write.
    ///
    /// `validDays` is for how long opens and clicks under a replaced token key go on working.
    init(
        in directory: Directory,
        name: String,
        validDays: Int = TokenKeys.defaultValidDays
    ) throws(EngineError) {
        try Self.checkPrivate(try Self.status(directory), name)
        site = try Self.secret(Self.siteFile, in: directory, name)
        ring = try Self.trackingRing(in: directory, name: name, validDays: validDays)
        let pem = try Self.file(Self.signingFile, in: directory, name)
        do {
            signing = try SigningKey(pem: SecretBytes(copying: pem))
        } catch {
            throw EngineError(.configuration, "\(error)", at: Place(file: "\(name)/\(Self.signingFile)"))
        }
        // Read by who opens subscriptions only, but a key that others can read is told of at once. Older sites have none.
        if let status = try? directory.status(of: Self.subscribeFile) {
            try Self.checkPrivate(status, "\(name)/\(Self.subscribeFile)")
        }
    }

    /// The keys of a host that only tracks: one file, `tracking.key`, which is read again when it changes.
    static func trackingKeys(
        in directory: Directory,
        name: String,
        validDays: Int = TokenKeys.defaultValidDays
    ) throws(EngineError) -> TokenKeyRing {
        try checkPrivate(try status(directory), name)
        return try trackingRing(in: directory, name: name, validDays: validDays)
    }

    /// What `tracking.key` holds.
    static func trackingFile(in directory: Directory, name: String) throws(EngineError) -> TrackingKeyFile {
        guard let file = TrackingKeyFile(try self.file(trackingFile, in: directory, name)) else {
            throw EngineError(
                .configuration,
                "a line is not a key of \(byteCount) bytes in hexadecimal with its number and time before it",
                at: Place(file: "\(name)/\(trackingFile)"),
                fix: "put the file back from its backup"
            )
        }
        return file
    }

    /// Makes new keys in an empty key directory.
    static func create(in directory: Directory) throws {
        for name in [siteFile, trackingFile] {
            let secret = Hex.encode(Random.bytes(byteCount)) + "\n"
            try directory.replace(name, permissions: 0o600) { try $0.append(secret) }
        }
        let key = SigningKey.generate()
        try directory.replace(signingFile, permissions: 0o600) { try $0.append(key.pem.exposedCopy()) }
        try directory.replace(publicFile, permissions: 0o644) { try $0.append(key.publicPEM) }
        try createSubscribe(in: directory)
    }

    private func derive(from secret: SecretBytes, _ purpose: String) -> SecretBytes {
        Self.derive(from: secret, purpose)
    }

    /// One key for one purpose: HMAC-SHA256 of the purpose's name under the root secret (SP 800-108, one block).
    private static func derive(from secret: SecretBytes, _ purpose: String) -> SecretBytes {
        SecretBytes(copying: HMACSHA256(key: secret).tag(of: Array(purpose.utf8)))
    }

    private static func secret(
        _ file: String,
        in directory: Directory,
        _ name: String
    ) throws(EngineError) -> SecretBytes {
        let text = try self.file(file, in: directory, name)
        let digits = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard digits.count == 1, let bytes = Hex.decode(digits[0]), bytes.count == byteCount else {
            throw EngineError(
                .configuration,
                "this is not a key of \(byteCount) bytes in hexadecimal",
                at: Place(file: "\(name)/\(file)"),
                fix: "put the key back from its backup"
            )
        }
        return SecretBytes(copying: bytes)
    }

    static func file(_ file: String, in directory: Directory, _ name: String) throws(EngineError) -> [UInt8] {
        let place = Place(file: "\(name)/\(file)")
        do {
            try checkPrivate(try directory.openRegular(file).status(), place.file)
            return try directory.read(file, limit: 1 << 16)
        } catch let error as FileError {
            throw keyProblem(error, file, name)
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.configuration, "\(error)", at: place)
        }
    }

    static func keyProblem(_ error: FileError, _ file: String, _ name: String) -> EngineError {
        EngineError(
            .configuration,
            "\(error)",
            at: Place(file: "\(name)/\(file)"),
            fix: error.isNotFound ? "`wardpost init` makes keys for a new site; put back those of an old one" : ""
        )
    }

    private static func status(_ directory: Directory) throws(EngineError) -> FileStatus {
        do {
            return try directory.status()
        } catch {
            throw EngineError(.configuration, "\(error)")
        }
    }

    static func checkPrivate(_ status: FileStatus, _ name: String) throws(EngineError) {
        guard status.permissions & 0o077 != 0 else { return }
        throw EngineError(
            .configuration,
            "others than its owner can read or write it",
            at: Place(file: name),
            fix: "chmod \(status.kind == .directory ? "700" : "600") \(name)"
        )
    }
}
