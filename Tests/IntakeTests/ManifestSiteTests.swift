import Core
import Intake
import Testing

/// A manifest held against the site it is dropped on.
@Suite struct ManifestSiteTests {
    static func said(
        _ manifest: String = ManifestTests.contract,
        _ site: String = SiteConfigurationTests.contract,
        at now: String = "2026-11-20 12:00:00"
    ) throws -> [String] {
        let site = try SiteConfigurationTests.parse(site)
        let manifest = try ManifestTests.parse(manifest)
        return manifest.problems(in: site, at: try #require(Timestamp(now))).map(\.description)
    }

    private static func manifest(_ old: String, _ new: String) -> String {
        ManifestTests.contract.replacing(old, with: new)
    }

    @Test func `the contract's two examples fit each other but for the day`() throws {
        // 22 November 2026 is a Sunday, and the window is Monday to Friday.
        #expect(
            try Self.said() == [
                "manifest.yaml:20:9: warning: the window does not open before \"not_after\"; every row will be cancelled; "
                    + "widen the window, or enter a later time"
            ]
        )
        #expect(try Self.said(Self.manifest("2026-11-22", "2026-11-23")).isEmpty)
    }

    @Test func `a From outside the site's domains is refused, a subdomain too`() throws {
        let short = ManifestTests.short + "route: main\n"
        #expect(
            try Self.said(short.replacing("care@riverside.example", with: "care@riverside.exmple")) == [
                "manifest.yaml:3:7: the site does not send from \"riverside.exmple\"; did you mean \"riverside.example\"?"
            ]
        )
        #expect(
            try Self.said(short.replacing("care@riverside.example", with: "care@mail.riverside.example")) == [
                "manifest.yaml:3:7: the site does not send from \"mail.riverside.example\"; its \"from_domains\" are "
                    + "riverside.example"
            ]
        )
    }

    @Test func `answers to another domain are worth a look`() throws {
        #expect(
            try Self.said(ManifestTests.short + "route: main\nreply_to: me@other.example\n") == [
                "manifest.yaml:11:11: warning: answers go to a domain outside the site's \"from_domains\"; make sure that "
                    + "the mailbox may hold health information"
            ]
        )
    }

    @Test func `a route that is not there or not chosen is told`() throws {
        #expect(
            try Self.said(ManifestTests.short + "route: mian\n") == [
                "manifest.yaml:10:8: there is no route \"mian\"; did you mean \"main\"?"
            ]
        )
        #expect(
            try Self.said(ManifestTests.short) == [
                "manifest.yaml: the manifest names no route, and the site has several; add `route:` with one of main or "
                    + "direct"
            ]
        )
        #expect(
            try Self.said(ManifestTests.short, "site: S\nfrom_domains: [riverside.example]\n") == [
                "manifest.yaml: no route is there for this job; give the site a route in wardpost.yaml"
            ]
        )
    }

    @Test func `an agreement is judged by the site's own midnight`() throws {
        let short = ManifestTests.short + "route: main\n"
        #expect(try Self.said(short, at: "2027-01-15 05:59:59").isEmpty)
        #expect(
            try Self.said(short, at: "2027-01-15 06:00:00") == [
                "wardpost.yaml:8:69: the agreement with \"Relay Inc\" expired on 2027-01-15, and route \"main\" relies on "
                    + "it; renew the agreement and enter its new date, or take another route"
            ]
        )
    }

    @Test func `times that leave no time are told`() throws {
        #expect(
            try Self.said(Self.manifest("not_after: 2026-11-22 20:00", "not_after: 2026-11-22 15:00 +01:00")) == [
                "manifest.yaml:19:12: \"not_after\" is not later than \"not_before\"; correct one"
            ]
        )
        #expect(
            try Self.said(at: "2026-11-23 02:00:00") == [
                "manifest.yaml:19:12: warning: \"not_after\" has passed; every row will be cancelled; enter a later time"
            ]
        )
    }

    @Test func `tracking, lists and marketing need a tracking server and a postal address`() throws {
        let site = "site: S\nfrom_domains: [riverside.example]\nroutes: {main: {mx: true}}\n"
        let more = "tracking: {opens: true, clicks: true}\n"
        let marketing = ManifestTests.short.replacing("treatment", with: "marketing") + more
        let fix = "and the site has no tracking server; add \"tracking\" to wardpost.yaml"
        let mail = "\(fix), or \"bounces\" for opt-outs by mail"
        #expect(
            try Self.said(marketing, site) == [
                "manifest.yaml:2:10: marketing needs the sender's postal address; add \"postal_address\" to wardpost.yaml",
                "manifest.yaml:10:19: opens are tracked, \(fix)", "manifest.yaml:10:33: clicks are tracked, \(fix)",
                "manifest.yaml:2:10: marketing needs an unsubscribe link, \(mail)",
            ]
        )
        #expect(
            try Self.said(ManifestTests.short + "list: news\n", site) == [
                "manifest.yaml:10:7: a list needs an unsubscribe link, \(mail)"
            ]
        )
        #expect(
            try Self.said(ManifestTests.short + "list: news\n", site + "bounces: {domain: bounce.riverside.example}\n")
                == []
        )
    }
}
