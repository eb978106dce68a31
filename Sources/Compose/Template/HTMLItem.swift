import Core

/// What the HTML scanner makes of a template: its bytes sorted by what they are, and marks between them.
enum HTMLItem: Sendable {
    /// Text that the reader sees.
    case text([UInt8])
    /// Tags but for their attributes' values.
    case markup([UInt8])
    /// Comments, declarations, and what stands in `<style>`, `<title>` and the like.
    case hidden([UInt8])
    /// Part of an attribute's value.
    case attributeText([UInt8])
    case value(TemplateValue, Escape)
    case open(TemplateCondition)
    case close
    /// Stands in front of the tag's `<`.
    case tagStart(name: String, isEnd: Bool, Place)
    case attributeStart(name: String, Place)
    case attributeEnd
    case tagEnd
}

/// Where in HTML something stands.
struct HTMLContext {
    enum State: Equatable {
        case text
        /// Behind a `<` or `</` with which the text ends.
        case tagOpen
        case afterTagName
        case beforeAttribute
        case attributeName
        case afterAttributeName
        case beforeValue
        case value
        case afterValue
        /// Behind a section inside a tag: something has to part it from what comes next.
        case separator
        /// Inside an element that holds no markup.
        case rawText
        case comment
        case declaration
    }

    enum Quote: Equatable {
        case none, single, double

        var byte: UInt8? {
            switch self {
            case .none: nil
            case .single: UInt8(ascii: "'")
            case .double: UInt8(ascii: "\"")
            }
        }
    }

    var state = State.text
    var element = ""
    var isEndTag = false
    var attribute = ""
    var kind = HTMLAttributeKind.plain
    var quote = Quote.none
    /// The value of a URL attribute so far, a letter for each tag.
    var urlPrefix: [UInt8] = []
    /// How many `<svg>` and `<math>` are open.
    var foreignDepth = 0
    /// Whether visible text ends in a bare URL.
    var bareURL = BareURLTail()
    /// Where the tag, comment or element began.
    var openedAt: Place?

    var urlPart: URLPart {
        URLPart(of: EntityDecoder.decode(urlPrefix[...], inAttribute: true))
    }

    /// A name for messages.
    var name: String {
        switch state {
        case .text: foreignDepth > 0 ? "<svg> or <math>" : "text"
        case .tagOpen, .afterTagName: "a tag's name"
        case .beforeAttribute, .attributeName, .afterAttributeName, .afterValue, .separator: "the tag <\(element)>"
        case .beforeValue, .value: "the attribute \(attribute)"
        case .rawText: "<\(element)>"
        case .comment: "a comment"
        case .declaration: "a declaration"
        }
    }

    /// The context on both ways around a section, `self` without and `other` with it; `nil` if they cannot be one.
    func joined(_ other: HTMLContext) -> HTMLContext? {
        var result = self
        result.bareURL.isInURL = bareURL.isInURL || other.bareURL.isInURL
        guard element == other.element || state == .text, foreignDepth == other.foreignDepth else { return nil }
        if state == other.state {
            guard state == .value else { return result }
            guard attribute == other.attribute, quote == other.quote else { return nil }
            let isURL = kind == .url || kind == .urls
            return !isURL || urlPrefix == other.urlPrefix || urlPart == .inside && other.urlPart == .inside
                ? result : nil
        }
        let loose: [State] = [.separator, .beforeAttribute]
        guard loose.contains(state), loose.contains(other.state) else { return nil }
        result.state = .separator
        return result
    }
}

/// Whether text ends in something that a mail program would make a link of.
struct BareURLTail {
    var isInURL = false

    mutating func feed(_ bytes: ArraySlice<UInt8>) {
        let start = bytes.lastIndex { $0.isSpace || $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: ">") || $0 == 0x22 }
        let run = start.map { bytes[($0 + 1)...] } ?? bytes
        if start != nil { isInURL = false }
        if isInURL { return }
        for index in run.indices {
            let rest = run[index...]
            if rest.hasPrefix(ignoringCase: "http://") || rest.hasPrefix(ignoringCase: "https://")
                || rest.hasPrefix(ignoringCase: "www.")
            {
                isInURL = true
                return
            }
        }
    }
}
