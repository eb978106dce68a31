import Core
import Files
import Foundation
import OpenSSL
import TestSupport
import Testing

@testable import Tracking

/// An outbox with a suppression list.
struct Outbox {
    let temporary: TemporaryDirectory
    let directory: Directory
    let events: EventsFolder
    let file: SuppressionFile

    init() throws {
        temporary = try TemporaryDirectory()
        directory = try Directory(path: temporary.path)
        events = try EventsFolder()
        file = SuppressionFile(outbox: directory, key: Fixture.suppressionKey)
    }

    func list() -> SuppressionList {
        SuppressionList(outbox: directory, key: Fixture.suppressionKey, events: events.reader())
    }

    func reason(_ address: String, list: String? = nil, isMarketing: Bool = false) throws -> Reason? {
        var suppression = self.list()
        try suppression.refresh()
        return try suppression.reason(for: Fixture.address(address), list: list, isMarketing: isMarketing)
    }
}

private func tag(_ address: String) -> AddressTag {
    Fixture.tagger.tag(of: Fixture.address(address))
}

@Suite("Suppression scopes")
struct SuppressionSetTests {
    @Test(
        "a scope keeps its mail and no other",
        arguments: [
            (SuppressionScope.all, nil, false, true), (.all, "news", false, true), (.all, nil, true, true),
            (.marketing, nil, false, false), (.marketing, nil, true, true), (.marketing, "news", true, true),
            (.list("news"), "news", false, true), (.list("news"), "other", false, false),
            (.list("news"), nil, false, false), (.list("news"), nil, true, false), (.list("news"), "news", true, true),
        ] as [(SuppressionScope, String?, Bool, Bool)]
    )
    func scopes(scope: SuppressionScope, list: String?, isMarketing: Bool, isKept: Bool) throws {
        var set = SuppressionSet()
        try set.apply(.add(tag("ada@x.example"), scope: scope))
        #expect(try (set.reason(for: tag("ada@x.example"), list: list, isMarketing: isMarketing) != nil) == isKept)
        #expect(try set.reason(for: tag("bob@x.example"), list: list, isMarketing: isMarketing) == nil)
    }

    @Test("case of an address does not matter")
    func canonical() throws {
        var set = SuppressionSet()
        try set.apply(.add(tag("Ada@X.example")))
        #expect(try set.reason(for: tag("ada@x.EXAMPLE")) == .suppressedByHand)
    }

    @Test(
        "the recipient's own wish is named first",
        arguments: [
            ([Reason.suppressedByHand, .bounced, .complained, .optedOut], Reason.optedOut),
            ([.suppressedByHand, .bounced, .complained], .complained),
            ([.bounced, .suppressedByHand], .bounced), ([.suppressedByHand], .suppressedByHand),
        ]
    )
    func reasons(given: [Reason], named: Reason) throws {
        var set = SuppressionSet()
        for reason in given { try set.apply(.add(tag("ada@x.example"), reason: reason)) }
        #expect(try set.reason(for: tag("ada@x.example")) == named)
    }

    @Test(
        "events suppress by their kind",
        arguments: [
            (Event.Kind.unsubscribe, Reason.optedOut as Reason?), (.bounce, .bounced), (.complaint, .complained),
            (.open, nil), (.click, nil), (.pickup, nil),
        ]
    )
    func events(kind: Event.Kind, reason: Reason?) throws {
        var set = SuppressionSet()
        try set.apply(Event(kind, job: Fixture.job, row: RowNumber(1), tag: tag("ada@x.example")))
        #expect(try set.reason(for: tag("ada@x.example")) == reason)
    }

    @Test("a removal takes one scope off, or all of them")
    func removals() throws {
        var set = SuppressionSet()
        for scope in [SuppressionScope.all, .list("news"), .list("tips")] {
            try set.apply(.add(tag("ada@x.example"), scope: scope))
        }
        try set.apply(.remove(tag("ada@x.example"), scope: .all))
        #expect(try set.reason(for: tag("ada@x.example")) == nil)
        #expect(try set.reason(for: tag("ada@x.example"), list: "news") != nil)
        try set.apply(.remove(tag("ada@x.example")))
        #expect(try set.reason(for: tag("ada@x.example"), list: "news") == nil)
        #expect(try set.reason(for: tag("ada@x.example"), list: "tips") == nil)
        try set.apply(.add(tag("ada@x.example"), scope: .list("tips")))
        #expect(try set.reason(for: tag("ada@x.example"), list: "tips") != nil)
    }

    @Test(
        "against a removal an opt-out counts by its time, whichever is read first",
        arguments: [
            (-1, false), (0, true), (1, true),
        ],
        [true, false]
    )
    func times(time: (offset: Int64, isKept: Bool), removalIsFirst: Bool) throws {
        var set = SuppressionSet()
        let removal = SuppressionRecord.remove(tag("ada@x.example"), milliseconds: Fixture.noon)
        let event = Fixture.unsubscribe("ada@x.example", at: Fixture.noon + time.offset)
        if removalIsFirst { try set.apply(removal) }
        try set.apply(event)
        if !removalIsFirst { try set.apply(removal) }
        #expect(try (set.reason(for: tag("ada@x.example")) != nil) == time.isKept)
        #expect(try set.holds(event) == time.isKept)
    }

    @Test("more lists than scopes have numbers count as all mail")
    func manyLists() throws {
        var set = SuppressionSet()
        for number in 0..<17_000 { try set.apply(.add(tag("ada@x.example"), scope: .list("list \(number)"))) }
        #expect(try set.reason(for: tag("ada@x.example"), list: "list 3") != nil)
        #expect(try set.reason(for: tag("ada@x.example"), list: "unheard of") != nil)
    }

    @Test("a million mailboxes are found again, in 40 bytes each")
    func million() throws {
        var set = SuppressionSet()
        var random = SplitMix(state: 7)
        let before = residentMemory()
        for _ in 0..<1_000_000 {
            try set.apply(.add(AddressTag(high: random.next(), low: random.next()), milliseconds: Fixture.noon))
        }
        let grown = residentMemory() - before
        print("1,000,000 suppressed mailboxes: \(grown >> 20) MiB more resident")
        #expect(set.count == 1_000_000)
        // The table is doubled by half while it grows, so that for a moment two of them are there.
        #expect(grown < 100 << 20)
        random = SplitMix(state: 7)
        var missing = 0
        for _ in 0..<1_000_000 where try set.reason(for: AddressTag(high: random.next(), low: random.next())) == nil {
            missing += 1
        }
        #expect(missing == 0)
        var strangers = 0
        for _ in 0..<100_000 where try set.reason(for: AddressTag(high: random.next(), low: random.next())) != nil {
            strangers += 1
        }
        #expect(strangers == 0)
    }

    @Test("tags that crowd one place are kept apart")
    func crowded() throws {
        var set = SuppressionSet()
        for low in 0..<500 as Range<UInt64> { try set.apply(.add(AddressTag(high: .max, low: low))) }
        for low in 0..<500 as Range<UInt64> { #expect(try set.reason(for: AddressTag(high: .max, low: low)) != nil) }
        #expect(try set.reason(for: AddressTag(high: .max, low: 500)) == nil)
        #expect(try set.reason(for: AddressTag(high: 0, low: 0)) == nil)
    }

    private func residentMemory() -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return (Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0) * 4_096
    }
}

/// Steele, Lea and Flood's generator: the same numbers from the same start.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite("Suppression list")
struct SuppressionListTests {
    @Test("what was added by hand is on the list, and off it when removed")
    func addRemove() throws {
        let outbox = try Outbox()
        #expect(try outbox.reason("ada@x.example") == nil)
        try outbox.file.append([.add(tag("ada@x.example"), address: Protected("ada@x.example"))])
        #expect(try outbox.reason("ada@x.example") == .suppressedByHand)
        try outbox.file.append([.remove(tag("ada@x.example"))])
        #expect(try outbox.reason("ada@x.example") == nil)
    }

    @Test("a list in use honours an opt-out and the staff's changes at its next look")
    func live() async throws {
        let outbox = try Outbox()
        let log = try outbox.events.log()
        var list = outbox.list()
        try list.refresh()
        let ada = Fixture.address("ada@x.example")
        let bob = Fixture.address("bob@x.example")
        #expect(try list.reason(for: ada, list: "news") == nil)
        try await log.append(Fixture.unsubscribe("ada@x.example", list: "news"))
        try await log.append(Fixture.open(4))
        var seen: [Event.Kind] = []
        try list.refresh { seen.append($0.kind) }
        #expect(seen == [.unsubscribe, .open])
        let afterOptOut = try list.reason(for: ada, list: "news")
        let otherList = try list.reason(for: ada, list: "tips")
        #expect(afterOptOut == .optedOut)
        #expect(otherList == nil)
        try outbox.file.append([.add(tag("bob@x.example"))])
        try list.refresh()
        let byHand = try list.reason(for: bob)
        #expect(byHand == .suppressedByHand)
        try outbox.file.append([.remove(tag("ada@x.example"), milliseconds: Fixture.noon + 1)])
        try list.refresh()
        let afterRemoval = try list.reason(for: ada, list: "news")
        #expect(afterRemoval == nil)
    }

    @Test("the file is for its owner alone")
    func permissions() throws {
        let outbox = try Outbox()
        try outbox.file.append([.add(tag("ada@x.example"))])
        #expect(try outbox.directory.status(of: SuppressionFile.name)?.permissions == 0o600)
    }

    @Test("cut anywhere, the file gives its whole lines, and the next addition mends it")
    func torn() throws {
        let outbox = try Outbox()
        let names = ["a@x.example", "b@x.example", "c@x.example"]
        for name in names { try outbox.file.append([.add(tag(name))]) }
        let bytes = try outbox.temporary.read(SuppressionFile.name)
        for count in stride(from: 0, through: bytes.count, by: 3) {
            try outbox.temporary.write(SuppressionFile.name, bytes[..<count])
            let whole = max(0, bytes[..<count].count { $0 == UInt8(ascii: "\n") } - 1)
            try outbox.file.append([.add(tag("new@x.example"))])
            var list = outbox.list()
            try list.refresh()
            let faults = list.fileFaults
            #expect(faults == 0, "cut at \(count)")
            for (index, name) in (names + ["new@x.example"]).enumerated() {
                let isOn = try list.reason(for: Fixture.address(name)) != nil
                #expect(isOn == (index < whole || index == 3), "cut at \(count)")
            }
        }
    }

    #if DEBUG || FAULT_DOOR
        @Test(
            "after a failed sync the list is written anew before anything is added, and nothing is claimed by the old file"
        )
        func failedSync() throws {
            let outbox = try Outbox()
            func add(_ name: String) throws {
                try outbox.file.append([
                    .add(tag(name), address: Protected(name), scope: .all)
                ])
            }
            try add("a@post.example")
            let before = try outbox.directory.status(of: SuppressionFile.name)
            let door = FaultDoor(below: outbox.temporary.path) { operation, path in
                operation == .sync && path == SuppressionFile.name ? 5 : nil
            }
            #expect(throws: FileError.self) { try add("b@post.example") }
            door.close()
            try add("c@post.example")
            let after = try #require(try outbox.directory.status(of: SuppressionFile.name))
            #expect(before.map { !$0.isSameFile(as: after) } == true)
            #expect(try outbox.reason("a@post.example") != nil && outbox.reason("c@post.example") != nil)
            var list = outbox.list()
            try list.refresh()
            #expect(list.fileFaults == 0)
            // And once it is well, nothing is copied.
            try add("d@post.example")
            #expect(try outbox.directory.status(of: SuppressionFile.name)?.isSameFile(as: after) == true)
        }
    #endif

    @Test("a line changed by hand is not believed, and nobody is mailed while nobody has looked at it")
    func changed() throws {
        let outbox = try Outbox()
        try outbox.file.append([.add(tag("a@x.example")), .add(tag("b@x.example")), .add(tag("c@x.example"))])
        let text = try outbox.temporary.text(SuppressionFile.name)
        let changed = text.replacingOccurrences(
            of: tag("b@x.example").description,
            with: tag("victim@x.example").description
        )
        try outbox.temporary.write(SuppressionFile.name, text: changed)
        var list = outbox.list()
        try list.refresh()
        let faults = list.fileFaults
        #expect(faults == 1)
        for name in ["victim@x.example", "b@x.example", "c@x.example", "stranger@x.example"] {
            #expect(throws: SuppressionList.Damaged.self) { try outbox.reason(name) }
        }
        let victim = try list.suppressed.reason(for: tag("victim@x.example"))
        let other = try list.suppressed.reason(for: tag("c@x.example"))
        #expect(victim == nil)
        #expect(other != nil)
    }

    @Test("a file under another key is not added to")
    func otherKey() throws {
        let outbox = try Outbox()
        try outbox.file.append([.add(tag("a@x.example"))])
        let other = SuppressionFile(outbox: outbox.directory, key: SecretBytes(random: 32))
        #expect(throws: SuppressionFile.Refused.self) { try other.append([.add(tag("b@x.example"))]) }
    }

    @Test("several writers at once lose no line")
    func concurrent() async throws {
        let outbox = try Outbox()
        try await withThrowingTaskGroup { group in
            for number in 0..<20 {
                group.addTask { try outbox.file.append([.add(tag("p\(number)@x.example"))]) }
            }
            try await group.waitForAll()
        }
        var list = outbox.list()
        try list.refresh()
        let count = list.suppressed.count
        let faults = list.fileFaults
        #expect(count == 20)
        #expect(faults == 0)
    }

    @Test("the list shows what is in force, with the addresses that staff typed")
    func show() async throws {
        let outbox = try Outbox()
        let log = try outbox.events.log()
        try outbox.file.append([
            .add(tag("ada@x.example"), address: Protected("ada@x.example"), reason: .bounced),
            .add(tag("bob@x.example"), address: Protected("bob@x.example"), scope: .marketing),
            .remove(tag("ada@x.example")),
        ])
        try await log.append(Fixture.unsubscribe("eve@x.example", list: "news"))
        try await log.append(Fixture.unsubscribe("ada@x.example", list: "news", at: 1))
        var list = outbox.list()
        try list.refresh()
        var shown: [String] = []
        try list.forEachRecord { record in
            let scope = record.scope.map { "\($0)" } ?? "-"
            shown.append("\(record.address?.exposed ?? record.tag.description) \(scope) \(record.reason)")
        }
        #expect(shown == ["bob@x.example marketing suppressed-by-hand", "\(tag("eve@x.example")) list news opted-out"])
    }

    @Test("an import of many lines is one chain that verifies")
    func importMany() throws {
        let outbox = try Outbox()
        let count = try outbox.file.append(
            (0..<5_000).lazy.map { number in
                SuppressionRecord.add(AddressTag(high: UInt64(number) << 50, low: 1), reason: .optedOut)
            }
        )
        #expect(count == 5_000)
        try outbox.file.append([.add(tag("last@x.example"))])
        var list = outbox.list()
        try list.refresh()
        let faults = list.fileFaults
        let size = list.suppressed.count
        #expect(faults == 0)
        #expect(size == 5_001)
    }

    @Test("a record that would not fit a line is refused, and the list stays whole")
    func endlessRecord() throws {
        let outbox = try Outbox()
        let endless = SuppressionScope.list(String(repeating: "x", count: 9_000))
        #expect(throws: SuppressionFile.Refused.self) {
            try outbox.file.append([.add(tag("a@x.example")), .add(tag("b@x.example"), scope: endless)])
        }
        try outbox.file.append([.add(tag("c@x.example"))])
        #expect(try outbox.reason("c@x.example") != nil)
    }

    @Test("no printed form of a record shows an address")
    func redacted() {
        let record = SuppressionRecord.add(tag("ada@x.example"), address: Protected("ada@x.example"))
        #expect(!"\(record)".contains("ada"))
        #expect(!String(reflecting: record).contains("ada"))
    }
}
