public import Core

/// Why one row's message cannot be made; names columns and places, never a cell.
public enum ComposeProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// A template cannot be filled from the row.
    case template(RenderProblem)
    /// The cell of the To field's name holds a line break or another control character.
    case nameNotForHeader(column: String)
    /// A rendered text that is to stand in a header holds a line break or another control character.
    case textNotForHeader(place: Place)
    /// The shown name of an attachment is longer than file systems take.
    case fileNameTooLong(place: Place)
    /// The message has an unsubscribe address by its kind, and nobody is there to make it.
    case noUnsubscribeAddress
    /// The header would be larger than what servers take as one.
    case headerTooLarge(limit: Int)
    /// The message would be larger than what may go out.
    case tooLarge(limit: Int)

    /// The word for `results.csv`.
    public var reason: Reason {
        switch self {
        case .template(let problem): problem.reason
        case .nameNotForHeader, .textNotForHeader, .noUnsubscribeAddress, .headerTooLarge: .cellRefused
        case .fileNameTooLong: .attachment
        case .tooLarge: .messageTooLarge
        }
    }

    /// The column whose cell is to blame, if it is one.
    public var column: String? {
        switch self {
        case .template(let problem): problem.column
        case .nameNotForHeader(let column): column
        case .textNotForHeader, .fileNameTooLong, .noUnsubscribeAddress, .headerTooLarge, .tooLarge: nil
        }
    }

    /// What in the templates wanted it, if something there did.
    public var place: Place? {
        switch self {
        case .template(let problem): problem.place
        case .textNotForHeader(let place), .fileNameTooLong(let place): place
        case .nameNotForHeader, .noUnsubscribeAddress, .headerTooLarge, .tooLarge: nil
        }
    }

    /// What is wrong, as a clause without the place.
    public var description: String {
        switch self {
        case .template(let problem): problem.description
        case .nameNotForHeader(let column):
            "the cell of column \(column) holds a line break or control character"
        case .textNotForHeader: "the text holds a line break or control character"
        case .fileNameTooLong: "the attachment's name is longer than \(FileName.limit) bytes"
        case .noUnsubscribeAddress: "there is no unsubscribe address for the message"
        case .headerTooLarge(let limit): "the subject and the name make a header of more than \(limit) bytes"
        case .tooLarge(let limit): "the message would be larger than \(limit) bytes"
        }
    }
}
