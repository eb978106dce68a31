import Core
import Files
import Intake
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
    let columns: (row: Int, key: Int, address: Int)

    /// Reads the results in a job's folder; `nil` if they are not there or not as we write them.
    init?(in folder: JobFolder) throws {
        guard (try? folder.directory.status(of: JobFiles.results)) != nil else { return nil }
        results = try RecipientTable(pinning: JobFiles.results, in: folder, encoding: .utf8, delimiter: .comma)
        guard let row = results.header.index(of: "row"), let key = results.header.index(of: "key"),
            let address = results.header.index(of: "address")
        else { return nil }
        columns = (row, key, address)
    }

    /// SHA-256 of what is read, for the signature.
    var digest: [UInt8] { results.file.digest }

    func forEach(_ body: (RowNumber, ArraySlice<UInt8>, ArraySlice<UInt8>) throws -> Void) throws {
        let reader = try results.reader()
        var line = CSVRow()
        while try reader.next(into: &line) {
            guard line.problem == nil, let row = UInt32(line.row.text(columns.row)), row >= 1 else { continue }
            try body(RowNumber(row), line.row[columns.key], line.row[columns.address])
        }
    }
}
