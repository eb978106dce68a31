import Core
import Intake
import Testing

/// `domain_limits`: what is counted together, and how fast it may go.
@Suite struct DomainLimitTests {
    static func limits(_ lines: String) throws -> DomainLimits {
        try SiteConfigurationTests.parse(SiteConfigurationTests.contract + "\n" + lines).domainLimits
    }

    static func said(_ lines: String) -> String {
        SiteConfigurationTests.said(SiteConfigurationTests.contract + "\n" + lines)
    }

    static let lanes: [(yaml: String, domain: String, name: String, rate: String)] = [
        ("", "gmail.com", "gmail", "none"),
        ("domain_limits: {presets: true}", "gmail.com", "gmail", "20/s"),
        ("domain_limits: {presets: true}", "googlemail.com", "gmail", "20/s"),
        ("domain_limits: {presets: true}", "clinic.example", "clinic.example", "none"),
        ("domain_limits: {presets: true, gmail: 7/s}", "gmail.com", "gmail", "7/s"),
        ("domain_limits: {gmail: 7/s, presets: true}", "hotmail.co.uk", "outlook", "10/s"),
        ("domain_limits: {presets: true, gmail: unlimited}", "gmail.com", "gmail", "none"),
        ("domain_limits: {presets: false, \"*\": 3/min}", "yahoo.de", "yahoo", "3/min"),
        ("domain_limits: {presets: true, \"*\": 3/min}", "yahoo.de", "yahoo", "10/s"),
        ("domain_limits: {\"*\": 3/min}", "clinic.example", "clinic.example", "3/min"),
        ("domain_limits: {clinic.example: 5/s, \"*\": 3/min}", "clinic.example", "clinic.example", "5/s"),
        ("domain_limits: {clinic.example: unlimited, \"*\": 3/min}", "clinic.example", "clinic.example", "none"),
        ("domain_limits: {Clinic.Example: 5/s}", "clinic.example", "clinic.example", "5/s"),
        ("domain_limits: {klinik-süd.example: 5/s}", "xn--klinik-sd-x9a.example", "xn--klinik-sd-x9a.example", "5/s"),
        // A provider's domain means the provider.
        ("domain_limits: {googlemail.com: 5/s}", "gmail.com", "gmail", "5/s"),
        // Domains of the site's own: a group, and more of a provider's.
        ("domain_limits: {north: {rate: 2/s, domains: [a.example, b.example]}}", "b.example", "north", "2/s"),
        ("domain_limits: {gmail: {rate: 2/s, domains: [hosted.example]}}", "hosted.example", "gmail", "2/s"),
        ("domain_limits: {gmail: {rate: 2/s, domains: [hosted.example]}}", "gmail.com", "gmail", "2/s"),
        ("domain_limits: {a.example: {rate: 2/s, domains: [b.example]}}", "b.example", "a.example", "2/s"),
        ("domain_limits: {a.example: {rate: 2/s, domains: [b.example]}}", "a.example", "a.example", "2/s"),
    ]

    @Test(arguments: lanes)
    func `a domain is counted with its provider or group`(yaml: String, domain: String, name: String, rate: String)
        throws
    {
        let lane = try Self.limits(yaml).lane(of: domain)
        #expect(lane.name == name && lane.rate?.description ?? "none" == rate)
    }

    static let providers: [(domain: String, provider: String?)] = [
        ("gmail.com", "gmail"), ("googlemail.com", "gmail"), ("mail.gmail.com", nil), ("gmail.de", nil),
        ("outlook.com", "outlook"), ("hotmail.com", "outlook"), ("hotmail.fr", "outlook"),
        ("hotmail.com.br", "outlook"), ("live.co.uk", "outlook"), ("live.net", "outlook"), ("msn.com", "outlook"),
        ("yahoo.com", "yahoo"), ("yahoo.co.in", "yahoo"), ("yahoo.co.jp", nil), ("ymail.com", "yahoo"),
        ("aol.com", "yahoo"), ("aol.de", "yahoo"), ("rocketmail.com", "yahoo"),
        ("icloud.com", "icloud"), ("me.com", "icloud"), ("mac.com", "icloud"),
        ("gmx.net", "gmx"), ("gmx.de", "gmx"), ("web.de", "gmx"), ("comcast.net", "comcast"),
        ("proton.me", "proton"), ("protonmail.com", "proton"), ("t-online.de", "t-online"), ("orange.fr", "orange"),
        // What only looks like one.
        ("yahoo.evil.example", nil), ("hotmail.example", nil), ("live.co", "outlook"), ("yahoo.com.example", nil),
        ("notyahoo.com", nil), ("yahoo", nil), ("yahoo.", nil), ("live.org", nil), ("outlook.ac.uk", nil),
    ]

    @Test(arguments: providers)
    func `a provider's domains are known, and no other's are taken for them`(domain: String, provider: String?) {
        #expect(MailProvider.provider(of: domain)?.name == provider)
    }

    @Test func `no domain belongs to two providers, and names are no domains`() {
        let names = MailProvider.all.map(\.name)
        #expect(Set(names).count == names.count && names.allSatisfy { !$0.contains(".") })
        #expect(MailProvider.all.allSatisfy { $0.preset.perSecond <= 20 })
    }

    @Test func `nothing is limited unless the site says so`() throws {
        #expect(try Self.limits("").isEmpty)
        #expect(try Self.limits("domain_limits: {gmail: unlimited}").isEmpty)
        #expect(try !Self.limits("domain_limits: {presets: true}").isEmpty)
    }

    /// Line 24 of the file, and what is said.
    static let wrong: [(text: String, said: String)] = [
        (
            "domain_limits: 5/s",
            "wardpost.yaml:24:16: \"domain_limits\" must be a mapping, not a text; write keys and values: "
        ),
        (
            "domain_limits: {gmial: 5/s}",
            "wardpost.yaml:24:17: \"gmial\" is no domain and no provider that is known by name; did you mean \"gmail\"?"
        ),
        (
            "domain_limits: {preset: true}",
            "wardpost.yaml:24:17: \"preset\" is no domain and no provider that is known by name; did you mean \"presets\"?\n"
                + "wardpost.yaml:24:25: \"domain_limits.preset\" must be a number in a time such as 20/s, 600/min or 10000/h, or "
                + "the word unlimited, not \"true\""
        ),
        (
            "domain_limits: {presets: 5/s}",
            "wardpost.yaml:24:26: \"domain_limits.presets\" must be true or false, not \"5/s\"; write true or false, without "
                + "quotes"
        ),
        (
            "domain_limits: {gmail: 0/s}",
            "wardpost.yaml:24:24: \"domain_limits.gmail\" must be a number in a time such as 20/s, 600/min or 10000/h, or the "
                + "word unlimited, not \"0/s\""
        ),
        (
            "domain_limits: {gmail: 5/s, googlemail.com: 6/s}",
            "wardpost.yaml:24:29: \"gmail\" is limited twice; domains of one provider are counted together; keep one limit for "
                + "them"
        ),
        (
            "domain_limits: {a.example: 5/s, north: {rate: 1/s, domains: [a.example]}}",
            "wardpost.yaml:24:33: \"a.example\" is limited twice; domains of one provider are counted together; keep one limit "
                + "for them"
        ),
        (
            "domain_limits: {north: {domains: [a.example]}}",
            "wardpost.yaml:24:17: \"domain_limits.north.rate\" is missing; add `rate: 20/s`"
        ),
        (
            "domain_limits: {a@b.example: 5/s}",
            "wardpost.yaml:24:17: \"a@b.example\" is no domain: it has an @ in it; write the part behind the @ only"
        ),
        (
            "domain_limits: {north: {rate: 1/s, domains: [a.example, b_c.example]}}",
            "wardpost.yaml:24:57: \"b_c.example\" is no domain: the domain must be labels of letters, digits and inner hyphens "
                + "with a dot between; write the part behind the @ only"
        ),
        ("domain_limits: {gmail: {rate: 1/s, domain: [a.example]}}", "did you mean \"domains\"?"),
    ]

    @Test(arguments: wrong)
    func `what is wrong is said with its place`(text: String, said: String) {
        let found = Self.said(text)
        #expect(found == said || (said.hasPrefix("did") && found.contains(said)), "\(found)")
    }
}
