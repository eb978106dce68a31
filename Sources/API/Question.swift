import Core
import Reports
import Tracking
import Web
import YAML

/// What a request asks, read by its operation's parameters.
struct Question: Sendable {
    /// What it is about.
    var filter = ReportFilter()
    /// Which part of the answer.
    var page = Page(limit: Self.usualPage)
    /// By what sums are told apart.
    var by: String?
    /// Whether the answer is to be CSV.
    var isCSV = false

    static let usualPage = 100
    static let largestPage = 1_000

    /// Reads the pairs of a query and the values of a path.
    init(_ operation: Operation, path: [String: String], query: String, accept: String?, key: APIKey) throws(APIProblem)
    {
        var problems: [(name: String, problem: String)] = []
        var given = path
        for (name, value) in Self.pairs(query, &problems) {
            guard let parameter = operation.parameters.first(where: { $0.name == name && $0.position == .query }) else {
                let known = operation.parameters.filter { $0.position == .query }.map(\.name)
                let near = Suggestion.nearest(to: String(name.prefix(60)), in: known)
                problems.append(("(unknown)", near.map { "did you mean \($0)?" } ?? "there is \(Words.list(known))"))
                continue
            }
            guard given.updateValue(value, forKey: parameter.name) == nil else {
                problems.append((parameter.name, "is given twice"))
                continue
            }
        }
        var days: (first: Timestamp?, last: Timestamp?)
        for parameter in operation.parameters {
            guard let text = given[parameter.name] else { continue }
            if let scope = parameter.scope, !key.scopes.contains(scope) { throw .scope(scope) }
            do throws(Parameter.Refused) {
                take(parameter.name, try parameter.read(text), &days)
            } catch {
                problems.append((parameter.name, error.problem))
            }
        }
        guard problems.isEmpty else { throw .parameters(problems) }
        if let first = days.first ?? days.last.map({ _ in Timestamp(year: 1970, month: 1, day: 1) }) {
            let last = days.last ?? Timestamp(year: 9999, month: 12, day: 31)
            // A time that ends before it begins has no day in it.
            guard let range = Self.days(first, last) else { isEmpty = true; return }
            filter.days = range
        }
        if given["format"] == nil, let accept, accept.contains("text/csv"), !accept.contains("json") { isCSV = true }
        filter.onlySenderDomains = key.domains
        filter.onlyJobs = key.jobs
    }

    /// Whether nothing can be found, whatever there is.
    private(set) var isEmpty = false

    private mutating func take(
        _ name: String,
        _ value: Parameter.Value,
        _ days: inout (first: Timestamp?, last: Timestamp?)
    ) {
        switch (name, value) {
        case ("from", .moment(let moment)): filter.from = moment
        case ("before", .moment(let moment)): filter.before = moment
        case ("first_day", .day(let day)): days.first = day
        case ("last_day", .day(let day)): days.last = day
        case ("job", .job(let job)): filter.job = job
        case ("sender", .text(let text)): filter.sender = text
        case ("sender_domain", .text(let text)): filter.senderDomain = text
        case ("recipient_domain", .text(let text)): filter.recipientDomain = text
        case ("list", .text(let text)): filter.list = text == Self.noList ? "" : text
        case ("route", .text(let text)): filter.route = text
        case ("row_key", .text(let text)): filter.rowKey = Protected(text)
        case ("status", .words(let words)): filter.states = Set(words.compactMap { RowStatus(rawValue: $0) })
        case ("kind", .words(let words)): filter.kinds = Set(words.compactMap { Event.Kind(rawValue: $0) })
        case ("class", .text(let text)): filter.audience = Event.Audience(rawValue: text)
        case ("link", .number(let number)): filter.link = number
        case ("limit", .number(let number)): page.limit = number
        case ("after", .text(let text)): page.after = text
        case ("by", .text(let text)): by = text
        case ("format", .text(let text)): isCSV = text == "csv"
        default: preconditionFailure("the parameter \(name) is declared and not taken")
        }
    }

    /// What stands for messages without a list.
    static let noList = "(none)"

    private static func days(_ first: Timestamp, _ last: Timestamp) -> ClosedRange<Day>? {
        let (first, last) = (Day(number: day(first)), Day(number: day(last)))
        return first <= last ? first...last : nil
    }

    private static func day(_ midnight: Timestamp) -> Int {
        Int((midnight.seconds - (midnight.seconds < 0 ? 86_399 : 0)) / 86_400)
    }

    // MARK: - The query's text

    /// Names and values, decoded; what is no UTF-8 is told.
    private static func pairs(_ query: String, _ problems: inout [(name: String, problem: String)]) -> [(
        String, String
    )] {
        var pairs: [(String, String)] = []
        for part in query.utf8.split(separator: UInt8(ascii: "&")) {
            let cut = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            guard let name = FormText.decoded(part[..<cut]), let value = FormText.decoded(part[cut...].dropFirst())
            else {
                problems.append(("(unknown)", "must be UTF-8, percent-encoded"))
                continue
            }
            pairs.append((name, value))
        }
        return pairs
    }

    /// The same query for the next page.
    static func next(_ query: String, after mark: String) -> String {
        let others = query.split(separator: "&").filter { !$0.hasPrefix("after=") }
        return (others + ["after=\(mark)"]).joined(separator: "&")
    }
}
