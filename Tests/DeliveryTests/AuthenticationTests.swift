import Core
import OpenSSL
import Synchronization
import Testing

@testable import Delivery

/// Tokens as a test says, one after the other; a refused one may be replaced as long as there are more.
final class ListTokens: TokenSource {
    private struct State {
        var coming: [Result<String, TokenProblem>]
        var number = 0
        var asked = 0
        var refused = 0
        var accepted = 0
    }

    private let state: Mutex<State>

    init(_ coming: [Result<String, TokenProblem>]) {
        state = Mutex(State(coming: coming))
    }

    var asked: Int { state.withLock { $0.asked } }
    var refused: Int { state.withLock { $0.refused } }
    var accepted: Int { state.withLock { $0.accepted } }

    func token(then: @escaping @Sendable (Result<AccessToken, TokenProblem>) -> Void) {
        then(
            state.withLock { state in
                state.asked += 1
                if case .failure = state.coming[0], state.coming.count > 1 {
                    return state.coming.removeFirst().map { AccessToken(Protected($0), number: 0) }
                }
                return state.coming[0].map { AccessToken(Protected($0), number: state.number) }
            }
        )
    }

    func wasRefused(_ token: AccessToken) -> Bool {
        state.withLock { state in
            state.refused += 1
            guard state.coming.count > 1 else { return false }
            if token.number == state.number {
                state.number += 1
                state.coming.removeFirst()
            }
            return true
        }
    }

    func wasAccepted(_ token: AccessToken) {
        state.withLock { $0.accepted += 1 }
    }
}

@Suite("Saying who we are, over the network", .timeLimit(.minutes(1)))
struct AuthenticationTests {
    private static let offer = "250-relay.kit.test\r\n250-PIPELINING\r\n250 AUTH PLAIN OAUTHBEARER EXTERNAL\r\n"

    /// A peer that takes one token.
    private func peer(taking token: String = "good") async throws -> Peer {
        try await Peer(offer: Self.offer) { event in
            guard event.verb == "AUTH" else { return .usual }
            let initial = event.line.split(separator: " ").last ?? ""
            let said = Base64.decode(Array(initial.utf8)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            return .say(said.contains("auth=Bearer \(token)\u{1}") ? "235 2.7.0 ok\r\n" : "535 5.7.8 bad token\r\n")
        }
    }

    private func route(_ peer: Peer, _ tokens: ListTokens, connections: Int = 1) -> RouteSettings {
        var route = peer.route(connections: connections)
        route.credentials = .init(username: "user", secret: .token(tokens))
        return route
    }

    private func tries(_ peer: Peer) -> Int {
        peer.record.secure.count { $0.hasPrefix("AUTH") }
    }

    @Test("A token goes with each connection")
    func token() async throws {
        let peer = try await peer()
        let tokens = ListTokens([.success("good")])
        let source = ListSource(40)
        #expect(try await source.send(over: route(peer, tokens, connections: 4)) == .finished)
        #expect(source.results.values.allSatisfy { $0.verdict == .accepted })
        // One that comes when the rows are gone says goodbye before it is asked who it is.
        #expect(tokens.asked >= tries(peer) && tries(peer) >= 1)
        #expect(tokens.accepted >= 1 && tokens.refused == 0)
        try await peer.close()
    }

    @Test("A token that the server refuses is replaced once, and the rows go")
    func renewed() async throws {
        let peer = try await peer()
        let tokens = ListTokens([.success("old"), .success("good")])
        let source = ListSource(3)
        #expect(try await source.send(over: route(peer, tokens)) == .finished)
        #expect(source.results.values.allSatisfy { $0.verdict == .accepted })
        #expect(tries(peer) == 2 && peer.record.connections == 2 && tokens.refused == 1)
        try await peer.close()
    }

    @Test("If the new token is refused, too, the route stops: two tries, and no row is asked for")
    func refusedTwice() async throws {
        let peer = try await peer()
        let tokens = ListTokens([.success("old"), .success("older")])
        let source = ListSource(3)
        let end = try await source.send(over: route(peer, tokens, connections: 8))
        #expect(
            end == .stopped(RouteProblem(.authentication, detail: "535 5.7.8 bad token", server: Certificates.host))
        )
        #expect(tries(peer) == 2 && peer.record.connections == 2)
        #expect(source.waiting == 3)
        try await peer.close()
    }

    @Test("Without a token there is no connection; a passing trouble is tried again")
    func noToken() async throws {
        let peer = try await peer()
        let never = ListTokens([.failure(TokenProblem("the command is not there", isTemporary: false))])
        let source = ListSource(2)
        let end = try await source.send(over: route(peer, never))
        let problem = RouteProblem(.authentication, detail: "the command is not there", server: Certificates.host)
        #expect(end == .stopped(problem))
        #expect(peer.record.connections == 0)
        let later = ListTokens([.failure(TokenProblem("no", isTemporary: true)), .success("good")])
        #expect(try await source.send(over: route(peer, later)) == .finished)
        #expect(peer.record.connections == 1 && later.asked == 2)
        try await peer.close()
    }

    @Test("A server that hangs up at AUTH gets the password twice, not for ever", arguments: [true, false])
    func dropped(_ isReset: Bool) async throws {
        let peer = try await Peer(offer: Self.offer) { event in
            guard event.verb == "AUTH" else { return .usual }
            return isReset ? .reset : .close
        }
        let source = ListSource(3)
        var route = peer.route(connections: 8)
        route.credentials = .init(username: "user", password: Protected("secret"))
        let end = try await source.send(over: route)
        guard case .stopped(let problem) = end else {
            Issue.record("not stopped: \(end)")
            return
        }
        #expect(problem.detail == "the connection was lost before the answer to AUTH")
        #expect(tries(peer) == 2 && source.waiting == 3)
        try await peer.close()
    }

    @Test("454 is a server that cannot check now: the next connection may")
    func later() async throws {
        let peer = try await Peer(offer: Self.offer) { event in
            guard event.verb == "AUTH" else { return .usual }
            return .say(event.connection < 3 ? "454 4.7.0 later\r\n" : "235 2.7.0 ok\r\n")
        }
        let source = ListSource(1)
        var route = peer.route()
        route.credentials = .init(username: "user", password: Protected("secret"))
        #expect(try await source.send(over: route) == .finished)
        #expect(tries(peer) == 3 && source.results[1]?.verdict == .accepted)
        try await peer.close()
    }

    @Test("EXTERNAL goes with the certificate that TLS showed", arguments: [RouteSettings.TLSMode.startTLS, .implicit])
    func external(_ mode: RouteSettings.TLSMode) async throws {
        var options = TLSServerContext.Options()
        options.clientRoots = Certificates.authority.certificatePEM
        let peer = try await Peer(mode, options: options, offer: Self.offer) { event in
            event.verb == "AUTH" ? .say(event.line == "AUTH EXTERNAL =" ? "235 2.7.0 ok\r\n" : "535 no\r\n") : .usual
        }
        let source = ListSource(2)
        var route = peer.route(mode)
        route.clientCertificate = Certificates.client
        route.credentials = .init(username: "", secret: .certificate)
        #expect(try await source.send(over: route) == .finished)
        #expect(source.results.values.allSatisfy { $0.verdict == .accepted })
        try await peer.close()
    }

    @Test(
        "A relay that wants a certificate gets no mail without one, or with one that it does not know",
        arguments: [true, false]
    )
    func noCertificate(_ hasOther: Bool) async throws {
        var options = TLSServerContext.Options()
        options.clientRoots = Certificates.authority.certificatePEM
        options.maximum = .tls12
        let peer = try await Peer(options: options)
        let source = ListSource(2)
        var route = peer.route()
        if hasOther { route.clientCertificate = Certificates.client(of: Certificates.otherAuthority) }
        let end = try await source.send(over: route)
        guard case .held(let problem) = end else {
            Issue.record("not held: \(end)")
            return
        }
        #expect(problem.reason == .tlsHandshake)
        #expect(peer.record.secure.isEmpty && source.waiting == 2)
        try await peer.close()
    }

    @Test("A route's further connections take its sessions up", arguments: [TLSVersion.tls12, .tls13])
    func resumed(_ version: TLSVersion) async throws {
        var options = TLSServerContext.Options()
        options.givesTickets = true
        options.maximum = version
        let peer = try await Peer(options: options)
        let source = ListSource(20)
        var route = peer.route()
        route.limits.messagesPerConnection = 2
        #expect(try await source.send(over: route) == .finished)
        #expect(source.results.values.allSatisfy { $0.verdict == .accepted })
        let evidence = Set(source.results.values.map(\.tls))
        #expect(evidence.count == 1, "every row has the same evidence, whether its session was taken up or not")
        #expect(evidence.first??.verification == .pinned)
        let record = peer.record
        #expect(record.connections >= 10)
        #expect(record.resumed == record.connections - 1)
        // What the next job does is its own affair.
        let next = ListSource(1)
        #expect(try await next.send(over: route) == .finished)
        #expect(peer.record.connections == record.connections + 1 && peer.record.resumed == record.resumed)
        try await peer.close()
    }
}
