import Core

/// One piece of a template's text: a tag, or what stands between two tags.
struct TemplateToken {
    enum Kind {
        case text, variable, unescaped, section, inverted, close, partial, parent, block, comment, delimiters
    }

    var kind: Kind
    /// The bytes, delimiters included.
    var range: Range<Int>
    /// What stands between the delimiters, without sigil and outer white space.
    var name: String = ""

    var opens: Bool {
        switch kind {
        case .section, .inverted, .parent, .block: true
        default: false
        }
    }
}

/// Cuts a template into tags and text.
struct TemplateTokenizer {
    private let bytes: [UInt8]
    private let places: PlaceMap
    private var opening = Array("{{".utf8)
    private var closing = Array("}}".utf8)
    private var tokens: [TemplateToken] = []
    private var diagnostics: [Diagnostic] = []

    private init(_ source: TemplateSource, _ places: PlaceMap) {
        self.bytes = source.bytes
        self.places = places
    }

    static func tokens(
        of source: TemplateSource,
        places: PlaceMap,
        diagnostics: inout [Diagnostic]
    ) -> [TemplateToken] {
        var tokenizer = TemplateTokenizer(source, places)
        tokenizer.run()
        diagnostics += tokenizer.diagnostics
        return tokenizer.tokens
    }

    private mutating func run() {
        var position = 0
        while position < bytes.count {
            guard let start = find(opening, from: position) else { break }
            addText(position..<start)
            position = readTag(start)
        }
        addText(position..<bytes.count)
    }

    private mutating func addText(_ range: Range<Int>) {
        if !range.isEmpty { tokens.append(TemplateToken(kind: .text, range: range)) }
    }

    /// Reads the tag whose opening delimiter stands at `start`; returns where to go on.
    private mutating func readTag(_ start: Int) -> Int {
        var content = start + opening.count
        while content < bytes.count, bytes[content].isSpace { content += 1 }
        guard content < bytes.count else { return refuseUnclosed(start, resumeAt: bytes.count) }
        let sigil = bytes[content]
        let kind = Self.kinds[sigil]
        if kind != nil || sigil == UInt8(ascii: "=") || sigil == UInt8(ascii: "{") { content += 1 }

        var end = closing
        if sigil == UInt8(ascii: "=") { end.insert(sigil, at: 0) }
        if sigil == UInt8(ascii: "{") { end.insert(UInt8(ascii: "}"), at: 0) }
        guard let close = find(end, from: content) else { return refuseUnclosed(start, resumeAt: content) }
        let after = close + end.count
        if kind == .comment {
            tokens.append(TemplateToken(kind: .comment, range: start..<after))
            return after
        }
        // Another opening inside means that this one was never closed; it is the likelier slip.
        if sigil != UInt8(ascii: "="), let inner = find(opening, from: content), inner < close {
            return refuseUnclosed(start, resumeAt: inner)
        }
        let name = trimmed(content..<close)
        if sigil == UInt8(ascii: "=") {
            setDelimiters(name, start: start)
            tokens.append(TemplateToken(kind: .delimiters, range: start..<after))
            return after
        }
        let tag = TemplateToken(
            kind: kind ?? (sigil == UInt8(ascii: "{") ? .unescaped : .variable),
            range: start..<after,
            name: String(decoding: bytes[name], as: UTF8.self)
        )
        if check(tag) { tokens.append(tag) }
        return after
    }

    private static let kinds: [UInt8: TemplateToken.Kind] = [
        UInt8(ascii: "&"): .unescaped, UInt8(ascii: "#"): .section, UInt8(ascii: "^"): .inverted,
        UInt8(ascii: "/"): .close, UInt8(ascii: ">"): .partial, UInt8(ascii: "<"): .parent,
        UInt8(ascii: "$"): .block, UInt8(ascii: "!"): .comment,
    ]

    private mutating func check(_ tag: TemplateToken) -> Bool {
        let place = places.place(tag.range.lowerBound)
        guard !tag.name.isEmpty else {
            diagnostics.append(
                Diagnostic("a tag without a name", at: place, fix: "write a column's name between the braces")
            )
            return false
        }
        if tag.kind == .partial || tag.kind == .parent, tag.name.hasPrefix("*") {
            diagnostics.append(
                Diagnostic(
                    "which template \(tag.text) includes would depend on the row",
                    at: place,
                    fix: "name the template itself"
                )
            )
            return false
        }
        if tag.kind == .variable, let first = tag.name.unicodeScalars.first,
            "%@*?~|+:;,\\".unicodeScalars.contains(first)
        {
            diagnostics.append(
                Diagnostic(
                    "\(tag.text) is no kind of tag that Mustache knows",
                    at: place,
                    fix:
                        "the kinds are {{name}}, {{#name}}, {{^name}}, {{/name}}, {{> name}}, {{< name}}, {{$name}} and {{! comment}}"
                )
            )
            return false
        }
        return true
    }

    private mutating func refuseUnclosed(_ start: Int, resumeAt: Int) -> Int {
        diagnostics.append(
            Diagnostic(
                "a tag that is opened here is not closed",
                at: places.place(start),
                fix: "write \(String(decoding: closing, as: UTF8.self)) behind its name"
            )
        )
        return resumeAt
    }

    private mutating func setDelimiters(_ content: Range<Int>, start: Int) {
        let parts = bytes[content].split(whereSeparator: \.isSpace)
        guard parts.count == 2, !parts.joined().contains(UInt8(ascii: "=")) else {
            diagnostics.append(
                Diagnostic(
                    "a tag that sets delimiters needs two of them",
                    at: places.place(start),
                    fix: "write {{=<% %>=}}, for example"
                )
            )
            return
        }
        opening = Array(parts[0])
        closing = Array(parts[1])
    }

    private func trimmed(_ range: Range<Int>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, bytes[lower].isSpace { lower += 1 }
        while upper > lower, bytes[upper - 1].isSpace { upper -= 1 }
        return lower..<upper
    }

    private func find(_ needle: [UInt8], from start: Int) -> Int? {
        bytes.firstIndex(of: needle[...], from: start)
    }
}

extension TemplateToken {
    /// The tag as a person would write it.
    var text: String {
        switch kind {
        case .text: ""
        case .variable: "{{\(name)}}"
        case .unescaped: "{{{\(name)}}}"
        case .section: "{{#\(name)}}"
        case .inverted: "{{^\(name)}}"
        case .close: "{{/\(name)}}"
        case .partial: "{{> \(name)}}"
        case .parent: "{{< \(name)}}"
        case .block: "{{$\(name)}}"
        case .comment: "{{!}}"
        case .delimiters: "{{= =}}"
        }
    }
}

extension Array<UInt8> {
    /// Where some bytes next occur.
    func firstIndex(of needle: ArraySlice<UInt8>, from start: Int) -> Int? {
        guard let first = needle.first, needle.count <= count else { return nil }
        var index = start
        while index + needle.count <= count {
            if self[index] == first, self[index..<(index + needle.count)] == needle { return index }
            index += 1
        }
        return nil
    }
}
