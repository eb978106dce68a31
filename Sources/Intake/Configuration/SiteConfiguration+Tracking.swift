public import Core
import YAML

extension SiteConfiguration.Tracking {
    /// What holds for the mail of one domain or address.
    public struct Sender: Hashable, Sendable {
        /// The domain or address as the file has it.
        public var name: Placed<String>
        /// The domain: A-labels, lower case.
        public var domain: String
        /// The part before the `@`, lower case; `nil` where the whole domain is meant.
        public var mailbox: String?
        /// What it says.
        public var switches: TrackingSwitches

        /// Whether an address is meant by it; upper and lower case are one.
        public func covers(_ address: Address) -> Bool {
            address.domain == domain && (mailbox == nil || address.localPart.lowercased() == mailbox)
        }
    }

    /// A further name of the tracking server, which stands in the links of some of the site's domains.
    public struct Host: Hashable, Sendable {
        /// The domains whose links lead there: A-labels, lower case.
        public var fromDomains: [Placed<String>]
        /// What these links start with: `https`, without a slash at its end; its path is the same at every host.
        public var baseURL: Placed<String>
        /// Its certificate chain, a PEM file; the server's own certificate names it, too, where this is `nil`.
        public var certificate: Placed<String>?
        /// The certificate's key, a PEM file.
        public var key: Placed<String>?

        /// The name by which clients ask for it.
        public var name: String { SiteConfiguration.Tracking.hostName(of: baseURL.value) }
    }

    /// The name in a base URL, without port and path.
    public static func hostName(of baseURL: String) -> String {
        let authority = String(baseURL.dropFirst("https://".count).prefix { $0 != "/" })
        let endpoint = Endpoint(authority) ?? Endpoint("\(authority):443")
        return endpoint?.host ?? authority
    }

    /// The name in the default base URL.
    public var hostName: String { Self.hostName(of: baseURL.value) }

    /// What the links of a domain's mail start with.
    public func baseURL(forSender domain: String) -> Placed<String> {
        host(forSender: domain)?.baseURL ?? baseURL
    }

    /// The host of a domain's links; `nil` for the default one.
    public func host(forSender domain: String) -> Host? {
        hosts.first { $0.fromDomains.contains { $0.value == domain } }
    }
}

extension SiteConfiguration {
    /// The keys of `tracking`.
    static let trackingKeys = [
        "base_url", "listen", "certificate", "key",
        "opens", "clicks", "senders", "hosts",
        "limits", "metrics", "keys",
    ]

    /// Reads `tracking`.
    static func tracking(_ reader: MappingReader, fromDomains: [String]) -> Tracking? {
        guard let fields = reader.mapping("tracking", known: trackingKeys + Visitors.keys) else { return nil }
        let base = baseURL(fields)
        let listen = fields.value("listen", expected: "an address and a port such as 127.0.0.1:8443") {
            Endpoint($0, mayChoosePort: true)
        }
        let certificate = fields.fileName("certificate", rules: .site)
        let key = fields.fileName("key", rules: .site)
        if let place = fields.keyPlace("listen") {
            for name in ["certificate", "key"] where fields.keyPlace(name) == nil {
                reader.problems.report(
                    "\(fields.name(name)) is missing, and \"listen\" needs it",
                    at: place,
                    fix: "add `\(name): …`; the server speaks TLS only"
                )
            }
        }
        let switches = TrackingSwitches(fields)
        let senders = senders(fields, fromDomains)
        let hosts = hosts(fields, fromDomains, base)
        let visitors = Visitors(reading: fields)
        let server = Tracking.Server.read(fields)
        guard let base else { return nil }
        return Tracking(
            baseURL: base,
            listen: listen,
            certificate: certificate,
            key: key,
            switches: switches,
            senders: senders,
            hosts: hosts,
            visitors: visitors,
            server: server
        )
    }

    private static func baseURL(_ fields: MappingReader) -> Placed<String>? {
        fields.value(
            "base_url",
            required: true,
            expected: "an https URL without query, fragment or user",
            fix: "write it like https://t.example.org",
            BaseURL.read
        )
    }

    // MARK: - Senders

    private static func senders(_ fields: MappingReader, _ fromDomains: [String]) -> [Tracking.Sender] {
        var senders: [Tracking.Sender] = []
        for pair in fields.entries("senders", example: "care@riverside.example: {opens: false}") {
            guard let (domain, mailbox) = sender(pair.key, fields, fromDomains) else { continue }
            if senders.contains(where: { $0.domain == domain && $0.mailbox == mailbox }) {
                fields.problems.report(
                    "\(Words.quoted(pair.key.value)) stands twice in \"tracking.senders\"",
                    at: pair.key.place,
                    fix: "keep one"
                )
                continue
            }
            guard
                let words = MappingReader(
                    pair.value,
                    path: "tracking.senders.\(pair.key.value)",
                    at: pair.key.place,
                    known: TrackingSwitches.keys,
                    problems: fields.problems
                )
            else { continue }
            senders.append(
                Tracking.Sender(
                    name: pair.key,
                    domain: domain,
                    mailbox: mailbox,
                    switches: TrackingSwitches(words)
                )
            )
        }
        return senders
    }

    /// One of the site's domains, or an address in one.
    private static func sender(
        _ key: Placed<String>,
        _ fields: MappingReader,
        _ fromDomains: [String]
    ) -> (domain: String, mailbox: String?)? {
        let domain: String
        var mailbox: String?
        if key.value.contains("@") {
            do throws(Address.Refused) {
                let address = try AddressParser.parse(key.value)
                (domain, mailbox) = (address.domain, address.localPart.lowercased())
            } catch {
                fields.problems.report(
                    "a sender in \"tracking.senders\" is no address: \(error.rule)",
                    at: key.place,
                    fix: "write an address such as care@riverside.example, or a domain"
                )
                return nil
            }
        } else {
            guard let read = fields.domain(key) else { return nil }
            domain = read
        }
        guard isAmong(fromDomains, domain, at: key.place, fields) else { return nil }
        return (domain, mailbox)
    }

    private static func isAmong(
        _ fromDomains: [String],
        _ domain: String,
        at place: Place,
        _ fields: MappingReader
    ) -> Bool {
        if fromDomains.contains(domain) { return true }
        fields.problems.report(
            "\(Words.quoted(domain)) is not among \"from_domains\", so nothing is sent from it",
            at: place,
            fix: Words.suggestion(for: domain, in: fromDomains)
        )
        return false
    }

    // MARK: - Hosts

    /// The most hosts that a site may have besides the default one.
    static let mostHosts = 100

    private static func hosts(
        _ fields: MappingReader,
        _ fromDomains: [String],
        _ base: Placed<String>?
    ) -> [Tracking.Host] {
        let items = fields.list("hosts", of: "hosts")
        if items.count > mostHosts {
            fields.problems.report(
                "\(fields.name("hosts")) has more than \(mostHosts) hosts",
                at: fields.keyPlace("hosts") ?? fields.place
            )
        }
        var names: Set<String> = base.map { [Tracking.hostName(of: $0.value)] } ?? []
        var domains: Set<String> = []
        return items.prefix(mostHosts).compactMap { item in
            let known = ["from_domains", "base_url", "certificate", "key"]
            guard
                let host = MappingReader(
                    item,
                    path: "tracking.hosts",
                    isItem: true,
                    known: known,
                    problems: fields.problems
                )
            else { return nil }
            let served = served(host, fromDomains, &domains)
            let url = baseURL(host)
            if let url { check(url, against: base, &names, host) }
            let certificate = host.fileName("certificate", rules: .site)
            let key = host.fileName("key", rules: .site)
            for (given, missing) in [("certificate", "key"), ("key", "certificate")] {
                guard let place = host.keyPlace(given), host.keyPlace(missing) == nil else { continue }
                fields.problems.report(
                    "\(host.name(given)) needs \(Words.quoted(missing))",
                    at: place,
                    fix: "add `\(missing): …`, or leave both out if the server's own certificate names this host, too"
                )
            }
            guard let url, !served.isEmpty else { return nil }
            return Tracking.Host(fromDomains: served, baseURL: url, certificate: certificate, key: key)
        }
    }

    /// The domains of a host: the site's own, and each at one host only.
    private static func served(
        _ host: MappingReader,
        _ fromDomains: [String],
        _ taken: inout Set<String>
    ) -> [Placed<String>] {
        let texts = host.texts("from_domains", of: "domains", required: true)
        if case .sequence(let items) = host.value("from_domains")?.content, items.isEmpty {
            host.problems.report(
                "\(host.name("from_domains")) is empty",
                at: host.keyPlace("from_domains") ?? host.place,
                fix: "name the domains whose links lead there"
            )
        }
        return texts.compactMap { text in
            guard let domain = host.domain(text), isAmong(fromDomains, domain, at: text.place, host) else { return nil }
            guard taken.insert(domain).inserted else {
                host.problems.report(
                    "\(Words.quoted(domain)) has a host already",
                    at: text.place,
                    fix: "name it at one host only"
                )
                return nil
            }
            return Placed(domain, at: text.place)
        }
    }

    private static func check(
        _ url: Placed<String>,
        against base: Placed<String>?,
        _ names: inout Set<String>,
        _ host: MappingReader
    ) {
        let name = Tracking.hostName(of: url.value)
        if Endpoint("\(name):443")?.isAddress ?? true {
            host.problems.report(
                "\(host.name("base_url")) needs a host name: the server tells its hosts apart by it",
                at: url.place,
                fix: "write it like https://t.example.org"
            )
        }
        if !names.insert(name).inserted {
            host.problems.report(
                "the host \(Words.quoted(name)) stands twice below \"tracking\"",
                at: url.place,
                fix: "give each a name of its own, or list all of its domains at one"
            )
        }
        guard let base else { return }
        let (path, wanted) = (Tracking.path(of: url.value), Tracking.path(of: base.value))
        if path != wanted {
            host.problems.report(
                "\(host.name("base_url")) has another path than the default \"base_url\"",
                at: url.place,
                fix: wanted.isEmpty ? "leave the path out" : "let it end in \(Words.quoted(wanted))"
            )
        }
    }
}

extension SiteConfiguration.Tracking {
    fileprivate static func path(of url: String) -> String {
        String(url.dropFirst("https://".count).drop { $0 != "/" })
    }
}
