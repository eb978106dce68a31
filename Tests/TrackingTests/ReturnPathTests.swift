import Core
import OpenSSL
import Testing

@testable import Tracking

@Suite("Return paths")
struct ReturnPathTests {
    static let path = ReturnPath(
        domain: "bounce.clinic.example",
        key: SecretBytes(copying: Array(repeating: 3, count: 32)),
        tagger: Fixture.tagger
    )
    static let ada = Fixture.address("ada@x.example")

    static func local(_ kind: ReturnKind = .bounce, _ row: UInt32 = 7, job: JobID = Fixture.job) -> [UInt8] {
        var local: [UInt8] = []
        path.append(kind, job, RowNumber(row), ada, to: &local)
        return local
    }

    @Test("an address says job, run, row and mailbox to those who have the key", arguments: ReturnKind.allCases)
    func roundTrip(kind: ReturnKind) throws {
        for (job, row) in [(Fixture.job, 1), (Fixture.otherJob, UInt32.max)] {
            let token = try #require(Self.path.open(Self.local(kind, row, job: job)))
            #expect(token.kind == kind && token.job == job && token.row == RowNumber(row))
            #expect(token.isFor(Fixture.tagger.tag(of: Self.ada)))
            #expect(!token.isFor(Fixture.tagger.tag(of: Fixture.address("eve@x.example"))))
        }
    }

    @Test("it is the same at every attempt, another for each row, job, kind and mailbox, and fits a local part")
    func deterministic() throws {
        let address = try Self.path.address(job: Fixture.job, row: RowNumber(7), recipient: Self.ada)
        #expect(address == (try Self.path.address(job: Fixture.job, row: RowNumber(7), recipient: Self.ada)))
        #expect(address.domain == "bounce.clinic.example" && address.localPart.utf8.count == 62)
        #expect(Array(address.localPart.utf8) == Self.local())
        var other: [UInt8] = []
        Self.path.append(.bounce, Fixture.job, RowNumber(7), Fixture.address("eve@x.example"), to: &other)
        let all = [
            Self.local(), Self.local(.unsubscribe), Self.local(.bounce, 8), Self.local(job: Fixture.otherJob), other,
        ]
        #expect(Set(all.map { $0.dropFirst(5) }).count == all.count)
    }

    @Test("nothing of job, row or mailbox can be read off it")
    func opaque() throws {
        let bytes = try #require(Base32.decode(Self.local().dropFirst(2)))
        let tag = Fixture.tagger.tag(of: Self.ada).bytes
        let secrets = [Fixture.job.digest, [0, 0, 0, 7], Array(tag[..<8]), Array(tag[..<4])]
        for secret in secrets {
            #expect(!bytes.indices.contains { bytes[$0...].starts(with: secret) })
        }
        // The next row's differs all over, not in a few places.
        let next = try #require(Base32.decode(Self.local(.bounce, 8).dropFirst(2)))
        #expect(zip(bytes, next).count { $0 == $1 } < 8)
    }

    @Test("upper and lower case are the same")
    func caseless() {
        let upper = String(decoding: Self.local(), as: UTF8.self).uppercased()
        #expect(Self.path.open(Array(upper.utf8)) == Self.path.open(Self.local()))
        #expect(Self.path.open(Self.local()) != nil)
    }

    @Test("with any character changed to any other, it is none of ours")
    func everyCharacter() {
        let local = Self.local()
        for index in local.indices {
            for byte in UInt8.min...UInt8.max where byte | 0x20 != local[index] && byte != local[index] {
                var changed = local
                changed[index] = byte
                #expect(Self.path.open(changed) == nil, "character \(index) as \(byte)")
            }
        }
    }

    @Test("shortened, lengthened, of another kind, or under another key, it is none of ours")
    func foreign() throws {
        let local = Self.local()
        for length in 0..<local.count { #expect(Self.path.open(local[..<length]) == nil) }
        for byte in Array("a7=".utf8) { #expect(Self.path.open(local + [byte]) == nil) }
        #expect(Self.path.open([UInt8(ascii: "u")] + local.dropFirst()) == nil)
        let stranger = ReturnPath(
            domain: "bounce.clinic.example",
            key: SecretBytes(copying: Array(repeating: 4, count: 32)),
            tagger: Fixture.tagger
        )
        #expect(stranger.open(local) == nil)
    }

    @Test("random tokens of the right shape are none of ours")
    func random() {
        for _ in 0..<20_000 {
            var local = Array("b+".utf8)
            // 37 bytes, the first of them the key's number.
            Base32.append(([1] + Random.bytes(36))[...], to: &local)
            #expect(local.count == 62 && Self.path.open(local) == nil)
        }
    }

    @Test("addresses are found wherever they stand in a text, each once; what is only shaped like one counts apart")
    func find() {
        let local = String(decoding: Self.local(), as: UTF8.self)
        let out = String(decoding: Self.local(.unsubscribe), as: UTF8.self)
        var forged = Self.local()
        forged[40] = forged[40] == 0x61 ? 0x62 : 0x61
        let text = """
            Return-Path: <\(local)@bounce.clinic.example>
            To: \(local.uppercased())@BOUNCE.example
            X: SRS0=ab=cd=bounce.clinic.example=\(local)@forwarder.example
            List-Unsubscribe: <https://t.clinic.example/u/abc>, <mailto:\(out)@bounce.clinic.example?subject=unsubscribe>
            Y: \(String(decoding: forged, as: UTF8.self))@bounce.clinic.example ab+c x\(local) \(local)x b+
            """
        let found = Self.path.find(in: Array(text.utf8)[...])
        #expect(found.tokens.map(\.kind) == [.bounce, .unsubscribe] && found.forged == 1)
        #expect(Self.path.find(in: Array(local.utf8)[...]).tokens.count == 1)
        #expect(Self.path.find(in: []).tokens.isEmpty)
    }

    @Test("a long text of nearly addresses is read in no time to speak of, and no more than some are tried")
    func hostile() {
        let text = String(repeating: "b+" + String(repeating: "a", count: 60) + " ", count: 20_000)
        #expect(Self.path.find(in: Array(text.utf8)[...]).forged == 16)
    }

    @Test("the opt-out's URL is a mailto with a subject; without a return path there is none")
    func mailto() {
        let tokens = TrackingTokens(
            baseURL: Fixture.baseURL,
            keys: Fixture.keys,
            tagger: Fixture.tagger,
            returnPath: Self.path
        )
        var url: [UInt8] = []
        tokens.appendUnsubscribeMail(job: Fixture.job, row: RowNumber(7), address: Self.ada, to: &url)
        let local = String(decoding: Self.local(.unsubscribe), as: UTF8.self)
        #expect(String(decoding: url, as: UTF8.self) == "mailto:\(local)@bounce.clinic.example?subject=unsubscribe")
        var none: [UInt8] = []
        Fixture.tokens.appendUnsubscribeMail(job: Fixture.job, row: RowNumber(7), address: Self.ada, to: &none)
        #expect(none.isEmpty)
    }
}

@Suite("Bounce events")
struct BounceEventTests {
    static func bounce(_ change: (inout Event) -> Void) -> Event {
        var event = Event(
            .bounce,
            job: Fixture.job,
            row: RowNumber(1),
            milliseconds: Fixture.noon,
            tag: Fixture.tagger.tag(of: ReturnPathTests.ada)
        )
        change(&event)
        return event
    }

    @Test(
        "a bounce keeps mail from a mailbox if it says so; one that does not say, if it is final",
        arguments: [
            (Event.Severity?.some(.hard), Event.Consequence?.some(.suppress), true), (.soft, .suppress, true),
            (.hard, .nothing, false), (.soft, .count, false), (.soft, nil, false), (.hard, nil, true),
            (nil, nil, true),
        ]
    )
    func suppresses(severity: Event.Severity?, consequence: Event.Consequence?, isSuppressed: Bool) throws {
        var set = SuppressionSet()
        try set.apply(
            Self.bounce {
                $0.severity = severity
                $0.consequence = consequence
            }
        )
        let reason = try set.reason(for: Fixture.tagger.tag(of: ReturnPathTests.ada))
        #expect(reason == (isSuppressed ? .bounced : nil))
    }

    @Test("of several bounces of a row the one that tells most is kept, in any order")
    func folded() {
        let events = [
            Self.bounce { ($0.severity, $0.consequence, $0.reason) = (.soft, .count, "mailbox-full") },
            Self.bounce {
                ($0.severity, $0.consequence, $0.reason) = (.hard, .suppress, "mailbox-unknown")
                $0.milliseconds += 60_000
                $0.status = "5.1.1"
            },
            Self.bounce {
                ($0.severity, $0.consequence, $0.reason) = (.hard, .nothing, "content-refused")
                $0.milliseconds += 30_000
            },
        ]
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
            var job = JobActivity(job: Fixture.job)
            for index in order { job.apply(events[index]) }
            let activity = job[RowNumber(1)]
            #expect(activity.bouncedAt == events[0].time)
            let bounce = RowActivity.Bounce(
                at: events[1].time,
                isHard: true,
                suppresses: true,
                reason: "mailbox-unknown",
                status: "5.1.1"
            )
            #expect(activity.bounce == bounce)
        }
    }
}
