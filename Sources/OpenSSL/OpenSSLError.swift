/// A key or a certificate that cannot be used.
///
/// TLS has an error type of its own, ``TLSError``.
public struct OpenSSLError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it is, for programs.
    public enum Code: String, Sendable {
        /// The bytes hold no private key.
        case privateKeyUnreadable
        /// The private key is protected by a passphrase, and nobody is there to type it.
        case privateKeyEncrypted
        /// The bytes hold no public key.
        case publicKeyUnreadable
        /// The key is of another kind than what it is wanted for.
        case wrongKeyType
        /// The key is shorter than what is safe, or longer than what others must be able to check.
        case keySize
        /// The bytes hold no certificate.
        case certificateUnreadable
        /// The certificate can be read, and is of no use: out of its dates, or for something else.
        case certificateUnusable
        /// The private key is not the certificate's.
        case keyMismatch
        /// The FIPS provider is not there, or not in order.
        case fipsUnavailable
        /// What was asked for cannot be set up.
        case unsupported
    }

    /// What kind of failure it is.
    public let code: Code
    /// A sentence that says what is wrong and what to do; never any byte of a key.
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
