import Core

extension SendingWindow {
    /// Reads days and hours: `Mon-Fri 08:00-18:00`, several with commas between; `nil` for anything else.
    ///
    /// Days are English, three letters or whole, in any case; `daily` is all of them, and hours without days hold for
    /// the days before them, or for every day. A span that closes at or before its opening closes on the next day.
    public init?(_ text: String) {
        var spans: [Span] = []
        var days: [Int] = []
        var isNewGroup = true
        let words = Self.joinRanges(text).split { " ,;\t".contains($0) }
        guard words.count <= 50 else { return nil }
        for word in words {
            if let hours = Self.hours(word) {
                spans.append(
                    Span(
                        weekdays: days.isEmpty ? Array(0...6) : days.sorted(),
                        opens: hours.opens,
                        closes: hours.closes
                    )
                )
                isNewGroup = true
            } else if let more = Self.weekdays(word) {
                if isNewGroup { days = [] }
                isNewGroup = false
                days = Array(Set(days + more))
            } else {
                return nil
            }
        }
        guard !spans.isEmpty, isNewGroup else { return nil }
        self.init(spans)
    }

    /// Takes the spaces out from around hyphens, and hyphens for the dashes that word processors make of them.
    private static func joinRanges(_ text: String) -> String {
        var result: [Character] = []
        var afterHyphen = false
        for character in text {
            if character == "-" || character == "\u{2013}" {
                while result.last == " " { result.removeLast() }
                result.append("-")
                afterHyphen = true
            } else if character != " " || !afterHyphen {
                result.append(character)
                afterHyphen = false
            }
        }
        return String(result)
    }

    private static func hours(_ word: Substring) -> (opens: Int, closes: Int)? {
        let parts = word.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let opens = minute(parts[0]), opens < 1_440, let closes = minute(parts[1]),
            opens != closes
        else { return nil }
        return (opens, closes)
    }

    private static func minute(_ text: Substring) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":"), let hour = WholeNumber.digits(bytes[..<2]),
            let minute = WholeNumber.digits(bytes[3...]), minute <= 59, hour * 60 + minute <= 1_440
        else { return nil }
        return hour * 60 + minute
    }

    private static func weekdays(_ word: Substring) -> [Int]? {
        let parts = word.lowercased().split(separator: "-", omittingEmptySubsequences: false)
        if parts == ["daily"] { return Array(0...6) }
        guard let first = parts.first.flatMap(weekday) else { return nil }
        guard parts.count == 2 else { return parts.count == 1 ? [first] : nil }
        guard let last = weekday(parts[1]) else { return nil }
        let count = (last - first + 7) % 7
        return (0...count).map { (first + $0) % 7 }
    }

    private static func weekday(_ word: Substring) -> Int? {
        let names = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
        return names.firstIndex { $0 == word || $0.prefix(3) == word }
    }
}
