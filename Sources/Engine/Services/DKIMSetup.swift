import Core
import Files
import Intake
import OpenSSL

/// Makes a domain's DKIM keys, and says what to publish in the DNS.
public struct DKIMSetup: Sendable {
    /// One key, and its record.
    public struct Record: Sendable {
        /// `rsa` or `ed25519`.
        public var algorithm: String
        /// The selector of this key.
        public var selector: String
        /// The record's name, without a dot at its end.
        public var name: String
        /// The record's text as verifiers read it, its strings joined.
        public var text: String
        /// The private key's file.
        public var file: String
        /// Whether the key was made just now.
        public var isNew: Bool

        /// The text in strings of at most 255 octets, which is what one may have in the DNS (RFC 1035 section 3.3.14).
        public var strings: [String] {
            let bytes = Array(text.utf8)
            return stride(from: 0, to: bytes.count, by: 255).map { start in
                String(decoding: bytes[start..<min(start + 255, bytes.count)], as: UTF8.self)
            }
        }

        /// The record as a line of a zone file (RFC 1035 section 5).
        public var zoneLine: String {
            let quoted = strings.map { "\"\($0)\"" }
            return "\(name). IN TXT " + (quoted.count == 1 ? quoted[0] : "( \(quoted.joined(separator: "\n    ")) )")
        }
    }

    /// What there is now.
    public struct Report: Sendable {
        /// The signing domain, as A-labels.
        public var domain: String
        /// The selector that the configuration names.
        public var selector: String
        /// The keys.
        public var records: [Record]
        /// What `wardpost.yaml` must say, if it does not yet.
        public var configuration: String?
    }

    private let site: Site

    /// Prepares to make keys of a site.
    public init(site: Site) {
        self.site = site
    }

    /// Makes the keys that a domain lacks; keys that are there stay as they are.
    ///
    /// - Parameters:
    ///   - domain: One of the site's `from_domains`.
    ///   - selector: What the records' names start with; the configuration's without it, or one with this year.
    public func make(domain text: String, selector: String? = nil) throws(EngineError) -> Report {
        let named = try named(text, selector)
        let keys = SigningKeys(site: site)
        let folder = try folder()
        var records: [Record] = []
        for kind in named.kinds {
            let file = SigningKeys.file(of: kind, named)
            let isNew: Bool
            do {
                isNew = try folder.status(of: file) == nil
                if isNew { try Self.write(MailSigningKey.generate(kind), file, in: folder) }
            } catch {
                throw EngineError(.tryAgain, "\(error)", at: Place(file: keys.path(of: kind, named)))
            }
            // Read back in both cases: what is printed is what will sign.
            let key = try keys.key(kind, named)
            records.append(
                Record(
                    algorithm: kind.rawValue,
                    selector: named.selector(of: kind),
                    name: named.recordName(of: kind),
                    text: "v=DKIM1; k=\(kind.rawValue); p=\(Base64.encode(key.publicValue))",
                    file: keys.path(of: kind, named),
                    isNew: isNew
                )
            )
        }
        let isConfigured = site.configuration.dkim?[named.domain.value]?.selector.value == named.selector.value
        return Report(
            domain: named.domain.value,
            selector: named.selector.value,
            records: records,
            configuration: isConfigured
                ? nil : "dkim:\n  \(named.domain.value): {selector: \(named.selector.value)}"
        )
    }

    private func named(_ text: String, _ selector: String?) throws(EngineError) -> SigningDomain {
        let domains = site.configuration.fromDomains.map(\.value)
        let domain = try? AddressParser.parse(domain: text)
        guard let domain, domains.contains(domain) else {
            let near = Suggestion.nearest(to: text, in: domains)
            throw EngineError(
                .usage,
                "the site does not send from \(text)",
                fix: near.map { "did you mean \($0)?" } ?? "its \"from_domains\" are \(domains.joined(separator: ", "))"
            )
        }
        let configured = site.configuration.dkim?[domain]
        if let configured, selector ?? configured.selector.value == configured.selector.value { return configured }
        let year = Timestamp.now.fields.year
        let selector = selector ?? "wp\(year)"
        if let problem = SigningDomain.problem(selector: selector, domain: domain) {
            throw EngineError(.usage, "the selector cannot be \(selector): \(problem)", fix: "such as wp\(year)")
        }
        let nowhere = Place(file: "")
        return SigningDomain(
            domain: Placed(domain, at: nowhere),
            selector: Placed(selector, at: nowhere),
            kinds: configured?.kinds ?? MailSigningKey.Kind.allCases
        )
    }

    private func folder() throws(EngineError) -> Directory {
        let directory = try site.keyDirectory()
        do {
            try directory.makeDirectory(SigningKeys.folder, permissions: 0o700)
            return try directory.open(subdirectory: SigningKeys.folder)
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
    }

    /// Writes a key to a file that must not be there: of two who make one at the same time, one is refused.
    private static func write(_ key: MailSigningKey, _ name: String, in folder: Directory) throws(FileError) {
        let file = try folder.create(name, permissions: 0o600)
        do throws(FileError) {
            try file.write(key.pem.exposedCopy())
            try file.sync()
            try folder.sync()
        } catch {
            try? folder.remove(name)
            throw error
        }
    }
}
