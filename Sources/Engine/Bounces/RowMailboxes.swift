import Core
import Files
import Intake
import Ledger
import Tracking

/// Finds the mailboxes of rows whose messages came back, in their jobs' folders.
///
/// A token holds 64 bits of its mailbox's tag. So whatever address is found for a row, in results that a person may have
/// changed or in a table that another job brought, it is the right one or it is not taken.
struct RowMailboxes {
    /// What is known of a job.
    struct Job: Sendable {
        var folder: String
        var list: String
        var rows: Int
    }

    private let site: Site
    private let store: LedgerStore
    private let tagger: AddressTagger
    private var jobs: [JobID: Job] = [:]

    init(site: Site, store: LedgerStore, tagger: AddressTagger) {
        self.site = site
        self.store = store
        self.tagger = tagger
    }

    /// What a job's ledger says of it; `nil` if it has none.
    mutating func job(_ id: JobID) throws -> Job? {
        if let known = jobs[id] { return known }
        guard let header = try header(id) else { return nil }
        let job = Job(folder: header.folder, list: header.list, rows: header.rows)
        jobs[id] = job
        return job
    }

    private func header(_ id: JobID) throws -> LedgerHeader? {
        do throws(LedgerError) {
            return try store.read(id).header
        } catch {
            switch error {
            // A ledger that was never finished, or that does not verify, says nothing.
            case .notFound, .unfinished, .broken, .version: return nil
            default: throw error
            }
        }
    }

    /// The mailboxes behind tokens of one job, by row, as far as its folder tells.
    mutating func tags(_ tokens: [ReturnToken], of id: JobID) throws -> [RowNumber: AddressTag] {
        guard let job = try job(id), let jobs = try? site.jobs(), let folder = try? JobFolder(job.folder, in: jobs)
        else { return [:] }
        let wanted = Dictionary(tokens.map { ($0.row, $0) }, uniquingKeysWith: { first, _ in first })
        var found: [RowNumber: AddressTag] = [:]
        func take(_ row: RowNumber, _ cell: ArraySlice<UInt8>) {
            guard let token = wanted[row], found[row] == nil else { return }
            // Results have an apostrophe before what a spreadsheet would run.
            let bare = cell.first == UInt8(ascii: "'") ? cell.dropFirst() : cell
            for text in bare.count == cell.count ? [cell] : [cell, bare] {
                guard let address = try? AddressParser.parse(text) else { continue }
                let tag = tagger.tag(of: address)
                if token.isFor(tag) { found[row] = tag }
            }
        }
        if let results = try? ResultTexts(in: folder) {
            try? results.forEach { row, _, address in take(row, address) }
        }
        if found.count < wanted.count, let table = Self.table(folder) {
            let reader = try? table.table.reader()
            var line = CSVRow()
            while let reader, (try? reader.next(into: &line)) == true {
                take(line.row.number, line.row[table.column])
            }
        }
        return found
    }

    /// A job's recipients, while it is under way.
    private static func table(_ folder: JobFolder) -> (table: RecipientTable, column: Int)? {
        guard let file = try? folder.pin(Manifest.fileName, as: .manifest), let bytes = try? file.contents(),
            let manifest = try? Manifest.parse(bytes: bytes, file: Manifest.fileName),
            let table = try? JobChecker.readTable(manifest, folder),
            let column = table.header.index(of: manifest.columns.address.value)
        else { return nil }
        return (table, column)
    }
}
