internal import Core

/// Makes rows of the cells and line ends that libcsv reports.
struct CSVAssembly {
    /// Which bound was passed.
    enum Excess: Equatable {
        case cell, row, header, columns
    }

    private let file: String
    private let limits: CSVLimits
    private(set) var excess: Excess?

    /// The header's cells, once they are known; every row gets as many.
    private(set) var header: Row?
    /// How many cells the header has; `nil` before it.
    private var columns: Int?

    private var row = Row(number: RowNumber(0), line: 0)
    private var number: UInt32 = 0
    /// How many cells the current row has so far.
    private(set) var cells = 0
    /// How long the current row is so far, delimiters included.
    private var length = 0
    /// The line on which the current row began.
    private(set) var line: Int
    /// Line ends inside surplus cells, which are not kept.
    private var droppedLineEnds = 0
    private var lastTerminator: Int32 = 0

    private var pool: [CSVRow] = []
    private(set) var filled = 0
    private(set) var taken = 0

    init(file: String, limits: CSVLimits, line: Int) {
        self.file = file
        self.limits = limits
        self.line = line
    }

    // MARK: What libcsv reports

    mutating func append(cell: UnsafeRawBufferPointer) {
        guard excess == nil else { return }
        if cells == 0 { row.reset(number: RowNumber(number &+ 1), line: line) }
        cells += 1
        length += cell.count + 1
        lastTerminator = 0
        if cell.count > limits.cell || length > limits.row || columns == nil {
            excess = excess(withStarted: 0, cell: cell.count)
        }
        if let columns, cells > columns {
            unsafe droppedLineEnds += RowText.lineEnds(in: cell)
            return
        }
        unsafe row.append(cell: cell)
    }

    /// Ends a row; `terminator` is the byte that did, or -1 at the end of the file.
    mutating func endRow(_ terminator: Int32) {
        guard excess == nil else { return }
        guard cells > 0 else {
            // A blank line, or the second half of CR LF.
            if terminator != 0x0A || lastTerminator != 0x0D { line += 1 }
            lastTerminator = terminator
            return
        }
        let look = RowText.look(at: row.bytes)
        let lineEnds = (look.hasControls ? lineEndsInRow() : 0) + droppedLineEnds
        if let columns {
            if !isBlank {
                number &+= 1
                deliver(shapeProblem(columns) ?? (look.isPlain ? nil : textProblem(look)), look)
            }
        } else if !isBlank {
            header = row
            columns = row.count
            row = Row(number: RowNumber(0), line: 0)
        }
        line += 1 + lineEnds
        cells = 0
        length = 0
        droppedLineEnds = 0
        lastTerminator = terminator
    }

    /// A line of nothing but spaces and tabs is as blank as an empty one.
    private var isBlank: Bool {
        cells == 1 && !row.bytes.isEmpty && row.bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 }
    }

    /// Which bound is passed when `started` bytes of the next cell have been seen.
    func excess(withStarted started: Int, cell: Int = 0) -> Excess? {
        if columns == nil {
            if cells > limits.columns { return .columns }
            if length + started > limits.header { return .header }
        }
        if max(started, cell) > limits.cell { return .cell }
        return length + started > limits.row ? .row : nil
    }

    /// The line on which the cell that is being read began.
    var lineOfCell: Int {
        cells == 0 ? line : line + lineEndsInRow() + droppedLineEnds
    }

    private func lineEndsInRow() -> Int {
        var count = 0
        for column in 0..<row.count { count += RowText.lineEnds(in: row[column]) }
        return count
    }

    // MARK: What is wrong with a row

    private func shapeProblem(_ columns: Int) -> RowProblem? {
        guard cells != columns else { return nil }
        return problem(
            .rowShape,
            "row \(number) has \(cells) \(cells == 1 ? "cell" : "cells"), the header has \(columns)",
            fix: cells > columns
                ? "put cells that hold a delimiter in quotes" : "add the missing cells, empty if need be"
        )
    }

    private func textProblem(_ look: RowText.Look) -> RowProblem? {
        // One pass over the row: well-formed as a whole, and no cell begins in the middle of a character.
        if !look.hasControls, RowText.flaw(in: row.bytes[...], hasControls: false) == nil,
            !(0..<row.count).contains(where: { row.beginsInsideCharacter($0) })
        {
            return nil
        }
        for column in 0..<row.count {
            guard let flaw = RowText.flaw(in: row[column], hasControls: look.hasControls) else { continue }
            let name = header.map { " (\(CSVHeader.name(of: $0.text(column))))" } ?? ""
            let cell = "column \(column + 1)\(name) of row \(number)"
            switch flaw {
            case .control(let code):
                let hex = String(code, radix: 16, uppercase: true)
                let padded = String(repeating: "0", count: max(0, 4 - hex.count)) + hex
                return problem(.rowText, "\(cell) holds the control character U+\(padded)", fix: "remove it")
            case .undecodable:
                return problem(
                    .rowText,
                    "\(cell) holds bytes that are no text in the file's encoding",
                    fix: "save the table as CSV in UTF-8"
                )
            case .replacement:
                return problem(
                    .rowText,
                    "\(cell) holds U+FFFD: a character was lost before the file was saved",
                    fix: "enter the text again"
                )
            }
        }
        return nil
    }

    private func problem(_ reason: Reason, _ text: String, fix: String) -> RowProblem {
        RowProblem(
            reason: reason,
            diagnostic: Diagnostic(
                text,
                at: Place(file: file, line: line),
                fix: fix,
                row: RowNumber(number)
            )
        )
    }

    // MARK: Giving rows away

    private mutating func deliver(_ problem: RowProblem?, _ look: RowText.Look) {
        if problem != nil { mend(look) }
        if filled == pool.count { pool.append(CSVRow()) }
        swap(&pool[filled].row, &row)
        pool[filled].problem = problem
        filled += 1
    }

    /// Makes the row as wide as the header, and empties cells that are not text.
    private mutating func mend(_ look: RowText.Look) {
        var mended = Row(number: row.number, line: row.line)
        for column in 0..<(header?.count ?? 0) {
            let isText = column < row.count && (look.isPlain || RowText.flaw(in: row[column]) == nil)
            mended.append(cell: isText ? row[column] : [])
        }
        row = mended
    }

    mutating func take(into other: inout CSVRow) {
        swap(&pool[taken], &other)
        taken += 1
        if taken == filled {
            taken = 0
            filled = 0
        }
    }
}

extension Row {
    /// Whether a cell's first byte only goes on with a character that began in the cell before.
    fileprivate func beginsInsideCharacter(_ column: Int) -> Bool {
        let range = range(column)
        return !range.isEmpty && bytes[range.lowerBound] & 0xC0 == 0x80
    }
}
