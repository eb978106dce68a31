import Core
import Intake

/// A table in memory, given in pieces.
struct Table {
    var bytes: [UInt8]
    var piece = 1 << 16
    var encoding = FoundEncoding(.utf8, evidence: .declared)
    var delimiter: CSVDelimiter?
    var limits = CSVLimits()

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    func reader() throws -> CSVReader {
        var position = 0
        return try CSVReader(file: "r.csv", encoding: encoding, delimiter: delimiter, limits: limits) { buffer in
            buffer = Array(bytes[position..<min(position + piece, bytes.count)])
            position += buffer.count
            return !buffer.isEmpty
        }
    }

    /// All rows.
    func rows() throws -> [CSVRow] {
        let reader = try reader()
        var rows: [CSVRow] = []
        var row = CSVRow()
        while try reader.next(into: &row) { rows.append(row) }
        return rows
    }

    /// All cells of rows without a problem, as text.
    func cells() throws -> [[String]] {
        try rows().filter { $0.problem == nil }.map(\.cells)
    }

    /// The problems that refuse the table; empty if it can be read.
    func refusal() -> [String] {
        do {
            _ = try rows()
            return []
        } catch let error as Diagnostics {
            return error.all.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }
}

extension CSVRow {
    var cells: [String] {
        (0..<row.count).map { row.text($0) }
    }
}
