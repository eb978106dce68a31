import Core
import GRDB
import Ledger

/// The numbers under which the index keeps words, channels and domains, while it is written.
///
/// Good within one transaction only: another process may have given numbers before and after it.
final class Words {
    private let db: Database
    private var words: [String: Int64] = [:]
    private var texts: [Int64: String] = [:]
    private var channels: [ChannelKey: Int64] = [:]

    struct ChannelKey: Hashable {
        var route: String
        var server: String
        var tls: TLSEvidence?
    }

    init(_ db: Database) {
        self.db = db
    }

    /// A word's number.
    func number(of word: String) throws -> Int64 {
        if let known = words[word] { return known }
        let number = try find("SELECT id FROM word WHERE word = ?", "INSERT INTO word (word) VALUES (?)", [word])
        words[word] = number
        return number
    }

    /// The word of a number.
    func word(_ number: Int64) throws -> String {
        if let known = texts[number] { return known }
        let text = try String.fetchOne(db, sql: "SELECT word FROM word WHERE id = ?", arguments: [number]) ?? ""
        texts[number] = text
        return text
    }

    /// The number of a way that messages took.
    func number(of channel: ChannelKey) throws -> Int64 {
        if let known = channels[channel] { return known }
        let tls = channel.tls
        let number = try find(
            """
            SELECT id FROM channel WHERE route = ? AND server = ? AND scope = ? AND version = ? AND cipher = ?
            AND verification = ?
            """,
            "INSERT INTO channel (route, server, scope, version, cipher, verification) VALUES (?, ?, ?, ?, ?, ?)",
            [
                channel.route, channel.server, tls?.scope.rawValue ?? "", tls?.version ?? "", tls?.cipher ?? "",
                tls?.verification.rawValue ?? "",
            ]
        )
        channels[channel] = number
        return number
    }

    private func find(_ select: String, _ insert: String, _ texts: [String]) throws -> Int64 {
        let arguments = StatementArguments(texts)
        if let known = try Int64.fetchOne(db, sql: select, arguments: arguments) { return known }
        try db.execute(sql: insert, arguments: arguments)
        return db.lastInsertedRowID
    }
}
