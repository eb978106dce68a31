import Core

/// What a tag's name stands for.
enum TemplateBinding: Hashable, Sendable {
    /// A column, by its number.
    case column(Int)
    /// The unsubscribe page's address, made for each row.
    case unsubscribe
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
