import Delivery
import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Everything that can happen to a process, mixed: `make test` has a hundred interrupted runs of it, `make soak` as many
    /// as one likes.
    @Suite struct Soak {
        /// What happens to a run.
        enum Blow: String, CaseIterable, Sendable {
            /// SIGKILL.
            case kill
            /// SIGSTOP, a second worker on the same job, SIGCONT.
            case freeze
            /// The relay is gone in the middle, and comes back.
            case relay
            /// The disk has no room in the middle, and then has.
            case full
            /// One sync fails with EIO; what was written since the last one is still there, or gone.
            case fault
        }

        /// What became of jobs.
        struct Tally: Sendable {
            var blows: [Blow: Int] = [:]
            var took: [Blow: Duration] = [:]
            var starts = 0
            var jobs = 0
            var rows = 0
            var sent = 0
            var unknown = 0
            var unknownArrived = 0
            var lost = 0
            var repeated = 0
            var falselySent = 0
            var strangers = 0

            var interrupted: Int { blows.values.reduce(0, +) }

            static func += (left: inout Tally, right: Tally) {
                left.blows.merge(right.blows, uniquingKeysWith: +)
                left.took.merge(right.took, uniquingKeysWith: +)
                left.starts += right.starts
                left.jobs += right.jobs
                left.rows += right.rows
                left.sent += right.sent
                left.unknown += right.unknown
                left.unknownArrived += right.unknownArrived
                left.lost += right.lost
                left.repeated += right.repeated
                left.falselySent += right.falselySent
                left.strangers += right.strangers
            }
        }

        private static func number(_ name: String) -> Int? {
            ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
        }

        static let wantedRuns = number("WARDPOST_SOAK_RUNS") ?? 100
        /// After this nothing new is begun; no end if it is missing.
        static let minutes = number("WARDPOST_SOAK_MINUTES")
        static let limit = max(15, minutes.map { $0 + 10 } ?? wantedRuns / 10)
        static let rowsOfAJob = 1_000
        static let connections = 4
        /// So many jobs at once, since most of a job's time is waiting: for a lease to run out, for a row to be tried again.
        static let workers = 8
        static let lease = 1

        /// One worker's means.
        struct Kit: Sendable {
            var authority: Authority
            var fault: SyncFault?
            /// How long a run takes that nobody bothers.
            var typical: Duration
        }

        @Test(
            "Jobs whose runs are killed, frozen, cut off, out of disk and failed by it lose no row, repeat none and claim none falsely",
            .timeLimit(.minutes(limit))
        )
        func soak() async throws {
            let seed = Self.number("WARDPOST_SEED").map(UInt64.init) ?? .random(in: 1...UInt64(Int.max))
            print("soak: seed \(seed); WARDPOST_SEED repeats its choices")
            let began = ContinuousClock.now
            let end = Self.minutes.map { began + .seconds(60 * $0) }
            let fault = SyncFault.isThere ? try await SyncFault() : nil
            if fault == nil { print("soak: no C compiler, so no failing fdatasync") }
            if !SmallDisk.isThere { print("soak: not root, so no full disk") }
            let workers = Self.workers
            let total = try await withThrowingTaskGroup(of: Tally.self) { group in
                for worker in 0..<workers {
                    let runs = Self.wantedRuns / workers + (worker < Self.wantedRuns % workers ? 1 : 0)
                    group.addTask {
                        try await self.work(worker, runs: runs, until: end, fault: fault, seed: seed &+ UInt64(worker))
                    }
                }
                return try await group.reduce(into: Tally()) { $0 += $1 }
            }
            report(total, took: ContinuousClock.now - began)
            if end == nil { #expect(total.interrupted >= Self.wantedRuns) }
            #expect(total.lost == 0)
            #expect(total.repeated == 0)
            #expect(total.falselySent == 0)
            #expect(total.strangers == 0, "mail for nobody of the tables")
            #expect(total.sent + total.unknown == total.rows)
            // A connection has one message on its way, and the next one noted down.
            #expect(
                total.unknown <= total.starts * Self.connections * 2,
                "more rows are unknown than were under way"
            )
        }

        private func report(_ total: Tally, took: Duration) {
            print("soak: interrupted by   runs   seconds each")
            for blow in Blow.allCases {
                let runs = total.blows[blow] ?? 0
                let each = (total.took[blow] ?? .zero) / .seconds(1) / Double(max(1, runs))
                let name = blow.rawValue.padding(toLength: 16, withPad: " ", startingAt: 0)
                print("soak: \(name) \(String(format: "%8d %14.2f", runs, each))")
            }
            print(
                """
                soak: \(total.interrupted) interrupted runs of \(total.starts), \(total.jobs) jobs, \(total.rows) rows in \(took)
                soak: \(total.sent) sent, \(total.unknown) unknown (of which \(total.unknownArrived) had arrived)
                soak: lost \(total.lost), repeated \(total.repeated), falsely sent \(total.falselySent)
                """
            )
        }

        // MARK: - One worker

        private func work(
            _ worker: Int,
            runs: Int,
            until end: ContinuousClock.Instant?,
            fault: SyncFault?,
            seed: UInt64
        ) async throws -> Tally {
            var generator = SeededGenerator(seed: seed)
            var kit = Kit(authority: try Authority(), fault: fault, typical: .milliseconds(500))
            var total = Tally()
            while total.interrupted < runs, end.map({ ContinuousClock.now < $0 }) ?? true {
                // Room for the job and its records, and little more.
                let isSmall = SmallDisk.isThere && total.jobs.isMultiple(of: 2)
                let disk = isSmall ? try await SmallDisk(kibibytes: 6_000) : nil
                let delay = [0, 0, 1, 4].randomElement(using: &generator) ?? 0
                let sink = try await Sink(kit.authority, keeps: false, logs: true) {
                    $0.replyDelay = .milliseconds(delay)
                }
                let site = try await Site(
                    Site.Settings(
                        relayPort: sink.port,
                        ca: kit.authority.file,
                        route: "    own: true\n    connections: \(Self.connections)\n",
                        more: "lease: \(Self.lease)\n"
                    ),
                    on: disk
                )
                let name = "worker \(worker), job \(total.jobs), seed \(seed)"
                let job = "\(worker)-\(total.jobs)"
                let rows = (1...Self.rowsOfAJob).map { ["r\($0)@kunde.test", "\(job)-\($0)", "Eva"] }
                try site.job("job", JobFiles(rows: rows))
                if total.jobs == 0 {
                    let began = ContinuousClock.now
                    total.starts += try await calm(site, name)
                    kit.typical = ContinuousClock.now - began
                } else {
                    // A row whose connection was cut waits for a minute, so all cuts come together in one job of three.
                    let isCut = total.jobs % 3 == 2
                    let choice = Blow.allCases.filter { blow in
                        switch blow {
                        case .full: disk != nil
                        case .fault: fault != nil
                        case .relay: isCut
                        default: true
                        }
                    }
                    total += try await bother(
                        site,
                        sink,
                        disk,
                        kit,
                        choice + (isCut ? [.relay, .relay] : []),
                        &generator
                    )
                    total.starts += try await calm(site, name)
                }
                total += try check(site, sink, name)
                if total.jobs.isMultiple(of: 10) {
                    #expect(try await site.isSigned("jobs/job/results.csv"), "\(name): not signed")
                }
            }
            return total
        }

        /// Starts a job again and again, and lets none of the starts alone.
        private func bother(
            _ site: Site,
            _ sink: Sink,
            _ disk: SmallDisk?,
            _ kit: Kit,
            _ choice: [Blow],
            _ generator: inout SeededGenerator
        ) async throws -> Tally {
            var tally = Tally()
            let blows = Int.random(in: 2...6, using: &generator)
            for _ in 1...30 where site.marker("job") == nil && tally.interrupted < blows {
                let blow = choice.randomElement(using: &generator) ?? .kill
                let began = ContinuousClock.now
                let moment = kit.typical * Double.random(in: 0...1, using: &generator)
                let pause = Duration.milliseconds(Int.random(in: 20...400, using: &generator))
                let hit =
                    switch blow {
                    case .kill: try await kill(site, after: moment)
                    case .freeze:
                        // Until before, about or after the moment when the second worker may take the job over.
                        try await freeze(site, after: moment, for: pause * Int.random(in: 1...8, using: &generator))
                    case .relay: try await cutOff(site, sink, after: moment, for: pause)
                    case .full: try await fillUp(site, disk, after: moment, for: pause)
                    case .fault:
                        try await fail(
                            site,
                            kit.fault?.charge(
                                call: Int.random(in: 1...60, using: &generator),
                                cuts: Bool.random(using: &generator)
                            )
                        )
                    }
                tally.starts += blow == .freeze ? 2 : 1
                guard hit else { continue }
                tally.blows[blow, default: 0] += 1
                tally.took[blow, default: .zero] += ContinuousClock.now - began
            }
            return tally
        }

        /// Lets the job come to its end; how often it was started.
        private func calm(_ site: Site, _ name: String) async throws -> Int {
            var starts = 0
            for _ in 1...5 where site.marker("job") == nil {
                starts += 1
                let result = try await site.run("send", "job", within: .seconds(300))
                let isUsual = [0, 1, 65, 75].contains(result.status)
                #expect(isUsual, "\(name): \(result.status) \(result.errors.suffix(500))")
            }
            #expect(
                site.marker("job") == "DONE",
                "\(name): \(site.marker("job") ?? "no marker") \(site.transcript.last ?? "")"
            )
            return starts
        }

        /// Gives a start some time to come to its end, then tells it to stop.
        private func end(_ program: Program) async throws {
            try? await eventually("it ends", within: .seconds(4)) { program.hasEnded }
            let status = try await program.stop().status
            #expect([0, 1, 65, 75].contains(status), "\(status): \(program.errors.suffix(500))")
        }

        // MARK: - The blows; each tells whether it hit

        private func kill(_ site: Site, after moment: Duration) async throws -> Bool {
            let program = try site.start("send", "job")
            try await Task.sleep(for: moment)
            program.kill()
            return try await program.result().status == 128 + SIGKILL
        }

        private func freeze(_ site: Site, after moment: Duration, for pause: Duration) async throws -> Bool {
            let first = try site.start("send", "job")
            try await Task.sleep(for: moment)
            first.signal(SIGSTOP)
            let hit = !first.hasEnded && site.marker("job") == nil
            let second = try site.start("send", "job")
            try await Task.sleep(for: pause)
            first.signal(SIGCONT)
            try await end(second)
            try await end(first)
            return hit
        }

        private func cutOff(_ site: Site, _ sink: Sink, after moment: Duration, for pause: Duration) async throws
            -> Bool
        {
            let program = try site.start("send", "job")
            try await Task.sleep(for: moment)
            let hit = !program.hasEnded
            try await sink.stop()
            try await Task.sleep(for: pause)
            try await sink.restart()
            try await end(program)
            return hit
        }

        private func fillUp(_ site: Site, _ disk: SmallDisk?, after moment: Duration, for pause: Duration) async throws
            -> Bool
        {
            let program = try site.start("send", "job")
            try await Task.sleep(for: moment)
            let hit = !program.hasEnded && site.marker("job") == nil
            try disk?.fill()
            try await Task.sleep(for: pause)
            try disk?.free()
            try await end(program)
            return hit
        }

        private func fail(_ site: Site, _ charge: SyncFault.Charge?) async throws -> Bool {
            guard let charge else { return false }
            let program = try site.start("send", "job", environment: charge.environment)
            try await end(program)
            return charge.hasStruck
        }

        // MARK: - The reckoning

        /// Holds the results against what the server wrote before it answered.
        private func check(_ site: Site, _ sink: Sink, _ name: String) throws -> Tally {
            let results = try site.results("job")
            let delivered = try sink.deliveries()
            var tally = Tally(jobs: 1, rows: Self.rowsOfAJob)
            tally.lost += max(0, Self.rowsOfAJob - results.rows.count)
            var found = 0
            for (address, status) in zip(results.column("address"), results.column("status")) {
                let copies = delivered[address[...]] ?? 0
                found += copies
                if copies > 1 { tally.repeated += copies - 1 }
                switch status {
                case "sent":
                    tally.sent += 1
                    if copies == 0 { tally.falselySent += 1 }
                case "unknown":
                    tally.unknown += 1
                    tally.unknownArrived += copies
                default:
                    // Nothing here is refused, so no other word is true.
                    tally.lost += 1
                    Issue.record("\(name): \(address) is \(status)")
                }
            }
            tally.strangers = delivered.values.reduce(0, +) - found
            if tally.lost + tally.repeated + tally.falselySent + tally.strangers > 0 {
                let counts = "lost \(tally.lost), repeated \(tally.repeated), falsely sent \(tally.falselySent)"
                Issue.record("\(name): \(counts), strangers \(tally.strangers)")
            }
            return tally
        }
    }
}
