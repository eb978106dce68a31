import Core
import Files
import Foundation
import Intake
import Ledger
import TestSupport
import Testing
import Tracking

@testable import Engine

/// What goes on around jobs.
@Suite(.timeLimit(.minutes(2))) struct ServiceTests {
    /// Waits for what must come.
    private func eventually(_ what: String, _ condition: () throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while try !condition() {
            guard ContinuousClock.now < end else {
                Issue.record("never: \(what)")
                return
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Runs a watcher while a body runs; returns when it has ended.
    private func watching(
        _ bench: Bench,
        change: (inout WatchService) -> Void = { _ in },
        _ body: () async throws -> Void
    ) async throws {
        var service = WatchService(bench.worker, log: Bench.silent)
        service.interval = .milliseconds(50)
        service.rest = .milliseconds(200)
        change(&service)
        let watch = service
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watch.run() }
            try await body()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    // MARK: - Watching

    @Test("A folder dropped in steps is taken up once it is complete and has settled, and not before")
    func steps() async throws {
        let bench = try await Bench()
        let job = TestJob.rows(3)
        try await watching(bench) {
            try bench.drop("manifest.yaml", in: "visit", text: job.files["manifest.yaml"] ?? "")
            try bench.drop("visit.txt", in: "visit", text: job.files["visit.txt"] ?? "")
            try bench.drop("recipients.csv.filepart", in: "visit", text: "email,ref,note\n")
            // Another job passes by meanwhile.
            var other = TestJob(["o@example.test"])
            other.files["READY"] = ""
            try bench.job("other", other)
            try await eventually("the other job is done") { bench.markers("other") == ["DONE"] }
            #expect(bench.markers("visit").isEmpty && !bench.has("status.json", in: "visit"))
            let start = ContinuousClock.now
            try bench.remove("recipients.csv.filepart", from: "visit")
            try bench.drop("recipients.csv", in: "visit", text: job.files["recipients.csv"] ?? "")
            try await eventually("the job is done") { bench.markers("visit") == ["DONE"] }
            #expect(ContinuousClock.now - start >= .milliseconds(900))
        }
        #expect(bench.relay.recipients.count == 4)
    }

    @Test("A job that waits for its time keeps no other from being sent")
    func waitingJobs() async throws {
        let bench = try await Bench()
        for number in 1...3 {
            var job = TestJob(["w\(number)@example.test"], manifest: "not_before: 2999-01-01 08:00\n")
            job.files["READY"] = ""
            try bench.job("a\(number)", job)
        }
        try await watching(bench, change: { $0.jobsAtOnce = 1 }) {
            try await eventually("all wait") { (1...3).allSatisfy { bench.has("status.json", in: "a\($0)") } }
            var job = TestJob.rows(2)
            job.files["READY"] = ""
            try bench.job("now", job)
            try await eventually("the job is done") { bench.markers("now") == ["DONE"] }
        }
        #expect((1...3).allSatisfy { bench.markers("a\($0)").isEmpty })
        #expect(bench.relay.recipients.sorted() == ["p1@example.test", "p2@example.test"])
    }

    @Test("Two jobs are worked at once, and ending the watcher interrupts both without loss")
    func atOnce() async throws {
        let bench = try await Bench()
        for name in ["a", "b"] {
            var job = TestJob((1...400).map { "\(name)\($0)@example.test" }, manifest: "rate: 50/s\n")
            job.files["READY"] = ""
            try bench.job(name, job)
        }
        try await watching(bench) {
            try await eventually("both send") {
                ["a", "b"].allSatisfy { name in bench.relay.recipients.contains { $0.hasPrefix(name) } }
            }
        }
        #expect(bench.markers("a").isEmpty && bench.markers("b").isEmpty)
        for name in ["a", "b"] {
            let id = try bench.prepared(name).id
            let view = try bench.worker.store.read(id)
            #expect(view.rows.counts[.tried] == 0 && view.run.closed == nil)
            #expect(view.rows.counts[.sent] == bench.relay.recipients.count { $0.hasPrefix(name) })
        }
    }

    @Test("RETRY and CONFIRM are taken up beside a marker, and nothing else is")
    func askedFor() async throws {
        let bench = try await Bench()
        var job = TestJob(["a@example.test"])
        job.files["READY"] = ""
        try bench.job("visit", job)
        try await watching(bench) {
            try await eventually("done") { bench.markers("visit") == ["DONE"] }
            try bench.remove("DONE", from: "visit")
            try await eventually("held") { bench.markers("visit") == ["HELD"] }
            try bench.drop("CONFIRM", in: "visit")
            try await eventually("done again") { bench.markers("visit") == ["DONE"] }
        }
        #expect(bench.relay.recipients.count == 2)
    }

    // MARK: - What a watcher remembers

    @Test("A folder rests after a failure, longer each time, and not after a success")
    func resting() {
        let state = WatchState()
        #expect(state.mayLook(at: "a") && state.claim("a", limit: 1))
        #expect(!state.mayLook(at: "a") && !state.claim("b", limit: 1) && !state.claim("a", limit: 2))
        state.release("a", afterFailure: .seconds(100))
        #expect(!state.mayLook(at: "a") && state.mayLook(at: "b"))
        state.release("a", restingFor: .zero)
        #expect(state.mayLook(at: "a") && state.claim("a", limit: 1))
        state.keep([])
        #expect(!state.mayLook(at: "a"), "it is worked, wherever its folder is")
    }

    @Test("A problem is news once")
    func news() {
        let state = WatchState()
        let (one, two) = (Diagnostic("one"), Diagnostic("two"))
        #expect(state.isNews(one, for: "a") && !state.isNews(one, for: "a") && state.isNews(one, for: "b"))
        #expect(state.isNews(two, for: "a"))
        state.keep(["b"])
        #expect(state.isNews(two, for: "a") && !state.isNews(one, for: "b"))
    }

    @Test("The next look is soon if a folder is about to settle")
    func nextLook() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(1))
        let state = WatchState()
        #expect(state.wait(upTo: .seconds(9)) == .seconds(9))
        let jobs = try bench.site.jobs()
        let watcher = FolderWatcher(jobs, usesNotices: false)
        guard
            case .settling = state.scan("visit", in: jobs, watcher, settle: .seconds(3), required: { _ in nil })
        else { return #expect(Bool(false)) }
        #expect(state.wait(upTo: .seconds(9)) <= .seconds(3))
        #expect(state.wait(upTo: .milliseconds(5)) == .milliseconds(20))
    }

    // MARK: - Tracking

    private func tracked() async throws -> Bench {
        let bench = try await Bench(
            more: """
                tracking:
                  base_url: https://t.riverside.example
                """
        )
        try bench.job("visit", .rows(3, manifest: "tracking: {opens: true, clicks: true}\n"))
        return bench
    }

    private func append(_ events: [Event], to bench: Bench) async throws {
        let log = try EventLog(directory: try bench.site.outbox("events"), keys: bench.worker.keys.tokens, host: "t")
        for event in events { try await log.append(event) }
    }

    private var updater: (Bench) async throws -> Void {
        { bench in try await TrackingUpdater(bench.worker, log: Bench.silent).once() }
    }

    @Test("Events are written beside the job they are about, signed")
    func tracking() async throws {
        let bench = try await tracked()
        #expect(try await bench.work("visit").word == "done")
        let id = try bench.prepared("visit").id
        try await append(
            [Event(.open, job: id, row: RowNumber(2)), Event(.open, job: id, row: RowNumber(2))],
            to: bench
        )
        try await updater(bench)
        let rows = try bench.table("jobs/visit/tracking.csv")
        #expect(rows.map { $0["opens"] } == ["0", "2", "0"])
        #expect(rows.map { $0["key"] } == ["P-1", "P-2", "P-3"])
        #expect(try bench.verification.check(bench.scratch.path("jobs/visit")).allSatisfy(\.isGood))
        #expect(try bench.text("summary.json", of: "visit").contains("\"rows_opened\": 1"))
    }

    @Test("Each event is told with its class, by the order and pace of all and the time since the server's answer")
    func events() async throws {
        let bench = try await tracked()
        #expect(try await bench.work("visit").word == "done")
        let id = try bench.prepared("visit").id
        #expect(!bench.has("tracking-events.csv", in: "visit"))
        let delivered = try #require(
            try bench.table("jobs/visit/results.csv")[1]["finished_at"].flatMap { Timestamp($0) }
        )
        func event(_ kind: Event.Kind, _ seconds: Int64, link: Int? = nil, by visitor: UInt32 = 1) -> Event {
            let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
            let time = (delivered.seconds + seconds) * 1_000 + 500
            var event = Event(kind, job: id, row: RowNumber(2), milliseconds: time, link: link, agent: agent)
            event.visitor = VisitorMark(value: visitor)
            event.address = "192.0.2.77"
            return event
        }
        try await append(
            [
                event(.click, 90, link: 1, by: 2), event(.click, 0, link: 1), event(.click, 20, link: 0, by: 3),
                event(.open, 21, by: 3), event(.open, 60, by: 2),
            ],
            to: bench
        )
        try await updater(bench)
        let events = try bench.table("jobs/visit/tracking-events.csv")
        #expect(events.map { $0["seconds_after_delivery"] } == ["0", "20", "21", "60", "90"])
        #expect(events.map { $0["class"] } == ["automated", "automated", "automated", "human", "human"])
        #expect(events.map { $0["why"] } == ["too-soon", "decoy", "decoy", "", ""])
        #expect(events.map { $0["device"] } == Array(repeating: "Windows", count: 5))
        // The site keeps none, whatever an earlier setting left in the events.
        #expect(events.map { $0["address"] } == Array(repeating: "", count: 5))
        let row = try bench.table("jobs/visit/tracking.csv")[1]
        #expect(row["opens"] == "1" && row["automated_opens"] == "1")
        #expect(row["clicks"] == "1" && row["automated_clicks"] == "2")
        let summary = try bench.text("summary.json", of: "visit")
        #expect(summary.contains("\"decoy\": 2") && summary.contains("\"too-soon\": 1"))
        let reports = try bench.verification.check(bench.scratch.path("jobs/visit"))
        #expect(reports.count == 4 && reports.allSatisfy(\.isGood))
    }

    @Test("A rules file that cannot be read stops the site before it works, with the place of what is wrong")
    func brokenRules() async throws {
        let bench = try await tracked()
        let more = "tracking:\n  base_url: https://t.riverside.example\n  rules: rules.yaml\n"
        let configuration = try bench.scratch.text("wardpost.yaml").components(separatedBy: "tracking:")[0] + more
        try bench.scratch.write("wardpost.yaml", text: configuration)
        try bench.scratch.write("rules.yaml", text: "rules:\n  - {reason: x, agents: [y], source: z}\n")
        do {
            _ = try JobWorker(site: try Site.open(bench.scratch.path), log: Bench.silent)
            Issue.record("it was taken")
        } catch {
            #expect("\(error)".contains("rules.yaml:2"), "\(error)")
        }
    }

    @Test("Results that were changed are not believed: tracking stays as it was")
    func tampered() async throws {
        let bench = try await tracked()
        _ = try await bench.work("visit")
        let id = try bench.prepared("visit").id
        let before = try bench.text("tracking.csv", of: "visit")
        let results = try bench.text("results.csv", of: "visit")
        try bench.drop("results.csv", in: "visit", text: results.replacingOccurrences(of: "p2@", with: "q2@"))
        try await append([Event(.open, job: id, row: RowNumber(2))], to: bench)
        try await updater(bench)
        #expect(try bench.text("tracking.csv", of: "visit") == before)
    }

    @Test("Late events of an earlier job are not written into the files of one that took its folder's name")
    func successor() async throws {
        let bench = try await tracked()
        _ = try await bench.work("visit")
        let first = try bench.prepared("visit").id
        try FileManager.default.removeItem(atPath: bench.scratch.path("jobs/visit"))
        try bench.job("visit", TestJob((1...3).map { "other\($0)@example.test" }))
        #expect(try await bench.work("visit").word == "done")
        let before = try bench.text("tracking.csv", of: "visit")
        try await append([Event(.open, job: first, row: RowNumber(1))], to: bench)
        try await updater(bench)
        #expect(try bench.text("tracking.csv", of: "visit") == before)
    }

    @Test("A job that is being worked is left to whoever works it")
    func underWay() async throws {
        let bench = try await tracked()
        _ = try await bench.work("visit")
        let id = try bench.prepared("visit").id
        try await append([Event(.open, job: id, row: RowNumber(1))], to: bench)
        let lock = try bench.another().claims.lock("visit")
        try await updater(bench)
        #expect(try bench.table("jobs/visit/tracking.csv").map { $0["opens"] } == ["0", "0", "0"])
        withExtendedLifetime(lock) {}
    }

    // MARK: - Looking

    @Test("An overview says where each job stands")
    func overview() async throws {
        let bench = try await Bench()
        try bench.job("done", .rows(1))
        _ = try await bench.work("done")
        try bench.job("waiting", TestJob(["x@example.test"]))
        try bench.drop("manifest.yaml", in: "half", text: TestJob().files["manifest.yaml"] ?? "")
        try bench.job("taken", TestJob(["y@example.test"]))
        let lock = try bench.worker.claims.lock("taken")
        try bench.job("cut", TestJob(["z@example.test"]))
        #expect(await (try bench.ledger("cut")).close())
        let entries = try JobOverview(site: bench.site).all()
        #expect(entries.map(\.folder) == ["cut", "done", "half", "taken", "waiting"])
        #expect(entries.map(\.state) == ["waiting", "done", "waiting", "running", "waiting"])
        #expect(entries[0].message.hasPrefix("Interrupted"))
        #expect(entries[2].message.contains("recipients.csv"))
        #expect(entries[4].message.hasPrefix("Complete"))
        #expect(throws: EngineError.self) { try JobOverview(site: bench.site).one("nowhere") }
        withExtendedLifetime(lock) {}
    }

    @Test("Verification finds what was changed, what is not signed, and what is not there")
    func verification() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(2))
        _ = try await bench.work("visit")
        let folder = bench.scratch.path("jobs/visit")
        let check = try bench.verification
        #expect(try check.check(folder).map(\.result) == ["good", "good", "good"])
        #expect(try check.check(folder + "/results.csv").map(\.isGood) == [true])
        var bytes = try bench.scratch.read("jobs/visit/results.csv")
        bytes[40] ^= 1
        try bench.scratch.write("jobs/visit/results.csv", bytes)
        try bench.remove("tracking.csv.sig", from: "visit")
        try bench.remove("summary.json", from: "visit")
        #expect(try check.check(folder).map(\.result) == ["bad", "unsigned", "missing"])
        #expect(throws: EngineError.self) { try check.check(bench.scratch.path("templates")) }
        let key = try Verification(keyFile: bench.scratch.path("keys/records.pub.pem"))
        #expect(try key.check(folder + "/results.csv").map(\.result) == ["bad"])
        #expect(throws: EngineError.self) { try Verification(keyFile: bench.scratch.path("keys/site.key")) }
    }

    // MARK: - The suppression list

    private func listed(_ admin: SuppressionAdmin) throws -> [String] {
        var lines: [String] = []
        try admin.forEach { mailbox, scope, reason, _ in lines.append("\(mailbox) \(scope) \(reason)") }
        return lines
    }

    @Test("Addresses are added for all mail or a list, and taken off again")
    func suppression() async throws {
        let bench = try await Bench()
        let admin = try SuppressionAdmin(site: bench.site)
        #expect(try admin.add(["a@example.test", "b@example.test"], list: nil) == 2)
        #expect(try admin.add(["c@example.test"], list: "news") == 1)
        #expect(
            try listed(admin) == [
                "a@example.test all suppressed-by-hand", "b@example.test all suppressed-by-hand",
                "c@example.test list news suppressed-by-hand",
            ]
        )
        #expect(try admin.remove(["A@EXAMPLE.test"], list: nil) == 1)
        #expect(try listed(admin).count == 2)
    }

    @Test("One bad address adds none, and is not repeated")
    func badAddress() async throws {
        let bench = try await Bench()
        let admin = try SuppressionAdmin(site: bench.site)
        do {
            try admin.add(["a@example.test", "no body"], list: nil)
            Issue.record("it was added")
        } catch {
            #expect(error.code == .usage && error.description.hasPrefix("address 2: "))
            #expect(!error.description.contains("no body"))
        }
        #expect(try listed(admin).isEmpty)
    }

    @Test("An import takes the address column and says which rows it cannot take")
    func imports() async throws {
        let bench = try await Bench()
        let admin = try SuppressionAdmin(site: bench.site)
        let file = try bench.scratch.write(
            "list.csv",
            text: "name;email\nA;a@example.test\nB;nobody\nC\nD;d@example.test\n"
        )
        let result = try admin.import(file)
        let problems = result.problems
        #expect(result.added == 2 && result.refused == 2)
        #expect(problems.map { $0.place?.line } == [3, 4])
        #expect(!problems.map(\.description).joined().contains("nobody"))
        let plain = try bench.scratch.write("plain.csv", text: "who\ne@example.test\n")
        #expect(try admin.import(plain, SuppressionWish(list: "news")).added == 1)
        let other = try bench.scratch.write("other.csv", text: "who,what\ne@example.test,x\n")
        #expect(throws: EngineError.self) { try admin.import(other) }
        #expect(try listed(admin).count == 3)
    }

    // MARK: - The demonstration's parts

    @Test("A free port is one that can be listened on")
    func freePort() throws {
        let ports = try (0..<5).map { _ in try FreePort.find() }
        #expect(ports.allSatisfy { (1_024...65_535).contains($0) })
    }

    @Test("A job is found by its name or by a path into the drop area, and not by another path")
    func names() async throws {
        let bench = try await Bench()
        try bench.job("visit", .rows(1))
        try bench.scratch.write("elsewhere/visit/manifest.yaml", text: "")
        #expect(try bench.site.jobName("visit") == "visit")
        #expect(try bench.site.jobName(bench.scratch.path("jobs/visit")) == "visit")
        #expect(try bench.site.jobName(bench.scratch.path("jobs/visit/")) == "visit")
        for path in ["", "/", bench.scratch.path("elsewhere/visit"), bench.scratch.path("jobs/none")] {
            #expect(throws: EngineError.self) { try bench.site.jobName(path) }
        }
    }
}
