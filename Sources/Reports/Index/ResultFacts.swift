import Core
import Files
import Intake
import Ledger
import OpenSSL

/// What a job's signed results tell and its ledger does not: each row's key and mailbox.
struct ResultFacts {
    private let table: RecipientTable
    private let columns: (row: Int, key: Int, address: Int, messageID: Int)

    /// What the file system says of a job's results; `nil` if they are nowhere.
    static func stamp(_ job: JobID, folder: String, _ sources: ReportSources) -> String? {
        for directory in places(job, folder, sources) {
            guard let status = try? directory.status(of: JobFiles.results), status.kind == .regular else { continue }
            return "\(status.inode).\(status.size).\(status.modified)"
        }
        return nil
    }

    private static func places(_ job: JobID, _ folder: String, _ sources: ReportSources) -> [Directory] {
        let dropped = try? sources.jobs.open(subdirectory: folder)
        let kept = try? sources.unclaimed?.open(subdirectory: "\(job)")
        return [dropped, kept].compactMap { $0 }
    }

    /// Opens a job's results; `nil` if they are not there, were not signed by us, or are another job's.
    static func open(_ view: LedgerView, _ sources: ReportSources) -> ResultFacts? {
        let header = view.header
        let candidates: [(name: String, parent: Directory?)] = [
            (header.folder, sources.jobs), ("\(header.job)", sources.unclaimed),
        ]
        for (name, parent) in candidates {
            guard let parent, let folder = try? JobFolder(name, in: parent),
                let facts = try? ResultFacts(in: folder, sources.records), (try? facts.belong(to: view)) == true
            else { continue }
            return facts
        }
        return nil
    }

    private init?(in folder: JobFolder, _ key: VerifyingKey) throws {
        let name = JobFiles.results + JobFiles.signatureSuffix
        guard try folder.directory.status(of: name) != nil else { return nil }
        let signature = try folder.directory.read(name, limit: 256)
        table = try RecipientTable(pinning: JobFiles.results, in: folder, encoding: .utf8, delimiter: .comma)
        guard key.isValid(signature: signature, digest: table.file.digest),
            let row = table.header.index(of: "row"), let key = table.header.index(of: "key"),
            let address = table.header.index(of: "address"), let messageID = table.header.index(of: "message_id")
        else { return nil }
        columns = (row, key, address, messageID)
    }

    /// Whether these are the results of that run: Message-IDs are derived from it, so that one is enough.
    private func belong(to view: LedgerView) throws -> Bool {
        let reader = try table.reader()
        var line = CSVRow()
        var hasRows = false
        while try reader.next(into: &line) {
            guard line.problem == nil, let number = Self.number(line.row[columns.row]) else { continue }
            hasRows = true
            guard !line.row[columns.messageID].isEmpty else { continue }
            let row = RowNumber(number)
            guard view.rows.contains(row), case .ended(_, let outcome) = try view.latest(of: row) else { return false }
            return outcome.messageID == line.row.text(columns.messageID)
        }
        // Where nothing was rendered there is nothing to compare but the rows' number.
        return hasRows
    }

    /// Goes through the rows in their order.
    func reader() throws -> Reader {
        Reader(try table.reader(), columns)
    }

    /// Gives rows one by one, in order.
    final class Reader {
        private let reader: CSVReader
        private let columns: (row: Int, key: Int, address: Int, messageID: Int)
        private var line = CSVRow()
        private var row: UInt32 = 0

        fileprivate init(_ reader: CSVReader, _ columns: (row: Int, key: Int, address: Int, messageID: Int)) {
            self.reader = reader
            self.columns = columns
        }

        /// Goes on to a row, which must come after those asked for before; `false` if it is not there.
        func advance(to wanted: UInt32) throws -> Bool {
            while row < wanted {
                guard try reader.next(into: &line) else {
                    row = .max
                    return false
                }
                guard line.problem == nil, let number = ResultFacts.number(line.row[columns.row]) else { continue }
                row = number
            }
            return row == wanted
        }

        /// The row's key.
        var key: ArraySlice<UInt8> { line.row[columns.key] }
        /// The row's address.
        var address: ArraySlice<UInt8> { line.row[columns.address] }
    }

    private static func number(_ text: ArraySlice<UInt8>) -> UInt32? {
        WholeNumber.digits(text).flatMap { UInt32(exactly: $0) }
    }
}
