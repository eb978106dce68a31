public import Core
import Files
import Intake
import Tracking

/// Looks after the suppression list by hand.
public struct SuppressionAdmin: Sendable {
    private let site: Site
    private let keys: SiteKeys

    /// Opens a site's list.
    public init(site: Site) throws(EngineError) {
        self.site = site
        keys = try site.keys()
    }

    /// Puts addresses on the list, for all mail or for one list.
    @discardableResult
    public func add(_ addresses: [String], list: String?) throws(EngineError) -> Int {
        try append(addresses) { tag, text in
            .add(tag, address: Protected(text), scope: list.map { .list($0) } ?? .all)
        }
    }

    /// Takes addresses off the list, for one list or altogether.
    @discardableResult
    public func remove(_ addresses: [String], list: String?) throws(EngineError) -> Int {
        try append(addresses) { tag, text in
            .remove(tag, address: Protected(text), scope: list.map { .list($0) })
        }
    }

    /// Puts the addresses of a CSV file on the list: its column `address` or `email`, or its only column.
    ///
    /// - Returns: How many were added, and what is wrong with the rows that were not.
    public func `import`(_ path: String, list: String?) throws(EngineError) -> (added: Int, problems: [Diagnostic]) {
        do {
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            let parent = parts.count > 1 ? parts.dropLast().joined(separator: "/") : "."
            let file = try Directory(path: parent.isEmpty ? "/" : parent).openRegular(String(parts.last ?? ""))
            let table = try RecipientTable(pinning: file)
            let names = ["address", "email"]
            guard
                let column = names.lazy.compactMap({ table.header.index(of: $0) }).first
                    ?? (table.header.names.count == 1 ? 0 : nil)
            else {
                throw EngineError(
                    .usage,
                    "the file has no column \"address\" or \"email\"",
                    at: Place(file: path, line: table.header.line)
                )
            }
            return try addAll(table, column, list, path)
        } catch let error as EngineError {
            throw error
        } catch let error as Diagnostics {
            throw EngineError(.usage, error.all)
        } catch {
            throw EngineError(.usage, "\(error)")
        }
    }

    /// Hands over each mailbox on the list: the address where staff typed it or else its tag, the scope and why.
    public func forEach(_ body: (_ mailbox: String, _ scope: String, _ reason: Reason, _ since: Timestamp) -> Void)
        throws(EngineError)
    {
        do {
            var list = SuppressionList(
                outbox: try site.outbox(),
                key: keys.addressTag,
                events: EventReader(directory: try site.outbox("events"), keys: keys.tokens)
            )
            try list.refresh()
            try list.forEachRecord { record in
                let mailbox = record.address?.exposed ?? "(tag \(record.tag))"
                let time = Timestamp(seconds: record.milliseconds / 1_000)
                body(mailbox, record.scope.map { "\($0)" } ?? "all", record.reason, time)
            }
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
    }

    private func addAll(_ table: RecipientTable, _ column: Int, _ list: String?, _ path: String) throws -> (
        added: Int, problems: [Diagnostic]
    ) {
        let tagger = AddressTagger(key: keys.addressTag)
        let reader = try table.reader()
        var problems: [Diagnostic] = []
        var line = CSVRow()
        var failure: (any Error)?
        let records = AnyIterator<SuppressionRecord> { () -> SuppressionRecord? in
            do {
                while try reader.next(into: &line) {
                    if let problem = line.problem {
                        var diagnostic = problem.diagnostic
                        diagnostic.severity = .warning
                        if problems.count < 1_000 { problems.append(diagnostic) }
                        continue
                    }
                    do throws(Address.Refused) {
                        let address = try AddressParser.parse(line.row[column])
                        return SuppressionRecord.add(
                            tagger.tag(of: address),
                            address: Protected(address.text),
                            scope: list.map { .list($0) } ?? .all
                        )
                    } catch {
                        let place = Place(file: path, line: line.row.line, column: column + 1)
                        if problems.count < 1_000 {
                            problems.append(Diagnostic(error.rule, at: place, severity: .warning))
                        }
                    }
                }
            } catch {
                failure = error
            }
            return nil
        }
        let added = try SuppressionFile(outbox: try site.outbox(), key: keys.addressTag).append(records)
        if let failure { throw failure }
        return (added, problems)
    }

    private func append(
        _ addresses: [String],
        _ record: (AddressTag, String) -> SuppressionRecord
    ) throws(EngineError) -> Int {
        let tagger = AddressTagger(key: keys.addressTag)
        var records: [SuppressionRecord] = []
        for (index, text) in addresses.enumerated() {
            do {
                let address = try AddressParser.parse(text)
                records.append(record(tagger.tag(of: address), address.text))
            } catch {
                throw EngineError(.usage, "address \(index + 1): \(error.rule)")
            }
        }
        do {
            return try SuppressionFile(outbox: try site.outbox(), key: keys.addressTag).append(records)
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.tryAgain, "\(error)")
        }
    }
}
