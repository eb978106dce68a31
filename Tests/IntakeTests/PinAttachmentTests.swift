import Core
import Files
import Foundation
import Intake
import TestSupport
import Testing

@Suite("Attachments that rows name")
struct PinAttachmentTests {
    private let area: DropArea
    private let folder: JobFolder
    private let scratch: TemporaryDirectory

    init() throws {
        area = try DropArea()
        folder = try area.folder()
        scratch = try TemporaryDirectory()
        try area.drop("recipients.csv", "key,email\n")
        for letter in ["a", "b", "c"] { try area.drop("letters/\(letter).pdf", "letter \(letter)") }
    }

    private func pins(slots: Int = 1, cache: Int = 1 << 20) throws -> AttachmentPins {
        let table = try folder.pin("recipients.csv", as: .recipients)
        return try AttachmentPins(
            folder: folder,
            slots: slots,
            scratch: Directory(path: scratch.path),
            excluding: [table],
            cacheLimit: cache
        )
    }

    @Test("what was pinned is read again, gaps and shared files included", arguments: [0, 1 << 20])
    func roundTrip(cache: Int) throws {
        let pins = try pins(slots: 2, cache: cache)
        let plan: [(UInt32, Int, String)] = [
            (1, 0, "letters/a.pdf"), (1, 1, "letters/b.pdf"), (4, 1, "letters/a.pdf"), (900, 0, "letters/c.pdf"),
            (5_000, 0, "letters/a.pdf"),
        ]
        for (row, slot, name) in plan { #expect(try pins.pin(row: RowNumber(row), slot: slot, name: name) == 8) }
        _ = try pins.finish()
        for (row, slot, name) in plan.reversed() {
            let bytes = try pins.contents(row: RowNumber(row), slot: slot, name: name)
            #expect(String(decoding: bytes, as: UTF8.self) == "letter \(name.dropFirst(8).prefix(1))")
        }
        for (row, slot) in [(2, 0), (4, 0), (5_001, 1)] as [(UInt32, Int)] {
            #expect(throws: PinError.changed(name: "attachment")) {
                try pins.contents(row: RowNumber(row), slot: slot, name: "letters/a.pdf")
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
    }

    @Test("a file that was rewritten, replaced, resized or removed is not given")
    func changed() throws {
        let changes: [(DropArea) throws -> Void] = [
            { try $0.overwrite("letters/a.pdf", at: 2, with: [0x58]) },
            { try $0.overwrite("letters/a.pdf", at: 8, with: [0x58]) },
            { try Disk.resize($0.path("letters/a.pdf"), to: 3) },
            { try Disk.move($0.path("letters/b.pdf"), to: $0.path("letters/a.pdf")) },
            { try $0.remove("letters/a.pdf") },
        ]
        for change in changes {
            try area.drop("letters/a.pdf", "letter a")
            try area.drop("letters/b.pdf", "letter b")
            let pins = try pins()
            _ = try pins.pin(row: RowNumber(1), slot: 0, name: "letters/a.pdf")
            _ = try pins.finish()
            try change(area)
            #expect(throws: PinError.changed(name: "attachment")) {
                try pins.contents(row: RowNumber(1), slot: 0, name: "letters/a.pdf")
            }
        }
    }

    @Test("another row's file cannot stand in, though it is pinned and remembered")
    func otherRow() throws {
        let pins = try pins()
        _ = try pins.pin(row: RowNumber(1), slot: 0, name: "letters/a.pdf")
        _ = try pins.pin(row: RowNumber(2), slot: 0, name: "letters/b.pdf")
        _ = try pins.finish()
        _ = try pins.contents(row: RowNumber(2), slot: 0, name: "letters/b.pdf")
        #expect(throws: PinError.changed(name: "attachment")) {
            try pins.contents(row: RowNumber(1), slot: 0, name: "letters/b.pdf")
        }
    }

    @Test(
        "a row cannot attach what is not the job's to give",
        arguments: [
            "recipients.csv", "../job/recipients.csv", "/etc/passwd", "letters", "letters/none.pdf", "",
            "letters//a.pdf",
            "letters/../recipients.csv", "./letters/a.pdf", "letters\\a.pdf", "~", "letters/.a", "results.csv",
            "status.json", "READY", "SHA256SUMS", "https://x.example/a.pdf", "letters/a.pdf\u{0}", "$(id)", "%2e%2e/x",
        ]
    )
    func refused(name: String) throws {
        try area.drop("results.csv")
        try area.drop("status.json")
        try area.drop("READY")
        try area.drop("SHA256SUMS")
        let pins = try pins()
        let refusal = #expect(throws: Diagnostic.self) { try pins.pin(row: RowNumber(1), slot: 0, name: name) }
        #expect(refusal?.place == Place(file: "attachment"))
    }

    @Test("a name with a cell in it stands in no message")
    func noCell() throws {
        let pins = try pins()
        let refusal = #expect(throws: Diagnostic.self) {
            try pins.pin(row: RowNumber(1), slot: 0, name: "letters/CANARY.pdf")
        }
        #expect(refusal?.description.contains("CANARY") == false)
        #expect(refusal?.problem == "the file is not there")
    }

    @Test("the digest over all depends on rows, slots and bytes")
    func digest() throws {
        func digest(_ plan: [(UInt32, Int, String)]) throws -> [UInt8] {
            let pins = try pins(slots: 2)
            for (row, slot, name) in plan {
                _ = try pins.pin(row: RowNumber(row), slot: slot, name: "letters/\(name).pdf")
            }
            return try pins.finish()
        }
        let all = try [
            digest([]), digest([(1, 0, "a")]), digest([(1, 1, "a")]), digest([(2, 0, "a")]), digest([(1, 0, "b")]),
            digest([(1, 0, "a"), (2, 0, "b")]), digest([(1, 0, "b"), (2, 0, "a")]),
        ]
        #expect(Set(all).count == all.count)
        #expect(try digest([(1, 0, "a")]) == all[1])
    }

    @Test("a file that many rows share is read once", .timeLimit(.minutes(1)))
    func shared() throws {
        try area.drop("brochure.pdf", bytes: [UInt8](repeating: 1, count: 8 << 20))
        let pins = try pins(cache: 16 << 20)
        // Read each time, this would be 400 GB.
        for row in 1...50_000 as ClosedRange<UInt32> {
            _ = try pins.pin(row: RowNumber(row), slot: 0, name: "brochure.pdf")
        }
        _ = try pins.finish()
        for row in 1...20_000 as ClosedRange<UInt32> {
            #expect(try pins.contents(row: RowNumber(row), slot: 0, name: "brochure.pdf").count == 8 << 20)
        }
    }
}
