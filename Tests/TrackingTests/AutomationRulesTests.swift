import Core
import Foundation
import Testing

@testable import Tracking

@Suite("Rules about programs")
struct AutomationRulesTests {
    private func parse(_ text: String) throws -> AutomationRules {
        try AutomationRules.parse(bytes: Array(text.utf8), file: "rules.yaml")
    }

    @Test("the rules that are compiled in are whole, and each names its source")
    func shipped() {
        let rules = AutomationRules.shipped
        #expect(rules.rules.count >= 35)
        #expect(rules.rules.allSatisfy { !$0.source.isEmpty })
        #expect(rules.headerNames == ["purpose", "sec-purpose", "x-moz", "x-purpose"])
        #expect(rules.pace.neighbours == 60_000)
        #expect(rules.pace.afterDelivery == .init(reason: "too-soon", before: 600_000, opens: 0, clicks: 1_000))
    }

    @Test(
        "what is wrong with a file is told with its place",
        arguments: [
            ("rules: []\nrule: 1", "rules.yaml:2:1: unknown key \"rule\""),
            ("pace: {}", "\"rules\" is missing"),
            ("rules:\n  - reason: x\n    source: y", "a rule that names nothing to look for"),
            ("rules:\n  - reason: x\n    agent: [y]", "\"rules.source\" is missing"),
            ("rules:\n  - {reason: No Word, agent: [y], source: z}", "\"rules.reason\" must be a word"),
            ("rules:\n  - {reason: x, networks: [192.0.2.1/24], source: z}", "must be a network"),
            ("rules:\n  - {reason: x, networks: [192.0.2.0/33], source: z}", "must be a network"),
            ("rules:\n  - {reason: x, agent: [y], events: [pickup], source: z}", "must be open or click"),
            ("rules:\n  - {reason: x, header: {name: Purpose}, source: z}", "\"rules.header.has\" is missing"),
            ("rules: []\npace: {burst: {reason: x, links: 1, seconds: 1, source: y}}", "must be from 2 to 1000"),
            ("rules: []\npace: {decoy: {reason: x}}", "\"pace.decoy.source\" is missing"),
        ]
    )
    func problems(text: String, expected: String) {
        do {
            _ = try parse(text)
            Issue.record("the file was taken")
        } catch {
            #expect("\(error)".contains(expected), "\(error)")
        }
    }

    @Test("all that a rule names must hold, and of a list any one; the first rule that fits has the word")
    func conditions() throws {
        let rules = try parse(
            """
            rules:
              - {reason: both, agent: [Alpha, Beta], method: [GET], networks: [192.0.2.0/24, "2001:db8::/32"], source: s}
              - {reason: clicks, agent_starts: [alp], events: [click], source: s}
              - {reason: whole, agent_is: [alphabet], source: s}
              - {reason: nameless, no_agent: true, source: s}
              - {reason: header, header: {name: X-Scan, has: [deep, wide]}, source: s}
            """
        )
        let classifier = Classifier(rules)
        func word(
            _ agent: String,
            _ address: String? = nil,
            _ kind: Event.Kind = .open,
            method: String = "GET",
            _ headers: [String: String] = [:]
        ) -> String {
            classifier.classify(
                kind,
                method: method,
                agent: agent,
                address: address.flatMap { ClientAddress($0) }
            ) { headers[$0] }.why
        }
        #expect(word("the ALPHABET", "192.0.2.9") == "both")
        #expect(word("a beta", "2001:db8::1") == "both")
        #expect(word("a beta", "192.0.3.9") == "request")
        #expect(word("a beta") == "request")
        #expect(word("a beta", "192.0.2.9", method: "HEAD") == "request")
        #expect(word("Alpha", nil, .click) == "clicks")
        #expect(word("Alpha") == "request")
        #expect(word("AlphaBet") == "whole")
        #expect(word("") == "nameless")
        #expect(word("x", nil, .open, ["x-scan": "very DEEP"]) == "header")
        #expect(word("x", nil, .open, ["x-scan": "flat"]) == "request")
    }

    @Test("agents that are made up one after the other do not fill the memory, and are judged no worse")
    func flood() {
        let classifier = Classifier.shipped
        for number in 0..<20_000 {
            let verdict = classifier.classify(.open, method: "GET", agent: "Visitor \(number)", address: nil) { _ in nil
            }
            #expect(verdict.why == "request")
        }
        let verdict = classifier.classify(.open, method: "GET", agent: "curl/8", address: nil) { _ in nil }
        #expect(verdict.why == "program")
    }
}

@Suite("Client addresses")
struct ClientAddressTests {
    @Test(
        "addresses are read, cut and written",
        arguments: [
            ("192.0.2.77", "192.0.2.77", "192.0.2.0"), ("::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "2001:db8:1::"), ("::1", "::1", "::"),
            ("fe80::1%eth0", "fe80::1", "fe80::"),
        ]
    )
    func forms(text: String, full: String, truncated: String) throws {
        let address = try #require(ClientAddress(text))
        #expect(address.kept(.full) == full)
        #expect(address.kept(.truncated) == truncated)
        #expect(address.kept(.nothing) == nil)
        #expect(try #require(ClientAddress(truncated)).truncated.description == truncated)
    }

    @Test(
        "what is no address is none",
        arguments: ["", "1.2.3", "1.2.3.256", "1.2.3.4.5", "x", "12345::", "1.2.3.4\u{0}"]
    )
    func refused(text: String) {
        #expect(ClientAddress(text) == nil)
    }

    @Test(
        "networks hold what they should",
        arguments: [
            ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.0", false),
            ("209.222.80.0/21", "209.222.87.255", true), ("209.222.80.0/21", "209.222.88.0", false),
            ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
            ("192.0.2.7/32", "192.0.2.7", true), ("192.0.2.7/32", "192.0.2.6", false),
        ]
    )
    func networks(network: String, address: String, isIn: Bool) throws {
        #expect(try #require(ClientNetwork(network)).contains(try #require(ClientAddress(address))) == isIn)
    }
}

@Suite("Visitors")
struct VisitorTests {
    @Test(
        "agents tell families of devices",
        arguments: [
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15", DeviceFamily.iPhone),
            ("Mozilla/5.0 (iPad; CPU OS 16_5 like Mac OS X) AppleWebKit/605.1.15", .iPad),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15", .mac),
            ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/143.0.0.0 Mobile Safari/537.36", .android),
            ("Dalvik/2.1.0 (Linux; U; Android 12; SM-G970U)", .android),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Thunderbird/140.5.0", .windows),
            ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36", .chromeOS),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", .linux),
            ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", .proxy),
            ("okhttp/4.12.0", .other), ("", .other),
        ]
    )
    func families(agent: String, family: DeviceFamily) {
        #expect(DeviceFamily(agent: agent) == family)
    }

    @Test("a mark is the same for the same device in the same message, and for nothing else")
    func marks() throws {
        let marker = VisitorMarker(Fixture.keys)
        func mark(
            _ job: JobID = Fixture.job,
            _ row: UInt32 = 1,
            _ agent: String = "A",
            _ address: [UInt8] = [1, 2, 3, 4]
        )
            -> VisitorMark
        {
            marker.mark(job: job, row: RowNumber(row), agent: agent, address: address)
        }
        let first = mark()
        #expect(mark() == first)
        let others = [
            mark(Fixture.otherJob), mark(Fixture.job, 2), mark(Fixture.job, 1, "B"),
            mark(Fixture.job, 1, "A", [1, 2, 3, 5]), mark(Fixture.job, 1, "\u{5}A", [1, 2, 3, 4]),
            VisitorMarker(TokenKeys(TokenKey(id: 2, secret: Fixture.suppressionKey)))
                .mark(job: Fixture.job, row: RowNumber(1), agent: "A", address: [1, 2, 3, 4]),
        ]
        #expect(!others.contains(first))
        #expect(Set(others).count == others.count)
        #expect(first.description.count == 6)
        #expect(VisitorMark(first.description) == first)
    }

    @Test("a site gets no more of an address than it keeps", arguments: AddressKeeping.allCases)
    func keeping(keeping: AddressKeeping) throws {
        var event = Fixture.open(1)
        VisitorNotes(Fixture.keys, addresses: keeping).note(ClientAddress("192.0.2.77"), on: &event)
        #expect(event.visitor != nil)
        #expect(event.place == nil)
        let expected: String? =
            switch keeping {
            case .nothing: nil
            case .truncated: "192.0.2.0"
            case .full: "192.0.2.77"
            }
        #expect(event.address == expected)
        var line = JSONLine()
        event.appendMembers(to: &line)
        let text = String(decoding: line.bytes, as: UTF8.self)
        #expect(text.contains("192.0.2.77") == (keeping == .full))
        #expect(text.contains("192.0.2.") == (keeping != .nothing))
    }

    @Test("a site that keeps less today is shown less of what it kept")
    func less() throws {
        var event = Fixture.open(1)
        event.address = "192.0.2.77"
        let shown = try AddressKeeping.allCases.map { keeping in
            var activity = JobActivity(job: Fixture.job, addresses: keeping)
            activity.apply(event)
            return try #require(activity.fold(RowNumber(1))).events[0].address
        }
        #expect(shown == ["", "192.0.2.0", "192.0.2.77"])
    }

    @Test("all that an event may have is read back from its line")
    func line() throws {
        var event = Fixture.unsubscribe("ada@x.example", list: "news")
        event.visitor = VisitorMark(value: 0x00AB_CDEF)
        event.address = "2001:db8:1::"
        event.place = VisitorPlace(country: "DE", region: "Bavaria", city: "Röthenbach")
        event.severity = .soft
        event.reason = "mailbox-full"
        event.status = "4.2.2"
        event.consequence = .suppress
        event.sealed = "AAEC"
        var line = JSONLine()
        event.appendMembers(to: &line)
        let object = try #require(JSONObject((line.bytes + [UInt8(ascii: "}")])[...]))
        #expect(Event(object) == event)
    }
}
