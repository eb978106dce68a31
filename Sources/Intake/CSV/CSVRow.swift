public import Core

/// A table's first line: the columns' names, and how the file is written.
public struct CSVHeader: Hashable, Sendable {
    /// The names, in order: not empty, no two alike, spaces at their ends cut, a line break inside shown as a space.
    public let names: [String]
    /// The line on which the header starts, from 1.
    public let line: Int
    /// What stands between cells.
    public let delimiter: CSVDelimiter
    /// How the bytes stand for text.
    public let encoding: FoundEncoding

    /// The index of a column, from 0; names are compared as they stand, case included.
    public func index(of name: String) -> Int? {
        names.firstIndex(of: name)
    }
}

/// Why one row cannot be used, though the table can.
public struct RowProblem: Hashable, Sendable {
    /// The word for `results.csv`: `row-shape` or `row-text`.
    public var reason: Reason
    /// Where and what, with row, line and column; never the cell's value.
    public var diagnostic: Diagnostic
}

/// One row of the table.
///
/// It always has as many cells as the header has columns. Where ``problem`` is set, missing cells are empty, surplus cells
/// are gone, and cells that are not text are empty: enough for the key and the address in the results, not to be mailed.
public struct CSVRow: Sendable {
    /// The cells, with the row's number and line.
    public var row: Row
    /// Why it cannot be mailed, if so.
    public var problem: RowProblem?

    /// An empty row to read into.
    public init() {
        row = Row(number: RowNumber(0), line: 0)
    }
}

/// Bounds that keep memory and time in proportion whatever the file holds.
public struct CSVLimits: Hashable, Sendable {
    /// The longest cell, in bytes of UTF-8.
    public var cell = 1 << 20
    /// The longest row, in bytes of UTF-8, delimiters included.
    public var row = 4 << 20
    /// The longest header.
    public var header = 64 << 10
    /// The most columns.
    public var columns = 1_000

    /// The bounds that a site has unless a test says otherwise.
    public init() {}
}
