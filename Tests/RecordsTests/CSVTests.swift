import Core
import Foundation
import TestSupport
import Testing

@testable import Records

/// A cell of CSV stays one cell, whatever is in it, and no spreadsheet runs it.
@Suite struct CSVTests {
    @Test(
        "Each cell is written as it should be",
        arguments: [
            ("", ""),
            ("plain", "plain"),
            ("0042", "0042"),
            ("a b", "a b"),
            (" a", "\" a\""),
            ("a ", "\"a \""),
            ("a,b", "\"a,b\""),
            ("a;b", "\"a;b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "'=1+1"),
            ("+49 1", "'+49 1"),
            ("-5", "'-5"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("\n=1", "\"'\n=1\""),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("=1,2", "\"'=1,2\""),
            ("＝1", "\"'＝1\""),
            ("＋1", "\"'＋1\""),
            ("－1", "\"'－1\""),
            ("＠1", "\"'＠1\""),
            ("！1", "\"！1\""),
            ("'=1", "'=1"),
            ("a=1", "a=1"),
            ("Grüße", "\"Grüße\""),
            ("\u{1B}[31mred\u{0}", "\"\u{FFFD}[31mred\u{FFFD}\""),
            ("C1 \u{9B}31m", "\"C1 \u{FFFD}31m\""),
        ]
    )
    func cell(text: String, written: String) {
        var csv = SpreadsheetCSV(columns: [])
        _ = csv.take()
        csv.cell(text)
        #expect(String(decoding: csv.take(), as: UTF8.self) == written)
    }

    @Test("Bytes that are no UTF-8 become U+FFFD")
    func noUTF8() {
        var csv = SpreadsheetCSV(columns: [])
        _ = csv.take()
        csv.cell([0x61, 0xFF, 0x62, 0xC3][...])
        #expect(String(decoding: csv.take(), as: UTF8.self) == "\"a\u{FFFD}b\u{FFFD}\"")
    }

    @Test("Every byte in every place of a cell leaves one cell in one line", .enabled(if: Command.exists("python3")))
    func everyByte() throws {
        var csv = SpreadsheetCSV(columns: ["a", "b", "c"])
        for byte in UInt8.min...UInt8.max {
            csv.cell([byte][...])
            csv.cell([0x78, byte, 0x79][...])
            csv.cell([0x78, byte][...])
            csv.endLine()
        }
        let scratch = try TemporaryDirectory()
        let path = try scratch.write("a.csv", csv.take())
        let script = """
            import csv, sys
            data = open(sys.argv[1], encoding="utf-8-sig", newline="")
            rows = list(csv.reader(data, strict=True))
            assert len(rows) == 257, len(rows)
            for number, row in enumerate(rows[1:]):
                assert len(row) == 3, (number, row)
                assert row[0][:1] not in ("=", "+", "-", "@", "\\t", "\\r", "\\n"), (number, row)
                kept = 32 <= number < 127 or number in (9, 10, 13)
                expected = chr(number) if kept else "\\ufffd"
                assert row[1] == "x" + expected + "y", (number, row)
                assert row[2] == "x" + expected, (number, row)
            """
        let result = try Command.run(["python3", "-c", script, path])
        #expect(result.status == 0, Comment(rawValue: result.errorText))
    }

    @Test("Counts are never taken for formulas, and missing times are empty")
    func numbers() {
        var csv = SpreadsheetCSV(columns: [])
        _ = csv.take()
        csv.number(-1)
        csv.time(nil)
        csv.time(Fixture.noon)
        csv.empty()
        csv.endLine()
        #expect(String(decoding: csv.take(), as: UTF8.self) == "-1,,2026-11-22 12:00:00,\r\n")
    }
}
