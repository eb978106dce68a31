internal import COpenSSL

/// A small certificate authority in memory: for a new site's own tracking host, `demo`, `capture` and tests.
public struct CertificateAuthority: Sendable {
    private let certificate: Certificate
    private let key: Key
    /// What stands between a leaf and the root, nearest first; this authority included unless it is the root.
    private let intermediates: [Certificate]

    /// Limits that an authority puts on what it issues, and faults to see them refused.
    package struct Limits: Sendable {
        /// How many authorities may stand below this one.
        package var pathLength: Int?
        /// The only domain below which it may issue.
        package var permittedDomain: String?
        /// Whether the certificate says that it is an authority's.
        package var isAuthority = true
        /// The kind of its key.
        package var keyType = CertificateRequest.KeyType.p256

        package init() {}
    }

    /// Makes a root with a new P-256 key.
    public init(commonName: String, notBefore: Int64, notAfter: Int64) throws(OpenSSLError) {
        try self.init(commonName: commonName, notBefore: notBefore, notAfter: notAfter, limits: Limits())
    }

    package init(commonName: String, notBefore: Int64, notAfter: Int64, limits: Limits) throws(OpenSSLError) {
        key = Key(generating: limits.keyType)
        intermediates = []
        let builder = CertificateBuilder(commonName: commonName, notBefore: notBefore, notAfter: notAfter, key: key)
        try builder.makeAuthority(limits, issuer: nil)
        certificate = try builder.signed(by: key, digest: .sha256)
    }

    private init(certificate: Certificate, key: Key, intermediates: [Certificate]) {
        self.certificate = certificate
        self.key = key
        self.intermediates = intermediates
    }

    /// The authority's own certificate: for a root, what others trust.
    public var certificatePEM: [UInt8] {
        certificate.pem
    }

    /// Makes an authority below this one.
    package func intermediate(
        commonName: String,
        notBefore: Int64,
        notAfter: Int64,
        limits: Limits = Limits()
    ) throws(OpenSSLError) -> CertificateAuthority {
        let key = Key(generating: limits.keyType)
        let builder = CertificateBuilder(commonName: commonName, notBefore: notBefore, notAfter: notAfter, key: key)
        try builder.makeAuthority(limits, issuer: certificate)
        let certificate = try builder.signed(by: self.key, issuer: self.certificate, digest: .sha256)
        return CertificateAuthority(certificate: certificate, key: key, intermediates: [certificate] + intermediates)
    }

    /// Issues a certificate with a new key.
    public func issue(_ request: CertificateRequest) throws(OpenSSLError) -> IssuedCertificate {
        let key = Key(generating: request.keyType)
        let builder = CertificateBuilder(
            commonName: request.commonName ?? request.names.first ?? "Wardpost",
            notBefore: request.notBefore,
            notAfter: request.notAfter,
            key: key
        )
        try builder.makeLeaf(request, issuer: certificate)
        let leaf = try builder.signed(by: self.key, issuer: certificate, digest: request.digest)
        return IssuedCertificate(
            chainPEM: ([leaf] + intermediates).flatMap(\.pem),
            keyPEM: key.privatePEM
        )
    }
}
