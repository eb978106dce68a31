internal import Core

/// Where a table's bytes come from: replaces the buffer with the next ones, and says `false` at the end.
public typealias ByteSource = (inout [UInt8]) throws -> Bool

/// Reads a table row by row, in memory that does not depend on its length.
///
/// What is accepted: cells between `,`, `;` or tabs; quotes by RFC 4180 (line breaks, delimiters and doubled quotes inside);
/// lines that end with CR LF, LF or CR; a first line `sep=;` as Excel knows it. A blank line, or one of spaces and tabs only,
/// is not a row. Cells are text as they stand: nothing is trimmed, and no number or date is made of any.
///
/// What makes one row invalid: more or fewer cells than the header has, control characters other than tab and line breaks,
/// bytes that are no text. What refuses the table: a quote that is never closed, a quote inside a cell that does not begin
/// with one, anything but a delimiter behind a closing quote (from there on nobody can say which cell is whose), a header with
/// blank or equal names, and a passed limit.
///
/// Not `Sendable`: one reader belongs to one task; make another to read the table again.
public final class CSVReader {
    /// The columns' names and how the file is written.
    public let header: CSVHeader

    private var feed: CSVFeed
    private let parser: CSVParser
    private var isAtEnd = false
    private var failure: (any Error)?

    /// Reads the header.
    ///
    /// - Parameters:
    ///   - file: The name under which problems are reported.
    ///   - encoding: What ``EncodingSurvey`` found.
    ///   - delimiter: What the manifest declares; found from the header if `nil`.
    ///   - limits: Bounds on what is read.
    ///   - source: The file's bytes, from its start.
    /// - Throws: ``Diagnostics`` if the table is refused, or whatever the source throws.
    public init(
        file: String,
        encoding: FoundEncoding,
        delimiter: CSVDelimiter? = nil,
        limits: CSVLimits = CSVLimits(),
        source: @escaping ByteSource
    ) throws {
        feed = CSVFeed(file: file, encoding: encoding, limits: limits, source: source)
        let found = try feed.delimiter(declared: delimiter)
        parser = CSVParser(file: file, delimiter: found, limits: limits, line: feed.line)
        while parser.header == nil, !isAtEnd { isAtEnd = try !feed.advance(parser) }
        guard let cells = parser.header else {
            throw Diagnostics([
                Diagnostic("the table is empty", at: Place(file: file), fix: "its first line must name the columns")
            ])
        }
        let names = try CSVHeader.names(of: cells, file: file)
        header = CSVHeader(names: names, line: cells.line, delimiter: found, encoding: encoding)
    }

    /// Reads the next row into one whose memory is used again; `false` when there are no more.
    ///
    /// After an error every further call throws it again.
    public func next(into row: inout CSVRow) throws -> Bool {
        if let failure { throw failure }
        while parser.waiting == 0 {
            if isAtEnd { return false }
            do {
                isAtEnd = try !feed.advance(parser)
            } catch {
                failure = error
                throw error
            }
        }
        parser.take(into: &row)
        return true
    }
}

extension CSVHeader {
    /// Checks the header's cells and makes names of them; all problems are reported at once.
    static func names(of cells: Row, file: String) throws(Diagnostics) -> [String] {
        let place = Place(file: file, line: cells.line)
        var problems: [Diagnostic] = []
        var names: [String] = []
        var columns: [String: Int] = [:]
        for column in 0..<cells.count {
            guard RowText.flaw(in: cells[column]) == nil else {
                problems.append(
                    Diagnostic("the name of column \(column + 1) holds characters that are no text", at: place)
                )
                continue
            }
            let name = name(of: cells.text(column))
            names.append(name)
            if name.isEmpty {
                problems.append(
                    Diagnostic("column \(column + 1) has no name", at: place, fix: "name it, or remove the column")
                )
            } else if let earlier = columns.updateValue(column, forKey: name) {
                // Not the name itself: where the header is missing, the first line is somebody's data.
                problems.append(
                    Diagnostic("columns \(earlier + 1) and \(column + 1) have the same name", at: place)
                )
            }
        }
        guard problems.isEmpty else { throw Diagnostics(problems) }
        return names
    }

    /// Line breaks inside become spaces, and white space at the ends goes: nobody sees it in a spreadsheet.
    static func name(of cell: String) -> String {
        cell.split(whereSeparator: \.isNewline).joined(separator: " ").trimmed
    }
}

extension String {
    fileprivate var trimmed: String {
        var part = self[...]
        while part.first?.isWhitespace == true { part.removeFirst() }
        while part.last?.isWhitespace == true { part.removeLast() }
        return String(part)
    }
}
