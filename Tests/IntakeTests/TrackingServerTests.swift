import Core
import Intake
import Testing

/// How the tracking server stands on the internet.
@Suite struct TrackingServerTests {
    private static func parse(_ tracking: String) throws -> SiteConfiguration {
        try SiteConfigurationTests.parse(
            """
            site: S
            from_domains: [a.example]
            routes: {r: {relay: "m.example:587", tls: starttls, own: true}}
            tracking:
              base_url: https://t.a.example
            """ + "\n" + tracking
        )
    }

    @Test("Nothing said leaves everything to the defaults")
    func defaults() throws {
        #expect(try Self.parse("").tracking?.server == .init())
    }

    @Test("Limits, the metrics' address and the days of replaced keys are read")
    func everything() throws {
        let configuration = try Self.parse(
            """
              metrics: 127.0.0.1:9464
              keys: {valid_days: 90}
              limits:
                connections: 100
                connections_per_address: 10
                rate: 600/min
                burst: 50
                request_seconds: 5
                idle_seconds: 15
            """
        )
        let server = try #require(configuration.tracking?.server)
        #expect(server.metrics?.value.description == "127.0.0.1:9464")
        #expect(server.validDays == 90)
        #expect(server.connections == 100 && server.connectionsPerAddress == 10)
        #expect(server.rate == .limited(Rate(messages: 600, per: .minute)) && server.burst == 50)
        #expect(server.requestSeconds == 5 && server.idleSeconds == 15)
        #expect(try Self.parse("  limits: {rate: unlimited}").tracking?.server.rate == .unlimited)
    }

    @Test(
        "What is none of these is refused with its place",
        arguments: [
            "  limits: {rate: 5}", "  limits: {rates: 5/s}", "  limits: {connections: 0}", "  limits: {burst: many}",
            "  metrics: 9464", "  keys: {valid_days: 0}", "  keys: {days: 5}", "  limits: {idle_seconds: 4000}",
        ]
    )
    func wrong(line: String) {
        let error = #expect(throws: Diagnostics.self) { try Self.parse(line) }
        #expect(error?.all.first?.place?.line == 6)
    }
}
