public import Core

/// A list's subscribers as a table: for people, and as a job's recipients.
public enum SubscriberFile {
    /// The columns, in order.
    public static let columns = ["email", "subscriber", "language", "subscribed_at", "confirmed_at"]

    /// One subscriber.
    public struct Line: Sendable {
        /// The address.
        public var address: Protected<String>
        /// The number in the list.
        public var number: Int
        /// Two letters, or nothing.
        public var language: String
        /// When the form was sent; `nil` for those that staff put on the list.
        public var requested: Timestamp?
        /// When the subscription was confirmed.
        public var confirmed: Timestamp

        /// Collects a line.
        public init(
            address: Protected<String>,
            number: Int,
            language: String,
            requested: Timestamp?,
            confirmed: Timestamp
        ) {
            self.address = address
            self.number = number
            self.language = language
            self.requested = requested
            self.confirmed = confirmed
        }
    }

    /// The table.
    public static func bytes(_ lines: some Sequence<Line>) -> [UInt8] {
        var csv = SpreadsheetCSV(columns: columns)
        for line in lines {
            csv.cell(line.address.exposed)
            csv.number(line.number)
            csv.cell(line.language)
            csv.time(line.requested)
            csv.time(line.confirmed)
            csv.endLine()
        }
        return csv.take()
    }

    /// Whether an address stands in the table as it is: a spreadsheet would run one that begins with a sign as a formula, and
    /// with an apostrophe in front it would be another address.
    public static func isFit(_ address: String) -> Bool {
        guard let first = address.unicodeScalars.first else { return false }
        return first.properties.isAlphabetic || ("0"..."9").contains(first) || first == "_"
    }
}
