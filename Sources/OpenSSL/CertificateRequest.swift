/// What a certificate shall say; the defaults make a good one for a server.
public struct CertificateRequest: Sendable {
    /// The kind of key a certificate has.
    public enum KeyType: Sendable {
        /// EC on P-256.
        case p256
        /// RSA with 2048 bits.
        case rsa2048
        /// RSA with 1024 bits, which clients refuse.
        case rsa1024
    }

    /// What the certificate may be used for.
    public enum Usage: String, Sendable {
        /// TLS servers.
        case server = "serverAuth"
        /// TLS clients.
        case client = "clientAuth"
    }

    /// The digest that its issuer signs.
    public enum Digest: Sendable {
        /// SHA-256.
        case sha256
        /// SHA-1, which clients refuse.
        case sha1
        /// MD5, which clients refuse.
        case md5
    }

    /// The SANs: host names, and addresses in their text form.
    public var names: [String]
    /// From when it is valid, in seconds since 1970.
    public var notBefore: Int64
    /// Until when it is valid, in seconds since 1970.
    public var notAfter: Int64
    /// The kind of key.
    public var keyType: KeyType
    /// The subject's common name, which proves nothing; the first SAN otherwise.
    public var commonName: String?
    /// What it may be used for.
    public var usages: [Usage]

    // Only to see them refused:

    /// Host names that stand in the SANs as they are, addresses included.
    package var rawNames: [[UInt8]] = []
    package var digest: Digest = .sha256
    /// An extension that no client knows, marked critical.
    package var hasUnknownCriticalExtension = false

    /// Asks for a server's certificate.
    public init(
        names: [String],
        notBefore: Int64,
        notAfter: Int64,
        keyType: KeyType = .p256,
        commonName: String? = nil,
        usages: [Usage] = [.server]
    ) {
        self.names = names
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.keyType = keyType
        self.commonName = commonName
        self.usages = usages
    }
}

/// A certificate that was issued, with its key.
public struct IssuedCertificate: Sendable {
    /// The certificate, and behind it its issuers without the root: what a server shows.
    public let chainPEM: [UInt8]
    /// The private key as PKCS #8.
    public let keyPEM: SecretBytes

    package init(chainPEM: [UInt8], keyPEM: SecretBytes) {
        self.chainPEM = chainPEM
        self.keyPEM = keyPEM
    }
}
