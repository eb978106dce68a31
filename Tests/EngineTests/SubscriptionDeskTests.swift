import Core
import Testing
import Tracking

@testable import Engine

@Suite("Rules for wishes to subscribe")
struct SubscriptionDeskTests {
    private typealias Rules = SubscriptionDesk.Rules
    private let noon = Timestamp(year: 2026, month: 11, day: 22, hour: 12)
    private let tag = fixture { try there(AddressTag(bytes: Array(repeating: 7, count: 16))) }
    private let other = fixture { try there(AddressTag(bytes: Array(repeating: 8, count: 16))) }
    private let address = fixture { try Address(localPart: "eva", domain: "kunde.test") }

    private func id(_ number: UInt8) -> SubscriptionWish.ID {
        fixture { try there(SubscriptionWish.ID(bytes: Array(repeating: number, count: 16))) }
    }

    private func desk(perHour: Int = 200) -> SubscriptionDesk {
        SubscriptionDesk(rules: Rules(perHour: perHour))
    }

    private func record(
        _ operation: SubscriptionRecord.Operation,
        _ number: UInt8,
        at time: Timestamp,
        tag: AddressTag? = nil,
        due: Timestamp? = nil
    ) -> SubscriptionRecord {
        SubscriptionRecord(
            operation,
            milliseconds: time.seconds * 1_000,
            wish: id(number),
            tag: tag ?? self.tag,
            due: due,
            requested: time,
            address: Protected("eva@kunde.test")
        )
    }

    private func judge(
        _ desk: SubscriptionDesk,
        _ list: String = "news",
        tag: AddressTag? = nil,
        suppressed: (Reason?, Reason?) = (nil, nil),
        at now: Timestamp,
        requested: Timestamp? = nil
    ) -> SubscriptionDesk.Judgement {
        desk.judge(list: list, tag: tag ?? self.tag, requested: requested ?? now, suppressed: suppressed, at: now)
    }

    @Test(
        "who may not be written to gets no message; who left this very list may come back",
        arguments: [
            (nil, nil, nil), (.optedOut, nil, nil), (.optedOut, .optedOut, "opted-out"),
            (.bounced, .bounced, "bounced"),
            (.complained, .complained, "complained"), (.suppressedByHand, .suppressedByHand, "suppressed-by-hand"),
            (.suppressedByHand, nil, "suppressed-by-hand"), (.complained, nil, "complained"),
        ] as [(Reason?, Reason?, String?)]
    )
    func suppression(list: Reason?, all: Reason?, refusal: String?) {
        let expected = refusal.map { SubscriptionDesk.Judgement.refuse($0) } ?? .accept
        #expect(judge(desk(), suppressed: (list, all), at: noon) == expected)
    }

    @Test("a subscriber gets no message; one who left since does")
    func subscribed() {
        var desk = desk()
        desk.apply(record(.accepted, 1, at: noon), of: "news")
        desk.apply(record(.confirmed, 1, at: noon + 60), of: "news")
        #expect(judge(desk, at: noon + 90) == .refuse("subscribed"))
        #expect(judge(desk, suppressed: (.optedOut, nil), at: noon + 90) == .accept)
        #expect(judge(desk, "flu", at: noon + 90) == .accept)
    }

    @Test("a mailbox gets one message a day for a list and three in all, whoever fills in the forms")
    func aDay() {
        var desk = desk()
        desk.apply(record(.accepted, 1, at: noon), of: "a")
        #expect(judge(desk, "a", at: noon + 86_399) == .refuse("too-often"))
        #expect(judge(desk, "a", at: noon + 86_400) == .accept)
        #expect(judge(desk, "a", tag: other, at: noon + 1) == .accept)
        desk.apply(record(.accepted, 2, at: noon), of: "b")
        #expect(judge(desk, "c", at: noon + 1) == .accept)
        desk.apply(record(.accepted, 3, at: noon), of: "c")
        #expect(judge(desk, "d", at: noon + 1) == .refuse("too-often"))
        #expect(judge(desk, "d", at: noon + 86_400) == .accept)
    }

    @Test("who does not answer three times is left alone for a month; who answers is not counted")
    func unanswered() {
        var desk = desk()
        for day in 0..<3 { desk.apply(record(.accepted, UInt8(day), at: noon + Int64(day) * 86_400), of: "news") }
        #expect(judge(desk, at: noon + 5 * 86_400) == .refuse("too-often"))
        desk.forget(before: noon + 30 * 86_400)
        #expect(judge(desk, at: noon + 30 * 86_400) == .accept)
        desk.apply(record(.confirmed, 2, at: noon + 30 * 86_400), of: "news")
        #expect(judge(desk, suppressed: (.optedOut, nil), at: noon + 30 * 86_400 + 1) == .accept)
    }

    @Test("a wish that comes over a day late is let lie")
    func late() {
        #expect(judge(desk(), at: noon + 86_400, requested: noon) == .accept)
        #expect(judge(desk(), at: noon + 86_401, requested: noon) == .nothing)
    }

    @Test(
        "in an hour no more messages go out than the site allows, the oldest first; and none whose address is not known"
    )
    func perHour() {
        var desk = desk(perHour: 3)
        for number in 1...5 {
            let tag = fixture { try there(AddressTag(bytes: Array(repeating: UInt8(100 + number), count: 16))) }
            desk.apply(record(.accepted, UInt8(number), at: noon + Int64(10 - number), tag: tag), of: "news")
            if number != 5 { desk.learn(id(UInt8(number)), address) }
        }
        let now = noon + 20
        #expect(desk.due(at: now, most: 64).map(\.id) == [id(4), id(3), id(2)])
        #expect(desk.due(at: now, most: 1).map(\.id) == [id(4)])
        for number in [4, 3] {
            desk.apply(record(.tried, UInt8(number), at: now), of: "news")
            desk.apply(record(.sent, UInt8(number), at: now), of: "news")
        }
        #expect(desk.due(at: now, most: 64).map(\.id) == [id(2)])
        desk.apply(record(.tried, 2, at: now), of: "news")
        #expect(desk.due(at: now + 3_599, most: 64).isEmpty)
        #expect(desk.due(at: now + 3_600, most: 64).map(\.id) == [id(1)])
    }

    @Test("what is under way, sent, failed or unknown is not sent again; what was put off is, when it is due")
    func stages() {
        for operation in [SubscriptionRecord.Operation.tried, .sent, .failed, .unknown] {
            var desk = desk()
            desk.apply(record(.accepted, 1, at: noon), of: "news")
            desk.learn(id(1), address)
            desk.apply(record(operation, 1, at: noon), of: "news")
            #expect(desk.due(at: noon + 7_200, most: 64).isEmpty, "\(operation)")
            #expect(desk.underWay.map(\.id) == (operation == .tried ? [id(1)] : []))
        }
        var desk = desk()
        desk.apply(record(.accepted, 1, at: noon), of: "news")
        desk.learn(id(1), address)
        desk.apply(record(.tried, 1, at: noon), of: "news")
        desk.apply(record(.deferred, 1, at: noon, due: noon + 60), of: "news")
        #expect(desk.due(at: noon + 59, most: 64).isEmpty)
        #expect(desk.due(at: noon + 60, most: 64).map(\.wish.attempts) == [1])
        #expect(desk.late(at: noon + 86_400).isEmpty)
        #expect(desk.late(at: noon + 86_401).map(\.id) == [id(1)])
    }

    @Test("a button counts once, for its list, in its time, whether or not we know that the message arrived")
    func buttons() {
        for operation in [SubscriptionRecord.Operation.tried, .sent, .failed, .unknown] {
            var desk = desk()
            desk.apply(record(.accepted, 1, at: noon), of: "news")
            desk.learn(id(1), address)
            desk.apply(record(operation, 1, at: noon), of: "news")
            let end = noon + 3 * 86_400
            func counts(_ number: UInt8, _ list: String, _ expires: Timestamp, _ pressed: Timestamp) -> Bool {
                desk.confirmed(id(number), list: list, expires: expires, pressed: pressed) != nil
            }
            #expect(counts(1, "news", end, end))
            #expect(!counts(1, "news", end, end + 1))
            // A proof cannot make the time longer than it is.
            #expect(!counts(1, "news", end + 86_400, end + 1))
            #expect(!counts(1, "flu", end, noon + 60))
            #expect(!counts(2, "news", end, noon + 60))
            desk.apply(record(.confirmed, 1, at: noon + 60), of: "news")
            #expect(!counts(1, "news", end, noon + 120))
        }
    }

    @Test("memory has an end: what is too old to matter is forgotten")
    func forgetting() {
        var desk = desk()
        desk.apply(record(.accepted, 1, at: noon), of: "news")
        desk.apply(record(.refused, 2, at: noon), of: "news")
        desk.forget(before: noon + (Rules.retention - 1))
        #expect(desk.knows(id(1)) && desk.knows(id(2)))
        desk.forget(before: noon + Rules.retention)
        #expect(!desk.knows(id(1)) && !desk.knows(id(2)))
        #expect(desk.wishes.isEmpty)
    }
}
