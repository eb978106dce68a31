internal import COpenSSL

/// What a server shows to those who connect, as far as its file tells.
public enum ServerCertificate {
    /// Whether the first certificate of a PEM chain names a host among its SANs, as a TLS client looks for it (RFC 9525).
    ///
    /// - Parameters:
    ///   - host: A DNS name with A-labels, or an IP address.
    ///   - chainPEM: The certificates, the server's own first.
    public static func names(_ host: String, chainPEM: [UInt8]) throws(OpenSSLError) -> Bool {
        guard let leaf = try PEM.certificates(chainPEM).first else { return false }
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        let flags = UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
        return unsafe leaf.withPointer { leaf in
            let isName = unsafe X509_check_host(leaf, host, host.utf8.count, flags, nil) == 1
            return unsafe isName || X509_check_ip_asc(leaf, host, flags) == 1
        }
    }
}
