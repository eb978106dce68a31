import Core

/// The rule at a tz file's end for the time after its table: a POSIX `TZ` string such as `CST6CDT,M3.2.0,M11.1.0`.
struct YearlyRule: Hashable, Sendable {
    /// A day of the year and a time on it, in seconds of the day; both may lie outside their usual range.
    struct Change: Hashable, Sendable {
        enum Day: Hashable, Sendable {
            /// 1 to 365; 29 February is never counted.
            case julian(Int)
            /// 0 to 365; 29 February is counted.
            case ordinal(Int)
            /// The weekday (0 is Sunday) of a month's week; week 5 is the last.
            case weekday(month: Int, week: Int, day: Int)
        }
        var day: Day
        var time: Int

        /// When it comes in a year, in seconds of the wall's clock.
        func wall(in year: Int) -> Int64 {
            let start = Timestamp(year: year, month: 1, day: 1).seconds
            let leap = Timestamp(year: year + 1, month: 1, day: 1).seconds - start == 366 * 86_400
            let days: Int64
            switch day {
            case .julian(let number): days = Int64(number - 1 + (leap && number >= 60 ? 1 : 0))
            case .ordinal(let number): days = Int64(number)
            case .weekday(let month, let week, let weekday):
                let first = Timestamp(year: year, month: month, day: 1)
                var offset = (weekday - first.fields.weekday + 7) % 7 + (week - 1) * 7
                let next =
                    month == 12
                    ? Timestamp(year: year + 1, month: 1, day: 1) : Timestamp(year: year, month: month + 1, day: 1)
                while Int64(offset) * 86_400 >= next.seconds - first.seconds { offset -= 7 }
                days = (first.seconds - start) / 86_400 + Int64(offset)
            }
            return start + days * 86_400 + Int64(time)
        }
    }

    /// Standard time, in seconds east of UTC.
    var standard: Int
    /// Summer time, and when it begins and ends; `nil` if there is none.
    var summer: Summer?

    struct Summer: Hashable, Sendable {
        var offset: Int
        var begins: Change
        var ends: Change
    }

    /// The offset at a moment.
    func offset(at seconds: Int64) -> Int {
        guard let summer else { return standard }
        let year = Timestamp(seconds: seconds + Int64(standard)).fields.year
        let begins = summer.begins.wall(in: year) - Int64(standard)
        let ends = summer.ends.wall(in: year) - Int64(summer.offset)
        let isSummer = begins < ends ? begins <= seconds && seconds < ends : seconds < ends || begins <= seconds
        return isSummer ? summer.offset : standard
    }

    /// The first change after a moment; `nil` if there is none.
    func nextChange(after seconds: Int64) -> Int64? {
        guard let summer else { return nil }
        let year = Timestamp(seconds: seconds + Int64(standard)).fields.year
        let changes = (year - 1...year + 1).flatMap { year in
            [summer.begins.wall(in: year) - Int64(standard), summer.ends.wall(in: year) - Int64(summer.offset)]
        }
        return changes.filter { $0 > seconds }.min()
    }

    /// Reads the string; `nil` if it is none.
    init?(_ text: String) {
        var scanner = Scanner(rest: Array(text.utf8)[...])
        guard scanner.name(), let standard = scanner.time(hours: 24) else { return nil }
        self.standard = -standard
        self.summer = nil
        guard !scanner.rest.isEmpty else { return }
        guard scanner.name() else { return nil }
        var offset = self.standard + 3_600
        if scanner.rest.first != UInt8(ascii: ",") {
            guard let west = scanner.time(hours: 24) else { return nil }
            offset = -west
        }
        guard let begins = scanner.change(), let ends = scanner.change(), scanner.rest.isEmpty else { return nil }
        self.summer = Summer(offset: offset, begins: begins, ends: ends)
    }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest = rest.dropFirst()
            return true
        }

        /// An abbreviation: letters, or anything but `>` in angle brackets.
        mutating func name() -> Bool {
            if take("<") {
                guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
                rest = rest[(end + 1)...]
                return true
            }
            let letters = rest.prefix { (0x41...0x5A).contains($0 & 0xDF) }
            rest = rest.dropFirst(letters.count)
            return letters.count >= 3
        }

        mutating func number(_ range: ClosedRange<Int>) -> Int? {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(digits.count)
            guard let number = WholeNumber.digits(digits), range.contains(number) else { return nil }
            return number
        }

        /// `[+-]hh[:mm[:ss]]` in seconds.
        mutating func time(hours: Int) -> Int? {
            let sign = take("-") ? -1 : 1
            if sign == 1 { _ = take("+") }
            guard var seconds = number(0...hours).map({ $0 * 3_600 }) else { return nil }
            for unit in [60, 1] where take(":") {
                guard let part = number(0...59) else { return nil }
                seconds += part * unit
            }
            return sign * seconds
        }

        mutating func change() -> Change? {
            guard take(",") else { return nil }
            let day: Change.Day
            if take("M") {
                guard let month = number(1...12), take("."), let week = number(1...5), take("."),
                    let weekday = number(0...6)
                else { return nil }
                day = .weekday(month: month, week: week, day: weekday)
            } else if take("J") {
                guard let number = number(1...365) else { return nil }
                day = .julian(number)
            } else {
                guard let number = number(0...365) else { return nil }
                day = .ordinal(number)
            }
            guard take("/") else { return Change(day: day, time: 7_200) }
            guard let time = time(hours: 167) else { return nil }
            return Change(day: day, time: time)
        }
    }
}
