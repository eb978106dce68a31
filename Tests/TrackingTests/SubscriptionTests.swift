import Core
import Files
import Foundation
import OpenSSL
import TestSupport
import Testing

@testable import Tracking

@Suite("What is typed into a form")
struct SubscriptionWishTests {
    private let pair = SealingPrivateKey.generate()

    private func sealed(_ address: String, for list: String = "news") throws -> String {
        try #require(SubscriptionWish(address: Protected(address), language: "es").sealed(for: list, pair.publicKey))
    }

    @Test(
        "opens inside the site as it was typed",
        arguments: ["eva@kunde.test", "Zoë.Ö@bücher.test", String(repeating: "a", count: 254)]
    )
    func roundTrip(address: String) throws {
        let wish = try #require(SubscriptionWish(opening: try sealed(address), of: "news", pair))
        #expect(wish.address.exposed == address)
        #expect(wish.language == "es")
    }

    @Test("looks alike whatever was typed: the length tells nothing")
    func length() throws {
        let lengths = try Set(
            ["a@b.cd", "eva@kunde.test", String(repeating: "x", count: 254)].map { try sealed($0).utf8.count }
        )
        #expect(lengths.count == 1)
        #expect(try sealed("eva@kunde.test") != sealed("eva@kunde.test"))
    }

    @Test("opens for its list and key alone, and not if it was changed")
    func others() throws {
        let text = try sealed("eva@kunde.test")
        #expect(SubscriptionWish(opening: text, of: "other", pair) == nil)
        #expect(SubscriptionWish(opening: text, of: "news", .generate()) == nil)
        var bytes = Array(text.utf8)
        bytes[300] = bytes[300] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        #expect(SubscriptionWish(opening: String(decoding: bytes, as: UTF8.self), of: "news", pair) == nil)
        #expect(SubscriptionWish(opening: "", of: "news", pair) == nil)
    }

    @Test("has a name that only it has, and what is too long or none has neither form nor name")
    func names() throws {
        let (first, second) = (try sealed("eva@kunde.test"), try sealed("eva@kunde.test"))
        #expect(SubscriptionWish.id(of: first) == SubscriptionWish.id(of: first))
        #expect(SubscriptionWish.id(of: first) != SubscriptionWish.id(of: second))
        #expect(SubscriptionWish.id(of: String(first.dropLast(4))) == nil)
        #expect(SubscriptionWish.id(of: "no base64!") == nil)
        let long = SubscriptionWish(address: Protected(String(repeating: "a", count: 255)), language: "en")
        #expect(long.sealed(for: "news", pair.publicKey) == nil)
    }
}

@Suite("Confirmation links")
struct ConfirmationTests {
    private let seal = TokenSeal(Fixture.keys)
    private let proof = ConfirmationProof(key: SecretBytes(copying: Array(repeating: 5, count: 32)))
    private let wish = required(SubscriptionWish.ID(bytes: Array(1...16)))
    private let expires = Timestamp(year: 2026, month: 11, day: 25)

    private var content: ConfirmationToken {
        ConfirmationToken(list: "news", expires: expires, proof: proof.make(wish, list: "news", expires: expires))
    }

    private func token(_ content: ConfirmationToken) -> [UInt8] {
        Fixture.token(Array(content.url(Fixture.baseURL, seal).utf8))
    }

    @Test("a link says to the tracking host its list and time, and to the site its wish")
    func roundTrip() throws {
        let url = content.url(Fixture.baseURL, seal)
        #expect(url.hasPrefix("https://t.clinic.example/y/"))
        let opened = try #require(ConfirmationToken(token(content), seal))
        #expect(opened == content)
        let (wish, until) = try #require(proof.open(opened.proof, list: "news"))
        #expect(wish == self.wish && until == expires)
        // The same message at every attempt.
        #expect(content.url(Fixture.baseURL, seal) == url)
    }

    @Test("a link with any character changed, cut short, or of another kind is none")
    func forged() {
        let token = token(content)
        for index in token.indices {
            var changed = token
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(ConfirmationToken(changed, seal) == nil, "\(index)")
        }
        #expect(ConfirmationToken(token.dropLast(), seal) == nil)
        #expect(ConfirmationToken(Fixture.unsubscribeToken(), seal) == nil)
        #expect(
            seal.open(.unsubscribe, token) == nil && seal.open(.click, token) == nil && seal.open(.open, token) == nil
        )
    }

    @Test("whoever has the tracking host's keys can make a link, and no proof that the site believes")
    func takenOver() throws {
        let forger = ConfirmationProof(key: Fixture.secret)
        let forged = forger.make(wish, list: "news", expires: expires)
        #expect(proof.open(forged, list: "news") == nil)
        let mine = proof.make(wish, list: "news", expires: expires)
        #expect(proof.open(mine, list: "other") == nil)
        for index in mine.indices {
            var changed = mine
            changed[index] ^= 1
            #expect(proof.open(changed, list: "news") == nil)
        }
        // The time in the proof counts, not the one that the tracking host can read.
        let opened = try #require(proof.open(mine, list: "news"))
        #expect(opened.expires == expires)
    }
}

@Suite("How often a form may be sent")
struct VisitorRatesTests {
    private let now = ContinuousClock.now

    @Test("an address has an hour's worth at once, gets it back evenly, and leaves others theirs")
    func perVisitor() {
        let rates = VisitorRates(perVisitor: 4, inAll: 1_000)
        func admitted(_ count: Int, _ visitor: [UInt8], after time: Duration = .zero) -> Int {
            (0..<count).count { _ in rates.admits(visitor, at: now + time) }
        }
        #expect(admitted(10, [10, 0, 0, 1]) == 4)
        #expect(admitted(10, [10, 0, 0, 2]) == 4)
        #expect(admitted(10, [10, 0, 0, 1], after: .seconds(1_801)) == 2)
        #expect(admitted(10, [10, 0, 0, 1], after: .seconds(100_000)) == 4)
    }

    @Test("all addresses together have a measure, too, and what it refuses costs an address nothing")
    func inAll() {
        let rates = VisitorRates(perVisitor: 2, inAll: 10)
        let admitted = (0..<40).count { rates.admits([10, 0, 0, UInt8($0)], at: now) }
        #expect(admitted == 10)
        #expect(rates.admits([10, 0, 0, 39], at: now + .seconds(720)))
        #expect(rates.admits([10, 0, 0, 39], at: now + .seconds(720)))
        #expect(!rates.admits([10, 0, 0, 39], at: now + .seconds(720)))
    }

    @Test("of an IPv6 address the first half counts, and IPv4 in IPv6 is IPv4")
    func networks() {
        let rates = VisitorRates(perVisitor: 1, inAll: 1_000)
        func v6(_ network: UInt8, _ host: UInt8) -> [UInt8] {
            [0x20, 1, 13, 0xB8, 0, 0, 0, network] + Array(repeating: host, count: 8)
        }
        #expect(rates.admits(v6(1, 1), at: now))
        #expect(!rates.admits(v6(1, 2), at: now))
        #expect(rates.admits(v6(2, 1), at: now))
        #expect(rates.admits([192, 0, 2, 1], at: now))
        #expect(!rates.admits(Array(repeating: 0, count: 10) + [0xFF, 0xFF, 192, 0, 2, 1], at: now))
    }

    @Test("a flood from ever new addresses finds a table with an end, and one bucket behind it")
    func bounded() {
        let rates = VisitorRates(perVisitor: 3, inAll: 10_000_000)
        func visitor(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        for number in 0..<VisitorRates.capacity { #expect(rates.admits(visitor(number), at: now)) }
        let strangers = (0..<1_000).count { rates.admits(visitor(VisitorRates.capacity + $0), at: now + .seconds(1)) }
        #expect(strangers == 3)
        #expect(rates.count <= VisitorRates.capacity + 1)
        // Those who were there before are still told apart, and an hour later there is room again.
        #expect(rates.admits(visitor(0), at: now + .seconds(1)))
        #expect(rates.admits(visitor(5_000_000), at: now + .seconds(7_300)))
        #expect(rates.count < 100)
    }
}

@Suite("A list's record")
struct SubscriptionFileTests {
    private let scratch: TemporaryDirectory
    private let directory: Directory
    private let key = SecretBytes(copying: Array(repeating: 3, count: 32))
    private let wish = required(SubscriptionWish.ID(bytes: Array(1...16)))

    init() throws {
        scratch = try TemporaryDirectory()
        directory = try Directory(path: scratch.path)
    }

    private func file(_ list: String = "news") -> SubscriptionFile {
        SubscriptionFile(list, in: directory, key: key)
    }

    private func records(_ list: String = "news") throws -> (all: [SubscriptionRecord], faults: Int) {
        var all: [SubscriptionRecord] = []
        let reader = file(list).reader()
        try reader.poll { all.append($0) }
        return (all, reader.faults)
    }

    private var some: [SubscriptionRecord] {
        let tag = Fixture.tagger.tag(of: Fixture.address("eva@kunde.test"))
        let now = Fixture.noon
        return [
            SubscriptionRecord(
                .accepted,
                milliseconds: now,
                wish: wish,
                tag: tag,
                language: "es",
                requested: Timestamp(seconds: 5)
            ),
            SubscriptionRecord(.tried, milliseconds: now, wish: wish, attempt: 1),
            SubscriptionRecord(
                .deferred,
                milliseconds: now,
                wish: wish,
                attempt: 1,
                due: Timestamp(seconds: 99),
                reason: "server-busy"
            ),
            SubscriptionRecord(
                .confirmed,
                milliseconds: now,
                wish: wish,
                tag: tag,
                language: "es",
                address: Protected("eva@kunde.test")
            ),
            SubscriptionRecord(
                .imported,
                milliseconds: now,
                tag: tag,
                address: Protected("\"e\\va\"@kunde.test"),
                consent: "on paper"
            ),
        ]
    }

    @Test("what was appended is read back, over several appendings, and no other list's")
    func roundTrip() throws {
        try file().append(Array(some[..<2]))
        try file().append(Array(some[2...]))
        #expect(try records().all == some)
        #expect(try records("other").all.isEmpty)
        #expect(try directory.status(of: "news.jsonl")?.permissions == 0o600)
    }

    @Test("nothing is appended where that is not allowed at the last moment")
    func refusal() throws {
        struct No: Error {}
        try file().append(Array(some[..<1]))
        #expect(throws: No.self) { try file().append(Array(some[1...])) { throw No() } }
        #expect(try records().all.count == 1)
    }

    @Test("a changed line, one of another list's file, and one without the key are not believed")
    func forged() throws {
        try file().append(some)
        let text = try scratch.text("news.jsonl")
        try scratch.write("news.jsonl", text: text.replacing("\"op\":\"tried\"", with: "\"op\":\"sent!\""))
        #expect(try records().faults == 1)
        #expect(try records().all.map(\.operation) == [.accepted, .deferred, .confirmed, .imported])
        try scratch.write("other.jsonl", text: text)
        #expect(try records("other").all.isEmpty)
        #expect(try records("other").faults > 0)
    }

    @Test("a line that a crash has torn is cut off by the next append, and what it cost was told to nobody")
    func torn() throws {
        try file().append(Array(some[..<2]))
        let text = try scratch.text("news.jsonl")
        try scratch.write("news.jsonl", text: text + "{\"n\":3,\"time\":\"2026-1")
        try scratch.write(".news.jsonl.appending", text: "")
        let inode = try directory.status(of: "news.jsonl")?.inode
        try file().append(Array(some[2...]))
        #expect(try records().all == some)
        #expect(try records().faults == 0)
        // The process before did not come to its end: what it wrote stands on other blocks now.
        #expect(try directory.status(of: "news.jsonl")?.inode != inode)
    }

    @Test("a subscriber keeps the number, whatever comes later, and the last address and time count")
    func subscribers() {
        var list = Subscribers()
        func tag(_ address: String) -> AddressTag { Fixture.tagger.tag(of: Fixture.address(address)) }
        func confirm(_ address: String, at seconds: Int64) {
            list.apply(
                SubscriptionRecord(
                    .confirmed,
                    milliseconds: seconds * 1_000,
                    wish: wish,
                    tag: tag(address),
                    address: Protected(address)
                )
            )
        }
        confirm("ada@x.example", at: 1)
        confirm("bob@x.example", at: 2)
        confirm("ADA@x.example", at: 3)
        #expect(list.all.map(\.number) == [1, 2])
        #expect(list.all.map(\.address.exposed) == ["ADA@x.example", "bob@x.example"])
        #expect(list.all.map(\.confirmed.seconds) == [3, 2])
        #expect(list.contains(tag("bob@x.example")) && !list.contains(tag("eve@x.example")))
    }
}
