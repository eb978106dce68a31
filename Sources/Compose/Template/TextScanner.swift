import Core

/// Finds the bare URLs of a text template, since a mail program makes links of them.
///
/// A URL begins with `http://` or `https://` where no letter or digit stands before it, and ends at white space, at
/// `<`, `>` or `"`, without the punctuation at its end: `.`, `,`, `;`, `:`, `!`, `?`, `'`, `*`, `]`, and a `)` that it did
/// not open. Tags in it are percent-encoded, must be of plain columns, and stand behind the host.
struct TextScanner {
    private let columns: ColumnTable
    private var diagnostics: [Diagnostic] = []
    private var output: [ScannedText] = []
    private var tracked = true
    /// The URL being read: what it says so far and where it began.
    private var url: (prefix: [UInt8], place: Place, start: Int, depth: Int)?
    private var depth = 0
    private var opened: [(condition: TemplateCondition, wasInURL: Bool)] = []
    /// A URL ended at a section's end; what follows must not look like more of it.
    private var endedInSection: Place?
    private var lastByte: UInt8 = .lineFeed

    /// A piece with the URLs marked.
    enum ScannedText {
        case bytes([UInt8])
        case value(TemplateValue, Escape)
        case open(TemplateCondition)
        case close
        case linkStart(Place, tracked: Bool)
        case linkEnd
        case layout(TextItem)
    }

    static func scan(
        _ items: [TextItem],
        columns: ColumnTable,
        diagnostics: inout [Diagnostic]
    ) -> [ScannedText]? {
        var scanner = TextScanner(columns: columns)
        for item in items { scanner.add(item) }
        scanner.endURL()
        diagnostics += scanner.diagnostics
        return scanner.diagnostics.contains { $0.severity == .error } ? nil : scanner.output
    }

    private init(columns: ColumnTable) {
        self.columns = columns
    }

    private mutating func report(_ problem: String, _ place: Place, _ fix: String) {
        let diagnostic = Diagnostic(problem, at: place, fix: fix)
        if !diagnostics.contains(diagnostic) { diagnostics.append(diagnostic) }
    }

    private mutating func add(_ item: TextItem) {
        switch item {
        case .text(let bytes, let place): addText(Array(bytes), place)
        case .constant(let bytes): addConstant(bytes)
        case .value(let value): addValue(value)
        case .open(let condition): open(condition)
        case .close: close()
        case .tracked(let on):
            endURL()
            tracked = on
        case .softSpace, .softBreak, .finish:
            endURL()
            endedInSection = nil
            lastByte = .space
            output.append(.layout(item))
        }
    }

    // MARK: Text

    private mutating func addText(_ bytes: [UInt8], _ place: Place) {
        guard let first = bytes.first else { return }
        if let section = endedInSection, !Self.ends(first), !Self.isTrailing(first) { refuseBrokenURL(section) }
        endedInSection = nil
        var start = 0
        var index = 0
        while index < bytes.count {
            if url != nil {
                if Self.ends(bytes[index]) {
                    write(bytes[start..<index])
                    start = index
                    endURL()
                } else {
                    index += 1
                }
            } else if isURLStart(bytes, index) {
                write(bytes[start..<index])
                start = index
                url = ([], place.advanced(over: bytes[..<index]), output.count, depth)
                output.append(.linkStart(place.advanced(over: bytes[..<index]), tracked: tracked))
                index += 7
            } else {
                lastByte = bytes[index]
                index += 1
            }
        }
        write(bytes[start...])
        if let last = bytes.last { lastByte = last }
    }

    private mutating func write(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        url?.prefix += bytes
        // One piece, so that the end of an address is found whatever it was put together from.
        if case .bytes(let before) = output.last {
            output[output.count - 1] = .bytes(before + bytes)
        } else {
            output.append(.bytes(Array(bytes)))
        }
    }

    private func isURLStart(_ bytes: [UInt8], _ index: Int) -> Bool {
        guard bytes[index] | 0x20 == UInt8(ascii: "h"), !lastByte.isLetter, !lastByte.isDigit else { return false }
        let rest = bytes[index...]
        return rest.hasPrefix(ignoringCase: "http://") || rest.hasPrefix(ignoringCase: "https://")
    }

    private static func ends(_ byte: UInt8) -> Bool {
        byte.isSpace || byte == UInt8(ascii: "<") || byte == UInt8(ascii: ">") || byte == UInt8(ascii: "\"")
    }

    private static func isTrailing(_ byte: UInt8) -> Bool {
        ".,;:!?'*])".utf8.contains(byte)
    }

    /// Ends the URL before the punctuation that belongs to the sentence.
    private mutating func endURL() {
        guard let url else { return }
        self.url = nil
        var rest: [UInt8] = []
        if case .bytes(var bytes) = output.last {
            var opens = url.prefix.count { $0 == UInt8(ascii: "(") } - url.prefix.count { $0 == UInt8(ascii: ")") }
            while let last = bytes.last, Self.isTrailing(last) {
                if last == UInt8(ascii: ")") {
                    guard opens < 0 else { break }
                    opens += 1
                }
                rest.insert(last, at: 0)
                bytes.removeLast()
            }
            output[output.count - 1] = .bytes(bytes)
        }
        output.append(.linkEnd)
        if !rest.isEmpty { output.append(.bytes(rest)) }
    }

    // MARK: Tags

    private mutating func addConstant(_ text: [UInt8]) {
        guard url != nil, URLPart(of: url?.prefix ?? []) == .inside else {
            // Its own URLs are the site's, and links like any other.
            addText(text, url?.place ?? Place(file: ""))
            return
        }
        write(Escape.url.escaped(text)[...])
    }

    private mutating func addValue(_ value: TemplateValue) {
        if let section = endedInSection, !value.binding.isPage { refuseBrokenURL(section) }
        endedInSection = nil
        lastByte = UInt8(ascii: "x")
        guard let url else {
            output.append(.value(value, .none))
            return
        }
        if value.binding.isPage {
            report("{{\(value.name)}} is a whole address and stands in another", value.place, "put a space before it")
        } else if !columns.plain.contains(value.name) {
            report(
                "column \(value.name) is PHI and cannot stand in a URL",
                value.place,
                "take it out, or list the column under plain if it is not PHI"
            )
        } else if URLPart(of: url.prefix) != .inside {
            report(
                "{{\(value.name)}} would decide where the address leads",
                value.place,
                "write https://, the host and a / in the template, and the tag behind them"
            )
        }
        self.url?.prefix.append(UInt8(ascii: "x"))
        output.append(.value(value, .url))
    }

    private mutating func open(_ condition: TemplateCondition) {
        if let url {
            if URLPart(of: url.prefix) != .inside {
                report(
                    "\(condition.text) decides where the address leads",
                    condition.place,
                    "put the section around all of it"
                )
            } else if !columns.plain.contains(condition.name) {
                report(
                    "column \(condition.name) is PHI and cannot stand in a URL",
                    condition.place,
                    "put a space before the section, or list the column under plain if it is not PHI"
                )
            }
        }
        depth += 1
        opened.append((condition, url != nil))
        output.append(.open(condition))
    }

    private mutating func close() {
        guard let (condition, wasInURL) = opened.popLast() else { return }
        if wasInURL {
            if url == nil || url?.depth == depth {
                report(
                    "\(condition.text) begins inside an address and ends outside",
                    condition.place,
                    "put a space before the section"
                )
            }
        } else if url != nil {
            endURL()
            endedInSection = condition.place
        }
        depth -= 1
        output.append(.close)
    }

    private mutating func refuseBrokenURL(_ section: Place) {
        report("an address ends with a section, and more follows at once", section, "put a space behind the section")
    }
}
