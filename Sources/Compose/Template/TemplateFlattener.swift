import Core

/// Puts partials, layouts and blocks into a template, and turns names into columns.
struct TemplateFlattener {
    /// The deepest nesting of partials and layouts that is taken.
    static let maximumDepth = 32
    /// The most bytes that a template may grow to.
    static let maximumSize = 4 << 20

    let names: TemplateNames
    let loader: TemplateCompiler.Loader
    private(set) var diagnostics: [Diagnostic] = []
    /// Whether something is missing that the text around it depends on; a name that means nothing is not.
    private var hasGaps = false

    private var items: [FlatItem] = []
    private var size = 0
    private var parsed: [String: ParsedTemplate?] = [:]
    /// The templates that are being put in, outermost first.
    private var including: [String] = []
    private var expandingBlocks: [String] = []
    private var overrides: [String: TemplateBlock] = [:]
    private var lines: [LineRule] = []
    private var sections: [(column: Int, inverted: Bool)] = []
    /// Above zero inside a section that a constant switches off: names are still checked, nothing is written.
    private var muted = 0

    init(names: TemplateNames, loader: @escaping TemplateCompiler.Loader) {
        self.names = names
        self.loader = loader
    }

    /// What happens to a line's indentation on its way out.
    private struct LineRule {
        var remove: ArraySlice<UInt8> = []
        var add: ArraySlice<UInt8>
        /// The first line stands behind indentation of the layout's own.
        var skipsFirst = false
    }

    /// The template as one run of text and tags; `nil` if what stands where cannot be told any more.
    ///
    /// A name that means nothing is reported and stands there as a word, so that the rest can be looked at in the same pass.
    mutating func flatten(_ source: TemplateSource) -> [FlatItem]? {
        guard let template = TemplateParser.parse(source, diagnostics: &diagnostics) else { return nil }
        including = [source.name]
        add(template.nodes)
        return hasGaps ? nil : items
    }

    private mutating func report(_ problem: String, _ place: Place, _ fix: String, leavesGap: Bool = true) {
        if leavesGap { hasGaps = true }
        let diagnostic = Diagnostic(problem, at: place, fix: fix)
        // A partial that is put in twice has its problems once.
        if !diagnostics.contains(diagnostic) { diagnostics.append(diagnostic) }
    }

    private mutating func add(_ nodes: [TemplateNode]) {
        for node in nodes {
            switch node {
            case .text(let bytes, let startsLine, let place):
                addText(bytes, startsLine, place)
            case .variable(let name, let unescaped, let place):
                addValue(name, unescaped, place)
            case .section(let name, let inverted, let body, let place, let closedAt):
                addSection(name, inverted, body, place, closedAt)
            case .partial(let name, let indentation, let place):
                include(name, "{{> \(name)}}", indentation, [], place)
            case .parent(let name, let indentation, let overrides, let place):
                include(name, "{{< \(name)}}", indentation, overrides, place)
            case .block(let block):
                addBlock(block)
            }
        }
    }

    private mutating func write(_ item: FlatItem) {
        if muted == 0 { items.append(item) }
    }

    // MARK: Text

    private mutating func addText(_ bytes: ArraySlice<UInt8>, _ startsLine: Bool, _ place: Place) {
        var bytes = bytes
        var place = place
        let isBlankLine = bytes.first == .lineFeed || bytes.first == .carriageReturn
        if startsLine, !lines.isEmpty, !isBlankLine {
            var indentation = bytes.prefix { $0.isBlank }
            let length = indentation.count
            for index in lines.indices.reversed() {
                if indentation.starts(with: lines[index].remove) {
                    indentation = indentation.dropFirst(lines[index].remove.count)
                } else {
                    indentation = []
                }
                if lines[index].skipsFirst {
                    // It goes on in a line that has had its indentation.
                    lines[index].skipsFirst = false
                    break
                }
                indentation = lines[index].add + indentation
            }
            bytes = bytes.dropFirst(length)
            if !indentation.isEmpty { writeText(indentation, place) }
            place.column += length
        }
        writeText(bytes, place)
    }

    private mutating func writeText(_ bytes: ArraySlice<UInt8>, _ place: Place) {
        guard !bytes.isEmpty, grows(by: bytes.count, place) else { return }
        write(.text(bytes, place))
    }

    /// Counts what the template grows to; false once it is too much, which is reported once.
    private mutating func grows(by count: Int, _ place: Place) -> Bool {
        guard size <= Self.maximumSize else { return false }
        size += count
        guard size > Self.maximumSize else { return true }
        report("with its partials the template grows beyond 4 MiB", place, "include less")
        return false
    }

    // MARK: Tags

    private mutating func addValue(_ name: String, _ unescaped: Bool, _ place: Place) {
        let tag = unescaped ? "{{{\(name)}}}" : "{{\(name)}}"
        guard let meaning = meaning(name, tag, place) else {
            return write(.constant(name: name, text: Array("unknown".utf8), place))
        }
        switch meaning {
        case .column(let column):
            let guarding = sections.last { $0.column == column }
            let columnName = names.columns.names[column]
            if guarding?.inverted == true, names.columns.defaults[columnName] == nil {
                report(
                    "the cell is always empty here, inside {{^\(columnName)}}",
                    place,
                    "write the text to be shown instead"
                )
            }
            write(
                .value(
                    TemplateValue(
                        binding: .column(column),
                        name: columnName,
                        unescaped: unescaped,
                        guarded: guarding?.inverted == false,
                        place: place
                    )
                )
            )
        case .constant(let text):
            if text.isEmpty, muted == 0 {
                report("\(tag) is empty in this site", place, "put it in a section: {{#\(name)}}…{{/\(name)}}")
            }
            write(.constant(name: name, text: Array(text.utf8), place))
        case .page(let page, let available):
            if !available, muted == 0 {
                report(
                    "there is no \(page == .unsubscribe ? "unsubscribe address" : "preference page") for this job",
                    place,
                    "give the job a list and the site a tracking base_url, or put the tag in {{#\(name)}}…{{/\(name)}}"
                )
            }
            write(
                .value(
                    TemplateValue(binding: .page(page), name: name, unescaped: unescaped, guarded: true, place: place)
                )
            )
        }
    }

    private mutating func addSection(
        _ name: String,
        _ inverted: Bool,
        _ body: [TemplateNode],
        _ place: Place,
        _ closedAt: Place
    ) {
        let tag = inverted ? "{{^\(name)}}" : "{{#\(name)}}"
        guard let meaning = meaning(name, tag, place) else { return add(body) }
        let isTaken: Bool
        switch meaning {
        case .column(let column):
            let columnName = names.columns.names[column]
            write(.open(TemplateCondition(column: column, name: columnName, inverted: inverted, place: place)))
            sections.append((column, inverted))
            add(body)
            sections.removeLast()
            write(.close(closedAt))
            return
        case .constant(let text):
            isTaken = text.isEmpty == inverted
        case .page(_, let available):
            isTaken = available != inverted
        }
        // Fixed for the whole job, so it is decided here.
        if !isTaken { muted += 1 }
        add(body)
        if !isTaken { muted -= 1 }
    }

    private mutating func meaning(_ name: String, _ tag: String, _ place: Place) -> TemplateNames.Meaning? {
        guard name != "." else {
            if let section = sections.last(where: { !$0.inverted }) { return .column(section.column) }
            report("{{.}} stands in no section", place, "write the column's name")
            return nil
        }
        switch names.meaning(name, tag) {
        case .success(let meaning):
            return meaning
        case .failure(let problem):
            report(problem.problem, place, problem.fix, leavesGap: false)
            return nil
        }
    }

    // MARK: Other templates

    private mutating func include(
        _ name: String,
        _ tag: String,
        _ indentation: ArraySlice<UInt8>,
        _ arguments: [TemplateBlock],
        _ place: Place
    ) {
        if including.contains(name) {
            let chain = (including.drop { $0 != name } + [name]).joined(separator: " → ")
            return report("\(tag) never ends: \(chain)", place, "take one of them out")
        }
        guard including.count < Self.maximumDepth else {
            return report("templates include each other more than \(Self.maximumDepth) deep", place, "include less")
        }
        // Partials that hold nothing but partials must end, too.
        guard grows(by: 64, place), let template = template(name, tag, place) else { return }
        let outer = overrides
        var own: [String: TemplateBlock] = [:]
        for block in arguments {
            if own.updateValue(block, forKey: block.name) != nil {
                report("{{$\(block.name)}} is given twice", block.place, "take one out")
            }
        }
        // The outermost template has the last word.
        overrides = own.merging(outer) { $1 }
        including.append(name)
        lines.append(LineRule(add: indentation))
        add(template.nodes)
        lines.removeLast()
        including.removeLast()
        overrides = outer
    }

    private mutating func template(_ name: String, _ tag: String, _ place: Place) -> ParsedTemplate? {
        if let known = parsed[name] { return known }
        guard let source = loader(name) else {
            report("\(tag) names no template", place, "put it into the job's folder or the site's templates")
            return nil
        }
        let template = TemplateParser.parse(source, diagnostics: &diagnostics)
        if template == nil { hasGaps = true }
        parsed[name] = .some(template)
        return template
    }

    private mutating func addBlock(_ block: TemplateBlock) {
        guard let override = overrides[block.name], !expandingBlocks.contains(block.name) else {
            return add(block.body)
        }
        var startsLine = false
        if case .text(_, true, _) = override.body.first { startsLine = true }
        expandingBlocks.append(block.name)
        lines.append(
            LineRule(remove: override.inner, add: block.outer, skipsFirst: startsLine && !block.standsAlone)
        )
        add(override.body)
        lines.removeLast()
        expandingBlocks.removeLast()
    }
}
