import Core
import Records
import Reports

/// A question that can be asked: its path, what it may say, who may ask, and what the answer has.
struct Operation: Sendable {
    /// What an answer is made of.
    struct Shape: Sendable {
        /// The entry's name in the document.
        var name: String
        var fields: [(name: String, schema: Schema, about: String)]

        var schema: Schema {
            .object(fields.map { ($0.name, $0.schema.about($0.about)) })
        }
    }

    /// Entries, as far as this page goes.
    struct Listing: Sendable {
        var entries: [[FieldValue]]
        var next: String?
    }

    /// What was found, as far as this page goes.
    struct Found<Entry: Sendable>: Sendable {
        var entries: [Entry]
        var next: String?

        init(_ page: Paged<Entry>) {
            entries = page.entries
            next = page.next
        }

        /// All there is, or as much of it as fits a page.
        init(_ entries: [Entry], upTo limit: Int) {
            self.entries = Array(entries.prefix(limit))
        }
    }

    let path: String
    let id: String
    let summary: String
    let about: String
    let scope: APIScope
    let parameters: [Parameter]
    let shape: Shape
    /// Whether there is one entry or none; a list otherwise.
    var isSingle = false
    let find: @Sendable (Question, ReportIndex) throws -> Listing

    /// Declares a question whose answer is a list.
    init<Entry: Sendable>(
        _ path: String,
        _ id: String,
        _ summary: String,
        about: String,
        scope: APIScope,
        parameters: [Parameter],
        entry: String,
        fields: [Field<Entry>],
        isSingle: Bool = false,
        find: @escaping @Sendable (Question, ReportIndex) throws -> Found<Entry>
    ) {
        self.path = path
        self.id = id
        self.summary = summary
        self.about = about
        self.scope = scope
        self.parameters = parameters
        self.isSingle = isSingle
        shape = Shape(name: entry, fields: fields.map { ($0.name, $0.schema, $0.about) })
        self.find = { question, index in
            let page = try find(question, index)
            return Listing(entries: page.entries.map { entry in fields.map { $0.value(entry) } }, next: page.next)
        }
    }

    // MARK: - Answers

    func json(_ listing: Listing) -> JSONValue? {
        let entries = listing.entries.map { values in
            JSONValue.members(zip(shape.fields, values).map { ($0.name, $1.json) })
        }
        if isSingle { return entries.first }
        return .members([("entries", .list(entries)), ("next", .optional(listing.next))])
    }

    func csv(_ listing: Listing) -> [UInt8] {
        var csv = SpreadsheetCSV(columns: shape.fields.map(\.name))
        for values in listing.entries {
            for value in values { value.append(to: &csv) }
            csv.endLine()
        }
        return csv.take()
    }

    /// What stands for the job in a path of this question's form; `nil` if the path is another's.
    func match(_ path: String) -> [String: String]? {
        let wanted = self.path.split(separator: "/", omittingEmptySubsequences: false)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard wanted.count == parts.count else { return nil }
        var values: [String: String] = [:]
        for (pattern, part) in zip(wanted, parts) {
            if pattern.hasPrefix("{") {
                values[String(pattern.dropFirst().dropLast())] = String(part)
            } else if pattern != part {
                return nil
            }
        }
        return values
    }
}
