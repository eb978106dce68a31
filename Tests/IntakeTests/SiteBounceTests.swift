import Core
import Testing

@testable import Intake

@Suite("Site configuration: bounces")
struct SiteBounceTests {
    private static let base =
        "site: A\nfrom_domains: [a.example]\nroutes:\n  main: {relay: \"a:25\", tls: starttls, own: true}\n"

    private func parse(_ more: String) throws -> SiteConfiguration {
        try SiteConfiguration.parse(bytes: Array((Self.base + more).utf8))
    }

    @Test("everything can be said")
    func whole() throws {
        let bounces = try #require(
            try parse(
                """
                bounces:
                  domain: Bounce.A.Example
                  maildir: /var/mail/bounces
                  rules: bounce-rules.yaml
                  after: 5
                  within: 10 days
                  complaint_share: 0.3%
                  complaint_minimum: 4

                """
            ).bounces
        )
        #expect(bounces.domain.value == "bounce.a.example" && bounces.maildir?.value == "/var/mail/bounces")
        #expect(bounces.rules?.value == "bounce-rules.yaml" && bounces.after == 5 && bounces.days == 10)
        #expect(bounces.complaints == .init(share: Percentage(permille: 3), minimum: 4))
    }

    @Test("what is not said has its usual value")
    func usual() throws {
        #expect(try parse("").bounces == nil)
        let bounces = try #require(try parse("bounces: {domain: b.example}\n").bounces)
        #expect(bounces.maildir == nil && bounces.rules == nil && bounces.after == 3 && bounces.days == 30)
        #expect(bounces.complaints == nil)
        let share = try parse("bounces: {domain: b.example, complaint_share: 1%}\n").bounces?.complaints
        #expect(share == .init(share: Percentage(permille: 10), minimum: 3))
    }

    @Test(
        "what cannot be meant is refused, with its line",
        arguments: [
            "bounces: {}", "bounces: {maildir: x}", "bounces: {domain: 'a@b.example'}", "bounces: {domain: localhost}",
            "bounces: {domain: b.example, maildir: outbox/mail}", "bounces: {domain: b.example, maildir: jobs}",
            "bounces: {domain: b.example, maildir: ../x}", "bounces: {domain: b.example, after: 0}",
            "bounces: {domain: b.example, within: 30}", "bounces: {domain: b.example, within: 0 days}",
            "bounces: {domain: b.example, within: a week}", "bounces: {domain: b.example, complaint_share: 0.3}",
            "bounces: {domain: b.example, complaint_minimum: 3}", "bounces: {domain: b.example, mailbox: x}",
            "bounces: {domain: \(String(repeating: "a.", count: 95))example}",
        ]
    )
    func refused(text: String) {
        let error = #expect(throws: Diagnostics.self) { try parse(text + "\n") }
        #expect(error?.all.first?.place?.line == 5)
    }
}
