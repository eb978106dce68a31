import Files
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Ledger

/// One thing, one holder, on a file system without locks.
@Suite(.timeLimit(.minutes(1))) struct LeaseTests {
    /// Leases of one test's own.
    private struct Bench {
        let scratch: TemporaryDirectory
        let directory: Directory

        init() throws {
            scratch = try TemporaryDirectory()
            directory = try Directory(path: scratch.path)
        }

        /// The leases as a process sees them; without a holder of its own, as this one.
        func leases(_ time: Duration = .seconds(30), _ holder: Holder = .this) -> Leases {
            Leases(in: directory, kind: "things", time: time, holder: holder)
        }

        func claim(_ number: Int) throws -> Claim? {
            Claim(try scratch.read("things/a/\(number)"))
        }

        func write(_ claim: Claim, _ number: Int) throws {
            try scratch.write("things/a/\(number)", claim.bytes)
        }
    }

    /// A process on another machine.
    private static let stranger = Holder(host: "elsewhere", process: 7, started: 7, boot: "another", space: 7)

    @Test("One of two has it, and the other once it was let go; numbers grow")
    func two() throws {
        let bench = try Bench()
        let (one, other) = (bench.leases(), bench.leases())
        let first = try #require(try one.take("a").lease)
        #expect(first.number == 1 && first.origin == .new && first.isHeld)
        #expect(try other.take("a").lease == nil)
        #expect(other.holder(of: "a") == .this && other.holder(of: "b") == nil)
        #expect(try other.take("b").lease != nil, "another thing is free")
        first.release(clean: true)
        #expect(!first.isHeld && other.holder(of: "a") == nil)
        let second = try #require(try other.take("a").lease)
        #expect(second.number == 2 && second.origin == .closed(.this))
        // What comes later does nothing.
        first.release(clean: false)
        #expect(second.isHeld && !second.isLost)
        #expect(try one.take("a").lease == nil)
    }

    @Test("One that is dropped is let go, and its next holder trusts nothing")
    func dropped() throws {
        let bench = try Bench()
        do { _ = try #require(try bench.leases().take("a").lease) }
        let next = try #require(try bench.leases().take("a").lease)
        #expect(next.origin == .taken(.this))
    }

    @Test("Of many that ask at once, one has it")
    func many() async throws {
        let bench = try Bench()
        for round in 1...20 {
            let held = try await withThrowingTaskGroup(of: Lease?.self) { group in
                for _ in 1...8 {
                    let leases = bench.leases()
                    group.addTask { try leases.take("a").lease }
                }
                return try await group.reduce(into: [Lease]()) { if let lease = $1 { $0.append(lease) } }
            }
            #expect(held.count == 1, "round \(round)")
            #expect(held.allSatisfy { $0.isHeld })
            for lease in held { lease.release(clean: true) }
        }
        let left = try bench.directory.open(subdirectory: "things/a").list()
        #expect(left.count <= 17 && !left.contains { $0.hasSuffix(".tmp") }, "\(left)")
    }

    // MARK: - Signs of life

    @Test("A holder that gives signs of life is never missed")
    func alive() async throws {
        let bench = try Bench()
        let time = Duration.milliseconds(200)
        let lease = try #require(try bench.leases(time).take("a").lease)
        let other = bench.leases(time)
        let end = ContinuousClock.now + .seconds(2)
        while ContinuousClock.now < end {
            guard case .busy = try other.take("a") else {
                Issue.record("it was taken")
                return
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(!lease.isLost)
    }

    @Test("A silent holder loses its right by its own clock first, then to another, and finds that out")
    func silent() async throws {
        let bench = try Bench()
        let time = Duration.milliseconds(600)
        let first = try #require(try bench.leases(time).take("a").lease)
        let began = ContinuousClock.now
        first.isFrozen.store(true, ordering: .relaxed)
        let other = bench.leases(time)
        var second: Lease?
        while second == nil {
            second = try other.take("a").lease
            if second != nil { #expect(!first.isHeld, "the first had its right when the second had it, too") }
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(ContinuousClock.now - began >= time, "it was taken too early")
        #expect(second?.origin == .taken(.this) && second?.number == 2 && second?.isHeld == true)
        // Nothing told it so far; it asks before it writes.
        #expect(throws: FileError.self) { try first.confirm() }
        #expect(first.isLost && !first.isHeld)
        #expect(second?.isHeld == true)
    }

    @Test("A holder that was frozen and that nobody missed goes on")
    func thawed() async throws {
        let bench = try Bench()
        let time = Duration.milliseconds(200)
        let lease = try #require(try bench.leases(time).take("a").lease)
        lease.isFrozen.store(true, ordering: .relaxed)
        while lease.isHeld { try await Task.sleep(for: .milliseconds(5)) }
        try lease.confirm()
        #expect(lease.isHeld && !lease.isLost)
        lease.isFrozen.store(false, ordering: .relaxed)
        try await Task.sleep(for: .milliseconds(400))
        #expect(lease.isHeld)
    }

    @Test("A holder whose claim's file is gone has lost it")
    func removed() throws {
        let bench = try Bench()
        let lease = try #require(try bench.leases().take("a").lease)
        try bench.directory.open(subdirectory: "things/a").remove("1")
        #expect(throws: FileError.self) { try lease.confirm() }
        #expect(lease.isLost)
    }

    // MARK: - Whom to wait for

    @Test("Another machine's holder is missed for the whole time, by the longer of both settings")
    func elsewhere() async throws {
        let bench = try Bench()
        try bench.scratch.write("things/a/1", Claim(holder: Self.stranger, milliseconds: 500).bytes)
        let leases = bench.leases(.milliseconds(50))
        let began = ContinuousClock.now
        var lease: Lease?
        while lease == nil {
            guard case .busy(let rival) = try leases.take("a") else {
                lease = try leases.take("a").lease
                break
            }
            #expect(rival.holder == Self.stranger && !rival.isAtWork)
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(ContinuousClock.now - began >= .milliseconds(500))
    }

    @Test("A sign of life makes the waiting start again, and is told as one")
    func signs() async throws {
        let bench = try Bench()
        var claim = Claim(holder: Self.stranger, milliseconds: 200)
        try bench.write(claim, 1)
        let leases = bench.leases(.milliseconds(200))
        _ = try leases.take("a")
        for _ in 1...5 {
            try await Task.sleep(for: .milliseconds(100))
            claim.beat += 1
            try bench.write(claim, 1)
            guard case .busy(let rival) = try leases.take("a") else {
                Issue.record("it was taken")
                return
            }
            #expect(rival.isAtWork)
        }
    }

    @Test("A process of this machine that has ended is not waited for; one that is stopped is")
    func dead() async throws {
        let bench = try Bench()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sleep")
        process.arguments = ["60"]
        try process.run()
        let pid = process.processIdentifier
        let started = try #require(Self.start(of: pid))
        var holder = Holder.this
        holder.process = Int(pid)
        holder.started = started
        try bench.scratch.write("things/a/1", Claim(holder: holder, milliseconds: 30_000).bytes)
        let leases = bench.leases()
        guard case .busy(let rival) = try leases.take("a") else { return #expect(Bool(false)) }
        #expect(rival.isAtWork, "it runs, and is not waited for to show that")
        kill(pid, SIGSTOP)
        var status = Int32(0)
        while unsafe waitpid(pid, &status, WUNTRACED | WNOHANG) == 0 { await Task.yield() }
        guard case .busy(let stopped) = try leases.take("a") else { return #expect(Bool(false)) }
        #expect(!stopped.isAtWork && !holder.isDead)
        kill(pid, SIGKILL)
        while !holder.isDead { await Task.yield() }
        #expect(try leases.take("a").lease?.origin == .taken(holder))
    }

    @Test("A process that has another's number by now is not taken for it")
    func reused() throws {
        let bench = try Bench()
        var holder = Holder.this
        holder.started += 1
        #expect(holder.isDead)
        try bench.scratch.write("things/a/1", Claim(holder: holder, milliseconds: 30_000).bytes)
        #expect(try bench.leases().take("a").lease != nil)
    }

    @Test("What may be another machine's, or in another name space, is not thought dead", arguments: 0..<4)
    func doubtful(change: Int) {
        var holder = Holder.this
        holder.started += 1
        switch change {
        case 0: holder.boot = "another"
        case 1: holder.space += 1
        case 2: holder.boot = ""
        default: holder.process = 0
        }
        #expect(!holder.isDead && !holder.isAtWork)
    }

    @Test(
        "A torn or damaged claim is somebody's, who is missed like any other",
        arguments: ["", "wardpost-claim 1\nhost x\n", "wardpost-claim 2", "\u{0}\u{0}\u{0}"]
    )
    func torn(text: String) async throws {
        let bench = try Bench()
        try bench.scratch.write("things/a/1", text: text)
        let leases = bench.leases(.milliseconds(100))
        guard case .busy(let rival) = try leases.take("a") else { return #expect(Bool(false)) }
        #expect(!rival.isAtWork)
        try await Task.sleep(for: .milliseconds(150))
        let lease = try #require(try leases.take("a").lease)
        #expect(lease.number == 2 && lease.origin == .taken(.unknown))
    }

    @Test("A claim says what was put into it, however its line was rewritten")
    func text() throws {
        for state in [Claim.State.held, .closed, .failed] {
            for beat in [0, 1, UInt64.max] {
                let claim = Claim(holder: .this, milliseconds: 30_000, state: state, beat: beat)
                #expect(Claim(claim.bytes) == claim)
                #expect(claim.tailBytes.count == Claim.tail)
            }
        }
        for cut in 1..<Claim(holder: .this, milliseconds: 1).bytes.count {
            #expect(Claim(Claim(holder: .this, milliseconds: 1).bytes.dropLast(cut)) == nil, "cut by \(cut)")
        }
    }

    private static func start(of pid: Int32) -> UInt64? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        return UInt64(text[text.index(after: end)...].split(separator: " ")[19])
    }
}

extension Leases.Answer {
    /// The lease, if it is ours.
    var lease: Lease? {
        if case .held(let lease) = self { lease } else { nil }
    }
}
