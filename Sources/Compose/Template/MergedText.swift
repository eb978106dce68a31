import Core

/// Template text without a break, though it may come from several lines or files.
struct MergedText {
    private(set) var bytes: [UInt8] = []
    private var marks: [(offset: Int, place: Place)] = []

    mutating func append(_ more: ArraySlice<UInt8>, _ place: Place) {
        marks.append((bytes.count, place))
        bytes += more
    }

    func place(_ offset: Int) -> Place {
        guard let mark = marks.last(where: { $0.offset <= offset }) else { return Place(file: "") }
        return mark.place.advanced(over: bytes[mark.offset..<offset])
    }
}

/// A flat template whose neighbouring texts are one.
enum MergedItem {
    case text(MergedText)
    case constant(name: String, text: [UInt8], Place)
    case value(TemplateValue)
    case open(TemplateCondition)
    case close(Place)

    static func merge(_ items: [FlatItem]) -> [MergedItem] {
        var merged: [MergedItem] = []
        var text: MergedText?
        for item in items {
            if case .text(let bytes, let place) = item {
                text = text ?? MergedText()
                text?.append(bytes, place)
                continue
            }
            if let whole = text { merged.append(.text(whole)) }
            text = nil
            switch item {
            case .text: break
            case .constant(let name, let text, let place): merged.append(.constant(name: name, text: text, place))
            case .value(let value): merged.append(.value(value))
            case .open(let condition): merged.append(.open(condition))
            case .close(let place): merged.append(.close(place))
            }
        }
        if let text { merged.append(.text(text)) }
        return merged
    }
}
