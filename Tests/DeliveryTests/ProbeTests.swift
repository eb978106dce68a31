import Core
import OpenSSL
import Testing

@testable import Delivery

@Suite("Trying a route", .timeLimit(.minutes(1)))
struct ProbeTests {
    private func report(_ route: RouteSettings) async throws -> ProbeReport {
        let reports = try await Probe(route: route).run()
        return try #require(reports.first)
    }

    @Test(
        "It comes as far as a row would, and MAIL is not said",
        arguments: [RouteSettings.TLSMode.startTLS, .implicit]
    )
    func ready(_ mode: RouteSettings.TLSMode) async throws {
        let peer = try await Peer(
            mode,
            offer: "250-relay.kit.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n"
        ) { $0.verb == "AUTH" ? .say("235 2.7.0 ok\r\n") : .usual }
        var route = peer.route(mode)
        route.credentials = .init(username: "user", password: Protected("secret"))
        let report = try await report(route)
        #expect(report.end == .ready && report.problem == nil)
        #expect(report.route == "main" && report.server == Certificates.host && report.port == peer.port)
        #expect(report.address == "127.0.0.1" && report.mode == mode)
        #expect(report.tls?.version == "TLSv1.3" && report.tls?.verification == .pinned && report.tls?.scope == .relay)
        #expect(report.matchedName == Certificates.host)
        #expect(report.certificate?.names == [Certificates.host])
        #expect(report.certificate?.issuer == "CN=Kit Root")
        #expect(report.certificate?.keyType == "EC P-256" && report.certificate?.keyBits == 256)
        #expect(report.offer?.extensions == ["PIPELINING", "8BITMIME", "SIZE", "AUTH"])
        #expect(report.offer?.largest == 1_000)
        #expect(report.offer?.mechanisms == ["PLAIN", "LOGIN"])
        #expect(report.mechanism == .plain)
        let record = peer.record
        #expect(record.clear == (mode == .startTLS ? ["EHLO mail.riverside.example", "STARTTLS"] : []))
        #expect(record.secure.map { String($0.prefix { $0 != " " }) } == ["EHLO", "AUTH", "QUIT"])
        try await peer.close()
    }

    @Test("Each of a route's relays is tried, under its own name")
    func eachRelay() async throws {
        let first = try await Peer()
        let second = try await Peer(certificates: [Certificates.wrongName])
        var route = first.route()
        route.relays.append(
            .init(host: "relay2.kit.test", port: second.port, dial: .init(address: "127.0.0.1", port: second.port))
        )
        let reports = try await Probe(route: route).run()
        #expect(reports.map(\.server) == [Certificates.host, "relay2.kit.test"])
        #expect(reports.map(\.end) == [.ready, .held])
        #expect(reports.last?.problem?.reason == .certificateName)
        try await first.close()
        try await second.close()
    }

    @Test("Each relay is tried by a handshake of its own, and the good ones do not speak for the bad one")
    func severalRelays() async throws {
        var options = TLSServerContext.Options()
        options.givesTickets = true
        let first = try await Peer(options: options)
        let bad = try await Peer(certificates: [Certificates.wrongName])
        let third = try await Peer(certificates: [Certificates.third])
        var route = first.route()
        let peers = [(first, "relay.kit.test"), (bad, "relay2.kit.test"), (third, "relay3.kit.test")]
        route.relays = (peers + [peers[0]]).map { peer, host in
            RouteSettings.Relay(host: host, port: peer.port, dial: .init(address: "127.0.0.1", port: peer.port))
        }
        let reports = try await Probe(route: route).run()
        try #require(reports.map(\.server) == peers.map(\.1) + ["relay.kit.test"])
        #expect(reports.map(\.end) == [.ready, .held, .ready, .ready])
        #expect(reports[1].problem?.reason == .certificateName)
        // A session that is taken up shows no certificate, and says nothing of the one that the server has now.
        #expect(first.record.connections == 2 && first.record.resumed == 0)
        #expect(reports[3].matchedName == "relay.kit.test")
        #expect(bad.record.secure.isEmpty && third.record.secure.last == "QUIT")
        for peer in [first, bad, third] { try await peer.close() }
    }

    @Test("What would hold rows is named, and no more is said in clear than by a row", arguments: RouteSenderTests.bad)
    func held(_ bad: RouteSenderTests.Bad) async throws {
        let peer = try await Peer(
            certificates: [bad.certificate],
            options: bad.options,
            clearOffer: bad.clearOffer,
            answer: bad.answer
        )
        var route = peer.route()
        route.credentials = .init(username: "user", password: Protected("secret"))
        let report = try await report(route)
        #expect(report.end == .held)
        #expect(report.problem?.reason == bad.reason)
        #expect(report.tls == nil && report.offer == nil && report.mechanism == nil)
        #expect(report.obstacles(.init()).count == 1)
        let record = peer.record
        #expect(record.clear.allSatisfy { ["EHLO mail.riverside.example", "STARTTLS", "QUIT"].contains($0) })
        #expect(record.secure.isEmpty && record.connections == 1)
        try await peer.close()
    }

    @Test("Refused credentials hold rows; the rest of what was seen is told all the same")
    func authentication() async throws {
        let peer = try await Peer(offer: "250-relay.kit.test\r\n250 AUTH PLAIN\r\n") {
            $0.verb == "AUTH" ? .say("535 5.7.8 no\r\n") : .usual
        }
        var route = peer.route()
        route.credentials = .init(username: "user", password: Protected("secret"))
        let report = try await report(route)
        #expect(report.end == .held && report.problem?.detail == "535 5.7.8 no")
        #expect(report.tls != nil && report.offer?.mechanisms == ["PLAIN"] && report.mechanism == nil)
        #expect(peer.record.secure.count { $0.hasPrefix("AUTH") } == 1)
        try await peer.close()
    }

    struct Away: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let reason: Reason
        let answer: @Sendable (Peer.Event) -> Peer.Answer
    }

    static let absences = [
        Away(testDescription: "421 at the greeting", reason: .serverBusy) {
            $0.verb == "connect" ? .sayAndClose("421 4.3.2 busy\r\n") : .usual
        },
        Away(testDescription: "silence", reason: .timeout) { $0.verb == "connect" ? .silence : .usual },
        Away(testDescription: "garbage", reason: .protocolError) { $0.verb == "EHLO" ? .say("what?\r\n") : .usual },
        Away(testDescription: "closed inside TLS", reason: .connectionLost) {
            $0.verb == "EHLO" && $0.isSecure ? .close : .usual
        },
    ]

    @Test("A server that is not to be had now is told apart from one that cannot be trusted", arguments: absences)
    func away(_ away: Away) async throws {
        let peer = try await Peer(answer: away.answer)
        var route = peer.route()
        route.timeouts = .all(.milliseconds(500))
        let report = try await report(route)
        #expect(report.end == .unreachable)
        #expect(report.problem?.reason == away.reason)
        try await peer.close()
    }

    @Test("Nobody listens")
    func nobody() async throws {
        let peer = try await Peer()
        let route = peer.route()
        try await peer.close()
        let report = try await report(route)
        #expect(report.end == .unreachable && report.problem?.reason == .connect && report.address == nil)
    }

    @Test("Without a token there is no connection")
    func noToken() async throws {
        let peer = try await Peer()
        var route = peer.route()
        let tokens = ListTokens([.failure(TokenProblem("the command is not there", isTemporary: false))])
        route.credentials = .init(username: "user", secret: .token(tokens))
        let report = try await report(route)
        #expect(report.end == .held && report.problem?.detail == "the command is not there")
        #expect(peer.record.connections == 0)
        try await peer.close()
    }

    @Test("What single rows would meet is said with a row to look at")
    func obstacles() async throws {
        let peer = try await Peer(offer: "250-relay.kit.test\r\n250 SIZE 1000\r\n")
        let report = try await report(peer.route())
        var needs = ProbeReport.Needs()
        let ascii = try Address(localPart: "jane", domain: "example.org")
        needs.add(RowNumber(1), octets: 1_000, recipient: ascii, headersNeedUTF8: false)
        #expect(report.obstacles(needs).isEmpty)
        needs.add(RowNumber(2), octets: 1_001, recipient: ascii, headersNeedUTF8: false)
        let jürgen = try Address(parsing: "jürgen@example.org") { $0 }
        needs.add(RowNumber(3), octets: 10, recipient: jürgen, headersNeedUTF8: true)
        #expect(
            report.obstacles(needs) == [
                "the largest message has 1001 octets (row 2), and the server takes 1000: such rows would be failed, "
                    + "message-too-large",
                "1 row needs SMTPUTF8, which the server does not offer: failed, smtputf8-missing, row 3 first",
            ]
        )
        try await peer.close()
    }

    @Test("A relay that does not promise TLS onward holds a route that wants it")
    func onward() async throws {
        let peer = try await Peer()
        var route = peer.route()
        route.requiresTLSOnward = true
        let report = try await report(route)
        #expect(report.end == .held && report.problem?.reason == .requireTLSMissing)
        #expect(report.offer != nil && report.tls != nil)
        try await peer.close()
    }
}
