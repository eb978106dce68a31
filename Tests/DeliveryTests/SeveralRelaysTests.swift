import Core
import OpenSSL
import Testing

@testable import Delivery

@Suite("Several relays on one route", .timeLimit(.minutes(3)))
struct SeveralRelaysTests {
    /// A route over some servers, each under its name.
    private func route(_ peers: [(Peer, String)], connections: Int = 4) -> RouteSettings {
        var route = peers[0].0.route(connections: connections)
        route.relays = peers.map { peer, host in
            RouteSettings.Relay(host: host, port: peer.port, dial: .init(address: "127.0.0.1", port: peer.port))
        }
        return route
    }

    private func servers(_ source: ListSource) -> [String: Int] {
        source.results.values.reduce(into: [:]) { $0[$1.server, default: 0] += 1 }
    }

    @Test("One is dead, one has a bad certificate, one is good: every row goes by that one, and nothing by the bad one")
    func oneIsGood() async throws {
        let dead = try await Peer()
        let bad = try await Peer(certificates: [Certificates.wrongName])
        let good = try await Peer(certificates: [Certificates.third])
        let route = route([(dead, "relay.kit.test"), (bad, "relay2.kit.test"), (good, "relay3.kit.test")])
        try await dead.close()
        let source = ListSource(400)
        #expect(try await source.send(over: route) == .finished)
        #expect(servers(source) == ["relay3.kit.test": 400])
        #expect(source.results.values.allSatisfy { $0.verdict == .accepted && $0.tls?.verification == .pinned })
        #expect(good.record.taken.count == 400 && good.record.taken.values.allSatisfy { $0 == 1 })
        #expect(bad.record.secure.isEmpty && bad.record.taken.isEmpty)
        #expect(bad.record.clear.allSatisfy { $0.hasPrefix("EHLO") || $0 == "STARTTLS" || $0 == "QUIT" })
        #expect(source.problems.isEmpty)
        try await bad.close()
        try await good.close()
    }

    @Test("They share the load, each under its own name")
    func share() async throws {
        let first = try await Peer()
        let second = try await Peer(certificates: [Certificates.second])
        // The bulk comes when both lines stand: on a busy machine the first could take it all before the second has shaken hands.
        let source = ListSource(4000, first: 40)
        let route = route([(first, "relay.kit.test"), (second, "relay2.kit.test")])
        async let end = source.send(over: route)
        while first.record.secure.isEmpty || second.record.secure.isEmpty {
            try await Task.sleep(for: .milliseconds(5))
        }
        source.release()
        #expect(try await end == .finished)
        let counts = servers(source)
        #expect(counts["relay.kit.test"] == first.record.taken.count)
        #expect(counts["relay2.kit.test"] == second.record.taken.count)
        #expect(counts.values.allSatisfy { $0 > 200 }, "\(counts)")
        #expect(first.record.mostOpen <= 3 && second.record.mostOpen <= 3)
        try await first.close()
        try await second.close()
    }

    @Test("One that goes away under way is done without, and its rows go by the others")
    func goesAway() async throws {
        let first = try await Peer { $0.message >= 20 && $0.verb == "MAIL" ? .reset : .usual }
        let second = try await Peer(certificates: [Certificates.second])
        let source = ListSource(1000)
        let route = route([(first, "relay.kit.test"), (second, "relay2.kit.test")])
        #expect(try await source.send(over: route) == .finished)
        let delivered = first.record.taken.merging(second.record.taken) { $0 + $1 }
        #expect(delivered.values.allSatisfy { $0 == 1 })
        #expect(source.results.values.count { $0.verdict == .accepted } == delivered.count)
        #expect(source.results.count == 1000 && second.record.taken.count > 100)
        try await first.close()
        try await second.close()
    }

    @Test("None keeps the promise: held, each asked twice, and no row asked of the source")
    func held() async throws {
        let first = try await Peer(certificates: [Certificates.expired])
        let second = try await Peer(clearOffer: "250 relay2.kit.test\r\n")
        let source = ListSource(10)
        let end = try await source.send(over: route([(first, "relay.kit.test"), (second, "relay2.kit.test")]))
        guard case .held(let problem) = end else {
            Issue.record("not held: \(end)")
            return
        }
        #expect([.certificateExpired, .tlsNotOffered].contains(problem.reason))
        #expect(first.record.connections >= 2 && second.record.connections >= 2)
        #expect(source.waiting == 10 && source.announced == 0)
        try await first.close()
        try await second.close()
    }

    @Test("Credentials refused by one stop the route: they are shown once")
    func authentication() async throws {
        let refuse: @Sendable (Peer.Event) -> Peer.Answer = { $0.verb == "AUTH" ? .say("535 5.7.8 no\r\n") : .usual }
        let offer = "250-relay.kit.test\r\n250 AUTH PLAIN\r\n"
        let first = try await Peer(offer: offer, answer: refuse)
        let second = try await Peer(certificates: [Certificates.second], offer: offer, answer: refuse)
        let source = ListSource(10)
        var route = route([(first, "relay.kit.test"), (second, "relay2.kit.test")])
        route.credentials = .init(username: "user", password: Protected("wrong"))
        let end = try await source.send(over: route)
        guard case .stopped(let problem) = end else {
            Issue.record("not stopped: \(end)")
            return
        }
        #expect(problem.reason == .authentication)
        let asked = (first.record.secure + second.record.secure).filter { $0.hasPrefix("AUTH") }
        #expect(asked.count == 1)
        #expect(source.waiting == 10)
        try await first.close()
        try await second.close()
    }
}
