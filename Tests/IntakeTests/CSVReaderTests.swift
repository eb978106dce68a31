import Core
import Intake
import Testing

@Suite("Reading a table")
struct CSVReaderTests {
    @Test(
        "cells are text as they stand",
        arguments: [
            ("a,b\n1,2\n", [["1", "2"]]),
            ("a,b\n1,2", [["1", "2"]]),
            ("a,b\n007,12345678901234567890\n", [["007", "12345678901234567890"]]),
            ("a,b\n  x ,\ty\n", [["  x ", "\ty"]]),
            ("a,b\n,\n", [["", ""]]),
            ("a,b\n\"\",\"\"\n", [["", ""]]),
            ("a,b\n\"x,y\",\"say \"\"hi\"\"\"\n", [["x,y", "say \"hi\""]]),
            ("a,b\n\"one\r\ntwo\nthree\rfour\",z\n", [["one\r\ntwo\nthree\rfour", "z"]]),
            ("a,b\n\"  spaced  \",z\n", [["  spaced  ", "z"]]),
            ("a\nx\n\"\"\n", [["x"], [""]]),
            ("a,b\n=1+1,@x\n", [["=1+1", "@x"]]),
            ("a,b\nJürgen,東京\n", [["Jürgen", "東京"]]),
            ("a,b\n😀,\u{2028}\n", [["😀", "\u{2028}"]]),
        ] as [(String, [[String]])]
    )
    func cells(text: String, expected: [[String]]) throws {
        #expect(try Table(text).cells() == expected)
    }

    @Test("the size of the pieces makes no difference", arguments: [1, 2, 3, 7, 64])
    func pieces(size: Int) throws {
        var table = Table("name;text\r\nJürgen;\"a\r\n\"\"b\"\"\"\r\n\r\nÖzil;東京😀\r\n")
        table.piece = size
        let rows = try table.rows()
        #expect(rows.map(\.cells) == [["Jürgen", "a\r\n\"b\""], ["Özil", "東京😀"]])
        #expect(rows.map(\.row.line) == [2, 5])
    }

    @Test("lines end with CR LF, LF or CR, and each counts once", arguments: ["\r\n", "\n", "\r"])
    func lineEnds(end: String) throws {
        let text = ["a,b", "1,\"x\(end)y\"", "", "2,z", "3", "4,w", ""].joined(separator: end)
        let rows = try Table(text).rows()
        #expect(rows.map(\.row.line) == [2, 5, 6, 7])
        #expect(rows.map(\.row.number) == [1, 2, 3, 4].map(RowNumber.init))
        #expect(rows.map { $0.problem == nil } == [true, true, false, true])
    }

    @Test("a blank line is not a row", arguments: ["\n", "\n\n\n", "   \n", "\t\n \n"])
    func blankLines(blank: String) throws {
        let rows = try Table("a,b\n\(blank)1,2\n\(blank)").rows()
        #expect(rows.map(\.cells) == [["1", "2"]])
        #expect(rows.map(\.row.number) == [RowNumber(1)])
    }

    @Test("blank lines before the header are passed over and counted")
    func blankBeforeHeader() throws {
        let reader = try Table("\r\n\t \r\na;b\r\n1;2\r\n").reader()
        #expect(reader.header.names == ["a", "b"])
        #expect(reader.header.line == 3)
        var row = CSVRow()
        #expect(try reader.next(into: &row))
        #expect(row.row.line == 4)
    }

    @Test(
        "the delimiter is the one that the header has most of, outside quotes",
        arguments: [
            ("a,b,c", CSVDelimiter.comma, 3), ("a;b;c", .semicolon, 3), ("a\tb\tc", .tab, 3),
            ("\"a,b,c\";d", .semicolon, 2), ("a,x;b;c", .semicolon, 3), ("email", .comma, 1),
        ]
    )
    func delimiter(header: String, expected: CSVDelimiter, columns: Int) throws {
        let header = try Table(header + "\n").reader().header
        #expect(header.delimiter == expected)
        #expect(header.names.count == columns)
    }

    @Test("a declared delimiter is taken though the header has more of another")
    func declaredDelimiter() throws {
        var table = Table("a,b,c;d\n1;2\n")
        table.delimiter = .semicolon
        #expect(try table.reader().header.names == ["a,b,c", "d"])
    }

    @Test("a delimiter has names", arguments: [",", "comma", ";", "Semicolon", "\t", "tab"])
    func delimiterNames(name: String) {
        #expect(CSVDelimiter(name: name) != nil)
    }

    @Test("Excel's first line sep= is followed", arguments: [(";", 2), ("\t", 2), (",", 3)])
    func separatorLine(separator: String, columns: Int) throws {
        let header = ["a\(separator)b", "x,"].joined()
        let text = "sep=\(separator)\r\n\(header.replacing("x,", with: separator == "," ? ",c" : ""))\r\n"
        let reader = try Table(text).reader()
        #expect(reader.header.names.count == columns)
        #expect(reader.header.line == 2)
    }

    @Test("names lose white space at their ends, and a line break inside is a space")
    func headerNames() throws {
        let header = try Table(" email ,\"First\r\nName\",\u{A0}ref\n").reader().header
        #expect(header.names == ["email", "First Name", "ref"])
        #expect(header.index(of: "ref") == 2)
        #expect(header.index(of: "REF") == nil)
    }

    @Test("a table may have no rows")
    func noRows() throws {
        #expect(try Table("a,b").rows().isEmpty)
        #expect(try Table("a,b\r\n\r\n").rows().isEmpty)
    }
}
