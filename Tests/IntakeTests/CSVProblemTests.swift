import Core
import Intake
import Testing

@Suite("What is wrong with a table")
struct CSVProblemTests {
    @Test(
        "a row of another width is invalid by itself, and keeps the cells that it has",
        arguments: [
            ("1,2,3", ["1", "2"], "r.csv:2: row 1 has 3 cells, the header has 2"),
            ("1", ["1", ""], "r.csv:2: row 1 has 1 cell, the header has 2"),
            ("1,2,\"x\ny\",4", ["1", "2"], "r.csv:2: row 1 has 4 cells, the header has 2"),
        ] as [(String, [String], String)]
    )
    func ragged(line: String, cells: [String], problem: String) throws {
        let rows = try Table("key,email\n\(line)\n9,z\n").rows()
        #expect(rows[0].cells == cells)
        #expect(rows[0].problem?.reason == .rowShape)
        #expect(rows[0].problem?.diagnostic.description.hasPrefix(problem) == true)
        #expect(rows[0].problem?.diagnostic.row == RowNumber(1))
        #expect(rows[1].problem == nil)
        #expect(rows[1].row.line == (line.contains("\n") ? 4 : 3))
    }

    @Test(
        "a cell that is no text makes its row invalid and is emptied",
        arguments: [
            ([0x00], "U+0000"), ([0x07], "U+0007"), ([0x1B], "U+001B"), ([0x0B], "U+000B"), ([0x7F], "U+007F"),
            ([0xC2, 0x85], "U+0085"), ([0xC2, 0x9F], "U+009F"), ([0xEF, 0xBF, 0xBD], "U+FFFD"),
            ([0xFF], "no text"), ([0xC3], "no text"), ([0x80], "no text"), ([0xC0, 0xAF], "no text"),
            ([0xE0, 0x80, 0xAF], "no text"), ([0xED, 0xA0, 0x80], "no text"), ([0xF4, 0x90, 0x80, 0x80], "no text"),
            ([0xF0, 0x80, 0x80, 0x80], "no text"), ([0xC1, 0x81], "no text"), ([0xE2, 0x82], "no text"),
        ] as [([UInt8], String)]
    )
    func notText(bytes: [UInt8], says: String) throws {
        let table = Table(bytes: Array("key,name\n17,CANARY".utf8) + bytes + Array("\n18,b\n".utf8))
        let rows = try table.rows()
        #expect(rows.count == 2)
        #expect(rows[0].cells == ["17", ""])
        #expect(rows[0].problem?.reason == .rowText)
        let text = rows[0].problem?.diagnostic.description ?? ""
        #expect(text.hasPrefix("r.csv:2: column 2 (name) of row 1 holds"))
        #expect(text.contains(says))
        #expect(!text.contains("CANARY"))
        #expect(rows[1].problem == nil)
    }

    @Test("halves of one character in two cells are no text, though together they would be")
    func splitCharacter() throws {
        let rows = try Table(bytes: Array("a,b\nx".utf8) + [0xC3, 0x2C, 0xBC] + Array("y\n".utf8)).rows()
        #expect(rows.map { $0.problem?.reason } == [.rowText])
        #expect(rows[0].cells == ["", ""])
    }

    @Test("tabs and line breaks inside quotes are text")
    func allowedControls() throws {
        #expect(try Table("a,b\n\"x\ty\",\"l1\nl2\"\n").cells() == [["x\ty", "l1\nl2"]])
    }

    @Test(
        "a table is refused where nobody can say which cell is whose",
        arguments: [
            (
                "a,b\n1,2\n3,x\"y\n",
                "r.csv:3:4: a quote stands inside a cell of column 2 that does not begin with one"
            ),
            ("a,b\n1,ü \"y\"\n", "r.csv:2:5: a quote stands inside a cell of column 2"),
            ("a,b\n\"x\"y,2\n", "r.csv:2:4: something stands behind the closing quote of a cell in column 1"),
            (
                "a,b\n1,\"open\n2,3\n4,\"x\"\n",
                "r.csv:4:4: something stands behind the closing quote of a cell in column 2 (it began on line 2)"
            ),
            ("a,b\n\"x\" ,2\n", "r.csv:2:4: something stands behind the closing quote"),
            ("a,b\n1,2\n3,\"open\n5,6\n", "r.csv:3: the quote that begins column 2 here is never closed"),
            ("a,\"b\n", "r.csv:1: the quote that begins column 2 here is never closed"),
            ("a,b\n1,\"", "r.csv:2: the quote that begins column 2 here is never closed"),
        ]
    )
    func brokenQuotes(text: String, expected: String) {
        let refusal = Table(text).refusal()
        #expect(refusal.count == 1)
        #expect(refusal.first?.hasPrefix(expected) == true, "\(refusal)")
    }

    @Test("the place of a broken quote is right wherever the pieces end", arguments: [1, 2, 5, 16])
    func placeAcrossPieces(size: Int) {
        var table = Table("a,b\n\"1\r\nö\",2\nzü,\"x\"y\n")
        table.piece = size
        #expect(table.refusal().first?.hasPrefix("r.csv:4:7: ") == true)
    }

    @Test("the column is right in a line that is longer than a step of the parser")
    func placeInLongLine() {
        let table = Table(
            "a,b\n1,\(String(repeating: "ü", count: 30_000))\n2,\(String(repeating: "ü", count: 20_000))x\"\n"
        )
        #expect(table.refusal().first?.hasPrefix("r.csv:3:20004: ") == true)
    }

    @Test("after a refusal every further call throws the same")
    func staysRefused() throws {
        let reader = try Table("a\n" + String(repeating: "x\n", count: 20_000) + "y\"\n").reader()
        var row = CSVRow()
        #expect(throws: Diagnostics.self) { while try reader.next(into: &row) {} }
        #expect(throws: Diagnostics.self) { try reader.next(into: &row) }
    }

    @Test(
        "a header is refused with all its problems at once",
        arguments: [
            ("a,,b\n", ["r.csv:1: column 2 has no name; name it, or remove the column"]),
            ("a,b,a\n", ["r.csv:1: columns 1 and 3 have the same name"]),
            (
                "a, ,a,\n",
                [
                    "r.csv:1: column 2 has no name; name it, or remove the column",
                    "r.csv:1: columns 1 and 3 have the same name",
                    "r.csv:1: column 4 has no name; name it, or remove the column",
                ]
            ),
            ("a,b\u{0}\n", ["r.csv:1: the name of column 2 holds characters that are no text"]),
            ("", ["r.csv: the table is empty; its first line must name the columns"]),
            ("\n\n \n", ["r.csv: the table is empty; its first line must name the columns"]),
        ]
    )
    func header(text: String, expected: [String]) {
        let refusal = Table(text).refusal().filter { !$0.contains("columns 2 and 4") }
        #expect(refusal == expected)
    }

    @Test("a header with as many commas as semicolons is refused")
    func tie() {
        #expect(Table("a,b;c\n").refusal().first?.contains("as many commas as semicolons") == true)
    }

    @Test("sep= with another character, or against the manifest, is refused")
    func badSeparator() {
        #expect(Table("sep=|\na|b\n").refusal().first?.hasPrefix("r.csv:1: `sep=`") == true)
        var table = Table("sep=;\na;b\n")
        table.delimiter = .comma
        #expect(table.refusal().first?.contains("another delimiter than the manifest") == true)
    }
}
