internal import Core

/// Brings a table's bytes to the parser: reads, transcodes, finds the delimiter, and says where the parser stopped and why.
struct CSVFeed {
    /// Rows are parsed in steps of this many bytes, so that few of them wait in memory.
    private static let step = 1 << 14

    private let file: String
    private let limits: CSVLimits
    private let source: ByteSource
    private var transcoder: Transcoder
    private var raw: [UInt8] = []
    private var text: [UInt8] = []
    private var position = 0
    private var isAtEnd = false
    /// The line on which the text at ``position`` begins, as long as the header has not been parsed.
    private(set) var line = 1
    /// Characters since the last line end before ``position``.
    private var column = 0

    init(file: String, encoding: FoundEncoding, limits: CSVLimits, source: @escaping ByteSource) {
        self.file = file
        self.limits = limits
        self.source = source
        transcoder = Transcoder(encoding)
    }

    // MARK: Before the header

    /// Finds the delimiter: a line `sep=`, the declaration, or what the header line shows.
    mutating func delimiter(declared: CSVDelimiter?) throws -> CSVDelimiter {
        var declared = declared
        var isFirst = true
        while true {
            try fill(beyond: limits.header)
            skipBlankLines()
            if position == text.count {
                if isAtEnd { return declared ?? .comma }
                continue
            }
            guard let end = endOfRecord() else {
                // No line end in sight: the parser will tell a long header from a short file.
                return try declared ?? chosen(text[position...])
            }
            if text[position..<end].allSatisfy({ $0 == 0x20 || $0 == 0x09 }) {
                position = end
                continue
            }
            if isFirst, let separator = try separatorLine(text[position..<end], declared: declared) {
                declared = separator
                position = end
                isFirst = false
                continue
            }
            return try declared ?? chosen(text[position..<end])
        }
    }

    private func chosen(_ header: ArraySlice<UInt8>) throws -> CSVDelimiter {
        switch CSVDelimiter.find(inHeader: header) {
        case .found(let delimiter): return delimiter
        case .none: return .comma
        case .tie(let one, let other):
            throw refusal(
                "the header has as many \(one.label) as \(other.label), so it is not clear which separate the columns",
                line: line,
                fix: "declare `delimiter` in the manifest"
            )
        }
    }

    /// Excel's own first line, `sep=;`.
    private func separatorLine(_ line: ArraySlice<UInt8>, declared: CSVDelimiter?) throws -> CSVDelimiter? {
        guard line.count == 5, String(decoding: line.prefix(4), as: UTF8.self).lowercased() == "sep=",
            let byte = line.last
        else { return nil }
        guard let delimiter = CSVDelimiter(rawValue: byte) else {
            throw refusal(
                "`sep=` names a delimiter that is not known",
                line: self.line,
                fix: "use a comma, a semicolon or a tab"
            )
        }
        guard declared == nil || declared == delimiter else {
            throw refusal(
                "`sep=` names another delimiter than the manifest",
                line: self.line,
                fix: "remove one of the two"
            )
        }
        return delimiter
    }

    /// Moves past line ends; what follows CR LF is one line further, not two.
    private mutating func skipBlankLines() {
        while position < text.count, text[position] == 0x0A || text[position] == 0x0D {
            let isPair = text[position] == 0x0D && position + 1 < text.count && text[position + 1] == 0x0A
            position += isPair ? 2 : 1
            line += 1
        }
    }

    /// Where the first line end outside quotes stands.
    private func endOfRecord() -> Int? {
        var quoted = false
        for index in position..<text.count {
            switch text[index] {
            case UInt8(ascii: "\""): quoted.toggle()
            case 0x0A, 0x0D: if !quoted { return index }
            default: break
            }
        }
        return nil
    }

    // MARK: Reading

    /// Reads until more than `count` bytes of text wait, or the file ends.
    private mutating func fill(beyond count: Int) throws {
        if position > 0 {
            text.removeFirst(position)
            position = 0
        }
        while !isAtEnd, text.count <= count { try refill() }
    }

    private mutating func refill() throws {
        if try source(&raw) {
            transcoder.append(raw, to: &text)
        } else {
            isAtEnd = true
            transcoder.finish(to: &text)
        }
    }

    /// Parses the next step; `false` when the whole file has been.
    mutating func advance(_ parser: CSVParser) throws -> Bool {
        while position == text.count {
            if isAtEnd {
                if let stop = parser.finish() { throw explain(stop, parser) }
                return false
            }
            text.removeAll(keepingCapacity: true)
            position = 0
            try refill()
        }
        let piece = text[position..<min(position + Self.step, text.count)]
        if let stop = parser.parse(piece) { throw explain(stop, parser) }
        column = columns(in: piece)
        position = piece.endIndex
        return true
    }

    /// Characters since the last line end, at the end of these bytes.
    private func columns(in piece: ArraySlice<UInt8>) -> Int {
        var count = 0
        for byte in piece.reversed() {
            if byte == 0x0A || byte == 0x0D { return count }
            if byte & 0xC0 != 0x80 { count += 1 }
        }
        return column + count
    }

    // MARK: What stopped the parser

    private func explain(_ stop: CSVParser.Stop, _ parser: CSVParser) -> Diagnostics {
        switch stop {
        case .strayQuote(let isQuoted, let offset):
            let begin = parser.lineOfCell
            let reached = parser.lineReached
            let place = Place(file: file, line: reached, column: columns(in: text[position..<(position + offset)]) + 1)
            if isQuoted {
                let from = begin == reached ? "" : " (it began on line \(begin))"
                return refusal(
                    "something stands behind the closing quote of a cell in column \(parser.column + 1)\(from)",
                    at: place,
                    fix: "double the quotes inside the cell, or close the one before it"
                )
            }
            return refusal(
                "a quote stands inside a cell of column \(parser.column + 1) that does not begin with one",
                at: place,
                fix: "put the whole cell in quotes and double the quotes inside"
            )
        case .openQuote:
            return refusal(
                "the quote that begins column \(parser.column + 1) here is never closed",
                line: parser.lineOfCell,
                fix: "close it, or double it if it belongs to the text"
            )
        case .noMemory:
            return refusal("there is not enough memory to read a cell", line: parser.lineOfCell, fix: "")
        case .tooLong(let excess):
            return explain(excess, parser)
        }
    }

    private func explain(_ excess: CSVAssembly.Excess, _ parser: CSVParser) -> Diagnostics {
        let unclosed = "look for a quote that is not closed"
        switch excess {
        case .cell:
            return refusal(
                "column \(parser.column + 1) of this row is longer than \(limits.cell) bytes",
                line: parser.lineOfCell,
                fix: unclosed
            )
        case .row:
            return refusal("this row is longer than \(limits.row) bytes", line: parser.lineOfRow, fix: unclosed)
        case .header:
            return refusal("the header is longer than \(limits.header) bytes", line: parser.lineOfRow, fix: unclosed)
        case .columns:
            return refusal("the header has more than \(limits.columns) columns", line: parser.lineOfRow, fix: "")
        }
    }

    private func refusal(_ problem: String, line: Int, fix: String) -> Diagnostics {
        refusal(problem, at: Place(file: file, line: line), fix: fix)
    }

    private func refusal(_ problem: String, at place: Place, fix: String) -> Diagnostics {
        Diagnostics([Diagnostic(problem, at: place, fix: fix)])
    }
}
