import Core

/// One piece of a text template, or of the text made from an HTML template.
enum TextItem: Sendable {
    case text(ArraySlice<UInt8>, Place)
    case constant([UInt8])
    case value(TemplateValue)
    case open(TemplateCondition)
    case close
    /// From here on URLs stay as they are, or are tracked again.
    case tracked(Bool)
    case softSpace(Int)
    case softBreak(lines: Int, indentation: Int)
    case finish
}

extension TextItem {
    init(_ item: FlatItem) {
        switch item {
        case .text(let bytes, let place): self = .text(bytes, place)
        case .constant(_, let text, _): self = .constant(text)
        case .value(let value): self = .value(value)
        case .open(let condition): self = .open(condition)
        case .close: self = .close
        }
    }
}
