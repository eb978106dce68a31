import Core
import Files
import Intake
import Ledger
import OpenSSL
import Records

/// Keys and addresses from the recipient table itself.
///
/// A part of the table that is no longer what was pinned gives empty cells: its rows keep their numbers and their fates, and
/// nobody is named who may not be meant.
struct TableTexts: RowTexts {
    let table: RecipientTable
    let columns: JobColumns
    let rows: Int

    func forEach(_ body: (RowNumber, ArraySlice<UInt8>, ArraySlice<UInt8>) throws -> Void) throws {
        var line = CSVRow()
        var done = 0
        do {
            let reader = try table.reader()
            while try reader.next(into: &line) {
                done += 1
                try body(line.row.number, line.row[columns.key], line.row[columns.address])
            }
        } catch is PinError {
            while done < rows {
                done += 1
                try body(RowNumber(UInt32(done)), [], [])
            }
        }
    }
}

/// Keys and addresses from a job's own `results.csv`, whose signature was checked: for jobs whose table may be gone.
struct ResultTexts: RowTexts {
    let results: RecipientTable
    let columns: (row: Int, key: Int, address: Int, messageID: Int)

    /// Reads the results in a job's folder; `nil` if they are not there or not as we write them.
    init?(in folder: JobFolder) throws {
        guard (try? folder.directory.status(of: JobFiles.results)) != nil else { return nil }
        results = try RecipientTable(pinning: JobFiles.results, in: folder, encoding: .utf8, delimiter: .comma)
        guard let row = results.header.index(of: "row"), let key = results.header.index(of: "key"),
            let address = results.header.index(of: "address"), let messageID = results.header.index(of: "message_id")
        else { return nil }
        columns = (row, key, address, messageID)
    }

    /// Whether what is read here is what was signed.
    func isSigned(in folder: JobFolder, _ key: SigningKey) throws -> Bool {
        let name = JobFiles.results + JobFiles.signatureSuffix
        guard try folder.directory.status(of: name) != nil else { return false }
        let signature = try folder.directory.read(name, limit: 256)
        return key.verifyingKey.isValid(signature: signature, digest: results.file.digest)
    }

    /// Whether these are the results of a run: Message-IDs are derived from it, so that one is enough.
    func belong(to view: LedgerView) throws -> Bool {
        let reader = try results.reader()
        var line = CSVRow()
        while try reader.next(into: &line) {
            guard line.problem == nil, !line.row[columns.messageID].isEmpty,
                let number = UInt32(line.row.text(columns.row))
            else { continue }
            let row = RowNumber(number)
            guard view.rows.contains(row), let outcome = try view.outcome(of: row) else { return false }
            return outcome.messageID == line.row.text(columns.messageID)
        }
        return false
    }

    func forEach(_ body: (RowNumber, ArraySlice<UInt8>, ArraySlice<UInt8>) throws -> Void) throws {
        let reader = try results.reader()
        var line = CSVRow()
        while try reader.next(into: &line) {
            guard line.problem == nil, let row = UInt32(line.row.text(columns.row)), row >= 1 else { continue }
            try body(RowNumber(row), line.row[columns.key], line.row[columns.address])
        }
    }
}
