import Core
import Delivery
import Intake
import OpenSSL

/// Makes a configured route ready to send over: reads its roots and its password.
struct RouteBuilder: Sendable {
    let site: Site

    /// The settings of a route; refuses what cannot be used.
    ///
    /// - Parameters:
    ///   - route: The route as configured.
    ///   - heloName: What we call ourselves; the sender's domain, which is the site's own.
    func settings(_ route: SiteConfiguration.Route, heloName: String) throws(EngineError) -> RouteSettings {
        guard case .relay(let relay) = route.way else {
            guard case .mx(let place) = route.way else { throw EngineError(.configuration, "this route leads nowhere") }
            throw EngineError(
                .jobRefused,
                "sending straight to each domain's MX is not available yet",
                at: place,
                fix: "name a route with a relay"
            )
        }
        let endpoint = relay.endpoint.value
        var settings = RouteSettings(
            name: route.name.value,
            host: endpoint.host,
            port: Int(endpoint.port),
            tls: relay.security == .implicit ? .implicit : .startTLS,
            connections: route.connections,
            heloName: heloName,
            more: relay.more.map { RouteSettings.Relay(host: $0.value.host, port: Int($0.value.port)) }
        )
        if let ca = relay.ca { settings.trust = .pem(try site.file(ca)) }
        settings.clientCertificate = try clientCertificate(relay)
        settings.credentials = try relay.authentication.map { value throws(EngineError) in
            try credentials(value, route: route.name.value)
        }
        // Whoever drops STOP is obeyed within two seconds.
        settings.timeouts.stop = .milliseconds(1_500)
        settings.rate = route.rate.map { RouteSettings.Rate($0, burst: route.burst) }
        settings.window = relay.window
        settings.notify = RouteSettings.Notices(relay.notify)
        settings.requiresTLSOnward = relay.requiresTLSOnward
        return settings
    }
}

extension RouteSettings.Notices {
    /// Configured notices in Delivery's words.
    init(_ notices: Set<SiteConfiguration.Notice>) {
        self = []
        for notice in notices {
            switch notice {
            case .failure: insert(.failure)
            case .delay: insert(.delay)
            case .success: insert(.success)
            }
        }
    }
}

extension RouteSettings.Rate {
    /// A configured rate in Delivery's words.
    init(_ rate: Intake.Rate, burst: Int = 1) {
        self.init(rate.messages, per: .seconds(Int64(rate.unit.seconds)), burst: burst)
    }
}
