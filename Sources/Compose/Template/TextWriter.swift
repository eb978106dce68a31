import Core

/// Lays out words as text: white space collapsed, lines wrapped, what a section makes uncertain left to each row.
struct TextWriter {
    /// The width at which lines of literal words are wrapped.
    static let width = 72
    /// What a cell counts for, since only the row knows it.
    static let cellWidth = 12

    /// What the output ends with.
    private enum Tail: Equatable {
        case text, space
        case lines(Int)
        /// It depends on whether a section was taken.
        case unknown
    }

    private enum Pending: Equatable {
        case none
        case space(Int)
        case lines(Int)
    }

    private(set) var items: [TextItem] = []
    private var tail = Tail.lines(9)
    private var pending = Pending.none
    private var column = 0
    private var word: [TextItem] = []
    private var wordWidth = 0
    private var sections: [Tail] = []
    /// Spaces at the start of each line.
    var indentation = 0
    /// What stands in the indentation of the next line: a list's bullet or number.
    var marker: String?
    /// Whether white space stays as it is.
    var isPreformatted = false

    // MARK: Words

    /// Adds text as HTML has it: its white space is only where words end.
    mutating func add(text: [UInt8], at place: Place) {
        var start = 0
        for index in 0...text.count {
            let byte = index < text.count ? text[index] : .space
            guard byte.isSpace else { continue }
            if start < index { addToWord(.text(text[start..<index], place), text[start..<index].scalarCount) }
            start = index + 1
            guard index < text.count else { break }
            if isPreformatted {
                endWord()
                if byte == .lineFeed { breakLine(1, exactly: true) } else { addToWord(.text([.space], place), 1) }
            } else {
                space(1)
            }
        }
    }

    /// Adds text that is one word whatever it holds: a URL, a bullet.
    mutating func add(word text: [UInt8], at place: Place) {
        addToWord(.text(text[...], place), text.scalarCount)
    }

    mutating func add(_ value: TemplateValue) {
        addToWord(.value(value), Self.cellWidth)
    }

    mutating func setTracked(_ on: Bool) {
        word.append(.tracked(on))
    }

    private mutating func addToWord(_ item: TextItem, _ width: Int) {
        word.append(item)
        wordWidth += width
    }

    // MARK: White space

    mutating func space(_ count: Int) {
        endWord()
        switch pending {
        case .none: pending = .space(count)
        case .space(let present): pending = .space(max(count, present))
        case .lines: break
        }
    }

    /// Asks for line breaks before the next word; of several wishes the largest counts.
    mutating func breakLine(_ lines: Int, exactly: Bool = false) {
        endWord()
        if case .lines(let present) = pending {
            pending = .lines(exactly ? present + lines : max(present, lines))
        } else {
            pending = .lines(lines)
        }
    }

    private mutating func endWord() {
        guard !word.isEmpty else { return }
        let visible = word.contains { if case .tracked = $0 { false } else { true } }
        if visible {
            writePending(for: wordWidth)
            writeMarker()
            column += wordWidth
            tail = .text
        }
        items += word
        word = []
        wordWidth = 0
    }

    private mutating func writeMarker() {
        guard let text = marker else { return }
        marker = nil
        items.append(.text(Array(text.utf8)[...], Place(file: "")))
        column += text.count
    }

    private mutating func write(_ bytes: [UInt8]) {
        if !bytes.isEmpty { items.append(.text(bytes[...], Place(file: ""))) }
    }

    private mutating func writePending(for width: Int = 0) {
        var wanted = pending
        pending = .none
        // Only a space can become a line break; a word that is longer than the line gets a line of its own.
        if case .space(let count) = wanted, !isPreformatted, column + count + width > Self.width, column > indentation {
            wanted = .lines(1)
        }
        switch wanted {
        case .none:
            return
        case .space(let count):
            switch tail {
            case .text:
                write([UInt8](repeating: .space, count: count))
                column += count
                tail = .space
            case .unknown:
                items.append(.softSpace(count))
                column += count
                tail = .space
            case .space, .lines:
                break
            }
        case .lines(let lines):
            writeLines(lines)
        }
    }

    private mutating func writeLines(_ lines: Int) {
        let margin = max(0, indentation - (marker?.count ?? 0))
        switch tail {
        case .text:
            write([UInt8](repeating: .lineFeed, count: lines) + [UInt8](repeating: .space, count: margin))
        case .lines(let present) where margin == 0 && column == 0:
            write([UInt8](repeating: .lineFeed, count: max(0, lines - present)))
        default:
            items.append(.softBreak(lines: lines, indentation: margin))
        }
        column = margin
        if case .lines(let present) = tail {
            tail = .lines(max(lines, present))
        } else {
            tail = .lines(lines)
        }
    }

    // MARK: Sections

    mutating func open(_ condition: TemplateCondition) {
        settle()
        items.append(.open(condition))
        sections.append(tail)
    }

    mutating func close() {
        settle()
        items.append(.close)
        let before = sections.popLast() ?? .unknown
        // The way around the section ends as it began.
        if before != tail { tail = .unknown }
    }

    /// Writes what is pending on this side of a section's edge, since the other side may not be there.
    private mutating func settle() {
        let joinsWord = !word.isEmpty
        endWord()
        if !joinsWord || pending != .none { writePending() }
        if marker != nil {
            writeMarker()
            tail = .space
        }
    }

    mutating func finish() -> [TextItem] {
        endWord()
        items.append(.finish)
        return items
    }
}
