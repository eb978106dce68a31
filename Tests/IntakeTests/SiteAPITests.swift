import Core
import Intake
import Testing

/// `api` in `wardpost.yaml`.
@Suite struct SiteAPITests {
    private static let base = """
        site: S
        from_domains: [a.example]
        routes: {r: {relay: "m.example:587", tls: starttls, own: true}}

        """
    private static let tracking =
        "tracking: {base_url: \"https://t.a.example\", listen: \"127.0.0.1:8443\", certificate: t.pem, key: t.key}\n"

    @Test("Without `api` there is none; with it, certificate and key are the tracking server's unless it has its own")
    func read() throws {
        #expect(try SiteConfigurationTests.parse(Self.base + Self.tracking).api == nil)
        let shared = try SiteConfigurationTests.parse(Self.base + Self.tracking + "api: {listen: \"127.0.0.1:8444\"}\n")
            .api
        #expect(shared?.listen.value == Endpoint("127.0.0.1:8444"))
        #expect(shared?.certificate.value == "t.pem" && shared?.key.value == "t.key")
        #expect(shared?.keys.value == "keys/api-keys.yaml")
        let own = try SiteConfigurationTests.parse(
            Self.base + "api: {listen: \"[::1]:0\", keys: /etc/k.yaml, certificate: a.pem, key: a.key}\n"
        ).api
        #expect(own?.keys.value == "/etc/k.yaml" && own?.certificate.value == "a.pem" && own?.key.value == "a.key")
    }

    @Test(
        "What is wrong with it is told with its place",
        arguments: [
            ("api: {}", "wardpost.yaml:5:1: \"api.listen\" is missing; add `listen: …`"),
            (
                "api: {listen: \"8444\"}",
                "wardpost.yaml:5:16: \"api.listen\" must be an address and a port such as 127.0.0.1:8444, not \"8444\""
            ),
            (
                "api: {listen: \"127.0.0.1:8443\"}",
                "wardpost.yaml:5:16: \"api.listen\" is the tracking server's address; give the API an address of its own, such as "
                    + "127.0.0.1:8444"
            ),
            (
                "api: {listen: \"127.0.0.1:8444\", certificate: a.pem}",
                "wardpost.yaml:5:1: \"api.key\" is missing; add `key: …`; the API speaks TLS only"
            ),
            (
                "api: {lisen: \"127.0.0.1:8444\"}",
                "wardpost.yaml:5:1: \"api.listen\" is missing; add `listen: …`\nwardpost.yaml:5:7: unknown key \"lisen\" in "
                    + "\"api\"; did you mean \"listen\"?"
            ),
            (
                "api: {listen: \"127.0.0.1:8444\", keys: jobs/k.yaml}",
                "wardpost.yaml:5:39: \"api.keys\" cannot lie in jobs/, where others drop files; name a file outside, such as "
                    + "keys/api-keys.yaml"
            ),
        ]
    )
    func wrong(line: String, said: String) {
        #expect(SiteConfigurationTests.said(Self.base + Self.tracking + line + "\n") == said)
    }

    @Test("Without a tracking server it needs a certificate and a key of its own")
    func alone() {
        #expect(
            SiteConfigurationTests.said(Self.base + "api: {listen: \"127.0.0.1:8444\"}\n")
                == "wardpost.yaml:4:1: \"api.certificate\" is missing; add `certificate: …`; the API speaks TLS only\n"
                + "wardpost.yaml:4:1: \"api.key\" is missing; add `key: …`; the API speaks TLS only"
        )
    }
}
