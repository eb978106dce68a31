internal import COpenSSL

/// Why a TLS session did not come to be, or ended.
public struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it is, for programs.
    public enum Code: String, Sendable {
        /// The certificate's chain ends in no trusted root, or a signature in it is wrong.
        case certificateUntrusted
        /// A certificate of the chain has expired.
        case certificateExpired
        /// A certificate of the chain is not valid yet.
        case certificateNotYetValid
        /// The dialled name is not among the certificate's SANs.
        case certificateName
        /// The certificate breaks another rule: key too small, signature too weak, wrong use, a rule of its issuer.
        case certificateRefused
        /// The handshake failed before a certificate could be judged: no common version or suite, or no TLS at all.
        case handshake
        /// The session broke after the handshake: a record that is not authentic, an alert, a forbidden message.
        case broken
        /// The stream ended without TLS's own end; somebody may have cut it.
        case truncated
        /// Bytes were to be sent or read where there is no session (yet, or any more).
        case notEstablished
        /// The name to be verified is no host name and no IP address.
        case invalidName
    }

    /// What kind of failure it is.
    public let code: Code
    /// A sentence with OpenSSL's own reason; never a byte of the session.
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// What a result of certificate verification other than `X509_V_OK` means.
    static func verification(_ result: Int) -> TLSError {
        let reason = unsafe X509_verify_cert_error_string(result).map { unsafe String(cString: $0) } ?? "unknown"
        let code: Code
        let sentence: String
        switch Int32(clamping: result) {
        case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CRL_HAS_EXPIRED:
            (code, sentence) = (.certificateExpired, "the server's certificate or its issuer's has expired")
        case X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CRL_NOT_YET_VALID:
            (code, sentence) = (.certificateNotYetValid, "the server's certificate or its issuer's is not valid yet")
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            (code, sentence) = (.certificateName, "the server's certificate does not name the server that was dialled")
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
            X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_CERT_SIGNATURE_FAILURE, X509_V_ERR_CERT_UNTRUSTED,
            X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
            (code, sentence) = (.certificateUntrusted, "the server's certificate leads to no trusted root")
        default:
            (code, sentence) = (.certificateRefused, "the server's certificate breaks a rule")
        }
        return TLSError(code, "\(sentence) (\(reason))")
    }
}
