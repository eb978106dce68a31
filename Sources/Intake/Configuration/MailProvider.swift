/// A large mailbox provider: the domains that its servers count together, and a cautious pace.
///
/// No large provider publishes how many messages a second it takes from a sender it does not know; what they publish is
/// how many connections, and how many messages over each. The presets are our own figures, well below what senders of bulk
/// mail are known to use (KumoMTA's published rules, `assets/policy-extras/shaping.toml`, begin at 100/s and 10 connections for
/// any provider), and hold where a site switches them on. What a provider itself says stands beside each.
///
/// Hosted domains (Google Workspace, Microsoft 365) cannot be told by their name; a site adds those that it knows.
public struct MailProvider: Hashable, Sendable {
    /// The name that a configuration uses.
    public let name: String
    /// The pace that is taken if the site asks for presets.
    public let preset: Rate
    /// Domains by their whole name.
    let domains: Set<String>
    /// Names that stand for the same provider under any country: `yahoo` for `yahoo.com`, `yahoo.de`, `yahoo.co.uk`.
    let families: Set<String>
    /// What only looks like a member of a family.
    let strangers: Set<String>

    init(
        _ name: String,
        _ preset: Int,
        domains: Set<String> = [],
        families: Set<String> = [],
        strangers: Set<String> = []
    ) {
        self.name = name
        self.preset = Rate(messages: preset, per: .second)
        self.domains = domains
        self.families = families
        self.strangers = strangers
    }

    /// The providers that are known by name.
    public static let all: [MailProvider] = [
        // https://support.google.com/a/answer/81126 asks to begin low and to grow slowly, without a figure; its answers for
        // too much are 421 4.7.28. KumoMTA: 5 connections, 50 messages over each.
        MailProvider("gmail", 20, domains: ["gmail.com", "googlemail.com"]),
        // https://sendersupport.olc.protection.outlook.com/pm/Policies: outlook.com, hotmail.com, live.com, msn.com with
        // their countries are one service; answers for too much are 4.7.650 and the like. KumoMTA: 5 connections, 50 each.
        MailProvider(
            "outlook",
            10,
            domains: ["msn.com", "passport.com", "windowslive.com"],
            families: ["outlook", "hotmail", "live"]
        ),
        // https://senders.yahooinc.com/best-practices: at most 20 messages over a connection; Yahoo and AOL are one service
        // (https://senders.yahooinc.com). yahoo.co.jp is another company's.
        MailProvider(
            "yahoo",
            10,
            domains: [
                "aim.com", "compuserve.com", "cs.com", "netscape.net", "rocketmail.com", "verizon.net", "wow.com",
                "ymail.com",
            ],
            families: ["aol", "yahoo"],
            strangers: ["yahoo.co.jp"]
        ),
        // https://support.apple.com/en-us/102322: the three domains are one service. KumoMTA: 5 messages a connection.
        MailProvider("icloud", 5, domains: ["icloud.com", "mac.com", "me.com"]),
        // https://postmaster.gmx.net: GMX, WEB.DE and mail.com are 1&1's, with one set of rules; 421 and 450 for too much.
        MailProvider(
            "gmx",
            5,
            domains: ["caramail.com", "caramail.fr", "email.com", "mail.com", "web.de"],
            families: ["gmx"]
        ),
        // https://spa.xfinity.com/postmaster: 25 connections, 1,000 messages over each; answers for too much are RL000001
        // and the like.
        MailProvider("comcast", 10, domains: ["comcast.net", "xfinity.com"]),
        // https://proton.me/support/addresses-and-aliases names the domains; nothing is published on pace.
        MailProvider("proton", 2, domains: ["pm.me", "proton.me", "protonmail.ch", "protonmail.com"]),
        // https://postmaster.t-online.de names the domains; senders that it does not know are asked to write first.
        MailProvider("t-online", 2, domains: ["magenta.de", "t-online.de"]),
        // https://messagerie.orange.fr/postmaster.html: 3 connections (KumoMTA has the same).
        MailProvider("orange", 2, domains: ["orange.fr", "wanadoo.fr"]),
    ]

    private static let byDomain: [String: MailProvider] = all.reduce(into: [:]) { known, provider in
        for domain in provider.domains { known[domain] = provider }
    }
    private static let byFamily: [String: MailProvider] = all.reduce(into: [:]) { known, provider in
        for family in provider.families { known[family] = provider }
    }

    /// The provider of a domain (lower-case A-labels); `nil` if it is none of the large ones.
    public static func provider(of domain: String) -> MailProvider? {
        if let provider = byDomain[domain] { return provider }
        guard let dot = domain.utf8.firstIndex(of: UInt8(ascii: ".")),
            let provider = byFamily[String(domain[..<dot])],
            isCountry(domain.utf8[dot...].dropFirst()), !provider.strangers.contains(domain)
        else { return nil }
        return provider
    }

    /// The provider of that name.
    public static func named(_ name: String) -> MailProvider? {
        all.first { $0.name == name }
    }

    /// Whether what stands behind a family's name is `com`, `net`, a country, or `co.` or `com.` and a country.
    private static func isCountry(_ rest: Substring.UTF8View.SubSequence) -> Bool {
        let labels = rest.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        switch labels.count {
        case 1:
            return labels[0].count == 2 || labels[0].elementsEqual("com".utf8) || labels[0].elementsEqual("net".utf8)
        case 2:
            let isSecond = labels[0].elementsEqual("co".utf8) || labels[0].elementsEqual("com".utf8)
            return isSecond && labels[1].count == 2
        default: return false
        }
    }
}
