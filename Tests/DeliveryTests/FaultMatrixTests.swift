import Core
import Synchronization
import Testing

@testable import Delivery

/// Every stage of a conversation with every fault, against a peer on loopback: ``FaultEffect`` says what must come of it.
///
/// The fault happens on the first connection; what comes after is a good server, so that what happens to the neighbours
/// shows too. What goes wrong before mail is also tried with a server that does it every time.
@Suite("Every fault at every stage", .timeLimit(.minutes(2)))
struct FaultMatrixTests {
    struct Case: CustomStringConvertible, Sendable {
        let stage: FaultStage
        let fault: Fault
        let way: FaultWay
        let mode: RouteSettings.TLSMode
        let effect: FaultEffect
        var isAlways = false

        var description: String {
            "\(stage.rawValue): \(fault.rawValue) (\(mode.rawValue), \(way.rawValue)\(isAlways ? ", every time" : ""))"
        }

        /// The row that it happens to.
        var row: UInt32 { way == .data ? 2 : 3 }
    }

    static let cases: [Case] = FaultStage.allCases.flatMap { stage in
        Fault.allCases.flatMap { fault in
            [RouteSettings.TLSMode.startTLS, .implicit].flatMap { mode in
                FaultWay.allCases.flatMap { way in cases(stage, fault, way, mode) }
            }
        }
    }

    private static func cases(
        _ stage: FaultStage,
        _ fault: Fault,
        _ way: FaultWay,
        _ mode: RouteSettings.TLSMode
    ) -> [Case] {
        let isImplicit = mode == .implicit
        if isImplicit, stage == .clearHello || stage == .startTLS { return [] }
        if way == .data ? stage == .reset : stage == .data { return [] }
        // Windows come long after.
        if way == .window, stage.isOpening { return [] }
        guard let effect = FaultEffect.of(fault, at: stage, way, implicit: isImplicit) else { return [] }
        let once = Case(stage: stage, fault: fault, way: way, mode: mode, effect: effect)
        guard effect.repeated != .fine else { return [once] }
        var always = once
        always.isAlways = true
        return [once, always]
    }

    @Test("The row becomes what the table says, its neighbours too, and nothing is said in clear")
    func matrix() async throws {
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, row) in Self.cases.enumerated() {
                if number >= 24 { try await group.next() }
                group.addTask { try await play(row) }
            }
            try await group.waitForAll()
        }
        print("fault matrix: \(Self.cases.count) cases in \(ContinuousClock.now - start)")
        #expect(Self.cases.count >= 900)
    }

    @Test("A server that is not there yet: nothing is tried, nothing counts, and then all of it is sent")
    func connect() async throws {
        let gone = try await Peer()
        let port = gone.port
        try await gone.close()
        let source = ListSource(3)
        let run = Task { try await source.send(over: Peer.route(.startTLS, port: port)) }
        while source.problem == nil { await Task.yield() }
        #expect(source.problem?.reason == .connect)
        #expect(source.announced == 0 && source.waiting == 3)
        var behaviour = Peer.Options()
        behaviour.port = port
        let peer = try await Peer(behaviour: behaviour)
        #expect(try await run.value == .finished)
        #expect(source.results.count == 3 && source.results.values.allSatisfy { $0.verdict == .accepted })
        #expect(peer.record.violations.isEmpty)
        try await peer.close()
    }

    private func play(_ row: Case) async throws {
        let start = ContinuousClock.now
        defer { if ContinuousClock.now - start > .seconds(4) { print("slow:", row, ContinuousClock.now - start) } }
        if row.isAlways { return try await playAlways(row) }
        let source = ListSource(
            row.way == .data ? 4 : 5,
            first: row.stage == .idle ? 2 : .max,
            large: row.stage == .content ? row.row : nil,
            isPrompt: row.way == .window
        )
        let peer = try await peer(for: row) { source.releaseAtRest() }
        let end = try await source.send(over: route(row, to: peer))
        let record = peer.record
        expect(record, row)
        if row.stage == .authentication, case .stopped(.authentication, after: 1) = row.effect.repeated {
            note(row, source.waiting == 4 && source.announced == 0, "rows went out without credentials")
        } else {
            note(row, end == .finished, "the route ended with \(end)")
            expect(source, row, record)
            let expected = row.effect.endsConnection ? 2 : 1
            note(row, record.connections == expected, "\(record.connections) connections")
        }
        note(row, source.problems.isEmpty, "\(source.problems)")
        try await peer.close()
    }

    private func playAlways(_ row: Case) async throws {
        let source = ListSource(3)
        let peer = try await peer(for: row)
        let route = route(row, to: peer)
        switch row.effect.repeated {
        case .fine: break
        case .tried(let reason):
            let run = Task { try await source.send(over: route) }
            while peer.record.connections < 3 || source.problem == nil { try await Task.sleep(for: .milliseconds(2)) }
            // A reset that comes with the connection itself is seen as none.
            let isConnect = row.stage == .greeting && row.fault == .reset && source.problem?.reason == .connect
            let seen = source.problem?.reason
            note(row, seen == reason || isConnect, "the problem is \(seen?.rawValue ?? "")")
            run.cancel()
            note(row, try await run.value == .cancelled, "not cancelled")
        case .held(let reason, let count):
            let end = try await source.send(over: route)
            guard case .held(let problem) = end else { return note(row, false, "not held: \(end)") }
            note(row, problem.reason == reason, "held for \(problem.reason)")
            expect(peer.record.connections, count, row)
        case .stopped(let reason, let count):
            let end = try await source.send(over: route)
            guard case .stopped(let problem) = end else { return note(row, false, "not stopped: \(end)") }
            note(row, problem.reason == reason, "stopped for \(problem.reason)")
            expect(peer.record.connections, count, row)
        }
        expect(peer.record, row)
        note(row, source.waiting == 3 && source.announced == 0, "a row was tried")
        try await peer.close()
    }

    // MARK: The two sides

    private func peer(for row: Case, ended: @escaping @Sendable () -> Void = {}) async throws -> Peer {
        var behaviour = Peer.Options()
        if row.way == .window, ![.content, .quit, .idle].contains(row.stage) { behaviour.heldMessages = 4 }
        behaviour.noticesIdleness = row.stage == .idle
        behaviour.isSmall = row.stage == .content
        if row.stage == .idle { behaviour.ended = ended }
        let offer = row.way == .data ? "" : "250-CHUNKING\r\n"
        let isMail = !row.stage.isOpening && row.stage != .quit && row.stage != .idle
        return try await Peer(
            row.mode,
            offer: "250-relay.kit.test\r\n250-PIPELINING\r\n\(offer)250-AUTH PLAIN\r\n250 8BITMIME\r\n",
            behaviour: behaviour
        ) { event in
            guard row.isAlways || event.connection == 1, event.verb == row.stage.verb else { return .usual }
            if isMail, event.message != Int(row.row) { return .usual }
            if row.stage == .clearHello, event.isSecure { return .usual }
            if row.stage == .hello, !event.isSecure { return .usual }
            // Where nothing is asked, the early answer is the yes that would be wrong.
            if row.fault == .early { return .say("250 2.0.0 taken\r\n") }
            return row.fault.answer
        }
    }

    private func route(_ row: Case, to peer: Peer) -> RouteSettings {
        var route = peer.route(row.mode)
        if row.way == .window { route.window = 4 }
        if row.stage == .authentication {
            route.credentials = .init(username: "user", password: Protected("secret"))
        }
        route.timeouts.quit = .milliseconds(500)
        route.limits.probeAfter = .zero
        guard row.fault == .silence || row.fault == .trickle else { return route }
        let limit = Duration.milliseconds(row.isAlways ? 300 : 1200)
        switch row.stage {
        case .greeting: route.timeouts.greeting = limit
        case .clearHello, .startTLS, .hello, .authentication, .reset: route.timeouts.command = limit
        case .handshake: route.timeouts.handshake = limit
        case .mail: route.timeouts.mail = limit
        case .recipient: route.timeouts.recipient = limit
        case .data: route.timeouts.data = limit
        case .content: route.timeouts.block = limit / 8
        case .end: route.timeouts.end = limit
        case .idle: route.timeouts.idle = limit / 4
        case .quit: break
        }
        return route
    }

    // MARK: What must hold

    /// On every run: nothing but EHLO, STARTTLS and QUIT in clear, nobody twice, and no answer read without end.
    private func expect(_ record: Peer.Record, _ row: Case) {
        note(row, record.violations.isEmpty, "said in clear: \(record.violations)")
        note(row, record.taken.values.allSatisfy { $0 == 1 }, "taken twice: \(record.taken)")
        // What systems buffer for a reader that has left, for each connection.
        let octets = record.endlessOctets
        note(row, octets < record.connections * (12 << 20), "\(octets) octets of an endless answer were read")
    }

    /// A machine that is busy makes good answers late, too, where time is short.
    private func expect(_ connections: Int, _ expected: Int, _ row: Case) {
        let isTimed = row.fault == .silence || row.fault == .trickle
        note(row, isTimed ? connections >= expected : connections == expected, "\(connections) connections")
    }

    private func expect(_ source: ListSource, _ row: Case, _ record: Peer.Record) {
        let results = source.results
        let count: UInt32 = row.way == .data ? 4 : 5
        for number in 1...count {
            guard let result = results[number] else {
                note(row, false, "row \(number) has no result")
                continue
            }
            let fate = fate(of: number, row)
            note(row, fate.fits(result), "row \(number) is \(result.verdict) \(result.reason) (\(result.detail))")
            let taken = record.taken["row\(number)@example.org"] ?? 0
            if result.verdict == .accepted { note(row, taken == 1, "row \(number) is called sent and was not taken") }
            if [.refused, .deferred].contains(result.verdict) {
                note(row, taken == 0, "row \(number) was taken and is \(result.verdict)")
            }
        }
        let isGivenBack = row.effect.row == .again || row.effect.behind == .again
        if isGivenBack { note(row, source.handedBack > 0, "nothing was given back") }
    }

    private func fate(of number: UInt32, _ row: Case) -> Fate {
        if row.stage.isOpening || row.stage == .quit || row.stage == .idle || number < row.row { return .sent }
        if number == row.row { return row.effect.row }
        // By DATA there is one envelope behind a message, and only behind its content.
        if row.way == .data { return number == row.row + 1 ? row.effect.behind : .sent }
        return row.effect.behind
    }

    private func note(_ row: Case, _ condition: Bool, _ problem: @autoclosure () -> String) {
        guard !condition else { return }
        let said = problem()
        Issue.record("\(row): \(said)")
    }
}

extension Fate {
    /// Whether a result is what it says.
    fileprivate func fits(_ result: AttemptResult) -> Bool {
        switch self {
        case .sent, .again: result.verdict == .accepted
        case .failed(let reason): result.verdict == .refused && result.reason == reason
        case .later(let reason): result.verdict == .deferred && result.reason == reason
        case .unknown(let reason): result.verdict == .unknown && result.reason == reason
        case .againOrLater(let reason):
            result.verdict == .accepted || result.verdict == .deferred && result.reason == reason
        }
    }
}

extension Timeouts {
    /// The same for every answer.
    static func all(_ limit: Duration) -> Timeouts {
        var timeouts = Timeouts()
        timeouts.greeting = limit
        timeouts.command = limit
        timeouts.mail = limit
        timeouts.recipient = limit
        timeouts.data = limit
        timeouts.end = limit
        timeouts.handshake = limit
        return timeouts
    }
}
