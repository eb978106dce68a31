public import Core

/// Reads a configuration file into nodes that know their places: YAML 1.2, and of that what a configuration needs.
///
/// One document of scalars, lists and mappings. Anchors, aliases, tags, directives, merge keys and keys that are not
/// text are refused rather than bounded: no configuration of ours needs them, and each has been somebody's way in.
public struct YAMLReader {
    /// How deep lists and mappings may nest.
    public static let maximumDepth = 32
    /// How many values a file may have.
    public static let maximumNodes = 10_000
    /// How many problems are collected before reading stops.
    static let maximumProblems = 50

    private let source: YAMLSource
    private var stack: [Frame] = []
    private var nodes = 0
    private var problems: [Diagnostic] = []
    private var root: YAMLNode?

    private struct Frame {
        var place: Place
        var items: [YAMLNode] = []
        var pairs: [YAMLNode.Pair] = []
        var keys: [String: Int] = [:]
        /// The key that waits for its value; `nil` in a list, and where a key comes next.
        var key: Placed<String>?
        var isMapping: Bool
    }

    /// Reads a file's bytes; reports all its problems, or the first that makes it unreadable.
    public static func read(_ bytes: [UInt8], file: String) throws(Diagnostics) -> YAMLNode {
        do {
            var reader = YAMLReader(source: try YAMLSource(bytes, file: file))
            return try reader.read()
        } catch let problem as Diagnostic {
            throw Diagnostics([problem])
        } catch let problems as Diagnostics {
            throw problems
        } catch {
            throw Diagnostics([Diagnostic("\(error)", at: Place(file: file))])
        }
    }

    private init(source: YAMLSource) {
        self.source = source
    }

    private mutating func read() throws -> YAMLNode {
        guard let events = YAMLEvents(source.bytes) else {
            throw Diagnostic("no memory to read the file", at: Place(file: source.file))
        }
        do {
            reading: while true {
                let event = try events.next()
                if case .streamEnd = event.kind { break reading }
                try take(event)
                if problems.count >= Self.maximumProblems { break reading }
            }
        } catch let error as YAMLSyntaxError {
            problems.append(source.diagnostic(for: error))
        } catch let problem as Diagnostic {
            problems.append(problem)
        }
        guard problems.isEmpty else { throw Diagnostics(problems) }
        guard let root else {
            throw Diagnostic("the file is empty", at: Place(file: source.file, line: 1, column: 1))
        }
        return root
    }

    private mutating func take(_ event: YAMLEvent) throws(Diagnostic) {
        let place = source.place(line: event.line, column: event.column)
        checkProperties(of: event, at: place)
        switch event.kind {
        case .streamStart, .streamEnd, .documentEnd: return
        case .documentStart(let hasDirectives):
            if root != nil {
                throw Diagnostic(
                    "a second document begins here",
                    at: place,
                    fix: "remove the `---` and what follows it"
                )
            }
            if hasDirectives {
                problems.append(Diagnostic("a % directive", at: place, fix: "remove it; the file is read as YAML 1.2"))
            }
        case .scalar(let text, let style):
            try count(at: place)
            try takeScalar(text, style, at: contentPlace(of: event, style, place))
        case .alias:
            try count(at: place)
            problems.append(
                Diagnostic(
                    "an alias (`*`)",
                    at: place,
                    fix: "write the value itself, or put it in quotes if it is text"
                )
            )
            try takeScalar("alias", .quoted, at: place)
        case .sequenceStart: try open(Frame(place: place, isMapping: false))
        case .mappingStart(let isFlow):
            // `{{` is a template's tag that YAML takes for a mapping whose key is a mapping.
            if isFlow, let outer = stack.last, outer.isMapping, outer.key == nil, place == outer.place.right {
                throw YAMLSource.unquotedTag(at: outer.place)
            }
            try open(Frame(place: place, isMapping: true))
        case .end:
            guard let frame = stack.popLast() else { return }
            add(YAMLNode(frame.isMapping ? .mapping(frame.pairs) : .sequence(frame.items), at: frame.place))
        }
    }

    private mutating func checkProperties(of event: YAMLEvent, at place: Place) {
        if event.hasAnchor {
            problems.append(Diagnostic("an anchor (`&`)", at: place, fix: "remove it, or put the value in quotes"))
        }
        if event.hasTag {
            problems.append(Diagnostic("a tag (`!`)", at: place, fix: "remove it, or put the value in quotes"))
        }
    }

    private mutating func count(at place: Place) throws(Diagnostic) {
        nodes += 1
        guard nodes <= Self.maximumNodes else {
            throw Diagnostic("more than \(Self.maximumNodes) values", at: place, fix: "make the file smaller")
        }
    }

    private mutating func open(_ frame: Frame) throws(Diagnostic) {
        try count(at: frame.place)
        if let outer = stack.last, outer.isMapping, outer.key == nil {
            throw Diagnostic("a key that is not a text", at: frame.place, fix: "write `key: value`, or use quotes")
        }
        guard stack.count < Self.maximumDepth else {
            throw Diagnostic("nested deeper than \(Self.maximumDepth)", at: frame.place, fix: "write it flatter")
        }
        stack.append(frame)
    }

    private mutating func takeScalar(_ text: String, _ style: YAMLNode.Style, at place: Place) throws(Diagnostic) {
        guard let last = stack.indices.last, stack[last].isMapping, stack[last].key == nil else {
            return add(YAMLNode(.scalar(text, style), at: place))
        }
        let key = Placed(text, at: place)
        if YAMLNode(.scalar(text, style), at: place).isNull {
            problems.append(Diagnostic("a value without a key", at: place, fix: "write `key: value`"))
        } else if text == "<<", style == .plain {
            problems.append(Diagnostic("a merge key (`<<`)", at: place, fix: "write the keys themselves"))
        } else if let line = stack[last].keys.updateValue(place.line, forKey: text) {
            problems.append(
                Diagnostic(
                    "the key \(Words.quoted(text)) stands here twice",
                    at: place,
                    fix: "the first is on line \(line); keep one"
                )
            )
        }
        stack[last].key = key
    }

    private mutating func add(_ node: YAMLNode) {
        guard let last = stack.indices.last else {
            root = node
            return
        }
        if let key = stack[last].key {
            stack[last].pairs.append(YAMLNode.Pair(key: key, value: node))
            stack[last].key = nil
        } else {
            stack[last].items.append(node)
        }
    }

    /// A scalar's first character: behind its quote, or on the first line of its block.
    private func contentPlace(of event: YAMLEvent, _ style: YAMLNode.Style, _ place: Place) -> Place {
        switch style {
        case .plain: place
        case .quoted: source.place(line: event.line, column: event.column + 1)
        case .block:
            source.place(
                line: event.line + 1,
                column: source.line(event.line + 1).prefix { $0 == " " }.count
            )
        }
    }
}

extension Place {
    /// The next column.
    fileprivate var right: Place {
        Place(file: file, line: line, column: column + 1)
    }
}
