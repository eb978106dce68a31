import Core
import Records

/// One thing that an answer tells of each entry; declared once, for the document, JSON and CSV.
struct Field<Entry: Sendable>: Sendable {
    let name: String
    let schema: Schema
    let about: String
    let value: @Sendable (Entry) -> FieldValue

    init(_ name: String, _ schema: Schema, _ about: String, _ value: @escaping @Sendable (Entry) -> FieldValue) {
        self.name = name
        self.schema = schema
        self.about = about
        self.value = value
    }
}

/// A value as an answer tells it.
enum FieldValue: Sendable {
    case none
    case text(String)
    case number(Int)
    /// Milliseconds since 1970-01-01 00:00:00 UTC.
    case milliseconds(Int64)
    case moment(Timestamp)
    case counts([String: Int])

    static func optional(_ text: String?) -> FieldValue { text.map { .text($0) } ?? .none }
    static func optional(_ number: Int?) -> FieldValue { number.map { .number($0) } ?? .none }
    static func optional(_ moment: Timestamp?) -> FieldValue { moment.map { .moment($0) } ?? .none }
    /// Nothing for an empty text.
    static func orNone(_ text: String) -> FieldValue { text.isEmpty ? .none : .text(text) }

    var json: JSONValue {
        switch self {
        case .none: .null
        case .text(let text): .text(text)
        case .number(let number): .int(number)
        case .moment(let moment): .text(RFC3339.text(moment))
        case .milliseconds(let time): .text(RFC3339.text(milliseconds: time))
        case .counts(let counts): .members(counts.sorted { $0.key < $1.key }.map { ($0.key, .int($0.value)) })
        }
    }

    func append(to csv: inout SpreadsheetCSV) {
        switch self {
        case .none: csv.empty()
        case .text(let text): csv.cell(text)
        case .number(let number): csv.number(number)
        case .moment(let moment): csv.time(moment)
        case .milliseconds(let time): csv.time(RFC3339.second(ofMilliseconds: time))
        case .counts(let counts):
            csv.cell(counts.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }.joined(separator: "; "))
        }
    }
}

extension RFC3339 {
    /// `2026-11-22T08:00:00Z`.
    static func text(_ moment: Timestamp) -> String {
        "\(moment)".replacing(" ", with: "T") + "Z"
    }

    /// `2026-11-22T08:00:00.123Z`.
    static func text(milliseconds: Int64) -> String {
        let second = second(ofMilliseconds: milliseconds)
        let rest = Int(milliseconds - second.seconds * 1_000)
        return text(second).dropLast() + ".\(WholeNumber.padded(rest, 3))Z"
    }

    static func second(ofMilliseconds time: Int64) -> Timestamp {
        Timestamp(seconds: time >= 0 ? time / 1_000 : (time - 999) / 1_000)
    }
}
