import Core

/// One step of a compiled template.
struct TemplateOperation: Sendable {
    enum Code: UInt8, Sendable {
        /// Appends the pool's bytes from `first` up to `second`.
        case literal
        /// Appends column `first`; an empty cell becomes fallback `second`, or stops the row if that is negative.
        case cell
        /// Goes to `second` if column `first` is empty.
        case jumpIfEmpty
        /// Goes to `second` if column `first` is not empty.
        case jumpIfFilled
        /// Appends the address of page `first`.
        case page
        /// Appends the pixel.
        case pixel
        /// Appends link `site` to the fixed target in the pool from `first` up to `second`.
        case link
        /// From here on a link's target is written, up to `linkEnd`.
        case linkStart
        /// Replaces the target since `linkStart` by link `first`.
        case linkEnd
        /// `first` spaces, unless white space stands there already.
        case softSpace
        /// Takes spaces away and sees to it that `first` line breaks stand there, then `second` spaces.
        case softBreak
        /// Takes white space at the end away and ends with one line break.
        case finish
    }

    var code: Code
    var escape: Escape = .none
    var first: Int32 = 0
    var second: Int32 = 0
    /// For `cell` and `page` the tag, for `link` the link's number.
    var site: Int32 = 0
}

/// A tag that can stop a row.
struct TemplateSite: Sendable {
    var column: String
    var place: Place
}

/// What a template says once every tag's place is known: a list in which sections and links are brackets.
enum TemplatePiece: Sendable {
    case bytes([UInt8])
    case cell(TemplateValue, Escape)
    case page(RecipientPage, Escape, Place)
    case open(TemplateCondition)
    case close
    /// Between these two, bytes are the target itself, without HTML's escaping.
    case linkStart(id: Int)
    case linkEnd(id: Int, Escape)
    case pixel
    case softSpace(Int)
    case softBreak(lines: Int, indentation: Int)
    case finish
}
