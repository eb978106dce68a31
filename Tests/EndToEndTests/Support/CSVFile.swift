import Foundation

/// A CSV file as RFC 4180 has it, read strictly.
struct CSVFile: Sendable {
    /// Why a file is none.
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    /// The first line's cells.
    let header: [String]
    /// The other lines' cells.
    let rows: [[String]]
    /// Whether a byte-order mark stands in front.
    let hasMark: Bool

    /// Reads a file; every line must have as many cells as the header and end with CR LF.
    init(_ path: String) throws {
        try self.init(bytes: [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
    }

    init(bytes: [UInt8]) throws {
        hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
        var lines: [[String]] = []
        var cells: [String] = []
        var cell: [UInt8] = []
        var index = hasMark ? 3 : 0
        func text(_ bytes: [UInt8]) throws -> String {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw Malformed(description: "line \(lines.count + 1) is not UTF-8")
            }
            return text
        }
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\"") {
                guard cell.isEmpty else { throw Malformed(description: "a quote inside a cell") }
                index += 1
                while true {
                    guard index < bytes.count else { throw Malformed(description: "an open quote") }
                    if bytes[index] == UInt8(ascii: "\"") {
                        index += 1
                        guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { break }
                    }
                    cell.append(bytes[index])
                    index += 1
                }
                guard index < bytes.count, bytes[index] == UInt8(ascii: ",") || bytes[index] == 0x0D else {
                    throw Malformed(description: "text behind a quoted cell in line \(lines.count + 1)")
                }
            }
            switch bytes[index] {
            case UInt8(ascii: ","):
                cells.append(try text(cell))
                cell = []
            case 0x0D:
                guard index + 1 < bytes.count, bytes[index + 1] == 0x0A else {
                    throw Malformed(description: "a lone CR in line \(lines.count + 1)")
                }
                index += 1
                cells.append(try text(cell))
                lines.append(cells)
                (cell, cells) = ([], [])
            case 0x0A: throw Malformed(description: "a lone LF in line \(lines.count + 1)")
            default: cell.append(bytes[index])
            }
            index += 1
        }
        guard cell.isEmpty, cells.isEmpty else { throw Malformed(description: "the last line has no end") }
        header = lines.first ?? []
        rows = Array(lines.dropFirst())
        for (number, row) in rows.enumerated() where row.count != header.count {
            throw Malformed(description: "row \(number + 1) has \(row.count) cells, not \(header.count)")
        }
    }

    /// A column's cells.
    func column(_ name: String) -> [String] {
        guard let index = header.firstIndex(of: name) else { return [] }
        return rows.map { $0[index] }
    }

    /// One row's cells by their columns.
    subscript(row: Int) -> [String: String] {
        Dictionary(zip(header, rows[row])) { first, _ in first }
    }

    /// How often each value stands in a column.
    func counts(_ name: String) -> [String: Int] {
        column(name).reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
}
