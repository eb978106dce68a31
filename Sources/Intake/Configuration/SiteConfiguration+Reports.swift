import Core
import YAML

extension SiteConfiguration {
    /// When reports on the whole site are written, and how.
    public struct Reports: Hashable, Sendable {
        /// When each day the reports by day are, by the site's clock; `nil` for never.
        public var daily: TimeOfDay?
        /// When on Mondays the reports by week are.
        public var weekly: TimeOfDay?
        /// When on the first of a month the reports by month are.
        public var monthly: TimeOfDay?
        /// How many mailboxes of a recipients' domain must have been written to for it to be named.
        public var smallestDomain = 10

        /// Nothing is written by itself.
        public init() {}

        /// Reads `reports`; where it is not there, nothing is written by itself.
        static func read(_ reader: MappingReader) -> Reports {
            var reports = Reports()
            let known = ["daily", "weekly", "monthly", "domains_from"]
            guard let fields = reader.mapping("reports", known: known) else { return reports }
            reports.daily = time("daily", fields)
            reports.weekly = time("weekly", fields)
            reports.monthly = time("monthly", fields)
            reports.smallestDomain = fields.number("domains_from", in: 1...100)?.value ?? reports.smallestDomain
            return reports
        }

        private static func time(_ key: String, _ fields: MappingReader) -> TimeOfDay? {
            fields.value(key, expected: "a time of the day such as 06:00") { TimeOfDay($0) }?.value
        }
    }
}

/// A time of the day, on whichever day.
public struct TimeOfDay: Hashable, Sendable, CustomStringConvertible {
    /// Minutes since midnight.
    public let minutes: Int

    /// Reads `06:00`; `nil` for anything else.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":"), let hour = WholeNumber.digits(bytes[..<2]), hour < 24,
            let minute = WholeNumber.digits(bytes[3...]), minute < 60
        else { return nil }
        minutes = hour * 60 + minute
    }

    /// The form in which it is written.
    public var description: String {
        "\(WholeNumber.padded(minutes / 60, 2)):\(WholeNumber.padded(minutes % 60, 2))"
    }
}
