internal import CLibCSV
internal import Core

/// Owns one libcsv parser and what its callbacks fill.
///
/// libcsv is a push parser that keeps its position in a C struct and calls back with a `void *`. Both stand in memory of
/// their own that never moves, so the callbacks reach the state without counting references. Not `Sendable`: one
/// reader owns it.
@safe final class CSVParser {
    /// Why parsing stopped in the middle of a piece.
    enum Stop: Equatable {
        /// A quote inside a cell that did not begin with one, or something other than a delimiter behind a closing quote.
        case strayQuote(inQuotedCell: Bool, offset: Int)
        /// The file ended inside quotes.
        case openQuote
        case tooLong(CSVAssembly.Excess)
        case noMemory
    }

    private let parser: UnsafeMutablePointer<csv_parser>
    private let assembly: UnsafeMutablePointer<CSVAssembly>

    init(file: String, delimiter: CSVDelimiter, limits: CSVLimits, line: Int) {
        unsafe parser = .allocate(capacity: 1)
        unsafe parser.initialize(to: csv_parser())
        unsafe assembly = .allocate(capacity: 1)
        unsafe assembly.initialize(to: CSVAssembly(file: file, limits: limits, line: line))
        // STRICT and STRICT_FINI: without them a broken or unclosed quote is data. REPALL_NL: blank lines are counted.
        _ = unsafe csv_init(parser, UInt8(CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL))
        unsafe csv_set_delim(parser, delimiter.rawValue)
        // libcsv trims spaces around cells; a cell is what stands between the delimiters.
        unsafe csv_set_space_func(parser) { _ in 0 }
        // It grows its buffer by this much, 128 bytes if not told, which makes long cells quadratic.
        unsafe csv_set_blk_size(parser, 1 << 16)
    }

    deinit {
        unsafe csv_free(parser)
        unsafe parser.deinitialize(count: 1)
        unsafe parser.deallocate()
        unsafe assembly.deinitialize(count: 1)
        unsafe assembly.deallocate()
    }

    /// Parses a piece; complete rows are in ``rows`` afterwards.
    func parse(_ piece: ArraySlice<UInt8>) -> Stop? {
        let used = unsafe piece.withUnsafeBytes { buffer in
            unsafe csv_parse(parser, buffer.baseAddress, buffer.count, Self.cell, Self.row, assembly)
        }
        if let excess = unsafe assembly.pointee.excess { return .tooLong(excess) }
        if used < piece.count {
            guard unsafe csv_error(parser) == CSV_EPARSE else { return .noMemory }
            return .strayQuote(inQuotedCell: unsafe parser.pointee.quoted != 0, offset: used)
        }
        if let excess = unsafe assembly.pointee.excess(withStarted: parser.pointee.entry_pos) {
            return .tooLong(excess)
        }
        return nil
    }

    /// Ends the last row.
    func finish() -> Stop? {
        guard unsafe csv_fini(parser, Self.cell, Self.row, assembly) == 0 else {
            return unsafe csv_error(parser) == CSV_EPARSE ? .openQuote : .noMemory
        }
        return unsafe assembly.pointee.excess.map(Stop.tooLong)
    }

    /// The header's cells; `nil` until its line was parsed.
    var header: Row? {
        unsafe assembly.pointee.header
    }

    /// How many rows wait to be taken.
    var waiting: Int {
        unsafe assembly.pointee.filled - assembly.pointee.taken
    }

    /// Exchanges the next complete row for one whose memory can be used again.
    func take(into row: inout CSVRow) {
        unsafe assembly.pointee.take(into: &row)
    }

    /// The line of the file on which the cell that is being read began.
    var lineOfCell: Int {
        unsafe assembly.pointee.lineOfCell
    }

    /// The line of the file on which the row that is being read began.
    var lineOfRow: Int {
        unsafe assembly.pointee.line
    }

    /// The index of the column that is being read.
    var column: Int {
        unsafe assembly.pointee.cells
    }

    /// The line that has been reached, inside the cell that is being read.
    var lineReached: Int {
        let started = unsafe UnsafeRawBufferPointer(start: parser.pointee.entry_buf, count: parser.pointee.entry_pos)
        return unsafe lineOfCell + RowText.lineEnds(in: started)
    }

    private static let cell: @convention(c) (UnsafeMutableRawPointer?, Int, UnsafeMutableRawPointer?) -> Void = {
        bytes,
        count,
        state in
        guard let state = unsafe state?.assumingMemoryBound(to: CSVAssembly.self) else { return }
        unsafe state.pointee.append(cell: UnsafeRawBufferPointer(start: bytes, count: count))
    }

    private static let row: @convention(c) (Int32, UnsafeMutableRawPointer?) -> Void = { terminator, state in
        guard let state = unsafe state?.assumingMemoryBound(to: CSVAssembly.self) else { return }
        unsafe state.pointee.endRow(terminator)
    }
}
