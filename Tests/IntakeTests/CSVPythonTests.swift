import Core
import Foundation
import Intake
import TestSupport
import Testing

/// The same tables read by Python's `csv` module, which shares no code with libcsv.
@Suite("A second opinion", .enabled(if: Command.exists("python3"), "python3 is not here"))
struct CSVPythonTests {
    private static let script = """
        import csv, json, sys
        with open(sys.argv[1], newline="", encoding="utf-8-sig") as f:
            rows = [row for row in csv.reader(f, delimiter=sys.argv[2], strict=True)]
        rows = [row for row in rows if row and not (len(row) == 1 and row[0] and not row[0].strip(" \\t"))]
        json.dump(rows, sys.stdout)
        """

    @Test("generated tables read alike", arguments: 1...12 as ClosedRange<UInt64>)
    func generated(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let directory = try TemporaryDirectory()
        let delimiter = CSVDelimiter.allCases[Int(seed % 3)]
        let columns = Int.random(in: 1...6, using: &random)
        let text = generate(columns: columns, delimiter: delimiter, using: &random)
        try directory.write("t.csv", text: text)
        let arguments = [
            "python3", "-c", Self.script, directory.path("t.csv"), String(UnicodeScalar(delimiter.rawValue)),
        ]
        let result = try Command.run(arguments)
        try #require(result.status == 0, "\(result.errorText)")
        var expected = try JSONDecoder().decode([[String]].self, from: result.output)
        #expect(expected.count > 200)
        expected.removeFirst()
        var table = Table(text)
        table.delimiter = delimiter
        table.piece = Int.random(in: 1...999, using: &random)
        let rows = try table.rows()
        // Python does not mind the width: compare what a row of the right width says, and that the others are known.
        #expect(rows.count == expected.count)
        for (row, cells) in zip(rows, expected) {
            if cells.count == columns {
                #expect(row.problem == nil)
                #expect(row.cells == cells)
            } else {
                #expect(row.problem?.reason == .rowShape)
            }
        }
    }

    private func generate(columns: Int, delimiter: CSVDelimiter, using random: inout SplitMix) -> String {
        let separator = String(UnicodeScalar(delimiter.rawValue))
        let end = ["\n", "\r\n", "\r"].randomElement(using: &random) ?? "\n"
        var lines = [(1...columns).map { "c\($0)" }.joined(separator: separator)]
        for _ in 0..<300 {
            let width = Int.random(in: 0..<20, using: &random) == 0 ? Int.random(in: 1...8, using: &random) : columns
            lines.append((0..<width).map { _ in cell(separator, using: &random) }.joined(separator: separator))
            if Int.random(in: 0..<25, using: &random) == 0 {
                lines.append(["", " ", "\t "].randomElement(using: &random) ?? "")
            }
        }
        // A tab as delimiter makes two cells of "\t ".
        return (delimiter == .tab ? lines.filter { $0 != "\t " } : lines).joined(separator: end)
    }

    private func cell(_ separator: String, using random: inout SplitMix) -> String {
        let parts = ["a", "007", "ü", "東京", "😀", " ", "", "O'Brien", "=1", ".", "-"]
        let quoted = ["\"\"", separator, "\n", "\r\n", "\r", ",", ";", "\t", "x"]
        let count = Int.random(in: 0...4, using: &random)
        let plain = (0..<count).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
        guard Bool.random(using: &random) else { return plain }
        let more = (0..<count).map { _ in quoted.randomElement(using: &random) ?? "" }.joined()
        return "\"\(plain)\(more)\""
    }
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
