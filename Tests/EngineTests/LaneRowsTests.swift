import Compose
import Core
import Delivery
import Intake
import Synchronization
import Testing

@testable import Engine

extension RowQueue {
    /// The next row, if one may go.
    func take(at now: ContinuousClock.Instant = .now) -> ReadyRow? {
        if case .row(let row) = pop(at: now) { row } else { nil }
    }
}

/// Which lanes asked for rows.
private final class Needs: Sendable {
    private let box = Mutex<[String]>([])

    var names: [String] { box.withLock { $0 } }

    func count(_ name: String) {
        box.withLock { $0.append(name) }
    }
}

@Suite struct LaneRowsTests {
    static let start = ContinuousClock.now

    static func row(_ number: UInt32, _ lane: Lane? = nil, bytes: Int = 0) throws -> ReadyRow {
        ReadyRow(
            row: Row(number: RowNumber(number), line: Int(number)),
            recipient: try Address(localPart: "a", domain: "example.test"),
            attachments: bytes > 0 ? [AttachmentContent(Array(repeating: 0, count: bytes))] : [],
            attempts: 0,
            lane: lane
        )
    }

    static func lane(_ name: String, perSecond rate: Int?) -> Lane {
        Lane(name, rate.map { RouteSettings.Rate($0) }, at: start)
    }

    static func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    @Test("Rows of a slow lane go at its pace; the others are not held up by them")
    func noBlocking() throws {
        let queue = RowQueue(capacity: 8)
        let slow = Self.lane("slow", perSecond: 5)
        for number in 1...3 as ClosedRange<UInt32> {
            guard case .waits = queue.park(try Self.row(number, slow), slow) else {
                Issue.record("no room")
                return
            }
        }
        for number in 4...6 as ClosedRange<UInt32> { _ = queue.push(try Self.row(number)) }
        let now = Self.at(10)
        #expect((0..<3).compactMap { _ in queue.take(at: now)?.row.number.value } == [4, 5, 6])
        guard case .wait(let moment) = queue.pop(at: now) else { return #expect(Bool(false)) }
        #expect(moment == Self.at(200))
        var gone: [Int] = []
        for millisecond in stride(from: 0, to: 1_000, by: 10) {
            if queue.take(at: Self.at(millisecond)) != nil { gone.append(millisecond) }
        }
        #expect(gone == [200, 400, 600])
        #expect(queue.counts == (0, 0))
    }

    @Test("Of two slow lanes the one whose turn it is goes, however long the other waits")
    func twoLanes() throws {
        let queue = RowQueue(capacity: 8)
        let (first, second) = (Self.lane("a", perSecond: 1), Self.lane("b", perSecond: 10))
        for number in 1...9 as ClosedRange<UInt32> {
            _ = queue.park(try Self.row(number, first), first)
            _ = queue.park(try Self.row(number + 100, second), second)
        }
        var counts = [0, 0]
        for millisecond in stride(from: 0, through: 900, by: 5) {
            while let row = queue.take(at: Self.at(millisecond)) { counts[row.row.number.value > 100 ? 1 : 0] += 1 }
        }
        #expect(counts == [0, 9])
        #expect(queue.take(at: Self.at(1_000))?.row.number.value == 1)
    }

    @Test("A lane takes as many rows as it may have; the rest is left out, and asked for at half")
    func bounds() throws {
        let queue = RowQueue(capacity: 8, lanes: LaneRows.Bounds(rows: 4))
        let lane = Self.lane("a", perSecond: 1_000)
        let needs = Needs()
        queue.setNeed { needs.count($0.name) }
        for number in 1...4 as ClosedRange<UInt32> { _ = queue.park(try Self.row(number, lane), lane) }
        #expect(!queue.hasRoom(lane))
        #expect(queue.park(try Self.row(5, lane), lane) == .full)
        #expect(queue.leaveOut(lane) && queue.leaveOut(lane) && queue.leftOut(lane) == 2)
        #expect(queue.take(at: Self.at(10)) != nil && needs.names.isEmpty)
        // Who was left out comes first.
        #expect(!queue.hasRoom(lane) && queue.hasRoom(lane, isLeftOut: true))
        #expect(queue.take(at: Self.at(20)) != nil && needs.names == ["a"])
        #expect(queue.take(at: Self.at(30)) != nil && needs.names == ["a"])
        for _ in 0..<2 {
            guard case .waits = queue.park(try Self.row(6, lane), lane, isLeftOut: true) else {
                Issue.record("no room for a row that was left out")
                return
            }
            queue.tookBack(lane)
        }
        #expect(!queue.endNeed(lane) && queue.leftOut(lane) == 0 && queue.counts.parked == 3)
    }

    @Test("So many lanes may have rows at once, and so many of them readers")
    func manyLanes() throws {
        let queue = RowQueue(capacity: 8, lanes: LaneRows.Bounds(lanes: 3, rows: 1, readers: 2))
        let lanes = (0..<4).map { Self.lane("\($0)", perSecond: 1) }
        for (index, lane) in lanes.enumerated() {
            let parked = queue.park(try Self.row(UInt32(index) + 1, lane), lane)
            #expect((parked == .full) == (index == 3))
        }
        #expect(lanes.map { queue.leaveOut($0) } == [true, true, false, false])
        queue.tookBack(lanes[0])
        #expect(queue.leaveOut(lanes[2]))
    }

    @Test("Large rows fill a lane before its number of rows does, but one always has room")
    func large() throws {
        let queue = RowQueue(capacity: 8, lanes: LaneRows.Bounds(rows: 10, bytes: 1_000))
        let (first, second) = (Self.lane("a", perSecond: 1), Self.lane("b", perSecond: 1))
        #expect(queue.park(try Self.row(1, first, bytes: 2_000), first) != .full)
        #expect(queue.park(try Self.row(2, first, bytes: 2_000), first) == .full)
        #expect(queue.park(try Self.row(3, second, bytes: 2_000), second) != .full)
        #expect(queue.counts == (2, 2))
    }

    @Test("A lane that is slowed after its rows were queued holds them back from then on")
    func slowedMeanwhile() throws {
        let queue = RowQueue(capacity: 8)
        let lane = Self.lane("a", perSecond: nil)
        for number in 1...3 as ClosedRange<UInt32> { _ = queue.push(try Self.row(number, lane)) }
        _ = queue.push(try Self.row(4))
        #expect(queue.take(at: Self.at(1))?.row.number.value == 1)
        lane.slowDown(at: Self.at(2))
        #expect(lane.isLimited)
        #expect(queue.take(at: Self.at(3))?.row.number.value == 4)
        #expect(queue.take(at: Self.at(3)) == nil && queue.counts == (2, 2))
        #expect(queue.take(at: Self.at(600_000))?.row.number.value == 2)
    }

    @Test("Closing gives back parked rows, too, and lets none in")
    func closing() throws {
        let queue = RowQueue(capacity: 8)
        let lane = Self.lane("a", perSecond: 1)
        _ = queue.park(try Self.row(1, lane), lane)
        _ = queue.push(try Self.row(2))
        #expect(queue.close().map(\.row.number.value).sorted() == [1, 2])
        #expect(queue.park(try Self.row(3, lane), lane) == .refused && !queue.hasRoom(lane))
        #expect(queue.counts == (0, 0))
    }
}

@Suite struct DomainPacesTests {
    static func limits(_ others: String) throws -> DomainLimits {
        DomainLimits(
            [.init("gmail", Rate("5/s")), .init("north", Rate("1/s"), domains: ["a.example", "b.example"])],
            others: Rate(others)
        )
    }

    @Test("Domains that are counted together have one lane; others each their own")
    func sharing() throws {
        let paces = DomainPaces(try Self.limits("50/s"))
        #expect(paces.lane(of: "gmail.com") === paces.lane(of: "googlemail.com"))
        #expect(paces.lane(of: "a.example") === paces.lane(of: "b.example"))
        #expect(paces.lane(of: "c.example") !== paces.lane(of: "d.example"))
        #expect(paces.lane(of: "c.example") === paces.lane(of: "c.example"))
        #expect(paces.lane(of: "gmail.com").rate?.count == 5 && paces.lane(of: "c.example").rate?.count == 50)
    }

    @Test("Ten thousand domains are not all remembered, but those are that somebody waits for")
    func forgetting() throws {
        let paces = DomainPaces(try Self.limits("1/h"), keeping: 100)
        let held = (0..<20).map { paces.lane(of: "held\($0).example") }
        let north = paces.lane(of: "a.example")
        let slowed = DomainPaces(DomainLimits(), keeping: 100)
        slowed.lane(of: "slow.example").slowDown(at: .now)
        for number in 0..<10_000 {
            _ = paces.lane(of: "d\(number).example")
            _ = slowed.lane(of: "d\(number).example")
        }
        #expect(paces.count <= 200 && slowed.count <= 200)
        #expect(held.enumerated().allSatisfy { paces.lane(of: "held\($0.offset).example") === $0.element })
        #expect(paces.lane(of: "b.example") === north)
        #expect(slowed.lane(of: "slow.example").isLimited)
    }

    @Test("Without limits no lane is limited until a server asks for it")
    func unlimited() {
        let lane = DomainPaces(DomainLimits()).lane(of: "gmail.com")
        #expect(lane.name == "gmail" && !lane.isLimited)
        for _ in 0..<1_000 { #expect(lane.take(at: .now) == .go) }
        lane.slowDown(at: .now)
        #expect(lane.isLimited && lane.take(at: .now) != .go)
    }
}

@Suite struct LanePaceTests {
    static let start = ContinuousClock.now

    @Test(
        "A message that has no answer counts until it has one, and a period beyond: the receiver may see it at any moment"
    )
    func answers() {
        let lane = Lane("a", RouteSettings.Rate(5), at: Self.start)
        func goes(_ milliseconds: Int) -> Bool { lane.take(at: Self.start + .milliseconds(milliseconds)) == .go }
        for turn in 1...5 { #expect(goes(turn * 200)) }
        // Five are out; a sixth might be seen with them in one second.
        #expect(!goes(1_200) && !goes(5_000))
        lane.ended(at: Self.start + .milliseconds(5_000))
        #expect(!goes(5_900) && goes(6_005) && !goes(7_000))
        for _ in 0..<5 { lane.ended(at: Self.start + .milliseconds(7_000)) }
        #expect(!goes(7_900) && goes(8_005))
    }

    @Test("Whatever a slow server does, it never sees more in a period than the rate allows")
    func slowServer() {
        var state: UInt64 = 42
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let lane = Lane("a", RouteSettings.Rate(20), at: Self.start)
        var seen: [Int] = []
        var answers: [Int] = []
        for millisecond in 0..<60_000 {
            while let index = answers.firstIndex(where: { $0 <= millisecond }) {
                answers.remove(at: index)
                lane.ended(at: Self.start + .milliseconds(millisecond))
            }
            guard lane.take(at: Self.start + .milliseconds(millisecond)) == .go else { continue }
            // Seen somewhere between its leave and its answer.
            let wait = random(4) == 0 ? random(3_000) : random(30)
            seen.append(millisecond + random(wait + 1))
            answers.append(millisecond + wait)
        }
        seen.sort()
        var first = 0
        for last in seen.indices {
            while seen[last] - seen[first] >= 1_000 { first += 1 }
            #expect(last - first + 1 <= 20)
        }
        #expect(seen.count > 200)
    }
}
