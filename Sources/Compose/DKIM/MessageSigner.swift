public import Core
public import OpenSSL

/// Signs messages for a domain by DKIM (RFC 6376, RFC 8463): one signature for each key.
///
/// A pure function of the message, the keys and the moment: neither algorithm takes a random number, so a message gets the
/// same signatures at every attempt.
public struct MessageSigner: Sendable {
    /// A private key, and the name under which its public half stands below the domain.
    public struct Key: Sendable {
        /// The selector: `S` for a record at `S._domainkey.DOMAIN`.
        public var selector: String
        /// The key.
        public var key: MailSigningKey

        /// Joins a key and its selector.
        public init(selector: String, key: MailSigningKey) {
            self.selector = selector
            self.key = key
        }
    }

    /// The most that signatures add to a message: room for an RSA key of 4,096 bits, an Ed25519 key and long names.
    static let mostOctets = 5_000

    /// The domain that answers for the message: the From's own, so that DMARC finds them aligned.
    public let domain: String
    /// The keys in the order of their fields.
    private let signatures: [(key: MailSigningKey, field: SignatureField)]

    /// Prepares to sign.
    ///
    /// Whatever their order here, RSA comes first in the message: every verifier knows it, and one that looks at the first
    /// signature only, or gives up at an algorithm that it does not know, finds what it can check.
    public init(domain: String, keys: [Key]) {
        self.domain = domain
        let ordered = keys.filter { $0.key.kind == .rsa } + keys.filter { $0.key.kind != .rsa }
        signatures = ordered.map { key in
            var field = SignatureField()
            field.append("v", "1")
            field.append("a", key.key.kind.algorithm)
            field.append("c", "relaxed/relaxed")
            field.append("d", domain)
            field.append("s", key.selector)
            return (key.key, field)
        }
    }

    /// Puts the signatures in front of a finished message.
    ///
    /// - Parameters:
    ///   - message: Header and body; every line ends with CRLF.
    ///   - moment: What `t=` says. There is no `x=`: a row may wait for days, and what is kept must stay provable.
    public func sign(_ message: inout [UInt8], at moment: Timestamp) {
        message.insert(contentsOf: fields(for: message, at: moment), at: 0)
    }

    /// The signatures' header fields.
    public func fields(for message: [UInt8], at moment: Timestamp) -> [UInt8] {
        var bodyStart = 0
        let signed = SignedFields(HeaderField.all(in: message, bodyStart: &bodyStart), of: message)
        var hasher = SHA256()
        RelaxedBody.hash(message, from: bodyStart, into: &hasher)
        let bodyHash = hasher.finalize()
        let time = String(max(0, moment.seconds))
        var output: [UInt8] = []
        var canonical: [UInt8] = []
        for signature in signatures {
            var field = signature.field
            field.append("t", time)
            field.append(names: signed.names)
            field.append(bodyHash: bodyHash)
            // What is signed last is this field itself, with an empty `b=` and no CRLF (section 3.7).
            canonical.removeAll(keepingCapacity: true)
            let own = HeaderField(name: 0..<14, value: 15..<field.bytes.count)
            RelaxedHeader.append(own, of: field.bytes, to: &canonical)
            canonical.removeLast(2)
            hasher.update(signed.canonical)
            hasher.update(canonical)
            field.append(signature: signature.key.sign(digest: hasher.finalize()))
            output += field.bytes
        }
        return output
    }
}
