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
        /// Whether the record is in the DNS; `nil` if nobody asked.
        public var publication: Publication?

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

    /// What the DNS has at a record's name.
    public enum Publication: String, Sendable {
        /// This key, and nothing else.
        case published
        /// Nothing.
        case missing
        /// Another key, or more than one record, which verifiers may take either of.
        case different
        /// No answer now.
        case unknown

        /// Compares what should be there with what is; verifiers go by the kind of key and the key.
        init(of text: String, in found: [String]) {
            guard let first = found.first else {
                self = .missing
                return
            }
            self = found.count == 1 && Self.tags(first) == Self.tags(text) ? .published : .different
        }

        /// The tags `k` and `p` of a record, without white space (RFC 6376 section 3.6.1).
        private static func tags(_ text: String) -> [String: String] {
            var tags = ["k": "rsa"]
            for part in text.split(separator: ";") {
                let pair = part.split(separator: "=", maxSplits: 1).map { $0.filter { !$0.isWhitespace } }
                if pair.count == 2, ["k", "p"].contains(pair[0]) { tags[pair[0]] = pair[1] }
            }
            return tags
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

    let site: Site
    private let lookUp: @Sendable (String) throws(TextRecords.Failed) -> [String]

    /// Prepares to make keys of a site.
    public init(site: Site) {
        self.init(site: site) { name throws(TextRecords.Failed) in try TextRecords.lookUp(name) }
    }

    /// The same with another way to ask for a name's TXT records.
    init(site: Site, lookUp: @escaping @Sendable (String) throws(TextRecords.Failed) -> [String]) {
        self.site = site
        self.lookUp = lookUp
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
            guard kind.isAvailable else {
                throw EngineError(
                    .configuration,
                    "OpenSSL's provider does not sign with \(kind.rawValue)",
                    fix:
                        "write `\(named.domain.value): {selector: \(named.selector.value), keys: [rsa]}` below \"dkim\""
                )
            }
            let file = SigningKeys.file(of: kind, named)
            let isNew: Bool
            do {
                isNew = try folder.status(of: file) == nil
                if isNew { try Self.write(MailSigningKey.generate(kind), file, in: folder) }
            } catch {
                throw EngineError(.tryAgain, "\(error)", at: Place(file: keys.path(of: kind, named)))
            }
            // Read back in both cases: what is printed is what will sign.
            records.append(try record(kind, named, isNew: isNew))
        }
        return report(named, records)
    }

    /// Looks whether the records of a domain's keys are published; makes nothing.
    public func check(domain text: String, selector: String? = nil) throws(EngineError) -> Report {
        let named = try named(text, selector)
        var records: [Record] = []
        for kind in named.kinds {
            var record = try record(kind, named, isNew: false)
            do throws(TextRecords.Failed) {
                let found = try lookUp(record.name)
                record.publication = Publication(of: record.text, in: found)
            } catch {
                record.publication = .unknown
            }
            records.append(record)
        }
        return report(named, records)
    }

    private func record(
        _ kind: MailSigningKey.Kind,
        _ named: SigningDomain,
        isNew: Bool
    ) throws(EngineError) -> Record {
        let keys = SigningKeys(site: site)
        let key = try keys.key(kind, named)
        return Record(
            algorithm: kind.rawValue,
            selector: named.selector(of: kind),
            name: named.recordName(of: kind),
            text: "v=DKIM1; k=\(kind.rawValue); p=\(Base64.encode(key.publicValue))",
            file: keys.path(of: kind, named),
            isNew: isNew
        )
    }

    private func report(_ named: SigningDomain, _ records: [Record]) -> Report {
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
        // Under the name only when it is whole: half a key would stand in the way of a new one.
        let aside = "\(name).\(Hex.encode(Random.bytes(4))).tmp"
        let file = try folder.create(aside, permissions: 0o600)
        defer { try? folder.remove(aside) }
        try file.write(key.pem.exposedCopy())
        try file.sync()
        try folder.link(aside, to: name)
        try folder.sync()
    }
}
