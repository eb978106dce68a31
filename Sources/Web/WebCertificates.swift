package import OpenSSL
internal import Synchronization

/// A name of the server's, and what proves it.
package struct WebIdentity: Sendable {
    /// The host name, in lower case.
    package var name: String
    /// The certificate chain in PEM form, the server's own first.
    package var certificatePEM: [UInt8]
    /// The certificate's private key in PEM form.
    package var keyPEM: SecretBytes

    /// Collects an identity.
    package init(name: String, certificatePEM: [UInt8], keyPEM: SecretBytes) {
        self.name = name
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
    }
}

/// The certificates that new connections are shown; running ones keep theirs.
package final class WebCertificates: Sendable {
    private let current: Mutex<TLSServerNames>

    /// Takes the server's names, the first of them for clients that name none.
    package init(_ identities: [WebIdentity]) throws(OpenSSLError) {
        current = Mutex(try Self.names(identities))
    }

    /// Shows others from now on, if all of them can be used.
    package func replace(_ identities: [WebIdentity]) throws(OpenSSLError) {
        let names = try Self.names(identities)
        current.withLock { $0 = names }
    }

    func engine() -> TLSEngine {
        TLSEngine(current.withLock { $0 })
    }

    private static func names(_ identities: [WebIdentity]) throws(OpenSSLError) -> TLSServerNames {
        var options = TLSServerContext.Options()
        options.offersWeb = true
        options.givesTickets = true
        var fallback: TLSServerContext?
        var names: [String: TLSServerContext] = [:]
        for identity in identities {
            let context = try TLSServerContext(
                certificateChainPEM: identity.certificatePEM,
                keyPEM: identity.keyPEM,
                options: options
            )
            if let _ = fallback { names[identity.name] = context } else { fallback = context }
        }
        guard let fallback else { preconditionFailure("a server has a name") }
        for identity in identities.prefix(1) { names[identity.name] = nil }
        return TLSServerNames(fallback: fallback, names: names)
    }
}
