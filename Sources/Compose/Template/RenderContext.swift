public import Core

/// What a rendering needs besides the row: who the message goes to, and who makes its tokens.
public struct RenderContext: Sendable {
    /// The job the message belongs to.
    public var job: JobID
    /// Makes the tokens of pixel, links and unsubscribe page; without one, links stay as they are and there is no pixel.
    public var minter: (any TokenMinting)?
    /// Who the message goes to.
    public var recipient: Address
    /// The list that an opt-out applies to; empty for all mail.
    public var list: String
    /// Whether this message is tracked as the job's messages are; if not it is rendered from templates without pixel and
    /// tracked links, and its links stand as they were written.
    public var isTracked: Bool
    /// The language of the pages that the message leads to; empty where the reader's browser decides.
    public var language: String

    /// Creates a context for one message.
    public init(
        job: JobID,
        minter: (any TokenMinting)? = nil,
        recipient: Address,
        list: String = "",
        isTracked: Bool = true,
        language: String = ""
    ) {
        self.job = job
        self.minter = minter
        self.recipient = recipient
        self.list = list
        self.isTracked = isTracked
        self.language = language
    }
}

/// Why one row cannot be rendered.
///
/// Names the column and the tag, never the cell.
public enum RenderProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The cell is empty, and the template neither gives it a section nor the manifest a default.
    case emptyCell(column: String, place: Place)
    /// The cell holds a line break or another control character and cannot stand in a header or a file's name.
    case cellNotForHeader(column: String, place: Place)
    /// The template wants the unsubscribe page's address, and nobody is there to make it.
    case noUnsubscribeURL(place: Place)

    /// The word for `results.csv`.
    public var reason: Reason {
        switch self {
        case .emptyCell: .cellEmpty
        case .cellNotForHeader, .noUnsubscribeURL: .cellRefused
        }
    }

    /// The column whose cell is to blame.
    public var column: String? {
        switch self {
        case .emptyCell(let column, _), .cellNotForHeader(let column, _): column
        case .noUnsubscribeURL: nil
        }
    }

    /// The tag that wanted the cell.
    public var place: Place {
        switch self {
        case .emptyCell(_, let place), .cellNotForHeader(_, let place), .noUnsubscribeURL(let place): place
        }
    }

    /// What is wrong, as a clause without the place.
    public var description: String {
        switch self {
        case .emptyCell(let column, _): "the cell of column \(column) is empty"
        case .cellNotForHeader(let column, _): "the cell of column \(column) holds a line break or control character"
        case .noUnsubscribeURL: "there is no unsubscribe address to put here"
        }
    }
}
