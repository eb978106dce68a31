import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// SIGKILL at any moment.
    @Suite struct Kills {
        /// What became of one job after all its kills.
        struct Tally: Sendable {
            var runs = 0
            var kills = 0
            var rows = 0
            var sent = 0
            var unknown = 0
            var deliveredUnknown = 0
            var delivered = 0

            static func += (left: inout Tally, right: Tally) {
                left.runs += right.runs
                left.kills += right.kills
                left.rows += right.rows
                left.sent += right.sent
                left.unknown += right.unknown
                left.deliveredUnknown += right.deliveredUnknown
                left.delivered += right.delivered
            }
        }

        static let rowsOfAJob = 2_000
        static let connections = 4
        static let wantedRuns = Int(ProcessInfo.processInfo.environment["WARDPOST_KILL_RUNS"] ?? "") ?? 200

        @Test(
            "Jobs that are killed at random moments and started again deliver every row once, apart from rows told as unknown",
            .timeLimit(.minutes(15))
        )
        func kills() async throws {
            let seed =
                ProcessInfo.processInfo.environment["WARDPOST_SEED"].flatMap { UInt64($0) } ?? .random(in: 1...(.max))
            print("kills: seed \(seed); WARDPOST_SEED repeats it")
            let workers = 2
            let began = ContinuousClock.now
            let total = try await withThrowingTaskGroup(of: Tally.self) { group in
                for worker in 0..<workers {
                    let count = Self.wantedRuns / workers + (worker < Self.wantedRuns % workers ? 1 : 0)
                    group.addTask { try await self.work(worker, runs: count, seed: seed &+ UInt64(worker)) }
                }
                return try await group.reduce(into: Tally()) { $0 += $1 }
            }
            print(
                "kills: \(total.runs) runs of \(Self.rowsOfAJob) rows, \(total.kills) kills,",
                "\(total.delivered) messages delivered for \(total.rows) rows, \(total.sent) sent, \(total.unknown) unknown",
                "(of which \(total.deliveredUnknown) had arrived), in \(ContinuousClock.now - began)"
            )
            #expect(total.runs == Self.wantedRuns)
            #expect(total.kills >= Self.wantedRuns / 2, "too few kills hit a running process")
            #expect(total.sent + total.unknown == total.rows)
            // A connection has one message on its way, and the next one noted down.
            #expect(total.unknown <= total.kills * Self.connections * 2, "more rows are unknown than were under way")
            #expect(total.delivered == total.sent + total.deliveredUnknown)
        }

        private func work(_ worker: Int, runs: Int, seed: UInt64) async throws -> Tally {
            var generator = SeededGenerator(seed: seed)
            let authority = try Authority()
            var typical = Duration.milliseconds(1_500)
            var tally = Tally()
            for run in 0..<runs {
                // A site and a server for each run, so that what they hold does not grow.
                let sink = try await Sink(authority, keeps: false, logs: true)
                let site = try await Site(
                    Site.Settings(
                        relayPort: sink.port,
                        ca: authority.file,
                        route: "    own: true\n    connections: \(Self.connections)\n"
                    )
                )
                let rows = (1...Self.rowsOfAJob).map { ["r\($0)@kunde.test", "K-\(worker)-\(run)-\($0)", "Eva"] }
                try site.job("job", JobFiles(rows: rows))
                if run == 0 {
                    let began = ContinuousClock.now
                    let first = try await site.run("send", "job")
                    typical = ContinuousClock.now - began
                    #expect(first.status == 0, "\(first.errors)")
                    try tally += check(site, sink, "run \(run)", kills: 0)
                    continue
                }
                tally.kills += try await bother(site, &typical, &generator)
                try tally += check(site, sink, "run \(run), seed \(seed)", kills: 0)
                if run.isMultiple(of: 20) {
                    let isSigned = try await site.isSigned("jobs/job/results.csv")
                    #expect(isSigned)
                }
            }
            return tally
        }

        /// Starts the job again and again until one start comes to its end; how many kills hit.
        ///
        /// - Parameters:
        ///   - site: Where the job is.
        ///   - typical: How long a job takes as the machine is now: a little less after a kill that came too late, a little more
        ///     after one that hit.
        ///   - generator: Where chance comes from.
        private func bother(
            _ site: Site,
            _ typical: inout Duration,
            _ generator: inout SeededGenerator
        ) async throws -> Int {
            var kills = 0
            var isBothered = true
            for start in 1...60 {
                let program = try site.start("send", "job")
                if isBothered {
                    try await Task.sleep(for: typical * Double.random(in: 0...1.1, using: &generator))
                    program.kill()
                    let result = try await program.result()
                    let isHit = result.status == 128 + SIGKILL
                    if isHit { kills += 1 }
                    if start == 1 { typical = typical * (isHit ? 1.03 : 0.85) }
                    // Not for ever: most are killed two or three times.
                    isBothered = Double.random(in: 0...1, using: &generator) < 0.6
                } else {
                    let result = try await program.result()
                    #expect([0, 1, 65].contains(result.status), "\(result.status): \(result.errors)")
                }
                if site.marker("job") != nil { return kills }
            }
            Issue.record("the job did not come to its end")
            return kills
        }

        /// Holds the results against what the server wrote before it answered.
        private func check(_ site: Site, _ sink: Sink, _ what: String, kills: Int) throws -> Tally {
            #expect(site.marker("job") == "DONE", "\(what): \(site.marker("job") ?? "no marker")")
            let results = try site.results("job")
            let delivered = try sink.deliveries()
            var tally = Tally(runs: 1, rows: results.rows.count)
            #expect(results.rows.count == Self.rowsOfAJob, "\(what): \(results.rows.count) rows in results.csv")
            let statuses = results.column("status")
            for (index, address) in results.column("address").enumerated() {
                let copies = delivered[address[...]] ?? 0
                tally.delivered += copies
                switch statuses[index] {
                case "sent":
                    tally.sent += 1
                    #expect(copies == 1, "\(what): row \(index + 1) is sent and was delivered \(copies) times")
                case "unknown":
                    tally.unknown += 1
                    tally.deliveredUnknown += copies
                    #expect(copies <= 1, "\(what): row \(index + 1) is unknown and was delivered \(copies) times")
                default:
                    Issue.record("\(what): row \(index + 1) is \(statuses[index])")
                }
            }
            #expect(delivered.values.reduce(0, +) == tally.delivered, "\(what): mail for nobody of the table")
            return tally
        }
    }
}
