import Core
import Testing

@testable import Delivery

/// Every stage of a conversation with every fault, against a peer on loopback.
///
/// The fault happens on the first connection; what comes after is a good server, so that what happens to the neighbours
/// shows too.
@Suite("Every fault at every stage", .timeLimit(.minutes(1)))
struct FaultMatrixTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let verb: String
        let isSecure: Bool
        let fault: String
        let answer: Peer.Answer

        var testDescription: String { "\(isSecure ? "" : "clear ")\(verb): \(fault)" }

        /// What the third row becomes: its envelope is out already when the answer to the second one's end goes wrong.
        ///
        /// The first and the fourth are always accepted.
        var neighbour: AttemptResult.Verdict {
            verb == "." && fault == "two replies" ? .deferred : .accepted
        }

        /// What the second row becomes.
        var expected: AttemptResult.Verdict {
            switch (verb, fault) {
            case ("MAIL", "421"), ("MAIL", "close"), ("MAIL", "reset"), ("MAIL", "silence"): .accepted
            case ("MAIL", "garbage"), ("MAIL", "LF only"), ("MAIL", "endless line"): .accepted
            case ("MAIL", "mixed codes"), ("MAIL", "half a reply"): .accepted
            case (".", "4yz"), (".", "421"): .deferred
            case (".", "5yz"): .refused
            case (".", "two replies"): .accepted
            case (".", _): .unknown
            case ("RCPT", "5yz"), ("MAIL", "5yz"), ("DATA", "5yz"): .refused
            case ("RCPT", _), ("MAIL", _), ("DATA", _): .deferred
            default: .accepted
            }
        }
    }

    static let faults: [(String, Peer.Answer)] = [
        ("4yz", .say("450 4.3.0 later\r\n")), ("5yz", .say("550 5.3.0 no\r\n")),
        ("421", .sayAndClose("421 4.3.2 closing\r\n")), ("close", .close), ("reset", .reset), ("silence", .silence),
        ("garbage", .say("what?\r\n")), ("LF only", .say("250 ok\n")), ("mixed codes", .say("250-a\r\n550 b\r\n")),
        ("endless line", .say("250 " + String(repeating: "x", count: 1 << 20))),
        ("half a reply", .sayAndClose("250-half\r\n")), ("two replies", .say("250 ok\r\n250 ok\r\n")),
    ]

    static let cases: [Case] = [
        ("connect", false), ("EHLO", false), ("STARTTLS", false), ("EHLO", true), ("MAIL", true), ("RCPT", true),
        ("DATA", true), (".", true),
    ].flatMap { verb, isSecure in
        faults.map { Case(verb: verb, isSecure: isSecure, fault: $0.0, answer: $0.1) }
    }

    @Test(
        "The row becomes what the table says, its neighbours are sent, and nothing is said in clear",
        arguments: cases
    )
    func matrix(_ row: Case) async throws {
        let isTransaction = ["MAIL", "RCPT", "DATA", "."].contains(row.verb)
        let peer = try await Peer { event in
            guard event.connection == 1, event.verb == row.verb, event.isSecure == row.isSecure,
                event.message == (isTransaction ? 2 : 0)
            else { return .usual }
            return row.answer
        }
        let source = ListSource(4)
        var route = peer.route()
        if row.fault == "silence" || row.fault == "two replies" || row.fault == "endless line" {
            route.timeouts = .all(.seconds(1))
        }
        #expect(try await source.send(over: route) == .finished)
        let record = peer.record
        let verdicts = source.results.mapValues(\.verdict)
        #expect(
            verdicts == [1: .accepted, 2: row.expected, 3: row.neighbour, 4: .accepted],
            "\(source.results[2] as Any)"
        )
        for (number, result) in source.results {
            let taken = record.taken["row\(number)@example.org"] ?? 0
            #expect(taken <= 1)
            if result.verdict == .accepted, row.fault != "two replies" { #expect(taken == 1) }
            if [.refused, .deferred].contains(result.verdict) { #expect(taken == 0) }
        }
        let clear = ["EHLO mail.riverside.example", "STARTTLS", "QUIT"]
        #expect(record.clear.allSatisfy { clear.contains($0) }, "\(record.clear)")
        #expect(source.problems.isEmpty, "\(source.problems)")
        try await peer.close()
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
