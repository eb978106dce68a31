public import Core
import Files
import Intake
import Tracking

extension SuppressionAdmin {
    /// What came of an import.
    public struct Import: Sendable {
        /// How many entries are new.
        public internal(set) var added = 0
        /// How many were on the list already.
        public internal(set) var known = 0
        /// How many were lifted after the file's time, and stay so.
        public internal(set) var lifted = 0
        /// How many rows could not be taken.
        public internal(set) var refused = 0
        /// How many rows had a reason that is none of ours; they were taken without it.
        public internal(set) var strangeReasons = 0
        /// What is wrong with the rows that could not be taken, the first thousand.
        public internal(set) var problems: [Diagnostic] = []
    }

    /// How many entries are written at a time; memory holds no more of the file.
    private static let batch = 100_000

    /// Puts the entries of a CSV file on the list: an export of this site or another, or of another system.
    ///
    /// Columns, by these names or what others call them: `address` (or `email`), `tag`, `scope`, `list`, `reason`, `since`;
    /// or the only column. An entry counts from its `since`, so that one which was lifted later stays lifted; without one it
    /// counts from now.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - wish: The scope and reason of rows that have none of their own.
    @discardableResult
    public func `import`(_ path: String, _ wish: SuppressionWish? = nil) throws(EngineError) -> Import {
        let wish = wish ?? .anything
        do {
            let (parent, name) = Self.split(path)
            let table = try RecipientTable(pinning: try Directory(path: parent).openRegular(name))
            let columns = SuppressionWords.Columns(table.header.names)
            guard columns.address != nil || columns.tag != nil else {
                throw EngineError(
                    .usage,
                    "the file has no column \"address\" or \"email\"",
                    at: Place(file: path, line: table.header.line)
                )
            }
            let reader = SuppressionRows(columns, wish, tagger: AddressTagger(key: keys.addressTag), mark: keyMark)
            return try take(table, reader, path)
        } catch let error as EngineError {
            throw error
        } catch let error as Diagnostics {
            throw EngineError(.usage, error.all)
        } catch {
            throw EngineError(.usage, "\(error)")
        }
    }

    private func take(_ table: RecipientTable, _ rows: SuppressionRows, _ path: String) throws -> Import {
        var rows = rows
        var result = Import()
        var list = try list()
        try list.refresh()
        try list.check()
        let file = try file()
        let before = try file.length
        let reader = try table.reader()
        var line = CSVRow()
        var records: [SuppressionRecord] = []
        var isSigned = true
        while try reader.next(into: &line) {
            do throws(SuppressionRows.Refused) {
                let record = try rows.record(line)
                switch try standing(record, &list) {
                case .new:
                    result.added += 1
                    records.append(record)
                case .known: result.known += 1
                case .lifted: result.lifted += 1
                }
            } catch {
                result.refused += 1
                guard result.problems.count < 1_000 else { continue }
                var problem = error.problem
                problem.place = Place(file: path, line: line.row.line, column: error.column.map { $0 + 1 } ?? 0)
                problem.severity = .warning
                result.problems.append(problem)
            }
            if records.count >= Self.batch {
                try file.append(records, signs: false)
                isSigned = false
                records.removeAll(keepingCapacity: true)
                try list.refresh()
            }
        }
        if !records.isEmpty { try file.append(records, signs: isSigned) }
        if !isSigned { try file.sign(behind: before) }
        // Leaves an index behind, so that the next job need not read it all.
        try list.refresh()
        result.strangeReasons = rows.strangeReasons
        return result
    }

    private func standing(
        _ record: SuppressionRecord,
        _ list: inout SuppressionList
    ) throws(SuppressionRows.Refused) -> SuppressionList.Standing {
        do {
            return try list.take(record)
        } catch {
            throw SuppressionRows.Refused(Diagnostic("the list cannot be read: \(error)"), nil)
        }
    }
}

/// Reads the rows of a suppression table.
struct SuppressionRows {
    /// Why a row cannot be taken, and which column is to blame.
    struct Refused: Error {
        var problem: Diagnostic
        var column: Int?

        init(_ problem: Diagnostic, _ column: Int?) {
            self.problem = problem
            self.column = column
        }
    }

    private let columns: SuppressionWords.Columns
    private let wish: SuppressionWish
    private let tagger: AddressTagger
    private let mark: String
    private let now = wallClock()
    private(set) var strangeReasons = 0

    init(_ columns: SuppressionWords.Columns, _ wish: SuppressionWish, tagger: AddressTagger, mark: String) {
        self.columns = columns
        self.wish = wish
        self.tagger = tagger
        self.mark = mark
    }

    /// The entry that a row makes.
    mutating func record(_ line: CSVRow) throws(Refused) -> SuppressionRecord {
        if let problem = line.problem { throw Refused(problem.diagnostic, nil) }
        let row = line.row
        let (tag, address) = try mailbox(row)
        let scope = try scope(row)
        var reason = wish.reason ?? .suppressedByHand
        let word = text(row, columns.reason)
        if let known = SuppressionWords.reason(word) {
            reason = known
        } else if !word.isEmpty {
            strangeReasons += 1
        }
        var since: Int64?
        let time = text(row, columns.since)
        if !time.isEmpty {
            guard let moment = SuppressionWords.moment(time) else {
                throw Refused(
                    Diagnostic("the time cannot be read", fix: "write it like 2026-11-21 12:00:00, or leave it empty"),
                    columns.since
                )
            }
            since = min(moment, now)
        }
        return .add(
            tag,
            address: address.map { Protected($0.text) },
            scope: scope,
            reason: reason,
            since: since,
            milliseconds: now
        )
    }

    private func mailbox(_ row: Row) throws(Refused) -> (AddressTag, Address?) {
        let known = try tag(row)
        guard let column = columns.address, !text(row, column).isEmpty else {
            guard let known else {
                throw Refused(Diagnostic("the row has neither an address nor a tag"), columns.address ?? columns.tag)
            }
            return (known, nil)
        }
        let cell = Array(text(row, column).utf8)
        let plain = try? AddressParser.parse(cell[...])
        if let plain, known == nil || tagger.tag(of: plain) == known, !Self.isGuarded(cell) || known != nil {
            return (tagger.tag(of: plain), plain)
        }
        // Spreadsheets' exports, ours among them, put an apostrophe before what would be run as a formula.
        if Self.isGuarded(cell), let bare = try? AddressParser.parse(cell.dropFirst()),
            known == nil || tagger.tag(of: bare) == known
        {
            return (tagger.tag(of: bare), bare)
        }
        do {
            let address = try AddressParser.parse(cell[...])
            return (tagger.tag(of: address), address)
        } catch {
            throw Refused(Diagnostic(error.rule), column)
        }
    }

    /// The row's tag, where it is one of this site's.
    private func tag(_ row: Row) throws(Refused) -> AddressTag? {
        let cell = text(row, columns.tag)
        if cell.isEmpty { return nil }
        let parts = cell.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let tag = AddressTag(hex: parts[1]) else {
            if columns.address.map({ !text(row, $0).isEmpty }) == true { return nil }
            throw Refused(Diagnostic("the tag is none of an export's"), columns.tag)
        }
        guard parts[0] == mark else {
            // Another site's: its address says enough, if it is there.
            if columns.address.map({ !text(row, $0).isEmpty }) == true { return nil }
            throw Refused(Diagnostic("the tag was made by another site, and the row has no address"), columns.tag)
        }
        return tag
    }

    private func scope(_ row: Row) throws(Refused) -> SuppressionScope {
        let list = text(row, columns.list)
        switch SuppressionWords.plain(text(row, columns.scope)) {
        case "all", "global", "allmail": return .all
        case "marketing": return .marketing
        case "list", "":
            if list.isEmpty, columns.scope.map({ text(row, $0).isEmpty }) ?? true { return wish.scope ?? .all }
            guard SuppressionWords.isListName(list) else {
                throw Refused(Diagnostic("the list's name has characters that no list of ours has"), columns.list)
            }
            return .list(list)
        default: throw Refused(Diagnostic("the scope is none of all, marketing and list"), columns.scope)
        }
    }

    private func text(_ row: Row, _ column: Int?) -> String {
        guard let column else { return "" }
        var text = row.text(column)[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    private static func isGuarded(_ cell: [UInt8]) -> Bool {
        guard cell.first == UInt8(ascii: "'"), cell.count > 1 else { return false }
        return "=+-@".utf8.contains(cell[1]) || cell[1] == 0xEF
    }
}
