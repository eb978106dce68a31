import Core

/// What the names in a job's templates mean.
struct TemplateNames: Sendable {
    enum Meaning {
        case column(Int)
        case constant(String)
        case page(RecipientPage, available: Bool)
    }

    /// Why a name means nothing.
    struct Unknown: Error {
        var problem: String
        var fix: String
    }

    let columns: ColumnTable
    private let constants: [String: String]
    private let pages: Set<RecipientPage>
    private let numbers: [String: Int]

    init(columns: ColumnTable, constants: [String: String], hasUnsubscribeURL: Bool, hasPreferencesURL: Bool) {
        self.columns = columns
        self.constants = constants
        pages = Set((hasUnsubscribeURL ? [.unsubscribe] : []) + (hasPreferencesURL ? [.preferences] : []))
        numbers = Dictionary(columns.names.enumerated().map { ($1, $0) }) { first, _ in first }
    }

    /// - Parameter tag: The tag as it is written, for the problem's text.
    func meaning(_ name: String, _ tag: String) -> Result<Meaning, Unknown> {
        let number = numbers[name]
        let page = RecipientPage.allCases.first { $0.name == name }
        let isBuiltIn = page != nil || constants[name] != nil
        if let number {
            guard isBuiltIn else { return .success(.column(number)) }
            return .failure(
                Unknown(
                    problem: "\(tag) could be the column or the built-in \(name)",
                    fix: "give the column another name"
                )
            )
        }
        if let page { return .success(.page(page, available: pages.contains(page))) }
        if let text = constants[name] { return .success(.constant(text)) }
        return .failure(Unknown(problem: "\(tag) names no column", fix: fix(for: name)))
    }

    private func fix(for name: String) -> String {
        let known = columns.names + constants.keys.sorted() + RecipientPage.allCases.map(\.name)
        if let near = Suggestion.nearest(to: name, in: known) { return "did you mean {{\(near)}}?" }
        // Words of other template languages, in which people think.
        if name == "else" { return "Mustache has no else: close the section and open {{^column}}" }
        for word in ["if ", "unless ", "each ", "with "] where name.hasPrefix(word) {
            let rest = name.dropFirst(word.count).drop { $0 == " " }
            return "Mustache has no \(word)here: write {{\(word == "unless " ? "^" : "#")\(rest)}}"
        }
        if columns.names.isEmpty { return "the table has no columns" }
        let shown = columns.names.prefix(12).joined(separator: ", ")
        return "the columns are \(shown)\(columns.names.count > 12 ? ", …" : "")"
    }
}
