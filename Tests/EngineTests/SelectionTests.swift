import Core
import Files
import Foundation
import Intake
import Ledger
import OpenSSL
import TestSupport
import Testing

@testable import Engine

/// Under which run a folder goes out.
@Suite(.timeLimit(.minutes(1))) struct SelectionTests {
    /// A store, and ledgers in it.
    private struct Fixture {
        let scratch: TemporaryDirectory
        let store: LedgerStore
        let id: JobID

        init() throws {
            scratch = try TemporaryDirectory()
            store = LedgerStore(directory: try Directory(path: scratch.path), key: .init(random: 32), gather: .zero)
            id = try #require(JobID(digest: Array(1...10)))
        }

        func make(_ id: JobID, folder: String = "visit", isClosed: Bool = true) async throws {
            let writer = try store.create(
                LedgerHeader(
                    job: id,
                    takenUp: .now,
                    folder: folder,
                    name: "Visit",
                    purpose: "treatment",
                    rows: 1,
                    contentDigest: Array(1...32),
                    version: "1"
                )
            )
            if isClosed {
                writer.append(.ended(RowNumber(1), Outcome(.sent, finishedAt: .now)))
                writer.append(.closed(at: .now, counts: writer.withRows { $0.counts }))
            }
            #expect(await writer.close())
        }

        func choose(
            active: JobID? = nil,
            isConfirmed: Bool = false,
            wantsRetry: Bool = false,
            folder: String = "visit",
            isThere: @escaping (String) -> Bool = { _ in true }
        ) async throws -> String {
            let selection = RunSelection(
                store: store,
                folder: folder,
                active: active,
                isConfirmed: isConfirmed,
                wantsRetry: wantsRetry,
                isThere: isThere
            )
            switch try await selection.choose(id) {
            case .new(let id, let isConfirmed): return "new \(id.run)\(isConfirmed ? " confirmed" : "")"
            case .resume(let writer):
                defer { withExtendedLifetime(writer) {} }
                let run = writer.header.job.run
                #expect(await writer.close())
                return "resume \(run)"
            case .recover(let writer):
                #expect(await writer.close())
                return "recover \(writer.header.job.run)"
            case .replace(let id): return "replace \(id.run)"
            case .held(let sentence): return "held: \(sentence)"
            case .busy: return "busy"
            }
        }
    }

    @Test("Content that never went out is a new run, and CONFIRM changes nothing about that")
    func new() async throws {
        let fixture = try Fixture()
        #expect(try await fixture.choose() == "new 1")
        #expect(try await fixture.choose(isConfirmed: true) == "new 1")
        #expect(try await fixture.choose(wantsRetry: true) == "new 1")
    }

    @Test("A run that was interrupted goes on, whatever control file is there")
    func resume() async throws {
        let fixture = try Fixture()
        try await fixture.make(fixture.id, isClosed: false)
        for (isConfirmed, wantsRetry) in [(false, false), (true, false), (false, true)] {
            #expect(try await fixture.choose(isConfirmed: isConfirmed, wantsRetry: wantsRetry) == "resume 1")
        }
    }

    @Test("A run that ended is held, goes on by RETRY, and goes out again by CONFIRM")
    func ended() async throws {
        let fixture = try Fixture()
        try await fixture.make(fixture.id)
        #expect(try await fixture.choose().hasPrefix("held: This content was sent before, from this folder"))
        #expect(try await fixture.choose(wantsRetry: true) == "resume 1")
        #expect(try await fixture.choose(isConfirmed: true) == "new 2 confirmed")
    }

    @Test("RETRY means the latest run of the folder")
    func latest() async throws {
        let fixture = try Fixture()
        try await fixture.make(fixture.id)
        try await fixture.make(try #require(fixture.id.next))
        #expect(try await fixture.choose(wantsRetry: true) == "resume 2")
        #expect(try await fixture.choose(isConfirmed: true) == "new 3 confirmed")
    }

    @Test("A copy of a folder is held, ended or not, and says which folder was first", arguments: [true, false])
    func copy(isClosed: Bool) async throws {
        let fixture = try Fixture()
        try await fixture.make(fixture.id, folder: "first", isClosed: isClosed)
        for wantsRetry in [true, false] {
            let choice = try await fixture.choose(wantsRetry: wantsRetry)
            #expect(choice.hasPrefix("held: ") && choice.contains("folder first"))
        }
        #expect(try await fixture.choose(isConfirmed: true) == "new 2 confirmed")
    }

    @Test("Content whose folder is gone was moved: it goes on, or by RETRY")
    func moved() async throws {
        let fixture = try Fixture()
        try await fixture.make(fixture.id, folder: "first", isClosed: false)
        #expect(try await fixture.choose(isThere: { $0 != "first" }) == "resume 1")
        let ended = try Fixture()
        try await ended.make(ended.id, folder: "first")
        #expect(try await ended.choose(isThere: { $0 != "first" }).hasPrefix("held"))
        #expect(try await ended.choose(wantsRetry: true, isThere: { $0 != "first" }) == "resume 1")
    }

    @Test("A closed ledger whose folder is noted as under way is finished")
    func closedAndNoted() async throws {
        let fixture = try Fixture()
        try await fixture.make(fixture.id)
        #expect(try await fixture.choose(active: fixture.id) == "resume 1")
    }

    @Test("A ledger that another holds is busy")
    func busy() async throws {
        let fixture = try Fixture()
        try await fixture.make(fixture.id, isClosed: false)
        let writer = try fixture.store.open(fixture.id)
        #expect(try await fixture.choose() == "busy")
        #expect(await writer.close())
    }

    @Test("A ledger that was never finished being made is made anew")
    func unfinished() async throws {
        let fixture = try Fixture()
        try fixture.scratch.write("\(fixture.id).ledger", text: "")
        #expect(try await fixture.choose() == "new 1")
        try await fixture.make(fixture.id)
    }
}

@Suite struct JobClaimsTests {
    @Test("A folder is one process's at a time, and its lock ends with its holder")
    func locks() async throws {
        let bench = try await Bench()
        let claims = bench.worker.claims
        let other = try bench.another().claims
        var lock = try claims.lock("visit")
        #expect(lock != nil)
        #expect(try other.lock("visit") == nil && other.isLocked("visit"))
        #expect(try other.lock("else") != nil)
        lock = nil
        #expect(!other.isLocked("visit") && !other.isLocked("never"))
        #expect(try other.lock("visit") != nil)
    }

    @Test("A note is read back by another process, and gone once it was taken away")
    func notes() async throws {
        let bench = try await Bench()
        let other = try bench.another().claims
        let id = try #require(JobID(digest: Array(1...10), run: 3))
        #expect(try other.active("visit") == nil)
        try bench.worker.claims.note("visit", id)
        #expect(try other.active("visit") == id)
        try bench.worker.claims.forget("visit")
        try bench.worker.claims.forget("visit")
        #expect(try other.active("visit") == nil)
    }

    @Test("A note that names no job is an error, not no note")
    func damaged() async throws {
        let bench = try await Bench()
        for text in ["", "hello", "00", String(repeating: "zz", count: 10)] {
            try bench.scratch.write("outbox/active/visit", text: text)
            #expect(throws: FileError.self) { try bench.worker.claims.active("visit") }
        }
    }
}
