import Core
import Testing

@testable import Delivery

@Suite("Windows over the network", .timeLimit(.minutes(1)))
struct WindowTests {
    private static let offer = "250-relay.kit.test\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 8BITMIME\r\n"

    private func route(_ peer: Peer, _ mode: RouteSettings.TLSMode, window: Int, connections: Int = 1) -> RouteSettings
    {
        var route = peer.route(mode, connections: connections)
        route.window = window
        return route
    }

    @Test("Each row once, whatever the window and however many connections", arguments: [2, 8, 64], [1, 4])
    func many(_ window: Int, _ connections: Int) async throws {
        let peer = try await Peer(offer: Self.offer)
        let source = ListSource(1500)
        let route = route(peer, .startTLS, window: window, connections: connections)
        #expect(try await source.send(over: route) == .finished)
        let record = peer.record
        #expect(source.results.count == 1500 && source.results.values.allSatisfy { $0.verdict == .accepted })
        #expect(record.taken.count == 1500 && record.taken.values.allSatisfy { $0 == 1 })
        #expect(record.connections <= connections)
        #expect(record.violations.isEmpty && source.problems.isEmpty)
        let chunks = record.secure.filter { $0.hasPrefix("BDAT ") }.count
        let data = record.secure.filter { $0 == "DATA" }.count
        #expect(data <= record.connections && chunks + data == 1500, "all but each connection's first went by BDAT")
        try await peer.close()
    }

    @Test("Refusals of every kind fall on their own rows and on no other")
    func refusals() async throws {
        let peer = try await Peer(.implicit, offer: Self.offer) { event in
            switch (event.verb, event.message % 7) {
            case ("MAIL", 3): .say("552 5.3.4 too large\r\n")
            case ("RCPT", 4): .say("550 5.1.1 no such user\r\n")
            case (".", 5): .say("554 5.6.0 refused\r\n")
            case (".", 6): .say("452 4.3.1 no space\r\n")
            default: .usual
            }
        }
        let source = ListSource(700, isPrompt: true)
        #expect(try await source.send(over: route(peer, .implicit, window: 16)) == .finished)
        let record = peer.record
        #expect(record.connections == 1)
        for (row, result) in source.results {
            // One connection and a ledger that answers at once: row N is message N.
            let expected: (AttemptResult.Verdict, Reason) =
                switch row % 7 {
                case 3: (.refused, .messageTooLarge)
                case 4: (.refused, .mailboxUnknown)
                case 5: (.refused, .contentRefused)
                case 6: (.deferred, .serverBusy)
                default: (.accepted, .none)
                }
            #expect(result.verdict == expected.0 && result.reason == expected.1, "row \(row): \(result)")
            #expect((record.taken["row\(row)@example.org"] ?? 0) == (expected.0 == .accepted ? 1 : 0))
        }
        #expect(source.results.count == 700)
        try await peer.close()
    }

    @Test("A large message among small ones arrives octet for octet")
    func large() async throws {
        let peer = try await Peer(offer: Self.offer)
        let source = ListSource(6, large: 3)
        #expect(try await source.send(over: route(peer, .startTLS, window: 4)) == .finished)
        #expect(source.results.values.allSatisfy { $0.verdict == .accepted })
        let expected = String(decoding: ListSource.largeContent, as: UTF8.self).replacing("\r\n", with: "\n").dropLast()
        #expect(peer.record.contents.contains(String(expected)), "the content differs")
        try await peer.close()
    }

    @Test("Cancelled in the middle: what is out is sent or unknown, the rest is given back, and nobody waits for long")
    func cancelled() async throws {
        let (asked, saidSo) = AsyncStream.makeStream(of: Void.self)
        var behaviour = Peer.Options()
        behaviour.heldMessages = 4
        let peer = try await Peer(offer: Self.offer, behaviour: behaviour) { event in
            guard event.verb == ".", event.message == 3 else { return .usual }
            saidSo.yield()
            return .silence
        }
        let source = ListSource(50, isPrompt: true)
        var route = route(peer, .startTLS, window: 4)
        route.timeouts.stop = .milliseconds(50)
        let run = Task { [route] in try await source.send(over: route) }
        for await _ in asked { break }
        run.cancel()
        #expect(try await run.value == .cancelled)
        let verdicts = source.results.mapValues(\.verdict)
        #expect(verdicts[1] == .accepted && verdicts[2] == .accepted)
        #expect(verdicts.filter { $0.key > 2 }.values.allSatisfy { $0 == .unknown })
        #expect((3...6).contains(verdicts.count))
        #expect(source.waiting + verdicts.count == 50)
        try await peer.close()
    }

    @Test("MAILMAX bounds a connection, over as many as it takes")
    func mailMaximum() async throws {
        let offer = "250-relay.kit.test\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 LIMITS MAILMAX=5\r\n"
        let peer = try await Peer(offer: offer)
        let source = ListSource(23)
        #expect(try await source.send(over: route(peer, .startTLS, window: 8)) == .finished)
        #expect(source.results.count == 23 && source.results.values.allSatisfy { $0.verdict == .accepted })
        #expect(peer.record.connections == 5)
        try await peer.close()
    }

    @Test("Without REQUIRETLS where the route wants it, no row is asked for, and the route is held")
    func onward() async throws {
        let peer = try await Peer(offer: Self.offer)
        let source = ListSource(3)
        var route = peer.route()
        route.requiresTLSOnward = true
        let end = try await source.send(over: route)
        guard case .held(let problem) = end else {
            Issue.record("not held: \(end)")
            return
        }
        #expect(problem.reason == .requireTLSMissing)
        #expect(source.waiting == 3 && source.announced == 0)
        #expect(peer.record.secure.allSatisfy { !$0.hasPrefix("MAIL") })
        try await peer.close()
    }
}
