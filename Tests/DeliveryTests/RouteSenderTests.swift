import Core
import NIOPosix
import OpenSSL
import Testing

@testable import Delivery

@Suite("Over the network", .timeLimit(.minutes(1)))
struct RouteSenderTests {
    private func isClean(_ record: Peer.Record) -> Bool {
        record.clear.allSatisfy { ["EHLO mail.riverside.example", "STARTTLS", "QUIT"].contains($0) }
    }

    @Test("Messages go over STARTTLS and over implicit TLS", arguments: [RouteSettings.TLSMode.startTLS, .implicit])
    func sends(_ mode: RouteSettings.TLSMode) async throws {
        let peer = try await Peer(mode)
        let source = ListSource(3)
        let end = try await source.send(over: peer.route(mode))
        #expect(end == .finished)
        let record = peer.record
        #expect(record.taken == ["row1@example.org": 1, "row2@example.org": 1, "row3@example.org": 1])
        #expect(record.contents[0].hasPrefix("Subject: Row 1\n\nA line"))
        #expect(record.clear == (mode == .startTLS ? ["EHLO mail.riverside.example", "STARTTLS"] : []))
        for row in 1...3 {
            let result = try #require(source.results[UInt32(row)])
            #expect(result.verdict == .accepted)
            #expect(result.detail == "250 2.0.0 taken")
            #expect(result.server == Certificates.host)
            #expect(result.tls?.verification == .pinned)
            #expect(result.tls?.version == "TLSv1.3")
            #expect(result.tls?.scope == .relay)
        }
        #expect(source.problems.isEmpty)
        try await peer.close()
    }

    struct Bad: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let reason: Reason
        var certificate = Certificates.good
        var clearOffer = "250-relay.kit.test\r\n250 STARTTLS\r\n"
        var options = TLSServerContext.Options()
        var answer: @Sendable (Peer.Event) -> Peer.Answer = { _ in .usual }
    }

    static let bad: [Bad] = [
        Bad(
            testDescription: "unknown authority",
            reason: .certificateUntrusted,
            certificate: Certificates.unknownAuthority
        ),
        Bad(testDescription: "expired", reason: .certificateExpired, certificate: Certificates.expired),
        Bad(testDescription: "not yet valid", reason: .certificateNotYetValid, certificate: Certificates.notYetValid),
        Bad(testDescription: "wrong name", reason: .certificateName, certificate: Certificates.wrongName),
        Bad(
            testDescription: "TLS 1.1 only",
            reason: .tlsHandshake,
            options: {
                var options = TLSServerContext.Options()
                options.minimum = .tls10
                options.maximum = .tls11
                options.securityLevel = 0
                return options
            }()
        ),
        Bad(
            testDescription: "no STARTTLS, AUTH in clear",
            reason: .tlsNotOffered,
            clearOffer: "250-relay.kit.test\r\n250 AUTH PLAIN LOGIN\r\n"
        ),
        Bad(testDescription: "454", reason: .tlsNotOffered) {
            $0.verb == "STARTTLS" ? .say("454 4.7.0 no\r\n") : .usual
        },
        Bad(testDescription: "injection behind 220", reason: .tlsInjection) {
            $0.verb == "STARTTLS" ? .say("220 go\r\n250-relay.kit.test\r\n250 PIPELINING\r\n") : .usual
        },
        Bad(testDescription: "clear text instead of TLS", reason: .tlsHandshake) {
            $0.verb == "STARTTLS" ? .sayAndClose("220 go\r\n") : .usual
        },
    ]

    @Test("Without verified TLS nothing but EHLO, STARTTLS and QUIT is said, and the route is held", arguments: bad)
    func held(_ bad: Bad) async throws {
        let peer = try await Peer(
            certificates: [bad.certificate],
            options: bad.options,
            clearOffer: bad.clearOffer,
            answer: bad.answer
        )
        let source = ListSource(3)
        var route = peer.route(connections: 4)
        route.credentials = .init(username: "user", password: Protected("secret"))
        let end = try await source.send(over: route)
        guard case .held(let problem) = end else {
            Issue.record("not held: \(end)")
            return
        }
        #expect(problem.reason == bad.reason)
        #expect(problem.server == Certificates.host)
        #expect(!problem.detail.isEmpty)
        let record = peer.record
        #expect(isClean(record), "\(record.clear)")
        #expect(record.secure.isEmpty && record.taken.isEmpty)
        #expect(record.connections == (bad.testDescription == "clear text instead of TLS" ? 4 : 2))
        #expect(source.waiting == 3 && source.announced == 0, "no row was asked for")
        try await peer.close()
    }

    @Test("A server that is not the right one over implicit TLS is told nothing")
    func heldImplicit() async throws {
        let peer = try await Peer(.implicit, certificates: [Certificates.wrongName])
        let source = ListSource(1)
        let end = try await source.send(over: peer.route(.implicit))
        guard case .held(let problem) = end else {
            Issue.record("not held: \(end)")
            return
        }
        #expect(problem.reason == .certificateName)
        #expect(peer.record.clear.isEmpty && peer.record.secure.isEmpty)
        try await peer.close()
    }

    @Test("When later connections fail verification, what is under way is finished and the rest held")
    func heldLater() async throws {
        let peer = try await Peer(certificates: [Certificates.good, Certificates.expired]) { event in
            event.verb == "." && event.message == 2 ? .sayAndClose("250 2.0.0 taken\r\n") : .usual
        }
        let source = ListSource(50)
        let end = try await source.send(over: peer.route())
        guard case .held(let problem) = end else {
            Issue.record("not held: \(end)")
            return
        }
        #expect(problem.reason == .certificateExpired)
        #expect(source.results.values.filter { $0.verdict == .accepted }.count == 2)
        #expect(source.waiting + source.results.count == 50)
        #expect(isClean(peer.record))
        try await peer.close()
    }

    @Test("STARTTLS that was there once and is gone: held, not sent in clear")
    func stripped() async throws {
        let peer = try await Peer { event in
            if event.verb == "EHLO", !event.isSecure, event.connection > 1 { return .say("250 relay.kit.test\r\n") }
            return event.verb == "." ? .sayAndClose("250 ok\r\n") : .usual
        }
        let source = ListSource(5)
        let end = try await source.send(over: peer.route())
        guard case .held(let problem) = end else {
            Issue.record("not held: \(end)")
            return
        }
        #expect(problem.reason == .tlsNotOffered)
        #expect(isClean(peer.record))
        try await peer.close()
    }

    @Test("Lost behind the dot: that row is unknown and not sent again, the others go", arguments: [true, false])
    func unknown(_ byReset: Bool) async throws {
        let peer = try await Peer { event in
            guard event.verb == ".", event.connection == 1, event.message == 2 else { return .usual }
            return byReset ? .reset : .close
        }
        let source = ListSource(5)
        #expect(try await source.send(over: peer.route()) == .finished)
        let verdicts = source.results.mapValues(\.verdict)
        #expect(verdicts == [1: .accepted, 2: .unknown, 3: .accepted, 4: .accepted, 5: .accepted])
        #expect(source.results[2]?.reason == .answerLost)
        #expect(peer.record.taken["row2@example.org"] == nil)
        #expect(source.problems.isEmpty)
        try await peer.close()
    }

    @Test("Refused credentials stop the route after one try")
    func authentication() async throws {
        let peer = try await Peer(offer: "250-relay.kit.test\r\n250 AUTH PLAIN\r\n") { event in
            event.verb == "AUTH" ? .say("535 5.7.8 no\r\n") : .usual
        }
        let source = ListSource(5)
        var route = peer.route(connections: 8)
        route.credentials = .init(username: "user", password: Protected("wrong"))
        let end = try await source.send(over: route)
        #expect(end == .stopped(RouteProblem(.authentication, detail: "535 5.7.8 no", server: Certificates.host)))
        #expect(peer.record.connections == 1)
        #expect(peer.record.secure.filter { $0.hasPrefix("AUTH") }.count == 1)
        #expect(source.waiting == 5)
        try await peer.close()
    }

    @Test("A server that leaves with 421 after every fourth message gets all of them once")
    func leaves() async throws {
        let peer = try await Peer { event in
            event.verb == "MAIL" && event.message == 5 ? .sayAndClose("421 4.7.0 enough\r\n") : .usual
        }
        let source = ListSource(30)
        // How it slows down is another matter.
        var manner = AdaptivePace.Manner()
        manner.lowest = 10_000
        let group = MultiThreadedEventLoopGroup.singleton
        let budget = RouteBudget(peer.route(), store: nil, group: group, manner: manner)
        #expect(try await source.send(over: peer.route(), budget: budget) == .finished)
        #expect(source.results.values.allSatisfy { $0.verdict == .accepted })
        #expect(peer.record.taken.count == 30 && peer.record.taken.values.allSatisfy { $0 == 1 })
        #expect(peer.record.connections == 8)
        try await peer.close()
    }

    @Test(
        "A server that takes five messages on a connection and has not said so gets all of them, once and without a wait",
        arguments: ["250-PIPELINING\r\n", "", "250-PIPELINING\r\n250-CHUNKING\r\n"]
    )
    func unannouncedLimit(_ offer: String) async throws {
        let peer = try await Peer(offer: "250-relay.kit.test\r\n\(offer)250 8BITMIME\r\n") { event in
            guard event.verb == "MAIL", event.message > 5 else { return .usual }
            return .say("452 4.5.3 Too many recipients: Too many messages sent\r\n")
        }
        let source = ListSource(30)
        var route = peer.route()
        route.window = 4
        // A wait that counted as one for a failure would be longer than this test may take.
        route.limits.firstDelay = .seconds(600)
        route.limits.longestDelay = .seconds(600)
        #expect(try await source.send(over: route) == .finished)
        #expect(source.results.count == 30 && source.results.values.allSatisfy { $0.verdict == .accepted })
        #expect(peer.record.taken.count == 30 && peer.record.taken.values.allSatisfy { $0 == 1 })
        #expect(peer.record.connections == 6 && source.handedBack >= 5)
        #expect(peer.record.secure.filter { $0 == "QUIT" }.count == 6)
        #expect(source.problems.isEmpty)
        try await peer.close()
    }

    @Test(
        "A row whose MAIL is refused for now on every connection waits after a fresh one has refused it, and no sooner"
    )
    func deferredByFreshConnection() async throws {
        let peer = try await Peer { event in
            guard event.verb == "MAIL", event.message > 1 || event.connection > 1 else { return .usual }
            return .say("451 4.3.0 later\r\n")
        }
        let source = ListSource(4)
        #expect(try await source.send(over: peer.route()) == .finished)
        #expect(source.results.values.filter { $0.verdict == .accepted }.count == 1)
        #expect(source.results.values.filter { $0.verdict == .deferred }.count == 3)
        #expect(peer.record.connections == 2 && source.handedBack == 1)
        try await peer.close()
    }

    @Test("Ten connections take a thousand messages each, every one exactly once")
    func many() async throws {
        let peer = try await Peer()
        let source = ListSource(10_000)
        #expect(try await source.send(over: peer.route(connections: 10)) == .finished)
        let record = peer.record
        #expect(source.results.count == 10_000)
        #expect(source.results.values.allSatisfy { $0.verdict == .accepted })
        #expect(record.taken.count == 10_000)
        #expect(record.taken.values.allSatisfy { $0 == 1 })
        #expect(record.connections == 10)
        #expect(record.connections * 2 == record.clear.count)
        #expect(isClean(record))
        #expect(source.problems.isEmpty)
        try await peer.close()
    }

    @Test("A large message arrives whole, octet for octet, and the next one too")
    func large() async throws {
        let peer = try await Peer()
        let source = ListSource(2, size: 20_000)
        #expect(try await source.send(over: peer.route()) == .finished)
        #expect(source.results[2]?.verdict == .accepted)
        let body = String(repeating: ListSource.line, count: 20_000).replacing("\r\n", with: "\n").dropLast()
        let expected = (1...2).map { "Subject: Row \($0)\n\n\(body)" }
        #expect(peer.record.contents.elementsEqual(expected), "the contents differ")
        try await peer.close()
    }

    @Test("Cut off inside a message larger than what systems buffer: its end was never sent")
    func cutInside() async throws {
        let peer = try await Peer { $0.verb == "content" ? .reset : .usual }
        let source = ListSource(1, size: 400_000)
        #expect(try await source.send(over: peer.route()) == .finished)
        #expect(source.results[1]?.verdict == .deferred)
        #expect(source.results[1]?.reason == .connectionLost)
        try await peer.close()
    }

    @Test("A rate holds over all connections")
    func rate() async throws {
        let peer = try await Peer()
        let source = ListSource(40)
        var route = peer.route(connections: 4)
        route.rate = .init(200)
        let start = ContinuousClock.now
        #expect(try await source.send(over: route) == .finished)
        #expect(ContinuousClock.now - start >= .milliseconds(200))
        #expect(source.results.count == 40)
        try await peer.close()
    }

    @Test("Cancelled while a server is silent: given back, and over")
    func cancelled() async throws {
        let (asked, saidSo) = AsyncStream.makeStream(of: Void.self)
        let peer = try await Peer { event in
            guard event.verb == "DATA" else { return .usual }
            saidSo.yield()
            return .silence
        }
        let source = ListSource(3)
        let route = peer.route()
        let run = Task { try await source.send(over: route) }
        for await _ in asked { break }
        run.cancel()
        #expect(try await run.value == .cancelled)
        #expect(source.results.isEmpty && source.waiting == 3)
        try await peer.close()
    }

    @Test("Cancelled behind the dot: the answer is awaited for a while, then the row is unknown")
    func cancelledBehindTheDot() async throws {
        let (asked, saidSo) = AsyncStream.makeStream(of: Void.self)
        let peer = try await Peer { event in
            guard event.verb == "." else { return .usual }
            saidSo.yield()
            return .silence
        }
        let source = ListSource(1)
        var route = peer.route()
        route.timeouts.stop = .milliseconds(50)
        let run = Task { [route] in try await source.send(over: route) }
        for await _ in asked { break }
        run.cancel()
        #expect(try await run.value == .cancelled)
        #expect(source.results[1]?.verdict == .unknown)
        try await peer.close()
    }

    @Test("Nobody listens: the problem is named, rows stay, and cancelling ends it")
    func nobodyListens() async throws {
        let peer = try await Peer()
        let route = peer.route()
        try await peer.close()
        let source = ListSource(1)
        let sender = try RouteSender(route: route, source: source)
        let run = Task { await sender.run() }
        while sender.problem == nil { await Task.yield() }
        #expect(sender.problem?.reason == .connect)
        run.cancel()
        #expect(await run.value == .cancelled)
        #expect(source.waiting == 1)
    }
}
