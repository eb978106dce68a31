import Core
import YAML

extension SiteConfiguration {
    /// The keys of a route.
    static let routeKeys =
        relayKeys + ["connections", "rate", "burst", "mx"] + deliveryKeys

    /// The keys that say which relay it is, and how both sides prove who they are.
    static let relayKeys = ["relay", "tls", "ca", "associate", "own", "auth", "client_certificate", "client_key"]

    /// The keys of a relay that say how messages are handed to it.
    static let deliveryKeys = ["window", "notify", "require_tls_onward"]

    /// How many connections a route may have.
    static let allowedConnections = 1...1_000

    /// How many messages may be on their way unanswered on a connection.
    static let allowedWindow = 1...64

    /// Reads `routes`.
    static func routes(_ reader: MappingReader) -> [Route] {
        let names = reader.entryNames("associates")
        return reader.entries("routes", example: "name: {…}").compactMap { pair in
            if !RouteName.isGood(pair.key.value) {
                reader.problems.report(
                    "\(Words.quoted(pair.key.value)) cannot be a route's name",
                    at: pair.key.place,
                    fix: "use letters, digits, hyphens, dots and underscores, at most 64"
                )
            }
            guard
                let fields = MappingReader(
                    pair.value,
                    path: "routes.\(pair.key.value)",
                    at: pair.key.place,
                    known: routeKeys,
                    problems: reader.problems
                )
            else { return nil }
            let connections = fields.number("connections", in: allowedConnections)?.value ?? 8
            let rate = Rate.read(fields)
            let burst = burst(fields, rate?.value)
            guard let way = way(fields, associates: names) else { return nil }
            return Route(name: pair.key, way: way, connections: connections, rate: rate?.value, burst: burst)
        }
    }

    private static func burst(_ reader: MappingReader, _ rate: Rate?) -> Int {
        guard let burst = reader.number("burst", in: 1...10_000) else { return 1 }
        guard let rate else {
            // A rate that cannot be read has its own problem.
            if reader.keyPlace("rate") == nil {
                reader.problems.report(
                    "\(reader.name("burst")) needs a rate",
                    at: burst.place,
                    fix: "add `rate: 50/s`, or remove the burst"
                )
            }
            return 1
        }
        if burst.value > rate.messages {
            reader.problems.report(
                "\(reader.name("burst")) is more than the rate's own number",
                at: burst.place,
                fix: "write \(rate.messages) or less"
            )
        }
        return burst.value
    }

    private static func way(_ reader: MappingReader, associates: [String]) -> Way? {
        let mx = reader.flag("mx")
        guard mx?.value == true else {
            if let mx, reader.keyPlace("relay") == nil {
                reader.problems.report(
                    "\(reader.name("mx")) is false, and there is no relay",
                    at: mx.place,
                    fix: "write `mx: true`, or a `relay`"
                )
                return nil
            }
            if reader.keyPlace("mx") != nil, mx == nil { return nil }
            return relay(reader, associates: associates).map(Way.relay)
        }
        for key in relayKeys + deliveryKeys {
            guard let place = reader.keyPlace(key) else { continue }
            reader.problems.report(
                "\(reader.name(key)) does not go with `mx: true`",
                at: place,
                fix: "make two routes of it"
            )
        }
        return mx.map { .mx($0.place) }
    }

    private static func relay(_ reader: MappingReader, associates: [String]) -> Relay? {
        let endpoints = RelayList.read(reader)
        let security: Placed<Security>? = reader.choice(
            "tls",
            required: true,
            fix: "there is no third: mail leaves over verified TLS or not at all"
        )
        let ca = reader.fileName("ca", rules: .site)
        let runBy = runBy(reader, associates: associates)
        let clientCertificate = clientCertificate(reader)
        let authentication = authentication(reader)
        let window = reader.number("window", in: allowedWindow)?.value ?? 1
        let notify = notices(reader)
        let requiresTLSOnward = reader.flag("require_tls_onward")?.value ?? false
        guard let endpoint = endpoints.first, let security, let runBy else { return nil }
        return Relay(
            endpoint: endpoint,
            more: Array(endpoints.dropFirst()),
            security: security.value,
            ca: ca,
            runBy: runBy,
            authentication: authentication,
            window: window,
            notify: notify,
            requiresTLSOnward: requiresTLSOnward,
            clientCertificate: clientCertificate
        )
    }

    /// `notify`: a list of notices, or `never`.
    private static func notices(_ reader: MappingReader) -> Set<Notice> {
        guard let node = reader.node("notify") else { return [.failure, .delay] }
        if case .scalar("never", _) = node.content { return [] }
        let words = Notice.allCases.map(\.rawValue)
        guard case .sequence(let items) = node.content, !items.isEmpty else {
            reader.wrong(
                reader.name("notify"),
                node,
                expected: "a list of notices, or `never`",
                fix: "write [failure, delay], or add success"
            )
            return []
        }
        var notices: Set<Notice> = []
        for text in reader.texts("notify", of: "notices") {
            if let notice = Notice(rawValue: text.value) {
                notices.insert(notice)
                continue
            }
            reader.wrong(
                "each of \(reader.name("notify"))",
                text,
                expected: Words.list(words),
                fix: text.value == "never"
                    ? "write `notify: never`, without a list" : Words.suggestion(for: text.value, in: words)
            )
        }
        return notices
    }

    private static func runBy(_ reader: MappingReader, associates: [String]) -> Operator? {
        let own = reader.flag("own")
        let associate = reader.text("associate")
        if let own, reader.keyPlace("associate") != nil, own.value {
            reader.problems.report(
                "\(Words.quoted(reader.path)) has both an associate and `own: true`",
                at: own.place,
                fix: "keep the one that is true"
            )
            return nil
        }
        if let associate {
            guard associates.contains(associate.value) else {
                reader.problems.report(
                    "there is no associate \(Words.quoted(associate.value))",
                    at: associate.place,
                    fix: Words.suggestion(for: associate.value, in: associates)
                )
                return nil
            }
            return .associate(associate)
        }
        if own?.value == true { return .own }
        if reader.keyPlace("associate") == nil, reader.keyPlace("own") == nil || own?.value == false {
            reader.problems.report(
                "\(Words.quoted(reader.path)) does not say who runs the relay",
                at: reader.place,
                fix: "add `associate: NAME` with an agreement on file, or `own: true` for a relay of the site's own"
            )
        }
        return nil
    }
}
