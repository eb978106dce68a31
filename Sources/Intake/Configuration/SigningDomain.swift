public import Core
public import OpenSSL
import YAML

/// A domain whose mail is signed by DKIM, and the names under which its public keys stand in the DNS.
public struct SigningDomain: Hashable, Sendable {
    /// The domain: A-labels, lower case.
    public var domain: Placed<String>
    /// What the records' names start with.
    public var selector: Placed<String>
    /// Which keys sign.
    public var kinds: [MailSigningKey.Kind]

    /// Creates a domain; its keys are of both kinds unless fewer are named.
    public init(domain: Placed<String>, selector: Placed<String>, kinds: [MailSigningKey.Kind] = [.rsa, .ed25519]) {
        self.domain = domain
        self.selector = selector
        self.kinds = kinds
    }

    /// The selector of a key.
    ///
    /// One name can have one record only (RFC 6376 section 3.6.2.2), so the Ed25519 key gets a name of its own.
    public func selector(of kind: MailSigningKey.Kind) -> String {
        kind == .rsa ? selector.value : "\(selector.value)-\(kind.rawValue)"
    }

    /// The name of a key's TXT record, without a dot at its end.
    public func recordName(of kind: MailSigningKey.Kind) -> String {
        "\(selector(of: kind))._domainkey.\(domain.value)"
    }

    /// What is wrong with a selector for a domain, as a clause; `nil` if nothing is.
    public static func problem(selector: String, domain: String) -> String? {
        let labels = selector.split(separator: ".", omittingEmptySubsequences: false)
        let isGood = labels.allSatisfy { label in
            label.first != "-" && label.last != "-" && !label.isEmpty
                && label.utf8.allSatisfy { byte in
                    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
                }
        }
        guard isGood else { return "it may have lower-case letters, digits, inner hyphens and dots between" }
        let named = SigningDomain(
            domain: Placed(domain, at: Place(file: "")),
            selector: Placed(selector, at: Place(file: ""))
        )
        // `.pem` behind the name makes a file's, which can have 255 octets; a name of the DNS can have 253.
        let fits = named.selector(of: .ed25519).split(separator: ".").allSatisfy { $0.utf8.count <= 63 }
        guard fits, named.recordName(of: .ed25519).utf8.count <= 250 else {
            return "it makes a name that is too long for the DNS"
        }
        return nil
    }
}

extension SiteConfiguration {
    /// What is signed by DKIM, and whether everything must be.
    public struct DKIM: Hashable, Sendable {
        /// The domains that have keys.
        public var domains: [SigningDomain]
        /// Whether a job from another domain is refused.
        public var isRequired: Bool

        /// The keys of a domain; `nil` if it has none.
        public subscript(domain: String) -> SigningDomain? {
            domains.first { $0.domain.value == domain }
        }
    }

    /// Reads `dkim`: domains, and beside them `require`, which no domain can be called, having no dot.
    static func dkim(_ reader: MappingReader, fromDomains: [String]) -> DKIM? {
        guard reader.keyPlace("dkim") != nil else { return nil }
        let pairs = reader.entries("dkim", example: "riverside.example: {selector: wp2026}")
        var isRequired = false
        if pairs.contains(where: { $0.key.value == "require" }) {
            let fields = reader.mapping("dkim", known: pairs.map(\.key.value))
            isRequired = fields?.flag("require")?.value ?? false
        }
        var domains: [SigningDomain] = []
        for pair in pairs where pair.key.value != "require" {
            guard let domain = signingDomain(pair.key, reader, fromDomains) else { continue }
            if domains.contains(where: { $0.domain.value == domain.value }) {
                reader.problems.report("\(Words.quoted(domain.value)) stands twice in \"dkim\"", at: domain.place)
                continue
            }
            let known = ["selector", "keys"]
            guard
                let keys = MappingReader(
                    pair.value,
                    path: "dkim.\(pair.key.value)",
                    at: pair.key.place,
                    known: known,
                    problems: reader.problems
                )
            else { continue }
            let kinds = kinds(keys)
            guard let selector = keys.text("selector", required: true) else { continue }
            if let problem = SigningDomain.problem(selector: selector.value, domain: domain.value) {
                reader.problems.report(
                    "\(keys.name("selector")) cannot be \(Words.quoted(selector.value)): \(problem)",
                    at: selector.place,
                    fix: "write a short name with a date in it, such as wp2026"
                )
                continue
            }
            domains.append(SigningDomain(domain: domain, selector: selector, kinds: kinds))
        }
        return DKIM(domains: domains, isRequired: isRequired)
    }

    private static func signingDomain(
        _ key: Placed<String>,
        _ reader: MappingReader,
        _ fromDomains: [String]
    ) -> Placed<String>? {
        guard let domain = try? AddressParser.parse(domain: key.value) else {
            reader.problems.report(
                "\(Words.quoted(key.value)) in \"dkim\" is no domain",
                at: key.place,
                fix: Words.suggestion(for: key.value, in: fromDomains + ["require"], named: "name one of")
            )
            return nil
        }
        guard fromDomains.contains(domain) else {
            reader.problems.report(
                "\(Words.quoted(domain)) is not among \"from_domains\", so nothing is sent from it",
                at: key.place,
                fix: Words.suggestion(for: domain, in: fromDomains, named: "there is")
            )
            return nil
        }
        return Placed(domain, at: key.place)
    }

    private static func kinds(_ reader: MappingReader) -> [MailSigningKey.Kind] {
        let all = MailSigningKey.Kind.allCases
        guard let place = reader.keyPlace("keys") else { return all }
        let words = reader.texts("keys", of: "kinds of keys", required: true)
        let kinds = words.compactMap { word -> MailSigningKey.Kind? in
            if let kind = MailSigningKey.Kind(rawValue: word.value) { return kind }
            let known = all.map(\.rawValue)
            reader.wrong(
                "each of \(reader.name("keys"))",
                word,
                expected: Words.list(known),
                fix: Words.suggestion(for: word.value, in: known)
            )
            return nil
        }
        if kinds.count == words.count, !kinds.contains(.rsa), reader.value("keys")?.isNull == false {
            reader.problems.report(
                "\(reader.name("keys")) has no rsa",
                at: words.first?.place ?? place,
                fix: "add it: many receivers cannot check ed25519 yet, and mail would count as not signed"
            )
        }
        return kinds
    }
}
