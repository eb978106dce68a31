import Core
import Intake
import OpenSSL
import Testing

@Suite struct SiteDKIMTests {
    /// A site with two domains; what follows `dkim:` starts in line 4.
    private static func site(_ dkim: String) -> String {
        """
        site: Riverside Clinic
        from_domains: [riverside.example, news.riverside.example]
        routes: {main: {relay: "smtp.relay.example:587", tls: starttls, own: true}}
        \(dkim)
        """
    }

    private func at(_ line: Int, _ column: Int) -> Place {
        Place(file: "wardpost.yaml", line: line, column: column)
    }

    private static func said(_ dkim: String) -> String {
        SiteConfigurationTests.said(site(dkim))
    }

    @Test func `domains with their selectors are read, both kinds of keys unless fewer are named`() throws {
        let text = """
            dkim:
              riverside.example: {selector: wp2026}
              News.Riverside.Example: {selector: a.b-1, keys: [rsa]}
            """
        let dkim = try #require(try SiteConfigurationTests.parse(Self.site(text)).dkim)
        #expect(!dkim.isRequired)
        let first = try #require(dkim["riverside.example"])
        #expect(first.selector == Placed("wp2026", at: at(5, 33)))
        #expect(first.domain.place == at(5, 3))
        #expect(first.kinds == [.rsa, .ed25519])
        #expect(first.recordName(of: .rsa) == "wp2026._domainkey.riverside.example")
        #expect(first.recordName(of: .ed25519) == "wp2026-ed25519._domainkey.riverside.example")
        let second = try #require(dkim["news.riverside.example"])
        #expect(second.kinds == [.rsa])
        #expect(second.selector(of: .rsa) == "a.b-1")
        #expect(dkim["example"] == nil)
        #expect(try SiteConfigurationTests.parse(Self.site("")).dkim == nil)
    }

    @Test func `everything must be signed where the site says so`() throws {
        let text = "dkim: {require: true, riverside.example: {selector: wp}}"
        #expect(try SiteConfigurationTests.parse(Self.site(text)).dkim?.isRequired == true)
    }

    static let wrong: [(String, String)] = [
        ("dkim:", "4:1: \"dkim\" has no value; write one, or remove the line"),
        (
            "dkim: wp2026",
            "4:7: \"dkim\" must be a mapping, not a text; write `riverside.example: {selector: wp2026}` below it"
        ),
        (
            "dkim: {other.example: {selector: wp}}",
            "4:8: \"other.example\" is not among \"from_domains\", so nothing is sent from it; there is riverside.example "
                + "or news.riverside.example"
        ),
        (
            "dkim: {riversid.example: {selector: wp}}",
            "4:8: \"riversid.example\" is not among \"from_domains\", so nothing is sent from it; did you mean "
                + "\"riverside.example\"?"
        ),
        ("dkim: {requir: true}", "4:8: \"requir\" in \"dkim\" is no domain; did you mean \"require\"?"),
        (
            "dkim: {require: yes}",
            "4:17: \"dkim.require\" must be true or false, not \"yes\"; write true or false, without quotes"
        ),
        (
            "dkim: {riverside.example: wp}",
            "4:27: \"dkim.riverside.example\" must be a mapping, not a text; write keys and values: selector or keys"
        ),
        ("dkim: {riverside.example: {}}", "4:8: \"dkim.riverside.example.selector\" is missing; add `selector: …`"),
        (
            "dkim: {riverside.example: {selecter: wp}}",
            "4:8: \"dkim.riverside.example.selector\" is missing; add `selector: …`\nwardpost.yaml:4:28: unknown key "
                + "\"selecter\" in \"dkim.riverside.example\"; did you mean \"selector\"?"
        ),
        (
            "dkim: {riverside.example: {selector: WP}}",
            "4:38: \"dkim.riverside.example.selector\" cannot be \"WP\": it may have lower-case letters, digits, inner "
                + "hyphens and dots between; write a short name with a date in it, such as wp2026"
        ),
        (
            "dkim: {riverside.example: {selector: wp, keys: [rsa, ed25518]}}",
            "4:54: each of \"dkim.riverside.example.keys\" must be rsa or ed25519, not \"ed25518\"; did you mean "
                + "\"ed25519\"?"
        ),
        (
            "dkim: {riverside.example: {selector: wp, keys: [ed25519]}}",
            "4:49: \"dkim.riverside.example.keys\" has no rsa; add it: many receivers cannot check ed25519 yet, and mail "
                + "would count as not signed"
        ),
        (
            "dkim: {riverside.example: {selector: wp, keys: []}}",
            "4:42: \"dkim.riverside.example.keys\" has no rsa; add it: many receivers cannot check ed25519 yet, and mail "
                + "would count as not signed"
        ),
        (
            "dkim: {riverside.example: {selector: a}, RIVERSIDE.example: {selector: b}}",
            "4:42: \"riverside.example\" stands twice in \"dkim\""
        ),
    ]

    @Test(arguments: wrong)
    func `what is wrong is told with its place`(text: String, problem: String) {
        #expect(Self.said(text) == "wardpost.yaml:" + problem)
    }

    @Test(arguments: ["", "-a", "a-", "a..b", ".a", "a_b", "ü", String(repeating: "a", count: 56)])
    func `selectors that make no name in the DNS are refused`(selector: String) {
        #expect(SigningDomain.problem(selector: selector, domain: "riverside.example") != nil)
    }

    @Test func `a selector may be as long as the names it makes fit the DNS and a file`() {
        let label = String(repeating: "a", count: 55)
        #expect(SigningDomain.problem(selector: label, domain: "riverside.example") == nil)
        let domain = [String](repeating: String(repeating: "d", count: 60), count: 3).joined(separator: ".")
        #expect(SigningDomain.problem(selector: String(label.dropLast(7)), domain: domain) == nil)
        #expect(SigningDomain.problem(selector: String(label.dropLast(6)), domain: domain) != nil)
    }

    @Test(arguments: [(false, Diagnostic.Severity.warning), (true, .error)])
    func `a sender without a key is a warning, or refused where everything must be signed`(
        isRequired: Bool,
        severity: Diagnostic.Severity
    ) throws {
        let text = "dkim: {require: \(isRequired), news.riverside.example: {selector: wp}}"
        let site = try SiteConfigurationTests.parse(Self.site(text))
        let manifest = try Manifest.parse(
            bytes: Array(
                """
                name: Visit
                purpose: treatment
                from: care@riverside.example
                subject: x
                template: t
                recipients: r.csv
                columns: {address: a, key: k, plain: []}
                """.utf8
            ),
            file: "manifest.yaml"
        )
        let problems = manifest.problems(in: site, at: .now)
        #expect(problems.map(\.severity) == [severity])
        let prefix = severity == .warning ? "warning: " : ""
        #expect(
            problems.first?.description
                == "manifest.yaml:3:7: \(prefix)the site signs mail by DKIM, and has no key for "
                + "\"riverside.example\"; `wardpost keys dkim --domain riverside.example` makes keys and says what to write "
                + "below \"dkim\""
        )
    }
}
