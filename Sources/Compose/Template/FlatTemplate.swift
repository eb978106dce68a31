import Core

/// What a tag's name stands for.
enum TemplateBinding: Hashable, Sendable {
    /// A column, by its number.
    case column(Int)
    /// The address of a page for the recipient, made for each row.
    case page(RecipientPage)

    /// Whether it is a whole address.
    var isPage: Bool {
        if case .page = self { true } else { false }
    }
}

/// A page on which a recipient says what mail to send.
enum RecipientPage: UInt8, CaseIterable, Sendable {
    /// Takes one opt-out.
    case unsubscribe
    /// Takes choices by list.
    case preferences

    /// The tag's name.
    var name: String {
        switch self {
        case .unsubscribe: "unsubscribe_url"
        case .preferences: "preferences_url"
        }
    }
}

/// A tag that writes a cell.
struct TemplateValue: Sendable {
    var binding: TemplateBinding
    /// The column's name.
    var name: String
    var unescaped: Bool
    /// Whether a section around it makes sure that the cell is not empty.
    var guarded: Bool
    var place: Place
}

/// A section's condition: whether a column's cell is empty.
struct TemplateCondition: Hashable, Sendable {
    var column: Int
    var name: String
    var inverted: Bool
    var place: Place

    var text: String {
        inverted ? "{{^\(name)}}" : "{{#\(name)}}"
    }
}

/// A template with its partials, layouts and blocks put in: a list in which sections are brackets.
enum FlatItem: Sendable {
    /// Text of the template, or of a constant; `isConstant` where it still needs escaping for its place.
    case text(ArraySlice<UInt8>, Place)
    /// A constant's text, to be escaped for its place.
    case constant(name: String, text: [UInt8], Place)
    case value(TemplateValue)
    case open(TemplateCondition)
    case close(Place)
}
