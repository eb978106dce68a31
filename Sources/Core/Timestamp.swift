import Glibc

/// A moment, in whole seconds since 1970-01-01 00:00:00 UTC.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Seconds since the epoch.
    public let seconds: Int64

    /// Wraps seconds since the epoch.
    public init(seconds: Int64) {
        self.seconds = seconds
    }

    /// The machine's clock, now.
    public static var now: Timestamp {
        Timestamp(seconds: Int64(time(nil)))
    }

    /// Orders moments.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.seconds < right.seconds
    }

    /// The moment some seconds later.
    public static func + (moment: Timestamp, seconds: Int64) -> Timestamp {
        Timestamp(seconds: moment.seconds + seconds)
    }

    /// The calendar fields in UTC.
    public var fields: (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, weekday: Int) {
        // Days to civil date in the proleptic Gregorian calendar, by shifting the year's start to March so that the
        // leap day comes last (Richards' algorithm).
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = seconds - days * 86_400
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let weekday = (days % 7 + 11) % 7
        return (
            Int(year), Int(month), Int(day), Int(rest / 3_600), Int(rest / 60 % 60), Int(rest % 60), Int(weekday)
        )
    }

    /// The moment of calendar fields in UTC; the fields are not checked.
    public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        let shiftedYear = Int64(month <= 2 ? year - 1 : year)
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let shiftedMonth = Int64(month > 2 ? month - 3 : month + 9)
        let dayOfYear = (153 * shiftedMonth + 2) / 5 + Int64(day) - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        self.seconds = days * 86_400 + Int64(hour) * 3_600 + Int64(minute) * 60 + Int64(second)
    }

    /// `YYYY-MM-DD HH:MM:SS` in UTC, as every file of ours writes it.
    public var description: String {
        let at = fields
        guard (0...9_999).contains(at.year) else {
            return "\(at.year)-\(digits(at.month))-\(digits(at.day)) "
                + "\(digits(at.hour)):\(digits(at.minute)):\(digits(at.second))"
        }
        return unsafe String(unsafeUninitializedCapacity: 19) { text in
            let put = { (index: Int, number: Int) in
                unsafe text[index] = 0x30 + UInt8(truncatingIfNeeded: number / 10)
                unsafe text[index + 1] = 0x30 + UInt8(truncatingIfNeeded: number % 10)
            }
            put(0, at.year / 100)
            put(2, at.year % 100)
            put(5, at.month)
            put(8, at.day)
            put(11, at.hour)
            put(14, at.minute)
            put(17, at.second)
            for index in [4, 7] { unsafe text[index] = UInt8(ascii: "-") }
            unsafe text[10] = UInt8(ascii: " ")
            for index in [13, 16] { unsafe text[index] = UInt8(ascii: ":") }
            return 19
        }
    }

    /// Reads ``description``'s form back; `nil` for anything else.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 19, bytes[4] == 45, bytes[7] == 45, bytes[10] == 32, bytes[13] == 58, bytes[16] == 58,
            let year = Int(String(decoding: bytes[0..<4], as: UTF8.self)),
            let month = Int(String(decoding: bytes[5..<7], as: UTF8.self)), (1...12).contains(month),
            let day = Int(String(decoding: bytes[8..<10], as: UTF8.self)), (1...31).contains(day),
            let hour = Int(String(decoding: bytes[11..<13], as: UTF8.self)), (0...23).contains(hour),
            let minute = Int(String(decoding: bytes[14..<16], as: UTF8.self)), (0...59).contains(minute),
            let second = Int(String(decoding: bytes[17..<19], as: UTF8.self)), (0...59).contains(second)
        else { return nil }
        self.init(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        guard description == text else { return nil }
    }

    private func digits(_ number: Int) -> String {
        number < 10 ? "0\(number)" : String(number)
    }
}
