import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// A limit as the receiver sees it.
    @Suite struct Rates {
        /// One message at the receiver.
        struct Arrival: Sendable {
            /// Nanoseconds of CLOCK_MONOTONIC.
            var moment: Int64
            /// Connections open then.
            var connections: Int
        }

        static let rate = 50
        /// What the token bucket lets go at once; the rate's own messages of a second come on top but for one.
        static let burst = 1
        /// For each of two jobs; together they take about forty seconds.
        static let rows = 600

        @Test(
            "50 messages a second over 64 connections and two processes, under kills and restarts: no second at the receiver has one more",
            .enabled(if: Places.have("python3"), "needs python3"),
            .timeLimit(.minutes(5))
        )
        func rate() async throws {
            let seed = UInt64.random(in: 1...(.max))
            let authority = try Authority()
            let receiver = try await StampedReceiver(try authority.issue(), slowest: 0.8)
            let site = try await Site(
                Site.Settings(
                    relayPort: receiver.port,
                    ca: authority.file,
                    route: "    own: true\n    connections: 64\n    rate: \(Self.rate)/s\n    burst: \(Self.burst)\n"
                )
            )
            let jobs = ["one", "two"]
            for job in jobs {
                try site.job(job, JobFiles(rows: (1...Self.rows).map { ["\(job)\($0)@kunde.test", "\($0)", "Eva"] }))
            }
            let kills = try await withThrowingTaskGroup(of: Int.self) { group in
                for (index, job) in jobs.enumerated() {
                    group.addTask { try await Self.send(job, on: site, seed: seed &+ UInt64(index)) }
                }
                return try await group.reduce(0, +)
            }
            let arrivals = try receiver.arrivals()
            let most = Self.most(arrivals, within: 1_000_000_000)
            let open = arrivals.map(\.connections).max() ?? 0
            let took = Double((arrivals.last?.moment ?? 0) - (arrivals.first?.moment ?? 0)) / 1e9
            print(
                "rate: \(arrivals.count) messages of \(2 * Self.rows) rows in \(took) s under \(kills) kills, at most \(open)",
                "connections; most in any second \(most), allowed \(Self.rate + Self.burst - 1); seed \(seed)"
            )
            #expect(most <= Self.rate + Self.burst - 1)
            #expect(kills >= 4)
            // The rate is used, as far as answers of up to 0.8 seconds let it be.
            #expect(Double(arrivals.count) / took > 0.4 * Double(Self.rate))
            for job in jobs {
                let counts = try site.results(job).counts("status")
                #expect((counts["sent"] ?? 0) + (counts["unknown"] ?? 0) == Self.rows)
            }
        }

        /// Sends a job, killed several times on the way; how often.
        private static func send(_ job: String, on site: Site, seed: UInt64) async throws -> Int {
            var generator = SeededGenerator(seed: seed)
            var kills = 0
            let end = ContinuousClock.now + .seconds(150)
            while site.marker(job) == nil, ContinuousClock.now < end {
                let program = try site.start("send", job)
                if kills < 4 {
                    try await Task.sleep(for: .milliseconds(Int.random(in: 1_000...8_000, using: &generator)))
                    program.kill()
                    kills += 1
                }
                _ = try await program.result()
            }
            #expect(site.marker(job) == "DONE")
            return kills
        }

        /// The most arrivals in any stretch of so many nanoseconds, its end not included.
        static func most(_ arrivals: [Arrival], within stretch: Int64) -> Int {
            var (most, first) = (0, 0)
            for (index, arrival) in arrivals.enumerated() {
                while arrivals[first].moment <= arrival.moment - stretch { first += 1 }
                most = max(most, index - first + 1)
            }
            return most
        }

        @Test("The count of the fullest second is right at its edges")
        func counting() {
            func most(_ moments: Int64...) -> Int {
                Self.most(moments.map { Arrival(moment: $0, connections: 1) }, within: 10)
            }
            #expect(most() == 0)
            #expect(most(0, 9) == 2)
            #expect(most(0, 10) == 1)
            #expect(most(0, 5, 10, 14, 15) == 3)
        }
    }
}

/// A server that notes when each message reached this machine; see Scripts/stamped_receiver.py.
final class StampedReceiver: Sendable {
    private let directory: TemporaryDirectory
    private let program: Program
    /// Where it listens.
    let port: Int

    /// Starts one whose answers to a message wait up to so many seconds.
    init(_ certificate: CertificateFiles, slowest: Double) async throws {
        directory = try TemporaryDirectory()
        try directory.write("log", [])
        program = try Program([
            "python3", Places.script("stamped_receiver.py"), certificate.chain, certificate.key, directory.path("log"),
            String(slowest),
        ])
        port = Int(try await program.firstLine()) ?? 0
    }

    /// What came so far, in the order of the stamps.
    func arrivals() throws -> [EndToEnd.Rates.Arrival] {
        try directory.text("log").split(separator: "\n").compactMap { line in
            let parts = line.split(separator: "\t")
            guard parts.count == 3, let moment = Int64(parts[0]), let connections = Int(parts[1]) else { return nil }
            return EndToEnd.Rates.Arrival(moment: moment, connections: connections)
        }
        .sorted { $0.moment < $1.moment }
    }
}
