import Core

/// A time as a manifest writes it: on the wall's clock of the site's zone, or with an offset of its own.
///
/// `YYYY-MM-DD HH:MM`, optionally `:SS`, optionally an offset: `Z`, `+02:00` or `-0600`, with or without a space.
public struct LocalTime: Hashable, Sendable, CustomStringConvertible {
    /// The day.
    public let date: CalendarDate
    /// The hour, 0 to 23.
    public let hour: Int
    /// The minute, 0 to 59.
    public let minute: Int
    /// The second, 0 to 59.
    public let second: Int
    /// Seconds east of UTC where the text gives an offset; `nil` means the site's zone.
    public let offset: Int?

    /// Creates a time; `nil` if a field is out of range.
    public init?(date: CalendarDate, hour: Int, minute: Int, second: Int = 0, offset: Int? = nil) {
        guard (0...23).contains(hour), (0...59).contains(minute), (0...59).contains(second),
            (-86_399...86_399).contains(offset ?? 0)
        else { return nil }
        self.date = date
        self.hour = hour
        self.minute = minute
        self.second = second
        self.offset = offset
    }

    /// Reads a time; `nil` for anything else.
    ///
    /// A `T` between day and hour is taken, too (RFC 3339).
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 16, bytes[10] == UInt8(ascii: " ") || bytes[10] == UInt8(ascii: "T"),
            let date = CalendarDate(String(decoding: bytes[..<10], as: UTF8.self)),
            bytes[13] == UInt8(ascii: ":"),
            let hour = WholeNumber.digits(bytes[11..<13]), let minute = WholeNumber.digits(bytes[14..<16])
        else { return nil }
        var rest = bytes[16...]
        var second = 0
        if rest.first == UInt8(ascii: ":") {
            guard rest.count >= 3, let number = WholeNumber.digits(rest.dropFirst().prefix(2)) else { return nil }
            second = number
            rest = rest.dropFirst(3)
        }
        var offset: Int?
        if !rest.isEmpty {
            if rest.first == UInt8(ascii: " ") { rest = rest.dropFirst() }
            guard let seconds = Self.offset(Array(rest)) else { return nil }
            offset = seconds
        }
        self.init(date: date, hour: hour, minute: minute, second: second, offset: offset)
    }

    /// The form in which it is written.
    public var description: String {
        let clock = [hour, minute, second].map { WholeNumber.padded($0, 2) }.joined(separator: ":")
        guard let offset else { return "\(date) \(clock)" }
        let minutes = abs(offset) / 60
        let sign = offset < 0 ? "-" : "+"
        return "\(date) \(clock) \(sign)\(WholeNumber.padded(minutes / 60, 2)):\(WholeNumber.padded(minutes % 60, 2))"
    }

    private static func offset(_ bytes: [UInt8]) -> Int? {
        if bytes == [UInt8(ascii: "Z")] { return 0 }
        guard let sign = bytes.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
        var digits = bytes.dropFirst()
        if digits.count == 5, digits[digits.startIndex + 2] == UInt8(ascii: ":") {
            digits = ArraySlice(Array(digits.prefix(2)) + Array(digits.suffix(2)))
        }
        guard digits.count == 4, let hours = WholeNumber.digits(digits.prefix(2)), hours <= 23,
            let minutes = WholeNumber.digits(digits.suffix(2)), minutes <= 59
        else { return nil }
        return (sign == UInt8(ascii: "-") ? -1 : 1) * (hours * 3_600 + minutes * 60)
    }
}
