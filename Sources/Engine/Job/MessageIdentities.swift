import Compose
import Core
import OpenSSL

/// A job's Message-IDs and boundaries: derived from job and row under the site's key.
struct MessageIdentities: Sendable {
    private let key: HMACSHA256
    private let job: [UInt8]
    private let domain: String

    init(key: SecretBytes, job: JobID, domain: String) {
        self.key = HMACSHA256(key: key)
        self.job = Array("\(job)".utf8)
        self.domain = domain
    }

    /// The same at every attempt.
    func identity(of row: RowNumber) -> MessageIdentity {
        var text = job
        text.append(0)
        for shift in [24, 16, 8, 0] { text.append(UInt8(truncatingIfNeeded: row.value >> UInt32(shift))) }
        guard let identity = MessageIdentity(digest: key.tag(of: text), domain: domain) else {
            preconditionFailure("a SHA-256 digest is long enough")
        }
        return identity
    }

    /// Without angle brackets.
    func messageID(of row: RowNumber) -> String {
        identity(of: row).messageID
    }
}
