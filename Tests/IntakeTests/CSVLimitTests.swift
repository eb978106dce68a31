import Core
import Intake
import Testing

@Suite("Limits of a table")
struct CSVLimitTests {
    /// Endless input: a start, and the same piece again and again, up to a length that no test may reach.
    private func endless(_ start: String, _ piece: String, limits: CSVLimits = CSVLimits()) -> (String, read: Int) {
        let block = Array(String(repeating: piece, count: (1 << 16) / piece.utf8.count).utf8)
        var read = 0
        do {
            let reader = try CSVReader(
                file: "r.csv",
                encoding: FoundEncoding(.utf8, evidence: .declared),
                limits: limits
            ) { buffer in
                guard read < 1 << 25 else { return false }
                buffer = read == 0 ? Array(start.utf8) + block : block
                read += buffer.count
                return true
            }
            var row = CSVRow()
            while try reader.next(into: &row) {}
            return ("", read)
        } catch {
            return ("\(error)", read)
        }
    }

    @Test(
        "what has no end is given up after the limit",
        arguments: [
            ("a,b\n1,", "x", "r.csv:2: column 2 of this row is longer than 1048576 bytes", 2 << 20),
            ("a,b\n1,\"", "x\n", "r.csv:2: column 2 of this row is longer than 1048576 bytes", 2 << 20),
            ("a,b\n1,2\n", ",", "r.csv:3: this row is longer than 4194304 bytes", 5 << 20),
            ("a,b\n1,2\n", "xxxxxxx,", "r.csv:3: this row is longer than 4194304 bytes", 5 << 20),
            ("", "x", "r.csv:1: the header is longer than 65536 bytes", 1 << 18),
            ("\"", "x", "r.csv:1: the header is longer than 65536 bytes", 1 << 18),
            ("", "c,", "r.csv:1: the header has more than 1000 columns", 1 << 18),
        ] as [(String, String, String, Int)]
    )
    func endlessInput(start: String, piece: String, expected: String, most: Int) {
        let (refusal, read) = endless(start, piece)
        #expect(refusal.hasPrefix(expected), "\(refusal)")
        #expect(read <= most)
    }

    @Test("blank lines without end end with the file, in the same memory")
    func blankLines() {
        let (refusal, read) = endless("a,b\n", "\n")
        #expect(refusal.isEmpty)
        #expect(read >= 1 << 25)
    }

    @Test("a thousand columns and a cell of just the limit are read")
    func atTheLimit() throws {
        var limits = CSVLimits()
        limits.cell = 1_000
        var table = Table("a,b\n1,\(String(repeating: "x", count: 1_000))\n")
        table.limits = limits
        #expect(try table.cells().first?.last?.count == 1_000)
        table.bytes.insert(0x78, at: table.bytes.count - 1)
        #expect(table.refusal().count == 1)
        let names = (1...1_000).map { "c\($0)" }.joined(separator: ",")
        #expect(try Table(names + "\n").reader().header.names.count == 1_000)
        #expect(Table(names + ",c1001\n").refusal().first?.contains("more than 1000 columns") == true)
    }
}
