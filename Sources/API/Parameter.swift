import Core
import YAML

/// One thing that can be said in a question.
///
/// Declared once: the document is made of this, and requests are read by it.
struct Parameter: Sendable {
    /// What form it has.
    enum Form: Sendable {
        /// A moment by RFC 3339.
        case moment
        /// A day of the calendar.
        case day
        /// A job's number.
        case job
        /// A text that fits a pattern, told in words.
        case text(pattern: String, longest: Int, in: String)
        /// Any text.
        case anyText(longest: Int)
        /// One of some words.
        case word([String])
        /// Several of some words, with commas between.
        case words([String])
        /// A whole number.
        case number(ClosedRange<Int>)
    }

    /// Where it stands.
    enum Position: String, Sendable {
        case query
        case path
    }

    let name: String
    var position = Position.query
    let form: Form
    let about: String
    /// What holds where it is left out, for the document.
    var usual: JSONValue?
    /// What it takes besides the question's own scope.
    var scope: APIScope?

    // MARK: - The document

    var schema: Schema {
        switch form {
        case .moment: Schema.string(format: "date-time")
        case .day: Schema.string(format: "date")
        case .job: Schema.string(pattern: Self.jobPattern)
        case .text(let pattern, let longest, _): Schema.string(pattern: pattern, longest: longest, shortest: 1)
        case .anyText(let longest): Schema.string(longest: longest, shortest: 1)
        case .word(let words): Schema.word(words)
        case .words(let words): Schema.list(of: Schema.word(words), shortest: 1, longest: words.count)
        case .number(let range): Schema.integer(range)
        }
    }

    static let jobPattern = "^[0-9a-f]{20}(-([2-9]|[1-9][0-9]{1,3}))?$"

    var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("name", .text(name)), ("in", .text(position.rawValue)), ("description", .text(about)),
            ("required", .bool(position == .path)),
        ]
        var schema = schema.members
        if let usual { schema.append(("default", usual)) }
        members.append(("schema", .members(schema)))
        if case .words = form {
            members.append(("style", .text("form")))
            members.append(("explode", .bool(false)))
        }
        return .members(members)
    }

    // MARK: - Requests

    /// What a value says.
    enum Value: Sendable {
        case moment(Timestamp)
        case day(Timestamp)
        case job(JobID)
        case text(String)
        case words([String])
        case number(Int)
    }

    /// What is wrong with a value, as a clause without it.
    struct Refused: Error {
        var problem: String
    }

    /// Reads a value.
    func read(_ text: String) throws(Refused) -> Value {
        switch form {
        case .moment:
            guard let moment = RFC3339.moment(text) else { throw refused("a moment such as 2026-11-22T08:00:00Z") }
            return .moment(moment)
        case .day:
            guard let day = Timestamp("\(text) 00:00:00") else { throw refused("a day such as 2026-11-22") }
            return .day(day)
        case .job:
            guard let job = JobID(text), "\(job)" == text, job.run < 10_000 else {
                throw refused("a job's number, as /v1/jobs has it")
            }
            return .job(job)
        case .text(let pattern, let longest, let words):
            guard text.unicodeScalars.count <= longest, Pattern.fits(text, pattern) else { throw refused(words) }
            return .text(text)
        case .anyText(let longest):
            guard (1...longest).contains(text.unicodeScalars.count) else {
                throw refused("a text of 1 to \(longest) characters")
            }
            return .text(text)
        case .word(let words):
            guard words.contains(text) else { throw refused(Words.list(words)) }
            return .text(text)
        case .words(let words):
            let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            guard parts.allSatisfy(words.contains), parts.count <= words.count else {
                throw refused("\(Words.list(words)), with commas between")
            }
            return .words(parts)
        case .number(let range):
            guard let number = WholeNumber.read(text), range.contains(number) else {
                throw refused("a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return .number(number)
        }
    }

    private func refused(_ expected: String) -> Refused {
        Refused(problem: "must be \(expected)")
    }
}

/// Moments as RFC 3339 writes them.
enum RFC3339 {
    /// Reads a moment; parts of a second are cut.
    ///
    /// `nil` for anything else.
    static func moment(_ text: String) -> Timestamp? {
        var bytes = Array(text.utf8)[...]
        guard bytes.count >= 20 else { return nil }
        let date = bytes.prefix(10)
        bytes = bytes.dropFirst(10)
        guard let t = bytes.popFirst(), t | 0x20 == UInt8(ascii: "t") || t == 0x20 else { return nil }
        var time = Array(bytes.prefix(8))
        bytes = bytes.dropFirst(8)
        guard time.count == 8 else { return nil }
        // A leap second is the second after.
        let isLeap = time[6] == UInt8(ascii: "6") && time[7] == UInt8(ascii: "0")
        if isLeap { (time[6], time[7]) = (UInt8(ascii: "5"), UInt8(ascii: "9")) }
        let whole = String(decoding: Array(date) + [0x20] + time, as: UTF8.self)
        guard let moment = Timestamp(whole) else { return nil }
        if bytes.first == UInt8(ascii: ".") {
            bytes = bytes.dropFirst()
            let digits = bytes.prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty else { return nil }
            bytes = bytes.dropFirst(digits.count)
        }
        guard let offset = offset(bytes) else { return nil }
        return moment + (isLeap ? 1 : 0) + -offset
    }

    private static func offset(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard let sign = bytes.first else { return nil }
        if sign | 0x20 == UInt8(ascii: "z") { return bytes.count == 1 ? 0 : nil }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), bytes.count == 6 else { return nil }
        let text = Array(bytes.dropFirst())
        guard text[2] == UInt8(ascii: ":"), let hours = Int64(String(decoding: text[..<2], as: UTF8.self)),
            let minutes = Int64(String(decoding: text[3...], as: UTF8.self)), (0...23).contains(hours),
            (0...59).contains(minutes)
        else { return nil }
        let seconds = hours * 3_600 + minutes * 60
        return sign == UInt8(ascii: "-") ? -seconds : seconds
    }
}

/// The few patterns that parameters have, by name of what they let through.
enum Pattern {
    static let domain = "^[A-Za-z0-9.-]+$"
    static let name = "^[A-Za-z0-9._()-]+$"
    static let mark = "^[A-Za-z0-9._-]+$"

    /// Whether a text is of the characters that a pattern has between its brackets, and not empty.
    static func fits(_ text: String, _ pattern: String) -> Bool {
        let others: [UInt8] =
            switch pattern {
            case domain: Array(".-".utf8)
            case name: Array("._()-".utf8)
            case mark: Array("._-".utf8)
            default: []
            }
        return !text.isEmpty
            && text.utf8.allSatisfy { byte in
                (0x41...0x5A).contains(byte & 0xDF) && byte < 0x80 || (0x30...0x39).contains(byte)
                    || others.contains(byte)
            }
    }
}
