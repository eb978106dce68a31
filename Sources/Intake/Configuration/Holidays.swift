public import Core
import YAML

/// Days on which nothing goes out.
public struct Holidays: Hashable, Sendable {
    /// The most days that a file may have.
    static let most = 10_000

    /// The days.
    public private(set) var days: Set<CalendarDate>

    /// Takes days.
    public init(_ days: Set<CalendarDate> = []) {
        self.days = days
    }

    /// Whether there are none.
    public var isEmpty: Bool { days.isEmpty }

    /// Whether a day is one.
    public func contains(_ day: CalendarDate) -> Bool {
        days.contains(day)
    }

    /// Days of both.
    public func union(_ other: Holidays) -> Holidays {
        Holidays(days.union(other.days))
    }

    /// Reads a file: one day a line, `2026-12-25`, with its name behind it if somebody wants to read it; or iCalendar.
    ///
    /// `#` begins a comment. Reports everything that is wrong, line by line.
    public static func parse(_ bytes: [UInt8], file: String) throws(Diagnostics) -> Holidays {
        var reader = HolidayReader(file: file)
        var text = bytes[...]
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        guard !text.contains(0), String(validating: text, as: UTF8.self) != nil else {
            throw Diagnostics([Diagnostic("the file is no UTF-8 text", at: Place(file: file))])
        }
        reader.read(String(decoding: text, as: UTF8.self))
        guard reader.problems.isEmpty else { throw Diagnostics(reader.problems) }
        return Holidays(reader.days)
    }
}

/// Reads a holidays file, line by line.
private struct HolidayReader {
    let file: String
    var days: Set<CalendarDate> = []
    var problems: [Diagnostic] = []

    /// An event of a calendar, as far as it was read.
    private struct Event {
        var line: Int
        var first: CalendarDate?
        /// The day after the last one.
        var end: CalendarDate?
        var length: Int?
        var isCancelled = false
        var hasProblem = false
    }

    init(file: String) {
        self.file = file
    }

    mutating func read(_ text: String) {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        let first = lines.first { !$0.allSatisfy(\.isWhitespace) }
        if let first, first.uppercased().hasPrefix("BEGIN:VCALENDAR") {
            readCalendar(lines)
        } else {
            readList(lines)
        }
    }

    private mutating func report(_ problem: String, _ line: Int, _ column: Int = 1, fix: String) {
        guard problems.count < 100 else { return }
        problems.append(Diagnostic(problem, at: Place(file: file, line: line, column: column), fix: fix))
    }

    private mutating func add(_ day: CalendarDate, _ line: Int) {
        days.insert(day)
        if days.count == Holidays.most + 1 {
            report("there are more than \(Holidays.most) days", line, fix: "leave out what lies far away")
        }
    }

    // MARK: - A list

    private mutating func readList(_ lines: [Substring]) {
        for (index, line) in lines.enumerated() {
            let text = line.drop(while: \.isWhitespace)
            guard let first = text.first, first != "#" else { continue }
            let word = text.prefix { !$0.isWhitespace && $0 != "," && $0 != ";" }
            let column = line.count - text.count + 1
            guard let day = CalendarDate(word) else {
                let fix = "write a day such as 2026-12-25 first; its name may follow"
                report("\(Words.quoted(String(word))) is no day", index + 1, column, fix: fix)
                continue
            }
            add(day, index + 1)
        }
    }

    // MARK: - iCalendar (RFC 5545)

    private mutating func readCalendar(_ lines: [Substring]) {
        var event: Event?
        var depth = 0
        for (number, line) in Self.unfold(lines) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let parts = line[..<colon].uppercased().split(separator: ";").map(String.init)
            let name = parts.first ?? ""
            let value = line[line.index(after: colon)...].uppercased()
            switch (name, value) {
            case ("BEGIN", "VEVENT"): event = Event(line: number)
            // An alarm inside an event has times of its own.
            case ("BEGIN", _): depth += 1
            case ("END", "VEVENT"):
                if let event { add(event) }
                event = nil
            case ("END", _): depth -= 1
            default:
                guard depth <= 1, var current = event else { continue }
                take(name, value, number, &current)
                event = current
            }
        }
        if let event {
            report("the event is not closed", event.line, fix: "export the calendar anew")
        }
    }

    private mutating func take(_ name: String, _ value: String, _ line: Int, _ event: inout Event) {
        switch name {
        case "DTSTART", "DTEND":
            guard let day = Self.day(value) else {
                event.hasProblem = true
                return report(
                    "\(name) is no whole day",
                    line,
                    fix: "a holiday lasts from midnight to midnight: make it an event of all day"
                )
            }
            if name == "DTSTART" { event.first = day } else { event.end = day }
        case "DURATION":
            let digits = value.dropFirst().dropLast()
            let unit = value.last == "W" ? 7 : 1
            guard value.first == "P", value.last == "D" || value.last == "W", let count = Int(digits),
                (1...400).contains(count)
            else {
                event.hasProblem = true
                return report("DURATION is no number of whole days", line, fix: "make it an event of all day")
            }
            event.length = count * unit
        case "RRULE", "RDATE", "EXDATE":
            event.hasProblem = true
            report(
                "repeated events are not read",
                line,
                fix: "export each year's days as events of their own, or write a list of days"
            )
        case "STATUS": event.isCancelled = value == "CANCELLED"
        default: break
        }
    }

    private mutating func add(_ event: Event) {
        guard !event.isCancelled, !event.hasProblem else { return }
        guard let first = event.first else {
            return report("the event has no DTSTART", event.line, fix: "export the calendar anew")
        }
        let length = event.length ?? event.end.map { first.days(until: $0) } ?? 1
        guard (1...400).contains(length) else {
            return report("the event ends before it begins, or lasts more than a year", event.line, fix: "correct it")
        }
        for offset in 0..<length { add(first.advanced(by: offset), event.line) }
    }

    /// Lines put together that were folded, each with the number of its first.
    private static func unfold(_ lines: [Substring]) -> [(number: Int, line: String)] {
        var whole: [(number: Int, line: String)] = []
        for (index, line) in lines.enumerated() {
            if let first = line.first, first == " " || first == "\t", !whole.isEmpty {
                whole[whole.count - 1].line += line.dropFirst()
            } else {
                whole.append((index + 1, String(line)))
            }
        }
        return whole
    }

    /// `20261225`; nothing with a time of day.
    private static func day(_ value: String) -> CalendarDate? {
        let text = value.filter { !$0.isWhitespace }
        guard text.utf8.count == 8 else { return nil }
        return CalendarDate("\(text.prefix(4))-\(text.dropFirst(4).prefix(2))-\(text.suffix(2))")
    }
}

extension CalendarDate {
    /// Midnight in UTC.
    var midnight: Timestamp { Timestamp(year: year, month: month, day: day) }

    func days(until other: CalendarDate) -> Int {
        Int((other.midnight.seconds - midnight.seconds) / 86_400)
    }

    func advanced(by days: Int) -> CalendarDate {
        let fields = (midnight + Int64(days) * 86_400).fields
        return CalendarDate(year: fields.year, month: fields.month, day: fields.day) ?? self
    }
}
