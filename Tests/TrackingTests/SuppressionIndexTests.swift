import Core
import Files
import Foundation
import OpenSSL
import TestSupport
import Testing

@testable import Tracking

/// An outbox with a list and events, and a plain model of what they come to.
private struct Bench {
    let outbox: Outbox
    let log: EventLog
    var model = Model()

    init() throws {
        outbox = try Outbox()
        log = try outbox.events.log()
    }

    func list(_ mostEntries: Int? = nil) -> SuppressionList {
        var tuning = SuppressionList.Tuning()
        tuning.hasIndex = mostEntries != nil
        tuning.mostEntries = mostEntries ?? 0
        tuning.mostLines = 0
        return SuppressionList(
            outbox: outbox.directory,
            key: Fixture.suppressionKey,
            events: outbox.events.reader(),
            tuning: tuning
        )
    }
}

/// What stands in the documentation, done the slow way: every statement is kept and asked each time.
private struct Model {
    struct Entry {
        var who: String
        var scope: SuppressionScope
        var reason: Reason
        var time: Int64
        /// Where it stands in the file; `nil` for an event.
        var place: Int?
        var isImported = false
    }
    struct Lift {
        var who: String
        var scope: SuppressionScope?
        var reason: Reason?
        var time: Int64
        var place: Int?
    }

    var entries: [Entry] = []
    var lifts: [Lift] = []
    var lines = 0

    func reasons(_ who: String, _ scope: SuppressionScope) -> Set<Reason> {
        let standing = entries.filter { entry in
            entry.who == who && entry.scope == scope
                && !lifts.contains { lift in
                    guard lift.who == who, lift.scope ?? scope == scope, lift.reason ?? entry.reason == entry.reason
                    else { return false }
                    let isLater = entry.time < lift.time
                    guard let liftPlace = lift.place else { return isLater }
                    guard let place = entry.place else { return isLater }
                    return place < liftPlace || entry.isImported && isLater
                }
        }
        return Set(standing.map(\.reason))
    }
}

private let people = ["a@x.example", "b@x.example", "c@x.example"]
private let scopes: [SuppressionScope] = [.all, .marketing, .list("news"), .list("tips")]
private let reasons: [Reason] = [.optedOut, .bounced, .complained, .suppressedByHand]

@Suite("Suppression index")
struct SuppressionIndexTests {
    @Test(
        "Whatever happens in whatever order, list, index and documentation agree",
        arguments: 1...12 as ClosedRange<UInt64>
    )
    func agreement(seed: UInt64) async throws {
        var bench = try Bench()
        var random = SplitMix(state: seed)
        func pick<Value>(_ values: [Value]) -> Value { values[Int(random.next() % UInt64(values.count))] }
        var running = bench.list(3)
        var time = Fixture.noon
        for step in 0..<60 {
            time += 1_000
            let who = pick(people)
            let tag = Fixture.tagger.tag(of: Fixture.address(who))
            let scope = pick(scopes)
            let past = time - Int64(random.next() % 20) * 1_000 - 500
            switch random.next() % 6 {
            case 0:
                let reason = pick(reasons)
                bench.model.lines += 1
                bench.model.entries.append(
                    .init(who: who, scope: scope, reason: reason, time: time, place: bench.model.lines)
                )
                try bench.outbox.file.append([.add(tag, scope: scope, reason: reason, milliseconds: time)])
            case 1:
                let reason = pick(reasons)
                bench.model.lines += 1
                bench.model.entries.append(
                    .init(
                        who: who,
                        scope: scope,
                        reason: reason,
                        time: past,
                        place: bench.model.lines,
                        isImported: true
                    )
                )
                try bench.outbox.file.append([
                    .add(tag, scope: scope, reason: reason, since: past, milliseconds: time)
                ])
            case 2:
                let only = pick([nil, .optedOut, .bounced] as [Reason?])
                let what = pick([nil, scope] as [SuppressionScope?])
                bench.model.lines += 1
                bench.model.lifts.append(
                    .init(who: who, scope: what, reason: only, time: time, place: bench.model.lines)
                )
                try bench.outbox.file.append([.remove(tag, scope: what, only: only, milliseconds: time)])
            case 3, 4:
                // An event that comes late.
                var event = Event(.unsubscribe, job: Fixture.job, row: RowNumber(1), milliseconds: past)
                event.apply(PreferenceChange(scope: scope, choice: .stop), tag: tag)
                bench.model.entries.append(.init(who: who, scope: scope, reason: .optedOut, time: past))
                try await bench.log.append(event)
            default:
                var event = Event(.resubscribe, job: Fixture.job, row: RowNumber(1), milliseconds: past)
                event.apply(PreferenceChange(scope: scope, choice: .again), tag: tag)
                bench.model.lifts.append(.init(who: who, scope: scope, reason: .optedOut, time: past))
                try await bench.log.append(event)
            }
            if step % 5 == 4 {
                try running.refresh()
                var fresh = bench.list(step % 2 == 0 ? 3 : nil)
                try fresh.refresh()
                try check(&running, bench.model, "running, step \(step)")
                try check(&fresh, bench.model, "fresh, step \(step)")
            }
        }
    }

    private func check(_ list: inout SuppressionList, _ model: Model, _ what: Comment) throws {
        for who in people {
            let tag = Fixture.tagger.tag(of: Fixture.address(who))
            for scope in scopes {
                var found: Set<Reason> = []
                for reason in reasons
                where try list.suppressed.moment(of: .add(tag, scope: scope, reason: reason)) != nil {
                    found.insert(reason)
                }
                #expect(found == model.reasons(who, scope), "\(what): \(who), \(scope)")
            }
        }
    }

    @Test("A list goes on where the index stops, and reads nothing twice")
    func goesOn() async throws {
        let bench = try Bench()
        try bench.outbox.file.append([.add(Fixture.tagger.tag(of: Fixture.address("a@x.example")))])
        try await bench.log.append(Fixture.unsubscribe("b@x.example"))
        try await bench.log.append(
            Event(.complaint, job: Fixture.job, row: RowNumber(9), tag: AddressTag(high: 1, low: 2))
        )
        var first = bench.list(1)
        try first.refresh()
        #expect(try bench.outbox.directory.status(of: SuppressionIndex.name)?.permissions == 0o600)
        var second = bench.list(1_000)
        var seen: [Event.Kind] = []
        try second.refresh { seen.append($0.kind) }
        // Complaints are handed over each time, since a job that goes on counts them.
        #expect(seen == [.complaint])
        let count = second.suppressed.count
        #expect(count == 0)
        for name in ["a@x.example", "b@x.example"] {
            let reason = try second.reason(for: Fixture.address(name))
            #expect(reason != nil)
        }
        try await bench.log.append(Fixture.unsubscribe("c@x.example"))
        try bench.outbox.file.append([.remove(Fixture.tagger.tag(of: Fixture.address("a@x.example")))])
        try second.refresh()
        let (a, c) = (
            try second.reason(for: Fixture.address("a@x.example")),
            try second.reason(for: Fixture.address("c@x.example"))
        )
        #expect(a == nil)
        #expect(c == .optedOut)
    }

    @Test("Whatever byte of the index is changed, nobody falls off the list", arguments: [0, 1])
    func changedIndex(value: UInt8) throws {
        let bench = try Bench()
        let names = (0..<40).map { "p\($0)@x.example" }
        try bench.outbox.file.append(
            names.map { .add(Fixture.tagger.tag(of: Fixture.address($0)), scope: .list("news")) }
        )
        var list = bench.list(1)
        try list.refresh()
        let good = try bench.outbox.temporary.read(SuppressionIndex.name)
        for place in stride(from: Int(value), to: good.count, by: 7) {
            var bad = good
            bad[place] ^= 0x55
            try bench.outbox.temporary.write(SuppressionIndex.name, bad)
            var list = bench.list(1_000)
            try list.refresh()
            for name in [names[0], names[17], names[39]] {
                let reason = try list.reason(for: Fixture.address(name), list: "news")
                #expect(reason == .suppressedByHand, "byte \(place)")
            }
            let stranger = try list.reason(for: Fixture.address("nobody@x.example"), list: "news")
            #expect(stranger == nil, "byte \(place)")
        }
    }

    @Test("A list that is shorter than the index knows is damaged, and mending puts back what it lost")
    func cutShort() throws {
        let bench = try Bench()
        let file = bench.outbox.file
        try file.append([.add(Fixture.tagger.tag(of: Fixture.address("a@x.example")))])
        let old = try bench.outbox.temporary.read(SuppressionFile.name)
        try file.append([
            .add(Fixture.tagger.tag(of: Fixture.address("b@x.example")), scope: .list("news"), reason: .optedOut)
        ])
        var list = bench.list(1)
        try list.refresh()
        // As after a backup was put back.
        try bench.outbox.temporary.write(SuppressionFile.name, old)
        var late = bench.list(1_000)
        try late.refresh()
        let problem = late.firstFileFault?.problem
        #expect(problem == "the file is shorter than it was")
        #expect(throws: SuppressionList.Damaged.self) { try late.check() }
        let report = try file.mend(
            Fixture.suppressionKey,
            events: bench.outbox.events.reader(),
            in: bench.outbox.events.directory
        )
        #expect(report.saved == 1)
        var mended = bench.list(1_000)
        try mended.refresh()
        let reason = try mended.reason(for: Fixture.address("b@x.example"), list: "news")
        #expect(reason == .optedOut)
    }

    @Test("Memory over the index stays bounded while a long list is read")
    func bounded() throws {
        let bench = try Bench()
        try bench.outbox.file.append(
            (0..<20_000).lazy.map {
                SuppressionRecord.add(AddressTag(high: UInt64($0) &* 0x9E37_79B9_7F4A_7C15, low: 7))
            }
        )
        var list = bench.list(500)
        try list.refresh()
        let (count, base) = (list.suppressed.count, list.suppressed.base?.count)
        // A piece of the file has some hundred lines.
        #expect(count < 1_500)
        #expect(base.map { $0 + count } == 20_000)
        let found = try list.suppressed.reason(for: AddressTag(high: 19_999 &* 0x9E37_79B9_7F4A_7C15, low: 7))
        #expect(found != nil)
    }
}
