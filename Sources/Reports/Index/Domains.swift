import Core
import GRDB
import Intake

/// The recipients' domains, and how many mailboxes of each were written to, as far as that matters: a domain with few may be
/// one family's, and is told together with others.
final class Domains {
    /// Beyond so many mailboxes nobody counts.
    static let mostCounted = 100

    private struct Domain {
        var id: Int64
        var mailboxes: Int
    }

    private let tagger: Tagger
    private let find: Statement
    private let insert: Statement
    private let note: NumberStatement
    private let count: NumberStatement
    private var domains: [ArraySlice<UInt8>: Domain] = [:]
    private let db: Database

    init(_ db: Database, _ tagger: Tagger) throws {
        self.db = db
        self.tagger = tagger
        find = try db.makeStatement(sql: "SELECT id, mailboxes FROM domain WHERE name = ?")
        insert = try db.makeStatement(sql: "INSERT INTO domain (name) VALUES (?)")
        note = try NumberStatement(db, "INSERT OR IGNORE INTO mailbox (domain, tag) VALUES (?, ?)")
        count = try NumberStatement(db, "UPDATE domain SET mailboxes = ? WHERE id = ?")
    }

    /// The number of an address's domain; `nil` for what is no address.
    func number(of address: ArraySlice<UInt8>) throws -> Int64? {
        guard let at = address.lastIndex(of: UInt8(ascii: "@")) else { return nil }
        let written = address[(at + 1)...]
        let name: ArraySlice<UInt8>
        if domains[written] != nil {
            name = written
        } else {
            guard let domain = Self.domain(of: address) else { return nil }
            name = Array(domain.utf8)[...]
            if domains[name] == nil { domains[name] = try load(domain) }
        }
        guard var domain = domains[name] else { return nil }
        if domain.mailboxes < Self.mostCounted {
            let mailbox = address.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
            if try note.changes([domain.id, tagger.tag(mailbox: mailbox[...])]) {
                domain.mailboxes += 1
                domains[name] = domain
                try count.run([Int64(domain.mailboxes), domain.id])
            }
        }
        return domain.id
    }

    private func load(_ name: String) throws -> Domain {
        if let row = try GRDB.Row.fetchOne(find, arguments: [name]) { return Domain(id: row[0], mailboxes: row[1]) }
        try insert.execute(arguments: [name])
        return Domain(id: db.lastInsertedRowID, mailboxes: 0)
    }

    /// The domain as messages go to it: A-labels in lower case.
    private static func domain(of address: ArraySlice<UInt8>) -> String? {
        do throws(Address.Refused) {
            return try AddressParser.parse(address).domain
        } catch {
            return nil
        }
    }
}
