import Core
import Files
import Intake

/// Reading and checking a recipient table.
enum Rows {
    /// Pins the table with its digests, finds its encoding, then checks each row's shape, text and address.
    static func check(folder path: String) throws -> String {
        let table = try RecipientTable(pinning: "recipients.csv", in: try JobFolder(opening: path))
        guard let address = table.header.index(of: "email") else { return "{}" }
        let reader = try table.reader()
        var line = CSVRow()
        var count = 0
        var bad = 0
        while try reader.next(into: &line) {
            count += 1
            if line.problem != nil || (try? AddressParser.parse(line.row[address])) == nil { bad += 1 }
        }
        return #"{"count": \#(count), "bad": \#(bad)}"#
    }
}

extension JobFolder {
    /// Opens a folder by its path.
    convenience init(opening path: String) throws {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        let parent = "/" + parts.dropLast().joined(separator: "/")
        try self.init(String(parts.last ?? ""), in: try Directory(path: parent))
    }
}
