import Core
import Intake
import Testing

/// What a site says of those who open and click.
@Suite struct VisitorSettingTests {
    private static func parse(_ lines: String) throws -> SiteConfiguration.Visitors {
        let site = try SiteConfigurationTests.parse(
            """
            site: S
            from_domains: [a.example]
            routes: {r: {relay: "m.example:587", tls: starttls, own: true}}
            tracking:
              base_url: https://t.a.example
            """ + "\n" + lines
        )
        return try #require(site.tracking).visitors
    }

    @Test("Nothing is kept unless the site says so")
    func defaults() throws {
        let visitors = try Self.parse("")
        #expect(visitors.addresses == .nothing)
        #expect(visitors.places == nil)
        #expect(visitors.rules == nil)
    }

    @Test("Addresses, places and rules are read", arguments: AddressKeeping.allCases)
    func read(keeping: AddressKeeping) throws {
        let visitors = try Self.parse(
            "  addresses: \(keeping.rawValue)\n  places: /var/lib/GeoIP/City.mmdb\n  rules: rules/automation.yaml\n"
        )
        #expect(visitors.addresses == keeping)
        #expect(visitors.places?.value == "/var/lib/GeoIP/City.mmdb")
        #expect(visitors.rules?.value == "rules/automation.yaml")
    }

    @Test("A word that is none of the three is refused")
    func wrong() throws {
        do {
            _ = try Self.parse("  addresses: partial\n")
            Issue.record("it was taken")
        } catch {
            #expect("\(error)".contains("addresses must be none, truncated or full"), "\(error)")
        }
    }
}
