import Delivery
import Foundation
import Intake
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// Limits that belong to a route, as the server sees them, whoever sends over it.
@Suite(.timeLimit(.minutes(2))) struct RouteSharingTests {
    /// When messages' ends were seen, and the most of them in a second.
    private final class Sightings: Sendable {
        private let moments = Mutex<[ContinuousClock.Instant]>([])

        func note() { moments.withLock { $0.append(.now) } }
        var count: Int { moments.withLock { $0.count } }

        var mostInASecond: Int {
            let all = moments.withLock { $0.sorted() }
            var (first, most) = (0, 0)
            for (last, moment) in all.enumerated() {
                while moment - all[first] >= .seconds(1) { first += 1 }
                most = max(most, last - first + 1)
            }
            return most
        }
    }

    private func bench(_ seen: Sightings, route: String) async throws -> Bench {
        let relay = try await Relay { options in
            let usual = options.onMessage
            options.onMessage = { message in
                seen.note()
                usual?(message)
            }
        }
        return try await Bench(relay, route: route)
    }

    @Test("Two jobs at once have the route's connections and rate together")
    func together() async throws {
        let seen = Sightings()
        let bench = try await bench(seen, route: "rate: 50/s")
        try bench.job("one", .rows(60))
        try bench.job("two", TestJob((1...50).map { "q\($0)@example.test" }))
        async let one = bench.worker.work("one")
        async let two = bench.worker.work("two")
        let words = try await [one.word, two.word]
        #expect(words == ["done", "done"])
        #expect(seen.count == 110)
        #expect(seen.mostInASecond <= 50)
    }

    @Test("So do two processes of a site: `send` beside `watch`")
    func processes() async throws {
        let seen = Sightings()
        let bench = try await bench(seen, route: "rate: 40/s")
        let other = try bench.another()
        try bench.job("one", .rows(50))
        try bench.job("two", TestJob((1...50).map { "q\($0)@example.test" }))
        async let one = bench.worker.work("one")
        async let two = other.work("two")
        let words = try await [one.word, two.word]
        #expect(words == ["done", "done"])
        #expect(seen.count == 100)
        #expect(seen.mostInASecond <= 40)
    }

    @Test("The rate holds across restarts: the route's, and the manifest's own", arguments: [true, false])
    func restarts(_ ofRoute: Bool) async throws {
        let seen = Sightings()
        let bench = try await bench(seen, route: ofRoute ? "rate: 40/s" : "")
        try bench.job("visit", .rows(110, manifest: ofRoute ? "" : "rate: 40/s\n"))
        var words: [String] = []
        // On a machine that is slow to look, the last of them may get to the end.
        while words.count < 4, words.last != "done" {
            let worker = try bench.another()
            let run = Task { try await worker.work("visit") }
            let before = seen.count
            while seen.count < min(before + 15, 110) { try await Task.sleep(for: .milliseconds(2)) }
            run.cancel()
            words.append(try await run.value.word)
        }
        #expect(words.first == "interrupted" && Set(words).isSubset(of: ["interrupted", "done"]), "\(words)")
        if words.last != "done" { #expect(try await bench.work("visit").word == "done") }
        #expect(seen.count == 110)
        #expect(seen.mostInASecond <= 40, "\(seen.mostInASecond)")
        let rates = try FileManager.default.contentsOfDirectory(atPath: bench.scratch.path("outbox/rates"))
        #expect(rates.contains { $0.hasPrefix("route.main.") } == ofRoute)
        #expect(!rates.contains { $0.hasPrefix("job.") }, "a job that has ended leaves none")
    }

    @Test("The slower of the two holds, and each with all jobs that it is of")
    func both() async throws {
        let seen = Sightings()
        let bench = try await bench(seen, route: "rate: 50/s\nburst: 5")
        try bench.job("slow", .rows(20, manifest: "rate: 10/s\n"))
        try bench.job("quick", TestJob((1...60).map { "q\($0)@example.test" }))
        let start = ContinuousClock.now
        async let slow = bench.worker.work("slow")
        async let quick = bench.worker.work("quick")
        #expect(try await quick.word == "done")
        #expect(try await slow.word == "done")
        #expect(ContinuousClock.now - start >= .seconds(1.9))
        #expect(seen.mostInASecond <= 54)
    }

    @Test("Over two relays, the one that cannot be trusted is named in the status and gets nothing")
    func setAside() async throws {
        let stranger = try await Relay(by: Relay.stranger)
        let good = try await Relay()
        let scratch = try TemporaryDirectory()
        try SiteInit.make(
            at: scratch.path,
            configuration: """
                site: Riverside Clinic
                from_domains: [riverside.example]
                settle: 1
                keys: keys
                routes:
                  main:
                    relay: [localhost:\(stranger.port), localhost:\(good.port)]
                    tls: starttls
                    ca: relay-ca.pem
                    own: true
                    connections: 4
                    rate: 100/s

                """
        )
        try scratch.write("relay-ca.pem", Relay.certificates.authorityPEM)
        let site = try Site.open(scratch.path)
        let worker = try JobWorker(site: site, log: Bench.silent, tuning: Bench.quick)
        for (file, text) in TestJob.rows(250).files { try scratch.write("jobs/visit/\(file)", text: text) }
        let notices = Mutex<Set<String>>([])
        let result = try await worker.work("visit") { progress in
            if !progress.notice.isEmpty { notices.withLock { _ = $0.insert(progress.notice) } }
        }
        #expect(result.word == "done")
        #expect(good.recipients.count == 250 && stranger.messages.isEmpty)
        #expect(notices.withLock { $0 }.contains { $0.contains("is set aside (certificate-untrusted") })
        await stranger.stop()
        await good.stop()
    }
}
