import Core
import OpenSSL
import Synchronization
import TestSupport
import Testing

@testable import Tracking

@Suite("Token keys that are replaced while we run")
struct KeyRingTests {
    private struct Broken: Error {}

    /// What the file holds.
    private final class File: Sendable {
        let keys = Mutex<[TokenKey]?>(nil)
        let isBroken = Mutex(false)

        func read() throws -> [TokenKey]? {
            if isBroken.withLock({ $0 }) { throw Broken() }
            return keys.withLock { keys in
                defer { keys = nil }
                return keys
            }
        }
    }

    private static let start = Timestamp(year: 2026, month: 11, day: 21)
    private static let first = TokenKey(id: 1, secret: Fixture.secret)
    private static let second = TokenKey(
        id: 2,
        secret: SecretBytes(copying: Array(repeating: 7, count: 32)),
        since: start
    )

    @Test("a key that is to begin mints when its time has come, and that is told once")
    func begins() throws {
        let ring = TokenKeyRing([Self.first, Self.second], validDays: 10) { nil }
        // Whoever made the ring has the keys as they are now.
        _ = try ring.renewed(at: Self.start + -1)
        #expect(ring.current(at: Self.start + -1).minting.id == 1)
        #expect(try ring.renewed(at: Self.start + -1) == nil)
        let keys = try #require(try ring.renewed(at: Self.start))
        #expect(keys.minting.id == 2 && keys.all.map(\.id) == [2, 1])
        #expect(keys.all[1].end == Self.start + 10 * 86_400)
        #expect(try ring.renewed(at: Self.start + 1) == nil)
    }

    @Test("new keys are told once; what cannot be read leaves the old ones in force, and is read when it can be")
    func replaced() throws {
        let file = File()
        let ring = TokenKeyRing([Self.first]) { try file.read() }
        #expect(try ring.renewed() == nil)
        file.isBroken.withLock { $0 = true }
        #expect(throws: Broken.self) { try ring.renewed() }
        #expect(ring.current.all.map(\.id) == [1])
        file.keys.withLock { $0 = [Self.first, Self.second] }
        #expect(throws: Broken.self) { try ring.refresh() }
        file.isBroken.withLock { $0 = false }
        #expect(try ring.renewed()?.all.map(\.id).sorted() == [1, 2])
        #expect(try ring.renewed() == nil)
        // The same keys, written again, are no others; one with another secret is.
        file.keys.withLock { $0 = [Self.first, Self.second] }
        #expect(try ring.renewed() == nil)
        file.keys.withLock { $0 = [TokenKey(id: 1, secret: Self.second.secret)] }
        #expect(try ring.renewed()?.minting.secret == Self.second.secret)
        file.keys.withLock { $0 = [] }
        #expect(try ring.renewed() == nil && ring.current.all.count == 1)
    }

    @Test("all copies of a seal take new keys; tokens under keys that are kept go on working, others stop")
    func seal() {
        let seal = TokenSeal(TokenKeys(Self.first))
        let copy = seal
        let old = Fixture.openToken()
        seal.use(TokenKeys(Self.second, older: [Self.first]))
        var new: [UInt8] = []
        var text: [UInt8] = []
        TokenContent.appendHead(Fixture.job, RowNumber(3), to: &text)
        copy.append(.open, text, to: &new)
        #expect(copy.open(.open, old)?.row == RowNumber(7) && copy.open(.open, new)?.row == RowNumber(3))
        #expect(TokenSeal(TokenKeys(Self.first)).open(.open, new) == nil, "the new key does not mint")
        seal.use(TokenKeys(Self.second))
        #expect(copy.open(.open, old) == nil && copy.open(.open, new) != nil)
    }

    @Test("a log begins one file for a new minting key, and a reader that was there before reads on")
    func events() async throws {
        let folder = try EventsFolder()
        let file = File()
        let log = try folder.log()
        let ring = TokenKeyRing([Self.first]) { try file.read() }
        let reader = EventReader(directory: folder.directory, keys: ring) { Fixture.noon }
        try await log.append(Fixture.open(1))
        #expect(try reader.poll().map(\.row.value) == [1])
        log.use(TokenKeys(Self.first))
        try await log.append(Fixture.open(2))
        #expect(try folder.names.count == 1)
        let keys = [Self.first, Self.second]
        log.use(TokenKeys(keys))
        file.keys.withLock { $0 = keys }
        try await log.append(Fixture.open(3))
        try await log.append(Fixture.open(4))
        #expect(try folder.names.count == 2)
        #expect(try reader.poll().map(\.row.value) == [2, 3, 4])
        #expect(reader.faults == 0)
        // Without the key the file cannot be told from a forgery.
        let other = folder.reader()
        #expect(try other.poll().map(\.row.value) == [1, 2])
        #expect(other.faults == 1)
    }
}
