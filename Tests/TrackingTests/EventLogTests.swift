import Core
import Files
import Foundation
import OpenSSL
import TestSupport
import Testing

@testable import Tracking

@Suite("Event log")
struct EventLogTests {
    @Test("an event that was taken stands in the file")
    func durable() async throws {
        let folder = try EventsFolder()
        let log = try folder.log()
        try await log.append(Fixture.open(1))
        try await log.append(Fixture.unsubscribe("ada@x.example", list: "news"))
        #expect(try folder.events() == [Fixture.open(1), Fixture.unsubscribe("ada@x.example", list: "news")])
    }

    @Test("a file is named after day, host and chance, and only its owner may read it")
    func names() async throws {
        let folder = try EventsFolder()
        let log = try folder.log(host: "Web_1.local")
        #expect(try folder.names == [log.fileName])
        #expect(try /2026-11-21-web1local-[0-9a-f]{16}\.jsonl/.wholeMatch(in: log.fileName) != nil)
        #expect(try folder.directory.status(of: log.fileName)?.permissions == 0o600)
    }

    @Test("each start begins a file of its own")
    func starts() throws {
        let folder = try EventsFolder()
        _ = try folder.log()
        _ = try folder.log()
        #expect(try folder.names.count == 2)
    }

    @Test("the longest event that a token can lead to is read back")
    func longest() async throws {
        let folder = try EventsFolder()
        var event = Fixture.unsubscribe("ada@x.example", list: String(repeating: "\u{1}", count: 1_000))
        event.why = "one-click"
        try await folder.log().append(event)
        #expect(try folder.events() == [event])
    }

    @Test("a new day begins a new file")
    func days() async throws {
        let folder = try EventsFolder()
        let clock = ManualClock()
        let log = try folder.log(clock: { clock.now })
        try await log.append(Fixture.open(1))
        clock.advance(86_400_000)
        try await log.append(Fixture.open(2))
        try await log.append(Fixture.open(3))
        #expect(try folder.names.map { String($0.prefix(10)) } == ["2026-11-21", "2026-11-22"])
        #expect(try folder.reader(clock: { clock.now }).poll().map(\.row.value) == [1, 2, 3])
    }

    @Test("1,000 events from many tasks are each in the file once, numbered in order")
    func concurrent() async throws {
        let folder = try EventsFolder()
        let log = try folder.log()
        try await withThrowingTaskGroup { group in
            for row in 1...1_000 as ClosedRange<UInt32> {
                group.addTask { try await log.append(Fixture.open(row)) }
            }
            try await group.waitForAll()
        }
        let events = try folder.events()
        #expect(events.count == 1_000)
        #expect(Set(events.map(\.row.value)) == Set(1...1_000))
        let numbers = try folder.lines(log.fileName).dropFirst().map { line in
            try #require(JSONObject(Array(line.utf8)[...])?.number("n"))
        }
        #expect(numbers == Array(1...1_000))
    }

    @Test("after a failed write the log takes no more and says so")
    func failure() async throws {
        let folder = try EventsFolder()
        let clock = ManualClock()
        let log = try folder.log(clock: { clock.now })
        try await log.append(Fixture.open(1))
        // The next day's file cannot be made in a directory that is gone.
        try FileManager.default.removeItem(atPath: folder.temporary.path)
        clock.advance(86_400_000)
        await #expect(throws: EventLog.Refused.self) { try await log.append(Fixture.open(2)) }
        #expect(!log.isHealthy)
        #expect(log.faults == 1)
        clock.advance(-86_400_000)
        await #expect(throws: EventLog.Refused.self) { try await log.append(Fixture.open(3)) }
        #expect(log.faults == 2)
    }

    #if DEBUG || FAULT_DOOR
        @Test(
            "after a failed sync its events are refused, the file is left as it is, and a new one is begun when that can be done"
        )
        func goesOn() async throws {
            let folder = try EventsFolder()
            let clock = ManualClock()
            let log = try folder.log(clock: { clock.now })
            try await log.append(Fixture.open(1))
            let first = log.fileName
            let door = FaultDoor(below: folder.temporary.path) { operation, _ in operation == .sync ? 5 : nil }
            await #expect(throws: EventLog.Refused.self) { try await log.append(Fixture.open(2)) }
            let left = try folder.temporary.read(first)
            // Asked whether all is well, it finds that it is not.
            await log.recover()
            #expect(!log.isHealthy && log.faults == 1)
            await #expect(throws: EventLog.Refused.self) { try await log.append(Fixture.open(3)) }
            door.close()
            while !log.isHealthy {
                await log.recover()
                try await Task.sleep(for: .milliseconds(20))
            }
            try await log.append(Fixture.open(4))
            #expect(log.fileName != first && log.faults == 2)
            #expect(try folder.temporary.read(first) == left, "a file whose sync failed was written to again")
            var rows: Set<UInt32> = []
            let reader = folder.reader()
            try reader.poll { rows.insert($0.row.value) }
            #expect(rows.isSuperset(of: [1, 4]) && !rows.contains(3))
        }
    #endif

    @Test("a directory that is not writable is found at the start")
    func unwritable() throws {
        let folder = try EventsFolder()
        let directory = folder.directory
        try FileManager.default.removeItem(atPath: folder.temporary.path)
        #expect(throws: FileError.self) { try EventLog(directory: directory, keys: Fixture.keys, host: "h") }
    }
}

@Suite("Event reader")
struct EventReaderTests {
    /// A log of a few events, as bytes.
    private static func sample(_ count: UInt32 = 5) async throws
        -> (folder: EventsFolder, name: String, bytes: [UInt8])
    {
        let folder = try EventsFolder()
        let log = try folder.log()
        for row in 1...count { try await log.append(Fixture.open(row)) }
        return (folder, log.fileName, try folder.temporary.read(log.fileName))
    }

    @Test("each look brings what is new and nothing twice")
    func tail() async throws {
        let folder = try EventsFolder()
        let reader = folder.reader()
        #expect(try reader.poll().isEmpty)
        let first = try folder.log()
        try await first.append(Fixture.open(1))
        #expect(try reader.poll().map(\.row.value) == [1])
        #expect(try reader.poll().isEmpty)
        let second = try folder.log()
        try await second.append(Fixture.open(2))
        try await first.append(Fixture.open(3))
        #expect(Set(try reader.poll().map(\.row.value)) == [2, 3])
        #expect(try reader.poll().isEmpty)
        #expect(reader.faults == 0)
    }

    @Test("cut anywhere, a file gives its whole lines and nothing else, and goes on when the rest comes")
    func torn() async throws {
        let (folder, name, bytes) = try await Self.sample(3)
        for count in 0...bytes.count {
            try folder.temporary.write(name, bytes[..<count])
            let reader = folder.reader()
            let whole = bytes[..<count].count { $0 == UInt8(ascii: "\n") }
            #expect(try reader.poll().count == max(0, whole - 1), "cut at \(count)")
            #expect(reader.faults == 0, "cut at \(count)")
            try folder.temporary.write(name, bytes)
            #expect(try reader.poll().count == 3 - max(0, whole - 1), "cut at \(count)")
            #expect(reader.faults == 0, "cut at \(count)")
        }
    }

    @Test("a changed byte costs a fault, and never brings another event than those written")
    func changed() async throws {
        let (folder, name, bytes) = try await Self.sample(3)
        let written = Set(try folder.events())
        let headerEnd = try #require(bytes.firstIndex(of: UInt8(ascii: "\n")))
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 0x04
            try folder.temporary.write(name, changed)
            let reader = folder.reader()
            let events = try reader.poll()
            #expect(written.isSuperset(of: events), "byte \(index)")
            // The last line feed turned into something else looks like a line that is still being written.
            if index < bytes.count - 1 { #expect(reader.faults > 0, "byte \(index)") }
            if index > headerEnd { #expect(events.count >= 1, "byte \(index)") }
        }
    }

    @Test("a forged line is left out and what stands behind it is not")
    func forged() async throws {
        let (folder, name, bytes) = try await Self.sample()
        var lines = bytes.split(separator: UInt8(ascii: "\n")).map { Array($0) }
        let other = try EventsFolder()
        let log = try EventLog(
            directory: other.directory,
            keys: TokenKeys(TokenKey(id: 1, secret: SecretBytes(random: 32))),
            host: "x"
        )
        try await log.append(Fixture.unsubscribe("victim@x.example"))
        let forged = try other.temporary.read(log.fileName).split(separator: UInt8(ascii: "\n"))[1]
        lines.insert(Array(forged), at: 3)
        try folder.temporary.write(name, lines.flatMap { $0 + [UInt8(ascii: "\n")] })
        let reader = folder.reader()
        let rows = try reader.poll().map(\.row.value)
        #expect(rows == [1, 2, 4, 5])
        #expect(reader.faults == 2)
        #expect(reader.firstFaults.first?.file == name)
    }

    @Test(
        "lines taken out, doubled, swapped or brought in from another file are noticed",
        arguments: [
            [0, 1, 2, 4, 5], [0, 1, 1, 2, 3, 4, 5], [0, 2, 1, 3, 4, 5], [0, 1, 2, 9, 3, 4, 5],
        ]
    )
    func moved(order: [Int]) async throws {
        let (folder, name, bytes) = try await Self.sample()
        let (_, _, others) = try await Self.sample()
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        let foreign = others.split(separator: UInt8(ascii: "\n"))[3]
        try folder.temporary.write(name, order.flatMap { Array($0 == 9 ? foreign : lines[$0]) + [UInt8(ascii: "\n")] })
        let reader = folder.reader()
        let rows = try reader.poll().map(\.row.value)
        #expect(Set(rows).count == rows.count, "no event counts twice")
        #expect(reader.faults > 0)
    }

    @Test("a file under another key is one fault and no event")
    func otherKey() async throws {
        let (folder, _, _) = try await Self.sample()
        let keys = TokenKeys(TokenKey(id: 1, secret: SecretBytes(random: 32)))
        let reader = EventReader(directory: folder.directory, keys: keys, clock: { Fixture.noon })
        #expect(try reader.poll().isEmpty)
        #expect(reader.faults > 0)
    }

    @Test("files under an older key are read while the key is known")
    func rotation() async throws {
        let (folder, _, _) = try await Self.sample()
        let newer = TokenKeys(TokenKey(id: 2, secret: SecretBytes(random: 32)), older: [Fixture.keys.minting])
        #expect(try EventReader(directory: folder.directory, keys: newer).poll().count == 5)
    }

    @Test("a file replaced by a longer copy of itself is followed")
    func replaced() async throws {
        let (folder, name, bytes) = try await Self.sample()
        let half = try #require(bytes[(bytes.count / 2)...].firstIndex(of: UInt8(ascii: "\n")))
        try folder.temporary.write(name, bytes[...half])
        let reader = folder.reader()
        let before = try reader.poll().count
        try folder.temporary.write(".copy", bytes)
        try folder.directory.rename(".copy", to: name)
        #expect(try reader.poll().count == 5 - before)
        #expect(reader.faults == 0)
    }

    @Test("a file that became shorter is a fault")
    func shortened() async throws {
        let (folder, name, bytes) = try await Self.sample()
        let reader = folder.reader()
        #expect(try reader.poll().count == 5)
        try folder.temporary.write(name, bytes[..<(bytes.count / 2)])
        #expect(try reader.poll().isEmpty)
        #expect(reader.faults == 1)
    }

    @Test("endless lines cost faults, not memory, and lines behind them are read")
    func longLine() async throws {
        let (folder, name, bytes) = try await Self.sample()
        let lines = bytes.split(separator: UInt8(ascii: "\n")).map { Array($0) + [UInt8(ascii: "\n")] }
        let noise = [UInt8](repeating: UInt8(ascii: "x"), count: 1_000_000) + [UInt8(ascii: "\n")]
        try folder.temporary.write(name, lines[0] + lines[1] + noise + lines[2] + lines[3] + lines[4] + lines[5])
        let reader = folder.reader()
        #expect(try reader.poll().count == 5)
        #expect(reader.faults == 1)
    }

    @Test("a file without a header of ours is one fault, until another takes its place")
    func noHeader() async throws {
        let (folder, name, bytes) = try await Self.sample()
        let headerEnd = try #require(bytes.firstIndex(of: UInt8(ascii: "\n")))
        try folder.temporary.write(name, bytes[(headerEnd + 1)...])
        let reader = folder.reader()
        #expect(try reader.poll().isEmpty)
        try folder.temporary.write(name, bytes[(headerEnd + 1)...] + bytes[(headerEnd + 1)...])
        #expect(try reader.poll().isEmpty)
        #expect(reader.faults == 1)
        try folder.temporary.write(".copy", bytes)
        try folder.directory.rename(".copy", to: name)
        #expect(try reader.poll().count == 5)
    }

    @Test("links and directories in the folder are never followed, and are a fault each")
    func special() async throws {
        let (folder, name, bytes) = try await Self.sample()
        try folder.temporary.write("elsewhere", bytes)
        try FileManager.default.createSymbolicLink(
            atPath: folder.temporary.path("2026-11-21-link.jsonl"),
            withDestinationPath: folder.temporary.path("elsewhere")
        )
        try folder.directory.makeDirectory("2026-11-21-directory.jsonl")
        let reader = folder.reader()
        #expect(try reader.poll().count == 5)
        #expect(try reader.poll().isEmpty)
        #expect(reader.faults == 2)
        #expect(!reader.firstFaults.contains { $0.file == name })
    }

    @Test("other files in the folder are passed over")
    func others() async throws {
        let (folder, _, bytes) = try await Self.sample()
        try folder.temporary.write("notes.txt", text: "hello")
        try folder.temporary.write(".2026-11-21-x.jsonl", bytes)
        #expect(try folder.reader().poll().count == 5)
    }

    @Test("what a later version writes is no fault")
    func laterKinds() async throws {
        let folder = try EventsFolder()
        var header = JSONLine()
        header.append("wardpost", "events")
        header.append("version", 1)
        header.append("key", 1)
        var chain = Chain(
            key: Fixture.keys.derived(Fixture.keys.minting, for: EventFile.keyUse),
            header: header.bytes[...]
        )
        var bytes: [UInt8] = []
        chain.append(header, to: &bytes)
        var line = JSONLine()
        line.append("n", 1)
        line.append("kind", "forwarded")
        chain.append(line, to: &bytes)
        try folder.temporary.write("2026-11-21-a-1.jsonl", bytes)
        let reader = folder.reader()
        #expect(try reader.poll().isEmpty)
        #expect(reader.faults == 0)
    }

    @Test("a look at nothing new takes a few microseconds")
    func cheap() async throws {
        let (folder, _, _) = try await Self.sample()
        let clock = ManualClock(wallClock() + 10_000)
        let reader = folder.reader(clock: { clock.now })
        #expect(try reader.poll().count == 5)
        let elapsed = try processorTime {
            for _ in 0..<10_000 { try reader.poll { _ in } }
        }
        print("a look at an unchanged directory: \(elapsed / 10_000)")
        #expect(elapsed < .seconds(2))
    }
}
