/// How fast mail may go to recipients' domains: what `domain_limits` of a site says.
///
/// Domains that one provider or group has are counted together, every other domain for itself.
public struct DomainLimits: Hashable, Sendable {
    /// Domains that are counted together, and their pace.
    public struct Limit: Hashable, Sendable {
        /// The provider's, group's or domain's name.
        public var name: String
        /// The pace; `nil` means that none is set, whatever else is said.
        public var rate: Rate?
        /// The domains that the site adds, lower-case A-labels.
        public var domains: [String]

        /// Sets a limit.
        public init(_ name: String, _ rate: Rate?, domains: [String] = []) {
            self.name = name
            self.rate = rate
            self.domains = domains
        }
    }

    /// Whether the large providers have their presets.
    public var usesPresets: Bool
    /// What the site says of providers, groups and domains; it comes before presets and ``others``.
    public var limits: [Limit]
    /// The pace of each domain and provider of which nothing else is said; `nil` for no limit.
    public var others: Rate?

    private let byName: [String: Limit]
    private let byDomain: [String: Limit]

    /// Puts limits together; without any, nothing is limited.
    public init(_ limits: [Limit] = [], usesPresets: Bool = false, others: Rate? = nil) {
        self.limits = limits
        self.usesPresets = usesPresets
        self.others = others
        byName = limits.reduce(into: [:]) { $0[$1.name] = $1 }
        byDomain = limits.reduce(into: [:]) { known, limit in
            for domain in limit.domains { known[domain] = limit }
        }
    }

    /// Whether any domain is limited.
    public var isEmpty: Bool {
        !usesPresets && others == nil && limits.allSatisfy { $0.rate == nil }
    }

    /// What a domain is counted with.
    public struct Lane: Hashable, Sendable {
        /// The provider's, group's or domain's name.
        public var name: String
        /// How fast all that may go; `nil` for no limit.
        public var rate: Rate?
        /// Whether it is a domain for itself, of which the site says nothing by name.
        public var isSingle: Bool
    }

    /// What a domain (lower-case A-labels) is counted with.
    public func lane(of domain: String) -> Lane {
        if let limit = byDomain[domain] { return Lane(name: limit.name, rate: limit.rate, isSingle: false) }
        guard let provider = MailProvider.provider(of: domain) else {
            return Lane(name: domain, rate: others, isSingle: true)
        }
        let rate = byName[provider.name].map(\.rate) ?? (usesPresets ? provider.preset : others)
        return Lane(name: provider.name, rate: rate, isSingle: false)
    }
}
