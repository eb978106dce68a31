import Core
import Files
import OpenSSL
import Records
import Tracking

extension SuppressionAdmin {
    /// Writes all that is in force as a table, signed with the site's records key; returns how many entries there are.
    ///
    /// - Parameter path: The file.
    @discardableResult
    public func export(to path: String) throws(EngineError) -> Int {
        try trying {
            let (parent, name) = Self.split(path)
            var count = 0
            try SuppressionCSV.replace(name, in: try Directory(path: parent), signer: Signer(keys.signing)) {
                table,
                write in
                count = try export(&table, write)
            }
            return count
        }
    }

    /// Hands over the same table, piece by piece.
    @discardableResult
    public func export(_ write: ([UInt8]) -> Void) throws(EngineError) -> Int {
        try trying {
            var table = SuppressionCSV()
            let count = try export(&table, write)
            write(table.take())
            return count
        }
    }

    /// What stands before the tags of this site's key: tags of another mean nothing here.
    var keyMark: String {
        Hex.encode(HMACSHA256(key: keys.addressTag).tag(of: Array("wardpost tag key".utf8))[..<4])
    }

    private func export(_ table: inout SuppressionCSV, _ write: ([UInt8]) throws -> Void) throws -> Int {
        var list = try list()
        try list.refresh()
        // Half a list would pass for the whole.
        try list.check()
        let mark = keyMark
        var count = 0
        try list.forEachRecord { record in
            var name = ""
            var scope = "all"
            switch record.scope {
            case .list(let list)?: (scope, name) = ("list", list)
            case .marketing?: scope = "marketing"
            case .all?, nil: break
            }
            table.append(
                address: record.address?.exposed ?? "",
                tag: "\(mark):\(record.tag)",
                scope: scope,
                list: name,
                reason: record.reason,
                milliseconds: record.moment
            )
            count += 1
            if table.waiting >= 1 << 16 { try write(table.take()) }
        }
        return count
    }

    static func split(_ path: String) -> (parent: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let parent = String(path[..<slash])
        return (parent.isEmpty ? "/" : parent, String(path[path.index(after: slash)...]))
    }
}
