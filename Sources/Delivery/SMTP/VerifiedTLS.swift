import Core
import OpenSSL

/// The proof that a TLS session is up and its server verified.
///
/// Only an engine in that state gives one.
struct VerifiedTLS: Hashable, Sendable {
    /// What a report says about the session.
    let evidence: TLSEvidence

    /// Takes the facts off an engine; `nil` unless its handshake is done and its server verified.
    init?(of engine: TLSEngine, trust: RouteSettings.Trust) {
        guard let session = engine.session, session.isVerified else { return nil }
        let verification: TLSVerification =
            switch trust {
            case .system: .pkix
            case .pem: .pinned
            }
        evidence = TLSEvidence(
            scope: .relay,
            version: session.version,
            cipher: session.cipher,
            verification: verification
        )
    }
}
