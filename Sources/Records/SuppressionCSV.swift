public import Core
public import Files

/// The suppression list as a table for people and other systems: `address,tag,scope,list,reason,since`.
///
/// Written as all our tables are: UTF-8 with a byte-order mark, CRLF, RFC 4180 quotes, no cell that a spreadsheet would run.
public struct SuppressionCSV {
    /// The columns, in order.
    public static let columns = ["address", "tag", "scope", "list", "reason", "since"]

    private var csv = SpreadsheetCSV(columns: columns)

    /// Starts with the header.
    public init() {}

    /// Writes an entry.
    ///
    /// - Parameters:
    ///   - address: The address, where somebody typed it in.
    ///   - tag: The site's tag of it, with the number of the key that made it.
    ///   - scope: `all`, `marketing` or `list`.
    ///   - list: The list's name; empty for other scopes.
    ///   - reason: Why.
    ///   - milliseconds: Since when, in milliseconds since 1970.
    public mutating func append(
        address: String,
        tag: String,
        scope: String,
        list: String,
        reason: Reason,
        milliseconds: Int64
    ) {
        csv.cell(address)
        csv.cell(tag)
        csv.cell(scope)
        csv.cell(list)
        csv.cell(reason.rawValue)
        let seconds = milliseconds.quotientAndRemainder(dividingBy: 1_000)
        let rest = String(seconds.remainder)
        csv.cell("\(Timestamp(seconds: seconds.quotient)).\(String(repeating: "0", count: 3 - rest.utf8.count))\(rest)")
        csv.endLine()
    }

    /// Gives up what was written so far.
    public mutating func take() -> [UInt8] {
        csv.take()
    }

    /// How many bytes wait to be taken.
    public var waiting: Int {
        csv.bytes.count
    }

    /// Replaces a file by a table, and signs it beside.
    public static func replace(
        _ name: String,
        in directory: Directory,
        signer: Signer,
        _ body: (_ table: inout SuppressionCSV, _ write: ([UInt8]) throws -> Void) throws -> Void
    ) throws {
        try signer.replace(name, in: directory, permissions: 0o600) { writer in
            var table = SuppressionCSV()
            try body(&table) { try writer.append($0) }
            try writer.append(table.take())
        }
    }
}
