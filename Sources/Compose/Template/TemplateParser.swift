import Core

/// Makes a tree of a template's tokens, by the Mustache specification's rules for lines that hold nothing but a tag.
struct TemplateParser {
    /// The deepest nesting of sections and blocks that is taken.
    static let maximumDepth = 64

    private let bytes: [UInt8]
    private let places: PlaceMap
    private let tokens: [TemplateToken]
    private var diagnostics: [Diagnostic] = []
    /// For a token that opens, the token that closes it.
    private var closers: [Int: Int] = [:]
    /// Where the literal text before and behind a tag ends and begins, once its own line's white space is cut off.
    private var cuts: [Int: Range<Int>] = [:]

    private init(_ source: TemplateSource, diagnostics: inout [Diagnostic]) {
        bytes = source.bytes
        places = PlaceMap(source)
        tokens = TemplateTokenizer.tokens(of: source, places: places, diagnostics: &diagnostics)
    }

    /// Parses a template; `nil` if it has errors.
    static func parse(_ source: TemplateSource, diagnostics: inout [Diagnostic]) -> ParsedTemplate? {
        var source = source
        if source.bytes.starts(with: [0xEF, 0xBB, 0xBF]) { source.bytes.removeFirst(3) }
        let before = diagnostics.count
        TemplateText.check(source, diagnostics: &diagnostics)
        guard diagnostics.count == before else { return nil }
        var parser = TemplateParser(source, diagnostics: &diagnostics)
        parser.pair()
        diagnostics += parser.diagnostics
        guard diagnostics.count == before else { return nil }
        parser.cutLines()
        return ParsedTemplate(source: source, nodes: parser.nodes(parser.tokens.indices))
    }

    // MARK: Pairs

    private mutating func pair() {
        var open: [Int] = []
        for (index, token) in tokens.enumerated() {
            if token.opens {
                open.append(index)
                if open.count == Self.maximumDepth {
                    report("sections are nested more than \(Self.maximumDepth) deep", token, "nest fewer sections")
                }
            } else if token.kind == .close {
                close(index, &open)
            }
        }
        for index in open {
            report(
                "\(tokens[index].text) is not closed",
                tokens[index],
                "write {{/\(tokens[index].name)}} where it ends"
            )
        }
    }

    private mutating func close(_ index: Int, _ open: inout [Int]) {
        let name = tokens[index].name
        guard let match = open.lastIndex(where: { tokens[$0].name == name }) else {
            let innermost = open.last.map { tokens[$0] }
            let hint = innermost.map {
                "the open one is \($0.text) at \(places.place($0.range.lowerBound)): write {{/\($0.name)}}"
            }
            report("{{/\(name)}} closes nothing that is open", tokens[index], hint ?? "take it out")
            return
        }
        for unclosed in open[(match + 1)...] {
            report(
                "\(tokens[unclosed].text) is not closed before {{/\(name)}} at \(places.place(tokens[index].range.lowerBound))",
                tokens[unclosed],
                "write {{/\(tokens[unclosed].name)}} before it"
            )
        }
        closers[open[match]] = index
        open.removeSubrange(match...)
    }

    private mutating func report(_ problem: String, _ token: TemplateToken, _ fix: String) {
        diagnostics.append(Diagnostic(problem, at: places.place(token.range.lowerBound), fix: fix))
    }

    // MARK: Lines that hold nothing but a tag

    private mutating func cutLines() {
        var parents: [Int] = []
        var overrides: [Int: Int] = [:]
        for (index, token) in tokens.enumerated() {
            while let last = parents.last, let end = closers[last], end < index { parents.removeLast() }
            let inside = parents.last
            switch token.kind {
            case .text, .variable, .unescaped:
                break
            case .parent:
                cutParent(index)
                parents.append(index)
            case .block where inside.map({ isDirectly(index, in: $0) }) ?? false:
                // All around it is ignored, so only what follows on its line counts.
                if let closer = closers[index] { overrides[closer] = index }
                cuts[index] = token.range.lowerBound..<(blankEnd(after: index) ?? token.range.upperBound)
            case .close where overrides[index] != nil:
                cuts[index] = (blankStart(before: index) ?? token.range.lowerBound)..<token.range.upperBound
            case .close where cuts[index] != nil:
                break
            default:
                cutIfAlone(index)
            }
        }
    }

    /// Whether a block is an argument of a parent, and not a block inside an argument.
    private func isDirectly(_ block: Int, in parent: Int) -> Bool {
        var index = parent + 1
        while index < block {
            if tokens[index].opens, let end = closers[index] {
                if end > block { return false }
                index = end
            }
            index += 1
        }
        return true
    }

    /// A parent and all it holds count as one tag.
    private mutating func cutParent(_ index: Int) {
        guard let closer = closers[index], let start = blankStart(before: index), let end = blankEnd(after: closer)
        else {
            if let closer = closers[index] { cuts[closer] = tokens[closer].range }
            return
        }
        cuts[index] = start..<tokens[index].range.upperBound
        cuts[closer] = tokens[closer].range.lowerBound..<end
    }

    private mutating func cutIfAlone(_ index: Int) {
        if let start = blankStart(before: index), let end = blankEnd(after: index) {
            cuts[index] = start..<end
        }
    }

    /// The start of the line, if nothing but blanks stands between it and the tag.
    private func blankStart(before index: Int) -> Int? {
        var position = tokens[index].range.lowerBound
        while position > 0, bytes[position - 1].isBlank { position -= 1 }
        return position == 0 || bytes[position - 1] == .lineFeed ? position : nil
    }

    /// The start of the next line, if nothing but blanks stands between the tag and it.
    private func blankEnd(after index: Int) -> Int? {
        var position = tokens[index].range.upperBound
        while position < bytes.count, bytes[position].isBlank { position += 1 }
        if position == bytes.count { return position }
        if bytes[position] == .lineFeed { return position + 1 }
        let isReturn = bytes[position] == .carriageReturn
        return isReturn && position + 1 < bytes.count && bytes[position + 1] == .lineFeed ? position + 2 : nil
    }

    // MARK: The tree

    private func cut(_ index: Int) -> Range<Int> {
        cuts[index] ?? tokens[index].range
    }

    private func isAlone(_ index: Int) -> Bool {
        guard let cut = cuts[index] else { return false }
        return cut.lowerBound == 0 || bytes[cut.lowerBound - 1] == .lineFeed
    }

    private func nodes(_ range: Range<Int>) -> [TemplateNode] {
        var nodes: [TemplateNode] = []
        var index = range.lowerBound
        while index < range.upperBound {
            let token = tokens[index]
            let place = places.place(token.range.lowerBound)
            let start = token.range.lowerBound
            markLine(index, in: &nodes)
            let body = (index + 1)..<(closers[index] ?? index + 1)
            switch token.kind {
            case .text:
                addText(index, to: &nodes)
            case .variable, .unescaped:
                nodes.append(.variable(name: token.name, unescaped: token.kind == .unescaped, place: place))
            case .section, .inverted:
                nodes.append(
                    .section(
                        name: token.name,
                        inverted: token.kind == .inverted,
                        body: self.nodes(body),
                        place: place,
                        closedAt: places.place(tokens[body.upperBound].range.lowerBound)
                    )
                )
            case .partial:
                let indentation = cuts[index].map { bytes[$0.lowerBound..<start] } ?? []
                nodes.append(.partial(name: token.name, indentation: indentation, place: place))
            case .parent:
                let indentation = cuts[index].map { bytes[$0.lowerBound..<start] } ?? []
                nodes.append(
                    .parent(name: token.name, indentation: indentation, overrides: overrides(body), place: place)
                )
            case .block:
                nodes.append(.block(block(index)))
            case .close, .comment, .delimiters:
                break
            }
            if token.opens {
                markLine(body.upperBound, in: &nodes)
                index = body.upperBound
            }
            index += 1
        }
        return nodes
    }

    /// A tag at a line's start has no text before it that could carry a partial's indentation: an empty one will.
    private func markLine(_ index: Int, in nodes: inout [TemplateNode]) {
        let start = tokens[index].range.lowerBound
        guard tokens[index].kind != .text, cuts[index] == nil, start == 0 || bytes[start - 1] == .lineFeed else {
            return
        }
        nodes.append(.text(bytes: [], startsLine: true, place: places.place(start)))
    }

    /// The arguments of a parent; all else inside it is ignored, as the specification says.
    private func overrides(_ range: Range<Int>) -> [TemplateBlock] {
        var blocks: [TemplateBlock] = []
        var index = range.lowerBound
        while index < range.upperBound {
            if tokens[index].kind == .block { blocks.append(block(index)) }
            index = (closers[index] ?? index) + 1
        }
        return blocks
    }

    private func block(_ index: Int) -> TemplateBlock {
        let closer = closers[index] ?? index
        let opening = cut(index)
        let ownLine = opening.upperBound > tokens[index].range.upperBound
        let inner = ownLine ? firstIndentation(opening.upperBound..<tokens[closer].range.lowerBound) : nil
        let start = blankStart(before: index)
        let before = start.map { bytes[$0..<tokens[index].range.lowerBound] } ?? []
        let alone = ownLine && isAlone(index)
        return TemplateBlock(
            name: tokens[index].name,
            body: nodes((index + 1)..<closer),
            place: places.place(tokens[index].range.lowerBound),
            inner: inner ?? [],
            outer: alone ? inner ?? before : before,
            standsAlone: alone
        )
    }

    /// The blanks before the first line that is not blank.
    private func firstIndentation(_ range: Range<Int>) -> ArraySlice<UInt8>? {
        var lineStart = range.lowerBound
        for index in range where !bytes[index].isBlank {
            if bytes[index] == .lineFeed {
                lineStart = index + 1
            } else if bytes[index] != .carriageReturn {
                return bytes[lineStart..<index]
            }
        }
        return nil
    }

    /// Adds what is left of a text between the lines that tags took, one node a line.
    private func addText(_ index: Int, to nodes: inout [TemplateNode]) {
        let range = tokens[index].range
        let start = index > 0 ? max(range.lowerBound, cut(index - 1).upperBound) : range.lowerBound
        let end = index + 1 < tokens.count ? min(range.upperBound, cut(index + 1).lowerBound) : range.upperBound
        var position = start
        while position < end {
            let next = bytes[position..<end].firstIndex(of: .lineFeed).map { $0 + 1 } ?? end
            nodes.append(
                .text(
                    bytes: bytes[position..<next],
                    startsLine: position == 0 || bytes[position - 1] == .lineFeed,
                    place: places.place(position)
                )
            )
            position = next
        }
    }
}
