import Core
import Foundation
import Intake
import TestSupport
import Testing

@Suite("The recipient table of a job")
struct CSVRecipientTableTests {
    private func open(_ bytes: [UInt8], encoding: TextEncoding? = nil) throws -> RecipientTable {
        let area = try DropArea()
        try area.drop("r.csv", bytes: bytes)
        return try RecipientTable(pinning: "r.csv", in: area.folder(), encoding: encoding)
    }

    private func cells(_ table: RecipientTable) throws -> [[String]] {
        let reader = try table.reader()
        var rows: [[String]] = []
        var row = CSVRow()
        while try reader.next(into: &row) { rows.append(row.cells) }
        return rows
    }

    @Test(
        "the same table in each encoding gives the same text",
        arguments: [String.Encoding.utf8, .utf16, .utf16LittleEndian, .utf16BigEndian, .windowsCP1252]
    )
    func encodings(encoding: String.Encoding) throws {
        let text =
            "ref;name;note\r\n007;Jürgen Groß;\"Zeile 1\r\nZeile 2; \"\"§ 5\"\"\"\r\n0012345678901234567890;Änne;–\r\n"
        // Foundation writes a mark for UTF-16 without an order alone.
        let mark = [String.Encoding.utf16LittleEndian, .utf16BigEndian].contains(encoding) ? "\u{FEFF}" : ""
        let table = try open([UInt8](#require((mark + text).data(using: encoding))))
        #expect(table.header.names == ["ref", "name", "note"])
        #expect(table.header.delimiter == .semicolon)
        let expected = [
            ["007", "Jürgen Groß", "Zeile 1\r\nZeile 2; \"§ 5\""], ["0012345678901234567890", "Änne", "–"],
        ]
        #expect(try cells(table) == expected)
        #expect(try cells(table) == expected)
    }

    @Test("a declared encoding reads what is not proved")
    func declared() throws {
        let bytes = Array("a,b\nS".utf8) + [0xF8] + Array("ren,1\n".utf8)
        #expect(throws: Diagnostics.self) { try open(bytes) }
        #expect(try cells(open(bytes, encoding: .windows1252)) == [["Søren", "1"]])
    }

    @Test("a doubtful byte is named with line and column, and nothing of the cell", arguments: ["\n", "\r\n", "\r"])
    func place(end: String) throws {
        var bytes = Array("key,name\(end)".utf8)
        for row in 1...9_000 { bytes += Array("\(row),CANARY\(end)".utf8) }
        bytes += Array("9001,CANARY S".utf8) + [0xF8] + Array("ren\(end)".utf8)
        let refusal = #expect(throws: Diagnostics.self) { try open(bytes) }
        let text = refusal?.description ?? ""
        #expect(text.hasPrefix("r.csv:9002:14: this byte is not UTF-8"))
        #expect(text.contains("encoding: windows-1252"))
        #expect(!text.contains("CANARY"))
    }

    @Test("a workbook, an archive and a missing file are refused with the file's name")
    func refused() throws {
        for bytes in [Array("PK\u{3}\u{4}xl/".utf8), [0x1F, 0x8B, 8], Array("%PDF-1.4".utf8), []] {
            let refusal = #expect(throws: Diagnostics.self) { try open(bytes) }
            #expect(refusal?.all.first?.place == Place(file: "r.csv"))
        }
        let area = try DropArea()
        let refusal = #expect(throws: Diagnostics.self) { try RecipientTable(pinning: "r.csv", in: area.folder()) }
        #expect(refusal?.description == "r.csv: the file is not there")
    }
}
