import Core
import Files
import Foundation
import Intake
import Ledger
import Records
import TestSupport
import Testing
import Tracking

@testable import Reports

@Suite("The index")
struct IndexTests {
    @Test("Read bit by bit, it is what it is when read at once")
    func incremental() async throws {
        let world = try await World(jobs: 3)
        let site = world.site
        let index = site.index()
        let first = try index.update()
        #expect(first.isNew && first.jobs == 3 && first.events > 0)
        #expect(try index.update() == ReportIndex.Update())

        // A job goes on, another comes, and events of all of them.
        let late = TestSite.noon + 4_000_000
        var rows = [
            TestSite.sent("z1", "z1@post.example", at: late), TestSite.Row(key: "z2", address: "z2@post.example"),
        ]
        let job = try await site.add(50, rows, takenUp: late, hasFolder: false)
        try await site.append([event(.open, world.jobs[0], 1, at: late), event(.open, job, 1, at: late + 60)])
        var update = try index.update()
        #expect(update.jobs == 1 && update.events == 2)
        #expect(try index.figures(ReportFilter(), by: .recipientDomain).contains { $0.name == "(not known)" })

        rows[1].outcome = TestSite.sent("z2", "z2@post.example", at: late + 90).outcome
        let writer = try site.ledgers.open(job)
        writer.append(.ended(RowNumber(2), try #require(rows[1].outcome)))
        #expect(await writer.close())
        try site.writeResults(50, rows)
        try await site.append([event(.click, job, 2, at: late + 120, link: 1)])
        update = try index.update()
        #expect(update.jobs == 1 && update.events == 1)

        let before = try index.everything()
        try index.rebuild()
        #expect(try index.everything() == before)
        #expect(before.count > 100)
    }

    @Test("Deleted while it is in use, it is made anew with the same answers")
    func deleted() async throws {
        let world = try await World(jobs: 3)
        let index = world.site.index()
        try index.update()
        let before = try index.everything()
        for name in ["index.sqlite", "index.sqlite-wal", "index.sqlite-shm"] { try world.site.outbox.remove(name) }
        #expect(try index.everything() == before)
        // Without what belongs to it, as a person deletes it.
        try world.site.outbox.remove("index.sqlite")
        #expect(try index.everything() == before)
    }

    @Test(
        "Damaged, of another kind or of another version, it is made anew",
        arguments: ["garbage", "cut", "empty", "version", "table"]
    )
    func damaged(how: String) async throws {
        let world = try await World(jobs: 2)
        let before = try {
            let index = world.site.index()
            try index.update()
            return try index.everything()
        }()
        let path = world.site.scratch.path + "/outbox/index.sqlite"
        switch how {
        case "garbage": try Data(repeating: 0x5A, count: 50_000).write(to: URL(filePath: path))
        case "cut":
            let bytes = try Data(contentsOf: URL(filePath: path))
            try bytes.prefix(bytes.count / 2).write(to: URL(filePath: path))
        case "empty": try Data().write(to: URL(filePath: path))
        case "version": try sqlite("PRAGMA user_version = 99", path)
        default: try sqlite("DROP TABLE event_day", path)
        }
        let index = world.site.index()
        try index.update()
        #expect(try index.everything() == before)
    }

    @Test("With the site in another time zone, days are parted anew")
    func zones() async throws {
        let site = try TestSite()
        try await site.add(
            1,
            [TestSite.sent("a", "a@post.example", at: Timestamp(year: 2026, month: 11, day: 22, hour: 2))]
        )
        let index = site.index()
        try index.update()
        #expect(try index.figures(ReportFilter(), by: .day).map(\.name) == ["2026-11-22"])
        var sources = index.sources
        sources.zone = try #require(.init(named: "America/Chicago"))
        let other = ReportIndex(directory: site.outbox, path: site.scratch.path + "/outbox", sources: sources)
        try other.update()
        #expect(try other.figures(ReportFilter(), by: .day).map(\.name) == ["2026-11-21"])
    }

    @Test("It is nobody else's to read")
    func mode() async throws {
        let world = try await World(jobs: 1)
        let index = world.site.index()
        try index.update()
        for name in try world.site.outbox.list() where name.hasPrefix("index.sqlite") {
            #expect(try #require(try world.site.outbox.status(of: name)).permissions == 0o600, "\(name)")
        }
    }

    @Test("No key, no address and nothing else of a table stands in it but domains")
    func canaries() async throws {
        let site = try TestSite()
        let job = try await site.add(
            1,
            [
                TestSite.sent("CANARYKEY1", "canaryname@post.example"),
                TestSite.ended("CANARYKEY2", "canary broken address", .invalid, .addressSyntax),
            ]
        )
        try await site.append([event(.open, job, 1), event(.unsubscribe, job, 1)])
        let index = site.index()
        try index.update()
        try sqlite("PRAGMA wal_checkpoint(TRUNCATE)", site.scratch.path + "/outbox/index.sqlite")
        for name in try site.outbox.list() where name.hasPrefix("index.sqlite") {
            let bytes = try site.outbox.read(name, limit: 1 << 26)
            #expect(!String(decoding: bytes, as: UTF8.self).lowercased().contains("canary"), "\(name)")
        }
    }

    @Test("A job's folder that was put away leaves its domains known while the index lives, and its figures for good")
    func putAway() async throws {
        let site = try TestSite()
        try await site.add(1, [TestSite.sent("a", "a@post.example"), TestSite.sent("b", "b@post.example")])
        let index = site.index()
        try index.update()
        try FileManager.default.removeItem(atPath: site.scratch.path + "/jobs/job-1")
        try index.update()
        #expect(try index.figures(ReportFilter(), by: .recipientDomain).map(\.name) == ["post.example"])
        try index.rebuild()
        #expect(try index.figures(ReportFilter(), by: .recipientDomain).map(\.name) == ["(not known)"])
        #expect(try index.figures(ReportFilter(), by: .sender).map(\.name) == ["care@riverside.example"])
        #expect(try index.figures(ReportFilter()).rows == 2)
    }

    @Test("Results that we did not sign, or that are another job's, tell nothing")
    func unsigned() async throws {
        let site = try TestSite()
        let rows = [TestSite.sent("a", "a@post.example")]
        try await site.add(1, rows)
        let folder = try site.jobs.open(subdirectory: "job-1")
        let text = String(decoding: try folder.read("results.csv", limit: 1 << 16), as: UTF8.self)
        try folder.replace("results.csv") { try $0.append(text.replacing("post.example", with: "evil.example")) }
        let index = site.index()
        try index.update()
        #expect(try index.figures(ReportFilter(), by: .recipientDomain).map(\.name) == ["(not known)"])
        #expect(try index.update() == ReportIndex.Update())

        try await site.add(2, [TestSite.sent("other", "o@post.example")], hasFolder: false)
        try FileManager.default.copyItem(
            atPath: site.scratch.path + "/jobs/job-1",
            toPath: site.scratch.path + "/jobs/job-2"
        )
        try site.writeResults(1, rows)
        try index.update()
        #expect(try index.figures(ReportFilter(), by: .recipientDomain).map(\.name) == ["post.example", "(not known)"])
    }

    @Test("A ledger that does not hold is named, its job left out, and the others counted")
    func brokenLedger() async throws {
        let world = try await World(jobs: 3)
        let index = world.site.index()
        try index.update()
        let all = try index.figures(ReportFilter()).rows
        let path = world.site.scratch.path + "/outbox/ledgers/\(world.jobs[1]).ledger"
        var bytes = try Data(contentsOf: URL(filePath: path))
        let middle = bytes.count / 2
        bytes[middle] ^= 1
        try bytes.write(to: URL(filePath: path))
        let update = try index.update()
        #expect(update.problems.count == 1 && update.problems[0].contains("\(world.jobs[1])"))
        #expect(try index.figures(ReportFilter()).rows == all - world.summaries[1].outcomes.ended)
        #expect(try index.report(try #require(Period("2026-11")), site: "X").unreadable == 1)
        // It is not read again before it changes.
        #expect(try index.update() == ReportIndex.Update())
        #expect(try index.jobs(ReportFilter()).entries.count == 2)
    }

    @Test("Two processes that write at once count nothing twice")
    func together() async throws {
        let world = try await World(jobs: 4)
        let site = world.site
        let indices = (0..<4).map { _ in site.index() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in indices { group.addTask { try index.update() } }
            try await group.waitForAll()
        }
        try await site.append([event(.open, world.jobs[0], 1)])
        for index in indices { try index.update() }
        let alone = site.index()
        let together = try alone.everything()
        try alone.rebuild()
        #expect(try alone.everything() == together)
    }

    @Test("Events of a file that was replaced are counted anew, those of a longer copy are not counted twice")
    func replacedEvents() async throws {
        let site = try TestSite()
        let job = try await site.add(1, [TestSite.sent("a", "a@post.example")])
        try await site.append([event(.open, job, 1), event(.open, job, 1, milliseconds: 5)])
        let index = site.index()
        try index.update()
        #expect(try index.figures(ReportFilter()).opens == 2)
        let name = try #require(try site.events.list().first)
        let text = try site.events.read(name, limit: 1 << 20)
        // As rsync does.
        try site.events.remove(name)
        try site.events.replace(name, permissions: 0o600) { try $0.append(text) }
        try index.update()
        #expect(try index.figures(ReportFilter()).opens == 2)
        // Another file under the same name.
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        try site.events.replace(name, permissions: 0o600) { try $0.append("\(lines[0])\n\(lines[1])\n") }
        try index.update()
        #expect(try index.figures(ReportFilter()).opens == 1)
        try site.events.remove(name)
        try index.update()
        #expect(try index.figures(ReportFilter()).opens == 0)
    }

    @Test("Two events of one moment that look alike are two")
    func twins() async throws {
        let site = try TestSite()
        let job = try await site.add(1, [TestSite.sent("a", "a@post.example")])
        try await site.append(Array(repeating: event(.open, job, 1), count: 50))
        let index = site.index()
        try index.update()
        #expect(try index.figures(ReportFilter()).opens == 50)
        #expect(try index.events(ReportFilter()).entries.count == 50)
    }

    private func sqlite(_ sql: String, _ path: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = [
            "-c", "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()", path, sql,
        ]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }
}
