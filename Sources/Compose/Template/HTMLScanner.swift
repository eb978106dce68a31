import Core

/// Runs HTML's tokenizer over a flat template's text, so that each tag's place is known before any row is.
///
/// Follows the HTML standard's tokenizer as far as mail needs it; what readers of mail understand in different ways
/// (CDATA, a `<` inside a tag) is refused rather than guessed. The model is Go's html/template.
struct HTMLScanner {
    let columns: ColumnTable
    var context = HTMLContext()
    var items: [HTMLItem] = []
    var diagnostics: [Diagnostic] = []
    private var sections: [(before: HTMLContext, condition: TemplateCondition)] = []

    init(columns: ColumnTable) {
        self.columns = columns
    }

    /// Sorts a template's pieces; `nil` if a tag or a section stands where it must not.
    static func scan(
        _ flat: [FlatItem],
        columns: ColumnTable,
        diagnostics: inout [Diagnostic]
    ) -> [HTMLItem]? {
        var scanner = HTMLScanner(columns: columns)
        let merged = MergedItem.merge(flat)
        var end = Place(file: "")
        for (index, item) in merged.enumerated() {
            switch item {
            case .text(let text):
                end = text.place(text.bytes.count)
                scanner.scan(text, isLast: index == merged.count - 1)
            case .constant(let name, let text, let place):
                scanner.place(constant: text, named: name, at: place)
            case .value(let value):
                scanner.place(value)
            case .open(let condition):
                scanner.open(condition)
            case .close:
                scanner.close()
            }
        }
        scanner.finish(at: end)
        diagnostics += scanner.diagnostics
        return scanner.diagnostics.contains { $0.severity == .error } ? nil : scanner.items
    }

    mutating func report(_ problem: String, _ place: Place, _ fix: String) {
        let diagnostic = Diagnostic(problem, at: place, fix: fix)
        if !diagnostics.contains(diagnostic) { diagnostics.append(diagnostic) }
    }

    // MARK: Sections

    private mutating func open(_ condition: TemplateCondition) {
        let place = condition.place
        switch context.state {
        case .tagOpen, .beforeValue, .comment, .declaration:
            report(
                "\(condition.text) stands in \(context.name)",
                place,
                context.state == .beforeValue
                    ? "put the attribute's value in quotes"
                    : "put the section around the whole of it"
            )
        case .value where context.kind == .url || context.kind == .urls:
            if !columns.plain.contains(condition.name) { refusePHIInURL(condition.name, place) }
        default:
            break
        }
        normalize()
        sections.append((context, condition))
        items.append(.open(condition))
    }

    private mutating func close() {
        guard let (before, condition) = sections.popLast() else { return }
        normalize()
        if let joined = before.joined(context) {
            context = joined
        } else {
            let isURL = before.state == .value && context.state == .value
            report(
                isURL
                    ? "\(condition.text) decides where the address in \(before.attribute) leads"
                    : "\(condition.text) begins in \(before.name) and ends in \(context.name)",
                condition.place,
                isURL
                    ? "put the section around the whole element"
                    : "close in the section every tag, quote and comment that it opens"
            )
            context = before
        }
        items.append(.close)
    }

    /// A section inside a tag ends what stands before it.
    private mutating func normalize() {
        switch context.state {
        case .afterTagName, .afterValue:
            context.state = .separator
        case .attributeName:
            endValuelessAttribute()
            context.state = .separator
        case .afterAttributeName:
            endValuelessAttribute()
            context.state = .beforeAttribute
        default:
            break
        }
    }

    private mutating func finish(at end: Place) {
        guard context.state != .text, diagnostics.isEmpty else { return }
        report("the template ends inside \(context.name)", context.openedAt ?? end, "close it")
    }

    // MARK: Text

    private mutating func scan(_ text: MergedText, isLast: Bool) {
        var cursor = HTMLCursor(text: text, isLast: isLast)
        while cursor.index < text.bytes.count {
            switch context.state {
            case .text: scanText(&cursor)
            case .tagOpen: leaveTagOpen(cursor)
            case .afterTagName, .afterValue: context.state = .beforeAttribute
            case .separator: scanSeparator(cursor)
            case .beforeAttribute: scanBeforeAttribute(&cursor)
            case .attributeName: scanAttributeName(&cursor)
            case .afterAttributeName: scanAfterAttributeName(&cursor)
            case .beforeValue: scanBeforeValue(&cursor)
            case .value: scanValue(&cursor)
            case .rawText: scanRawText(&cursor)
            case .comment: scanComment(&cursor)
            case .declaration: scanTo(">", &cursor)
            }
        }
        flush(&cursor, upTo: text.bytes.count)
    }

    /// Hands on the bytes read since the last time, as what the state says they are.
    mutating func flush(_ cursor: inout HTMLCursor, upTo end: Int) {
        let bytes = Array(cursor.bytes[cursor.start..<end])
        cursor.start = end
        guard !bytes.isEmpty else { return }
        switch context.state {
        case .text, .tagOpen:
            items.append(.text(bytes))
            context.bareURL.feed(bytes[...])
        case .value:
            items.append(.attributeText(bytes))
            if context.kind == .url || context.kind == .urls { context.urlPrefix += bytes }
            resetListedURL()
        case .rawText, .comment, .declaration: items.append(.hidden(bytes))
        default: items.append(.markup(bytes))
        }
    }

    /// In a list of URLs each one starts anew.
    private mutating func resetListedURL() {
        guard context.kind == .urls else { return }
        if let last = context.urlPrefix.lastIndex(where: { $0.isSpace || $0 == UInt8(ascii: ",") }) {
            context.urlPrefix.removeSubrange(...last)
        }
    }

    private mutating func scanText(_ cursor: inout HTMLCursor) {
        guard let less = cursor.bytes[cursor.index...].firstIndex(of: UInt8(ascii: "<")) else {
            cursor.index = cursor.bytes.count
            return
        }
        let isEnd = cursor.byte(less + 1) == UInt8(ascii: "/")
        let nameStart = less + (isEnd ? 2 : 1)
        guard let first = cursor.byte(nameStart) else {
            cursor.index = cursor.bytes.count
            if !cursor.isLast { context.state = .tagOpen }
            return
        }
        if first.isLetter {
            flush(&cursor, upTo: less)
            startTag(&cursor, at: less, nameStart: nameStart, isEnd: isEnd)
        } else if isEnd || first == UInt8(ascii: "!") || first == UInt8(ascii: "?") {
            flush(&cursor, upTo: less)
            startDeclaration(&cursor, at: less)
        } else {
            cursor.index = nameStart
        }
    }

    private mutating func leaveTagOpen(_ cursor: HTMLCursor) {
        // Only a section or a refused tag can stand between; both have been reported or end here.
        report("a < before a tag or section", cursor.place, "write &lt; if it is meant as text")
        context.state = .text
    }

    private mutating func startTag(_ cursor: inout HTMLCursor, at less: Int, nameStart: Int, isEnd: Bool) {
        var end = nameStart
        while let byte = cursor.byte(end), !byte.isSpace, byte != UInt8(ascii: "/"), byte != UInt8(ascii: ">") {
            end += 1
        }
        let place = cursor.text.place(less)
        context.bareURL.isInURL = false
        context.element = String(decoding: cursor.bytes[nameStart..<end].lowercasedASCII, as: UTF8.self)
        context.isEndTag = isEnd
        context.openedAt = place
        context.state = .afterTagName
        items.append(.tagStart(name: context.element, isEnd: isEnd, place))
        cursor.index = end
        if end < cursor.bytes.count { context.state = .beforeAttribute }
    }

    private mutating func startDeclaration(_ cursor: inout HTMLCursor, at less: Int) {
        let rest = cursor.bytes[less...]
        context.openedAt = cursor.text.place(less)
        context.bareURL.isInURL = false
        cursor.index = less + 2
        if rest.hasPrefix(ignoringCase: "<!--") {
            context.state = .comment
            cursor.index = less + 4
            if rest.starts(with: "<!-->".utf8) || rest.starts(with: "<!--->".utf8) {
                report("<!-->, which some readers end here and some do not", cursor.text.place(less), "take it out")
            }
        } else {
            if rest.hasPrefix(ignoringCase: "<![cdata[") {
                report(
                    "a CDATA section, which HTML does not have",
                    cursor.text.place(less),
                    "write its text with &lt; and &amp;"
                )
            }
            context.state = .declaration
        }
    }

    private mutating func scanComment(_ cursor: inout HTMLCursor) {
        let start = cursor.index
        scanTo("-->", &cursor)
        if let found = cursor.bytes.firstIndex(of: Array("--!>".utf8)[...], from: start), found < cursor.index {
            report("--!>, which some readers take for a comment's end", cursor.text.place(found), "write -->")
        }
    }

    private mutating func scanTo(_ end: StaticString, _ cursor: inout HTMLCursor) {
        guard let found = cursor.bytes.firstIndex(of: Array(end.ascii)[...], from: cursor.index) else {
            cursor.index = cursor.bytes.count
            return
        }
        cursor.index = found + end.utf8CodeUnitCount
        flush(&cursor, upTo: cursor.index)
        context.state = .text
    }

    private mutating func scanRawText(_ cursor: inout HTMLCursor) {
        let needle = Array("</\(context.element)".utf8)
        var index = cursor.index
        while index < cursor.bytes.count {
            guard let less = cursor.bytes[index...].firstIndex(of: UInt8(ascii: "<")) else { break }
            let end = less + needle.count
            if end >= cursor.bytes.count {
                if !cursor.isLast, needle.starts(with: cursor.bytes[less...].lowercasedASCII) {
                    report(
                        "a tag or section inside </\(context.element)>",
                        cursor.text.place(less),
                        "write the end tag in one piece"
                    )
                }
            } else if cursor.bytes[less..<end].lowercasedASCII == needle, cursor.endsName(end) {
                flush(&cursor, upTo: less)
                startTag(&cursor, at: less, nameStart: less + 2, isEnd: true)
                return
            }
            index = less + 1
        }
        cursor.index = cursor.bytes.count
    }
}

/// Where the scanner is in one text.
struct HTMLCursor {
    let text: MergedText
    /// Whether the template ends with this text.
    let isLast: Bool
    let bytes: [UInt8]
    var index = 0
    /// What has not been handed on yet.
    var start = 0
    /// Where the attribute name being read starts in this text.
    var nameStart = 0

    init(text: MergedText, isLast: Bool) {
        self.text = text
        self.isLast = isLast
        bytes = text.bytes
    }

    var place: Place {
        text.place(index)
    }

    func byte(_ index: Int) -> UInt8? {
        index >= 0 && index < bytes.count ? bytes[index] : nil
    }

    /// Whether a tag's name can end here.
    func endsName(_ index: Int) -> Bool {
        guard let byte = byte(index) else { return false }
        return byte.isSpace || byte == UInt8(ascii: "/") || byte == UInt8(ascii: ">")
    }
}
