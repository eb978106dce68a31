import Core
import Files
import Foundation
import Intake
import TestSupport
import Testing

@Suite("SHA256SUMS")
struct FolderChecksumTests {
    private let area: DropArea

    init() throws {
        area = try DropArea()
        for name in ["manifest.yaml", "recipients.csv", "letters/a b.pdf"] { try area.drop(name, "content of \(name)") }
    }

    private func verify(_ sums: String?, pinned: [String: [UInt8]] = [:]) throws -> [String] {
        if let sums { try area.drop("SHA256SUMS", sums) }
        let folder = try area.folder()
        do throws(Diagnostics) {
            try Checksums.verify(in: folder, pinned: pinned, required: ["manifest.yaml", "recipients.csv"])
            return []
        } catch {
            return error.all.map(\.description)
        }
    }

    private func sums(_ arguments: [String]) throws -> String {
        try Command.run(["sh", "-c", "sha256sum \"$@\"", "sh"] + arguments, directory: area.path("")).text
    }

    @Test("without the file nothing is asked")
    func absent() throws {
        #expect(try verify(nil).isEmpty)
    }

    @Test("what sha256sum writes is true", arguments: [["-t"], ["-b"]])
    func written(flag: [String]) throws {
        let text = try sums(flag + ["manifest.yaml", "./recipients.csv", "letters/a b.pdf"])
        #expect(text.split(separator: "\n").count == 3)
        #expect(try verify(text).isEmpty)
        #expect(try verify(text.replacing("\n", with: "\r\n")).isEmpty)
        #expect(try verify(text.uppercasedDigests + "\n").isEmpty)
    }

    @Test("a file that is not what was uploaded is named with its line")
    func mismatch() throws {
        let text = try sums(["manifest.yaml", "recipients.csv", "letters/a b.pdf"])
        try area.overwrite("letters/a b.pdf", at: 0, with: [0x58])
        #expect(
            try verify(text) == ["SHA256SUMS:3: letters/a b.pdf is not what the checksum says; upload the job again"]
        )
    }

    @Test("a pinned file is judged by its pin, not read again")
    func pinned() throws {
        let text = try sums(["manifest.yaml", "recipients.csv"])
        let pin = try area.folder().pin("recipients.csv", as: .recipients)
        try area.overwrite("recipients.csv", at: 0, with: [0x58])
        #expect(try verify(text, pinned: ["recipients.csv": pin.digest]).isEmpty)
        #expect(try verify(text).count == 1)
    }

    @Test("manifest and recipients must be among the lines")
    func uncovered() throws {
        let found = try verify(try sums(["manifest.yaml"]))
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("SHA256SUMS: recipients.csv is not among the checksums") == true)
    }

    @Test(
        "what is no line of sha256sum is refused with its number",
        arguments: [
            ("nonsense", "this is no line"),
            (String(repeating: "0", count: 64) + " x", "this is no line"),
            (String(repeating: "g", count: 64) + "  x", "this is no line"),
            (String(repeating: "0", count: 64) + "  ", "this is no line"),
            ("\\" + String(repeating: "0", count: 64) + "  a\\nb", "the name is escaped"),
            (String(repeating: "0", count: 64) + "  ../job/manifest.yaml", "../job/manifest.yaml: `..` and `.`"),
            (String(repeating: "0", count: 64) + "  /etc/passwd", "/etc/passwd: an absolute path"),
            (String(repeating: "0", count: 64) + "  none", "none: the file is not there"),
            (String(repeating: "x", count: 5_000), "this is no line"),
        ]
    )
    func malformed(line: String, expected: String) throws {
        let good = try sums(["manifest.yaml", "recipients.csv"])
        let found = try verify(good + line + "\n" + good)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("SHA256SUMS:3: \(expected)") == true, "\(found)")
    }

    @Test("it may list itself, as a second run does, and may not be a link or endless")
    func itself() throws {
        let good = try sums(["manifest.yaml", "recipients.csv"])
        #expect(try verify(good + String(repeating: "0", count: 64) + "  SHA256SUMS\n").isEmpty)
        #expect(try verify(String(repeating: "0", count: 1 << 20)).first?.contains("the line is too long") == true)
        #expect(try verify(String(repeating: "x\n", count: 5_000)).count < 110)
        try area.remove("SHA256SUMS")
        try Disk.link(area.path("SHA256SUMS"), to: "manifest.yaml")
        #expect(try verify(nil) == ["SHA256SUMS: links are not followed; put the file itself here"])
    }
}

extension String {
    fileprivate var uppercasedDigests: String {
        split(separator: "\n").map { $0.prefix(64).uppercased() + $0.dropFirst(64) }.joined(separator: "\n")
    }
}
