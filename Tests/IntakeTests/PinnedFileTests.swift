import Core
import Files
import Foundation
import Intake
import TestSupport
import Testing

@Suite("Pinned files")
struct PinnedFileTests {
    private let chunk = PinnedFile.chunkLength

    private func pinned(_ bytes: [UInt8]) throws -> (DropArea, PinnedFile) {
        let area = try DropArea()
        try area.drop("f", bytes: bytes)
        return (area, try area.folder().pin("f", as: .recipients))
    }

    @Test("the digest is what sha256sum says", arguments: [0, 1, 65_535, 65_536, 65_537, 200_000])
    func digest(size: Int) throws {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let (area, file) = try pinned(bytes)
        let expected = try Command.run(["sha256sum", area.path("f")]).text.prefix(64)
        #expect(file.digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected)
        #expect(file.size == size)
        #expect(file.chunkCount == (size + chunk - 1) / chunk)
        #expect(try file.contents() == bytes)
    }

    @Test("the tap sees every byte once")
    func tap() throws {
        let area = try DropArea()
        let bytes = (0..<150_000).map { UInt8(truncatingIfNeeded: $0) }
        try area.drop("f", bytes: bytes)
        var seen: [UInt8] = []
        _ = try area.folder().pin("f", as: .recipients) { seen += $0 }
        #expect(seen == bytes)
    }

    @Test("a reading gives what stands before a rewritten chunk, and nothing from there on", arguments: [0, 1, 2])
    func rewritten(changed: Int) throws {
        let (area, file) = try pinned([UInt8](repeating: 7, count: 150_000))
        try area.overwrite("f", at: changed * chunk + 11, with: [8])
        var bytes: [UInt8] = []
        var reader = file.reader()
        for _ in 0..<changed {
            #expect(try reader.read(into: &bytes))
            #expect(bytes.allSatisfy { $0 == 7 })
        }
        for _ in 0..<2 {
            let error = #expect(throws: PinError.self) { try reader.read(into: &bytes) }
            #expect(error == .changed(name: "f"))
            #expect(bytes.isEmpty)
        }
    }

    @Test("a file that grew or shrank is refused", arguments: [0, 1, 65_535, 65_536, 65_537, 149_999, 150_001])
    func resized(size: Int) throws {
        let (area, file) = try pinned([UInt8](repeating: 0, count: 150_000))
        try Disk.resize(area.path("f"), to: size)
        #expect(throws: PinError.changed(name: "f")) { try file.contents() }
    }

    @Test("removing, renaming or replacing the name changes nothing")
    func renamed() throws {
        let (area, file) = try pinned(Array("first".utf8))
        try Disk.move(area.path("f"), to: area.path("g"))
        try area.drop("f", "other")
        #expect(try file.contents() == Array("first".utf8))
        try area.remove("g")
        #expect(try file.contents() == Array("first".utf8))
    }

    @Test("a table that is rewritten under way gives no row of the changed part")
    func rewrittenTable() throws {
        let area = try DropArea()
        let line = String(repeating: "x", count: 98) + ","
        try area.drop("r.csv", "a,b\n" + String(repeating: line + "\n", count: 4_000))
        let table = try RecipientTable(pinning: "r.csv", in: area.folder())
        try area.overwrite("r.csv", at: 300_000, with: Array("CANARY".utf8))
        let reader = try table.reader()
        var row = CSVRow()
        var rows = 0
        #expect(throws: PinError.changed(name: "r.csv")) {
            while try reader.next(into: &row) {
                rows += 1
                #expect(!row.row.text(0).contains("CANARY"))
            }
        }
        // Four chunks were whole; the rows in them could be given.
        #expect(rows > 2_000 && rows <= 4 * 65_536 / 100)
    }

    @Test("a sparse file of 10 GiB is refused by its length, before a byte of it is read", arguments: FileKind.allCases)
    func sparse(kind: FileKind) throws {
        let area = try DropArea()
        try area.drop("f", "")
        try Disk.resize(area.path("f"), to: 10 << 30)
        let refusal = #expect(throws: Diagnostic.self) { try area.folder().pin("f", as: kind) }
        #expect(refusal?.problem == "the file is larger than \(kind.limit) bytes")
    }

    @Test("the identity depends on names, scopes and bytes, and on nothing else")
    func identity() throws {
        let area = try DropArea()
        try area.drop("a", "1")
        try area.drop("b", "2")
        try area.drop("sub/a", "1")
        let folder = try area.folder()
        let files = try ["a", "b", "sub/a"].map { try folder.pin($0, as: .template) }
        func id(_ indices: [Int], site: [Int] = [], attachments: [UInt8] = []) -> [UInt8] {
            var pin = ContentPin()
            for index in indices { pin.add(files[index]) }
            for index in site { pin.add(files[index], .site) }
            pin.add(attachments: attachments)
            return pin.digest
        }
        #expect(id([0, 1]) == id([1, 0, 1]))
        let all = [id([]), id([0]), id([1]), id([2]), id([0, 1]), id([], site: [0]), id([0], attachments: [1])]
        #expect(Set(all).count == all.count)
        var pin = ContentPin()
        pin.add(files[0])
        #expect(pin.jobID?.digest == Array(pin.digest.prefix(10)))
    }
}
