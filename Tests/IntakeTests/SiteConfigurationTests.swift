import Core
import Intake
import Testing

@Suite struct SiteConfigurationTests {
    static let contract = """
        site: Riverside Clinic
        postal_address: 1 River Road, Springfield
        from_domains: [riverside.example]        # a From outside these is refused
        time_zone: America/Chicago               # for times in manifests; UTC otherwise
        settle: 10                               # seconds, see below
        keys: keys                               # relative to this file
        associates:
          Relay Inc: {agreement: BAA-2026-014, signed: 2026-01-15, expires: 2027-01-15}
        routes:
          main:
            relay: smtp.relay.example:587
            tls: starttls                        # starttls | implicit; there is no third
            ca: relay-ca.pem                     # optional; the system's roots otherwise
            associate: Relay Inc                 # or `own: true`, for a relay of the site's own
            auth: {username: u, password_file: keys/relay-password}
            connections: 8
            rate: 50/s
          direct: {mx: true}
        tracking:
          base_url: https://t.riverside.example
          listen: 127.0.0.1:8443
          certificate: keys/tracker.pem
          key: keys/tracker.key
        """

    static func parse(_ yaml: String) throws(Diagnostics) -> SiteConfiguration {
        try SiteConfiguration.parse(bytes: Array(yaml.utf8))
    }

    static func said(_ yaml: String) -> String {
        do throws(Diagnostics) {
            _ = try parse(yaml)
            return "accepted"
        } catch {
            return error.description
        }
    }

    @Test func `the contract's example is read whole`() throws {
        let site = try Self.parse(Self.contract)
        #expect(site.site == Placed("Riverside Clinic", at: at(1, 7)))
        #expect(site.postalAddress == Placed("1 River Road, Springfield", at: at(2, 17)))
        #expect(site.fromDomains == [Placed("riverside.example", at: at(3, 16))])
        #expect(site.zone.value.name == "America/Chicago")
        #expect(site.settle == 10)
        #expect(site.keys == Placed("keys", at: at(6, 7)))
        let associate = try #require(site.associates.first)
        #expect(associate.name == Placed("Relay Inc", at: at(8, 3)))
        #expect(associate.agreement.value == "BAA-2026-014")
        #expect(associate.signed.value == CalendarDate(year: 2026, month: 1, day: 15))
        #expect(associate.expires == Placed(try #require(CalendarDate("2027-01-15")), at: at(8, 69)))
        let tracking = try #require(site.tracking)
        #expect(tracking.baseURL.value == "https://t.riverside.example")
        #expect(tracking.listen?.value == Endpoint("127.0.0.1:8443"))
        #expect(tracking.certificate?.value == "keys/tracker.pem")
        #expect(tracking.key?.value == "keys/tracker.key")
    }

    @Test
    func `a worker is missed for half a minute, and what is known of ledgers is in the key directory, unless said`()
        throws
    {
        let plain = try Self.parse(Self.contract)
        #expect(plain.lease == 30 && plain.witness == nil)
        let site = try Self.parse(Self.contract + "\nlease: 90\nwitness: /var/lib/wardpost/witness\n")
        #expect(site.lease == 90 && site.witness?.value == "/var/lib/wardpost/witness")
    }

    @Test func `the contract's routes are read whole`() throws {
        let site = try Self.parse(Self.contract)
        #expect(site.routes.map(\.name.value) == ["main", "direct"])
        guard case .relay(let relay) = site.routes[0].way else { throw Diagnostics([]) }
        #expect(relay.endpoint == Placed(try #require(Endpoint("smtp.relay.example:587")), at: at(11, 12)))
        #expect(relay.security == .starttls)
        #expect(relay.ca?.value == "relay-ca.pem")
        #expect(relay.runBy == .associate(Placed("Relay Inc", at: at(14, 16))))
        #expect(relay.authentication?.username?.value == "u")
        #expect(relay.authentication?.passwordFile?.value == "keys/relay-password")
        #expect(site.routes[0].connections == 8)
        #expect(site.routes[0].rate == Rate(messages: 50, per: .second))
        #expect(site.routes[1].way == .mx(at(18, 16)))
        #expect(site.routes[1].connections == 8)
        #expect(site.routes[1].rate == nil)
    }

    @Test func `a route may have several relays, and a burst`() throws {
        let site = try Self.parse(
            """
            site: S
            from_domains: [s.example]
            routes:
              r:
                relay: [a.relay.example:587, "b.relay.example:2525"]
                tls: starttls
                own: true
                rate: 50/s
                burst: 10

            """
        )
        guard case .relay(let relay) = site.routes[0].way else {
            Issue.record("no relay")
            return
        }
        #expect(relay.endpoint.value == Endpoint("a.relay.example:587"))
        #expect(relay.more.map(\.value) == [Endpoint("b.relay.example:2525")])
        #expect(site.routes[0].burst == 10)
    }

    @Test(arguments: [
        (
            "[a.relay.example:587, b.relay.example]",
            "wardpost.yaml:5:34: each of \"routes.r.relay\" must be a host and a port such as "
                + "smtp.relay.example:587, not \"b.relay.example\"; add the port: 587 with starttls, 465 with implicit"
        ),
        (
            "[a.relay.example:587, A.relay.example:587]",
            "wardpost.yaml:5:34: \"A.relay.example:587\" stands twice in \"routes.r.relay\"; remove one"
        ),
        ("[]", "wardpost.yaml:5:5: \"routes.r.relay\" is empty; name a host and a port"),
    ]) func `each relay of a list is checked`(_ relays: String, _ expected: String) throws {
        let error = #expect(throws: Diagnostics.self) {
            try Self.parse(
                """
                site: S
                from_domains: [s.example]
                routes:
                  r:
                    relay: \(relays)
                    tls: starttls
                    own: true

                """
            )
        }
        #expect(error?.all.map(\.description) == [expected])
    }

    @Test func `what is optional has its default`() throws {
        let site = try Self.parse("site: S\nfrom_domains: [s.example]\n")
        #expect(site.zone.value == .utc)
        #expect(site.settle == 10)
        #expect(site.keys.value == "keys")
        #expect(site.routes.isEmpty && site.associates.isEmpty)
        #expect(site.tracking == nil && site.postalAddress == nil && site.defaultRoute == nil && site.language == nil)
    }

    @Test func `a relay of the site's own by implicit TLS is read`() throws {
        let site = try Self.parse(
            """
            site: S
            from_domains: [M\u{DC}NCHEN.example]
            routes:
              r: {relay: "localhost:465", tls: implicit, own: true}
            default_route: r
            language: de-CH
            tracking: {base_url: "https://T.M\u{FC}nchen.example:8443/wp/"}
            """
        )
        guard case .relay(let relay) = site.routes[0].way else { throw Diagnostics([]) }
        #expect(relay.security == .implicit)
        #expect(relay.runBy == .own)
        #expect(relay.authentication == nil)
        #expect(site.fromDomains.map(\.value) == ["xn--mnchen-3ya.example"])
        #expect(site.defaultRoute?.value == "r")
        #expect(site.language?.value == "de-CH")
        #expect(site.tracking?.baseURL.value == "https://t.xn--mnchen-3ya.example:8443/wp")
    }

    static let handing: [(text: String, window: Int, notify: Set<SiteConfiguration.Notice>, onward: Bool)] = [
        ("", 1, [.failure, .delay], false),
        (", window: 8, notify: [failure], require_tls_onward: true", 8, [.failure], true),
        (", window: 64, notify: [success, delay, failure]", 64, [.failure, .delay, .success], false),
        (", window: 1, notify: never, require_tls_onward: false", 1, [], false),
    ]

    @Test(arguments: handing)
    func `how messages are handed to a relay is read`(
        text: String,
        window: Int,
        notify: Set<SiteConfiguration.Notice>,
        onward: Bool
    ) throws {
        let site = try Self.parse(
            "site: S\nfrom_domains: [s.example]\nroutes:\n  r: {relay: \"r.example:25\", tls: starttls, own: true\(text)}\n"
        )
        guard case .relay(let relay) = site.routes[0].way else { throw Diagnostics([]) }
        #expect(relay.window == window)
        #expect(relay.notify == notify)
        #expect(relay.requiresTLSOnward == onward)
    }

    private func relay(_ lines: String) throws -> SiteConfiguration.Relay {
        let site = try Self.parse(
            "site: S\nfrom_domains: [s.example]\nroutes:\n  r:\n    relay: r.example:587\n    tls: starttls\n    own: true\n"
                + lines.split(separator: "\n").map { "    " + $0 + "\n" }.joined()
        )
        guard case .relay(let relay) = site.routes[0].way else { throw Diagnostics([]) }
        return relay
    }

    @Test func `every way to say who we are is read`() throws {
        let command = try relay("auth: {username: u, token_command: [bin/token, --for, r], token_lifetime: 600}")
        #expect(command.authentication?.tokenCommand.map(\.value) == ["bin/token", "--for", "r"])
        #expect(command.authentication?.tokenLifetime?.value == 600)
        let file = try relay("auth: {username: u, token_file: keys/token, mechanism: XOAUTH2}")
        #expect(file.authentication?.tokenFile?.value == "keys/token")
        #expect(file.authentication?.mechanism?.value == .xoauth2)
        let password = try relay("auth: {username: u, password_file: p, mechanism: SCRAM-SHA-256}")
        #expect(password.authentication?.mechanism?.value == .scramSHA256)
        let certificate = try relay("client_certificate: c.pem\nclient_key: keys/c.key\nauth: {mechanism: EXTERNAL}")
        #expect(certificate.clientCertificate?.certificate.value == "c.pem")
        #expect(certificate.clientCertificate?.key.value == "keys/c.key")
        #expect(certificate.authentication?.username == nil)
        #expect(certificate.authentication?.mechanism?.value == .external)
        let named = try relay("client_certificate: c.pem\nclient_key: keys/c.key\nauth: {username: clinic}")
        #expect(named.authentication?.username?.value == "clinic" && named.authentication?.mechanism == nil)
    }

    @Test(arguments: [("true", true), ("false", false)])
    func `the FIPS provider is asked for by name`(text: String, isWanted: Bool) throws {
        #expect(try Self.parse("site: S\nfrom_domains: [s.example]\nfips: \(text)\n").fips?.value == isWanted)
        #expect(try Self.parse("site: S\nfrom_domains: [s.example]\n").fips == nil)
    }

    @Test func `route for a manifest is its own, the default, or the only one`() throws {
        let routes = "routes:\n  a: {relay: \"r.example:25\", tls: starttls, own: true}\n"
        let one = try Self.parse("site: S\nfrom_domains: [s.example]\n" + routes)
        let two = try Self.parse("site: S\nfrom_domains: [s.example]\n" + routes + "  b: {mx: true}\n")
        var chosen = two
        chosen.defaultRoute = Placed("b", at: at(9, 1))
        let plain = try ManifestTests.parse(ManifestTests.short)
        let named = try ManifestTests.parse(ManifestTests.short + "route: b\n")
        #expect(try one.route(for: plain).name.value == "a")
        #expect(try chosen.route(for: plain).name.value == "b")
        #expect(try two.route(for: named).name.value == "b")
        #expect(throws: Diagnostic.self) { try two.route(for: plain) }
        let error = #expect(throws: Diagnostic.self) { try one.route(for: named) }
        #expect(error?.description == "manifest.yaml:10:8: there is no route \"b\"; did you mean \"a\"?")
    }

    static let agreementDays: [(today: String, said: String?)] = [
        (
            "2026-01-14",
            "wardpost.yaml:8:48: the agreement with \"Relay Inc\" is in force only from 2026-01-15 on, and route "
                + "\"main\" relies on it; wait for that day, or correct the date"
        ),
        ("2026-01-15", nil),
        ("2027-01-14", nil),
        (
            "2027-01-15",
            "wardpost.yaml:8:69: the agreement with \"Relay Inc\" expired on 2027-01-15, and route \"main\" relies on "
                + "it; renew the agreement and enter its new date, or take another route"
        ),
    ]

    @Test(arguments: agreementDays)
    func `an agreement holds from its day of signing to the day before it expires`(today: String, said: String?) throws
    {
        let site = try Self.parse(Self.contract)
        let day = try #require(CalendarDate(today))
        #expect(site.problems(of: site.routes[0], on: day).map(\.description) == (said.map { [$0] } ?? []))
        #expect(site.problems(of: site.routes[1], on: day).isEmpty)
    }

    private func at(_ line: Int, _ column: Int) -> Place {
        Place(file: "wardpost.yaml", line: line, column: column)
    }
}
