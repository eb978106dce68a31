import Core
import Delivery
import Files
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Engine

#if DEBUG || FAULT_DOOR
    /// Fails the n-th call on a file, for each n, through a whole small job; then repairs the disk, goes on, and looks at what must hold
    /// after that: the way SQLite is tested.
    ///
    /// `WARDPOST_FAULTS=all` fails each call in turn; without it, every fifth.
    @Suite(.timeLimit(.minutes(5))) struct FaultLoopTests {
        /// What fails, and for how long.
        struct Fault: CustomTestStringConvertible, Sendable {
            var code: Int32
            /// Whether all calls fail from the n-th on, until the disk is repaired.
            var lasts: Bool
            var testDescription: String {
                "\(FileError(.write, "a file", code: code))\(lasts ? ", from then on" : ", once")"
            }
        }

        static let faults = [
            Fault(code: EIO, lasts: false), Fault(code: EIO, lasts: true), Fault(code: ENOSPC, lasts: true),
            Fault(code: EMFILE, lasts: false), Fault(code: EDQUOT, lasts: true), Fault(code: EROFS, lasts: true),
            Fault(code: EACCES, lasts: true),
        ]

        static let stride = ProcessInfo.processInfo.environment["WARDPOST_FAULTS"] == "all" ? 1 : 5

        /// What one disk does: fails when it is told to, and remembers what it could not sync.
        private final class Disk: Sendable {
            private struct State {
                var calls = 0
                var failing: Range<Int> = 0..<0
                var code: Int32 = 0
                var unsynced: Set<String> = []
                var trusted: [String] = []
            }
            private let state = Mutex(State())

            func fail(_ calls: Range<Int>, _ code: Int32) {
                state.withLock { $0 = State(failing: calls, code: code) }
            }

            func repair() {
                state.withLock { $0.failing = 0..<0 }
            }

            var calls: Int { state.withLock { $0.calls } }
            /// Ledgers that were synced, or written, after a sync of theirs had failed.
            var trusted: [String] { state.withLock { $0.trusted } }

            func ask(_ operation: FileError.Operation, _ path: String) -> Int32? {
                state.withLock { state in
                    state.calls += 1
                    let isLedger = path.hasSuffix(".ledger")
                    guard state.failing.contains(state.calls) else {
                        if isLedger, operation == .sync || operation == .write, state.unsynced.contains(path) {
                            state.trusted.append(path)
                        }
                        return nil
                    }
                    if isLedger, operation == .sync { state.unsynced.insert(path) }
                    return state.code
                }
            }
        }

        @Test(
            "Whichever call fails, every row ends once, nobody gets two messages, and sent is what arrived",
            arguments: faults
        )
        func everyCall(fault: Fault) async throws {
            let relay = try await Relay()
            var tuning = Bench.quick
            tuning.lease = .milliseconds(200)
            let bench = try await Bench(relay, tuning: tuning)
            let disk = Disk()
            let door = FaultDoor(below: bench.scratch.path) { disk.ask($0, $1) }
            defer { door.close() }
            var (number, struck) = (Int.random(in: 1...Self.stride), 0)
            while true {
                let name = "job\(number)"
                let addresses = ["\(name)a@example.test", "bounce\(name)@example.test", "\(name)c@example.test"]
                try bench.job(name, TestJob(addresses))
                disk.fail(number..<(fault.lasts ? .max : number + 1), fault.code)
                let first = try? await bench.worker.work(name)
                let hasStruck = disk.calls >= number
                disk.repair()
                struck += hasStruck ? 1 : 0
                let result = try await repaired(bench, name, first)
                let context = Comment("call \(number): \(first?.word ?? "-"), then \(result)")
                // In the folder, what is to be believed.
                #expect(bench.markers(name) == ["DONE"], context)
                let results = try bench.results(name)
                #expect(results.map { $0["row"] } == ["1", "2", "3"], context)
                for (row, address) in zip(results, addresses) {
                    let arrived = relay.recipients.count { $0 == address }
                    switch row["status"] {
                    case "sent": #expect(arrived == 1, context)
                    case "unknown": #expect(arrived <= 1, context)
                    case "failed": #expect(arrived == 0 && address.hasPrefix("bounce"), context)
                    default: Issue.record("\(context) \(row["status"] ?? "-") \(row["reason"] ?? "-")")
                    }
                }
                #expect(try bench.verification.check(bench.scratch.path("jobs/\(name)")).allSatisfy(\.isGood), context)
                #expect(disk.trusted.isEmpty, context)
                if !hasStruck { break }
                number += Self.stride
            }
            #expect(struck > 20)
        }

        /// Works the job until it is done, now that the disk is well.
        private func repaired(_ bench: Bench, _ name: String, _ first: JobWorker.Result?) async throws -> String {
            var words: [String] = []
            let start = ContinuousClock.now
            while ContinuousClock.now - start < .seconds(20) {
                if bench.markers(name) == ["REJECTED"] || bench.markers(name) == ["HELD"] {
                    // A folder that we were not let read; nothing was sent of it.
                    let marker = bench.markers(name)[0]
                    words.append("\(marker) \((try? bench.text(marker, of: name)) ?? "")")
                    guard bench.relay.recipients.allSatisfy({ !$0.contains(name) }) else { break }
                    try bench.remove(marker, from: name)
                }
                let word = try await bench.work(name).word
                if words.last != word { words.append(word) }
                if word == "done" || word == "finished before" { break }
                try await Task.sleep(for: .milliseconds(20))
            }
            return words.joined(separator: ", ")
        }

        @Test(
            "A folder or an outbox that is made read-only under way: what cannot be written down does not go out, results come later",
            arguments: [
                ("jobs/", EROFS), ("jobs/", EACCES), ("outbox/", EROFS), ("", EACCES), ("outbox/ledgers/", EIO),
            ]
        )
        func readOnly(part: String, code: Int32) async throws {
            let relay = try await Relay()
            var tuning = Bench.quick
            // One that ends soon where it cannot be renewed; where it can be, a busy machine has time to.
            tuning.lease = part == "jobs/" ? .seconds(10) : .milliseconds(200)
            let bench = try await Bench(relay, tuning: tuning)
            try bench.job("visit", .rows(200, manifest: "rate: 200/s\n"))
            let isBroken = Atomic(false)
            let door = FaultDoor(below: bench.scratch.path) { operation, path in
                guard isBroken.load(ordering: .relaxed), path.hasPrefix(part) else { return nil }
                switch operation {
                case .write, .create, .rename, .remove, .sync, .truncate, .link: return code
                case .open, .read, .status, .list, .lock: return nil
                }
            }
            defer { door.close() }
            relay.at(25) { isBroken.store(true, ordering: .relaxed) }
            #expect(try await bench.work("visit").word == "try again")
            #expect(bench.markers("visit").isEmpty && !bench.has("results.csv", in: "visit"))
            // The ledger is in the outbox: without it nothing further goes out; without the folder, results wait.
            if part == "jobs/" { #expect(relay.recipients.count == 200) } else { #expect(relay.recipients.count < 200) }
            isBroken.store(false, ordering: .relaxed)
            _ = try await repaired(bench, "visit", nil)
            #expect(bench.markers("visit") == ["DONE"])
            let statuses = try bench.results("visit", "status")
            #expect(Set(relay.recipients).count == relay.recipients.count)
            #expect(
                statuses.count { $0 == "sent" } <= relay.recipients.count && statuses.count { $0 == "unknown" } <= 4
            )
            #expect(statuses.count { $0 == "sent" || $0 == "unknown" } == 200)
        }

        @Test(
            "What the disk does not let us read is no word on the job: it is not refused, and its rows are not invalid"
        )
        func unreadable() async throws {
            let bench = try await Bench()
            var job = TestJob(
                ["a@example.test"],
                manifest: "attachments: [{file: \"letters/{{ref}}.pdf\", name: letter.pdf}]\n"
            )
            job.files["letters/P-1.pdf"] = "one"
            try bench.job("visit", job)
            for file in ["visit.txt", "letters/P-1.pdf", "recipients.csv", "manifest.yaml"] {
                let door = FaultDoor(below: bench.scratch.path("jobs/visit")) { operation, path in
                    operation == .open && path == file ? EMFILE : nil
                }
                #expect(try await bench.work("visit").word == "try again", "\(file)")
                door.close()
                #expect(bench.markers("visit").isEmpty, "\(file)")
                #expect(try !bench.text("status.json", of: "visit").contains("P-1"))
            }
            #expect(try await bench.work("visit").word == "done")
            #expect(try bench.results("visit", "status") == ["sent"])
        }

        @Test("A folder that cannot be looked at is not one without PAUSE")
        func unseen() async throws {
            let relay = try await Relay()
            let bench = try await Bench(relay)
            try bench.job("visit", .rows(100, manifest: SteeringTests.slow))
            let isBroken = Atomic(false)
            let door = FaultDoor(below: bench.scratch.path) { operation, path in
                isBroken.load(ordering: .relaxed) && operation == .status && path == "jobs/visit/PAUSE" ? ESTALE : nil
            }
            defer { door.close() }
            relay.at(5) { isBroken.store(true, ordering: .relaxed) }
            #expect(try await bench.work("visit").word == "try again")
            #expect(relay.recipients.count < 100)
            #expect(
                try bench.text("status.json", of: "visit").contains(
                    "The job cannot go on now: the job's folder cannot be used"
                )
            )
        }
    }
#endif
