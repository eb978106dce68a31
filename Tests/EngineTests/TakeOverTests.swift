import Core
import Delivery
import Files
import Foundation
import Intake
import Ledger
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// Workers that follow others, and jobs whose ledger came from a backup.
@Suite(.timeLimit(.minutes(2))) struct TakeOverTests {
    /// A worker that misses others for a short time only.
    private static let hasty: JobWorker.Tuning = {
        var tuning = Bench.quick
        tuning.lease = .seconds(2)
        return tuning
    }()

    private func repeated(_ relay: Relay) -> [String] {
        Dictionary(grouping: relay.recipients) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
    }

    // MARK: - Leases

    @Test("A folder that a dead process of this machine had is taken at once, whatever the lease time")
    func deadHere() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(2))
        try bench.scratch.write("outbox/leases/folders/visit/1", text: try Self.claim(of: bench, isDead: true))
        #expect(try await bench.work("visit").word == "done")
    }

    @Test("A folder that a process elsewhere has is busy, and free when that one gave no sign of life")
    func silentElsewhere() async throws {
        let bench = try await Bench(tuning: Self.hasty)
        try bench.job("visit", .rows(2))
        try bench.scratch.write("outbox/leases/folders/visit/1", text: try Self.claim(of: bench, isDead: false))
        #expect(try await bench.work("visit").word == "busy")
        #expect(try JobOverview(site: bench.site).one("visit").state == "running")
        let began = ContinuousClock.now
        while try await bench.work("visit").word == "busy" { try await Task.sleep(for: .milliseconds(20)) }
        #expect(ContinuousClock.now - began >= .milliseconds(1_900) && bench.markers("visit") == ["DONE"])
    }

    @Test("Whoever was told to wait does so himself, for one that is silent and not for one that is at work")
    func waits() async throws {
        let bench = try await Bench(tuning: Self.hasty)
        try bench.job("visit", .rows(2))
        try bench.scratch.write("outbox/leases/folders/visit/1", text: try Self.claim(of: bench, isDead: false))
        #expect(try await bench.worker.work("visit", waits: true).word == "done")
        try bench.drop("RETRY", in: "visit")
        let lock = try bench.another(Self.hasty).claims.lock("visit")
        #expect(try await bench.worker.work("visit", waits: true).word == "busy")
        lock?.release(clean: true)
    }

    /// A claim as a process wrote it, of this machine and dead, or of another.
    private static func claim(of bench: Bench, isDead: Bool) throws -> String {
        let lease = try #require(try bench.worker.claims.lock("model"))
        lease.release(clean: true)
        var lines = try bench.scratch.text("outbox/leases/folders/model/1").split(separator: "\n").map(String.init)
        for index in lines.indices {
            if isDead, lines[index].hasPrefix("started ") { lines[index] = "started 1" }
            if !isDead, lines[index].hasPrefix("boot ") { lines[index] = "boot elsewhere" }
            if lines[index].hasPrefix("closed ") { lines[index] = "held   00000000000000000009" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    @Test("A worker whose folder another took over while it ran writes nothing beside the job, and says so")
    func lostUnderWay() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        try bench.job("visit", .rows(500, manifest: "rate: 200/s\n"))
        let claims = bench.scratch.path("outbox/leases/folders/visit")
        // What another process does when it has waited for long enough.
        relay.at(5) {
            guard let text = try? String(contentsOfFile: claims + "/1", encoding: .utf8) else { return }
            try? text.write(toFile: claims + "/2", atomically: true, encoding: .utf8)
        }
        #expect(try await bench.work("visit").word == "busy")
        #expect(bench.markers("visit").isEmpty && !bench.has("results.csv", in: "visit"))
        #expect(relay.recipients.count < 500)
        // The other one ends, and the job goes on.
        try FileManager.default.removeItem(atPath: claims + "/2")
        #expect(try await bench.work("visit").word == "done")
        #expect(repeated(relay).isEmpty)
    }

    @Test("A worker whose ledger another took over sends nothing for what comes after")
    func ledgerLostUnderWay() async throws {
        let relay = try await Relay()
        let bench = try await Bench(relay)
        try bench.job("visit", .rows(300, manifest: "rate: 200/s\n"))
        let id = try bench.prepared("visit").id
        let ledgers = try Directory(path: bench.scratch.path("outbox")).open(subdirectory: "ledgers")
        let count = Box(0)
        relay.at(5) {
            // As whoever takes over does first.
            try? ledgers.openRegular("\(id).ledger").setPermissions(0o400)
            count.set(relay.recipients.count)
        }
        #expect(try await bench.work("visit").word == "busy")
        // Those whose record had reached the disk before were let go.
        #expect(relay.recipients.count <= count.value + 4, "\(relay.recipients.count), \(count.value)")
        #expect(bench.markers("visit").isEmpty)
        #expect(try await bench.work("visit").word == "done")
        #expect(repeated(relay).isEmpty)
        let statuses = try bench.results("visit", "status")
        #expect(Set(statuses).isSubset(of: ["sent", "unknown"]))
        #expect(relay.recipients.count >= statuses.count { $0 == "sent" })
    }

    @Test("Two folders with the same content give each recipient one message, whoever works them")
    func copies() async throws {
        let bench = try await Bench()
        let other = try bench.another()
        try bench.job("visit", .rows(60))
        try bench.job("copy", .rows(60))
        async let first = bench.work("visit").word
        async let second = other.work("copy").word
        let words = try await [first, second]
        #expect(words.contains("done"), "\(words)")
        for name in ["visit", "copy"] { _ = try await bench.work(name) }
        #expect(bench.relay.recipients.count == 60 && repeated(bench.relay).isEmpty)
    }

    // MARK: - Backups

    /// Runs a job of four rows to its end, and puts back the ledger as it was when two of them had ended.
    private func restored(_ bench: Bench) async throws -> JobID {
        try bench.job("visit", .rows(4))
        let ledger = try bench.ledger("visit")
        for row in [1, 2] as [UInt32] {
            ledger.append(.tried(RowNumber(row), attempt: 1, at: .now))
            ledger.append(.ended(RowNumber(row), Outcome(.sent, attempts: 1, finishedAt: .now)))
        }
        #expect(await ledger.close())
        let id = ledger.header.job
        let backup = try bench.scratch.read("outbox/ledgers/\(id).ledger")
        #expect(try await bench.work("visit").word == "done")
        #expect(bench.relay.recipients.sorted() == ["p3@example.test", "p4@example.test"])
        try FileManager.default.removeItem(atPath: bench.scratch.path("outbox/ledgers/\(id).ledger"))
        try bench.scratch.write("outbox/ledgers/\(id).ledger", backup)
        try bench.remove("DONE", from: "visit")
        return id
    }

    private func held(_ bench: Bench) async throws -> String {
        guard case .held(let sentence, nil) = try await bench.work("visit") else {
            Issue.record("it was not held")
            return ""
        }
        #expect(bench.markers("visit") == ["HELD"])
        return sentence
    }

    @Test("A ledger from a backup holds the job, again and again, and CONFIRM sends the rows that have no end in it")
    func confirmed() async throws {
        let bench = try await Bench()
        let id = try await restored(bench)
        for _ in 1...2 {
            #expect(try await held(bench).contains("ledger \(id) is not the one that was written last"))
            try bench.remove("HELD", from: "visit")
        }
        #expect(bench.relay.recipients.count == 2)
        try bench.drop("CONFIRM", in: "visit")
        #expect(try await bench.work("visit").word == "done")
        #expect(bench.relay.recipients.count == 4 && repeated(bench.relay) == ["p3@example.test", "p4@example.test"])
        #expect(try bench.results("visit", "status") == ["sent", "sent", "sent", "sent"])
        let view = try bench.worker.store.read(id)
        #expect(view.run.confirmedBy == "CONFIRM")
    }

    @Test("RETRY with rows named sends those of a ledger from a backup, and no others")
    func named() async throws {
        let bench = try await Bench()
        _ = try await restored(bench)
        _ = try await held(bench)
        try bench.drop("RETRY", in: "visit", text: "1-3\n")
        #expect(try await bench.work("visit").word == "done")
        #expect(bench.relay.recipients.count == 3 && bench.relay.recipients.last == "p3@example.test")
        #expect(try bench.results("visit", "status") == ["sent", "sent", "sent", "unknown"])
    }

    @Test("RETRY without rows named sends nothing that may have been sent")
    func unnamed() async throws {
        let bench = try await Bench()
        _ = try await restored(bench)
        _ = try await held(bench)
        try bench.drop("RETRY", in: "visit")
        #expect(try await bench.work("visit").word == "done")
        #expect(bench.relay.recipients.count == 2)
        #expect(try bench.results("visit", "status") == ["sent", "sent", "unknown", "unknown"])
    }

    @Test("A ledger that is gone holds the job; the right one put back goes on", arguments: [true, false])
    func gone(isKept: Bool) async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(3))
        _ = try await bench.work("visit")
        let name = "outbox/ledgers/\(try bench.prepared("visit").id).ledger"
        let ledger = try bench.scratch.read(name)
        // All of it, as from a backup that was made before the job was there.
        try FileManager.default.removeItem(atPath: bench.scratch.path("outbox"))
        for file in ["DONE", "results.csv", "results.csv.sig", "status.json"] { try? bench.remove(file, from: "visit") }
        let again = try bench.another()
        guard case .held(let sentence, nil) = try await again.work("visit") else { return #expect(Bool(false)) }
        #expect(sentence.contains("it is missing") && bench.relay.recipients.count == 3)
        try bench.remove("HELD", from: "visit")
        if isKept {
            try bench.scratch.write(name, ledger)
            guard case .held(let sentence, nil) = try await again.work("visit") else { return #expect(Bool(false)) }
            #expect(sentence.contains("was sent before"))
        } else {
            try bench.drop("RETRY", in: "visit", text: "2\n")
            #expect(try await again.work("visit").word == "done")
            #expect(try bench.results("visit", "status") == ["unknown", "sent", "unknown"])
        }
        #expect(bench.relay.recipients.count == (isKept ? 3 : 4))
    }

    @Test("A copy of a folder whose ledger came from a backup does not speak for it")
    func copied() async throws {
        let bench = try await Bench()
        _ = try await restored(bench)
        try bench.job("copy", .rows(4))
        try bench.drop("RETRY", in: "copy")
        guard case .held(let sentence, nil) = try await bench.work("copy") else { return #expect(Bool(false)) }
        #expect(sentence.contains("from the folder visit") && bench.relay.recipients.count == 2)
        #expect(try await held(bench).contains("is not the one that was written last"))
    }

    @Test("Files changed after a backup are no new job while the old one may have been sent")
    func changed() async throws {
        let bench = try await Bench()
        let id = try await restored(bench)
        try bench.worker.claims.note("visit", id)
        try FileManager.default.removeItem(atPath: bench.scratch.path("outbox/ledgers/\(id).ledger"))
        try bench.job("visit", .rows(5))
        #expect(try await held(bench).contains("The files were changed"))
        #expect(bench.relay.recipients.count == 2)
    }

    @Test("The witness is where the configuration says, closed to others, and refused if it is not")
    func place() async throws {
        let bench = try await Bench(more: "witness: known\n")
        try bench.job("visit", .rows(1))
        _ = try await bench.work("visit")
        let id = try bench.prepared("visit").id
        #expect(try bench.scratch.text("known/\(id)").hasPrefix("wardpost-witness 1\n"))
        #expect(try Directory(path: bench.scratch.path).status(of: "known")?.permissions == 0o700)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: bench.scratch.path("known"))
        #expect(throws: EngineError.self) { try bench.another() }
    }
}

/// A value that another thread sets.
private final class Box: Sendable {
    private let box: Mutex<Int>

    init(_ value: Int) { box = Mutex(value) }

    var value: Int { box.withLock { $0 } }

    func set(_ value: Int) { box.withLock { $0 = value } }
}
