import Core

/// Makes a text template of a scanned HTML template: what a reader without HTML should see.
///
/// Blocks become lines, lists get their bullets, table rows become lines whose cells stand two spaces apart, links show
/// their address, images their alternative text. What is hidden in HTML is left out.
struct TextFromHTML {
    private let items: [HTMLItem]
    private var writer = TextWriter()
    /// Open elements that are left out, outermost first.
    private var hidden: [String] = []
    private var lists: [Int?] = []
    private var links: [(range: Range<Int>?, text: [UInt8], isPlainText: Bool, tracked: Bool, alone: Bool)] = []
    private var preformatted = 0
    private var place = Place(file: "")
    private var hasCell = false
    private var depth = 0

    static func items(of html: [HTMLItem]) -> [TextItem] {
        var maker = TextFromHTML(items: html)
        return maker.run()
    }

    private init(items: [HTMLItem]) {
        self.items = items
    }

    private mutating func run() -> [TextItem] {
        var index = 0
        while index < items.count {
            switch items[index] {
            case .tagStart(let name, let isEnd, let place):
                self.place = place
                let tag = HTMLTagView(items, startingAt: index)
                if isEnd { end(name) } else { start(tag) }
                index = skipTag(from: index, to: tag.end)
                continue
            case .text(let bytes):
                if hidden.isEmpty { add(bytes) }
            case .value(let value, _):
                if hidden.isEmpty { add(value) }
            case .open(let condition):
                if hidden.isEmpty { writer.open(condition) } else { hidden.append("{{") }
            case .close:
                if hidden.last == "{{" { hidden.removeLast() } else { writer.close() }
            case .markup, .hidden, .attributeText, .attributeStart, .attributeEnd, .tagEnd:
                break
            }
            index += 1
        }
        return writer.finish()
    }

    /// Sections inside a tag have no part in the text; they are balanced there.
    private func skipTag(from start: Int, to end: Int) -> Int {
        max(end, start + 1)
    }

    // MARK: Text

    private mutating func add(_ bytes: [UInt8]) {
        let decoded = TextCharacters.visible(EntityDecoder.decode(bytes[...], inAttribute: false))
        if !links.isEmpty { links[links.count - 1].text += decoded }
        writer.isPreformatted = preformatted > 0
        writer.add(text: decoded, at: place)
    }

    private mutating func add(_ value: TemplateValue) {
        if !links.isEmpty { links[links.count - 1].isPlainText = false }
        writer.add(value)
    }

    // MARK: Elements

    private mutating func start(_ tag: HTMLTagView) {
        let name = tag.name
        if !hidden.isEmpty || isHidden(tag) {
            if !Self.void.contains(name) { hidden.append(name) }
            return
        }
        switch name {
        case "br":
            writer.breakLine(1, exactly: true)
        case "hr":
            writer.breakLine(2)
            writer.add(word: [UInt8](repeating: UInt8(ascii: "-"), count: 10), at: place)
            writer.breakLine(2)
        case "img":
            addAlternative(tag)
        case "ul", "ol":
            writer.breakLine(lists.isEmpty ? 2 : 1)
            lists.append(name == "ol" ? 1 : nil)
            writer.indentation += 2
        case "li":
            startItem()
        case "td", "th":
            if hasCell { writer.space(2) }
            hasCell = true
        case "tr":
            writer.breakLine(1)
            hasCell = false
        case "pre":
            writer.breakLine(2)
            preformatted += 1
        case "a":
            startLink(tag)
        default:
            if let lines = Self.blocks[name] { writer.breakLine(lines) }
        }
    }

    private mutating func end(_ name: String) {
        if !hidden.isEmpty {
            // Elements whose end tag is often left out must not hide the rest.
            if let match = hidden.lastIndex(of: name), !hidden[match...].contains("{{") {
                hidden.removeSubrange(match...)
            }
            return
        }
        switch name {
        case "ul", "ol":
            if lists.popLast() != nil { writer.indentation = max(0, writer.indentation - 2) }
            writer.breakLine(lists.isEmpty ? 2 : 1)
        case "li":
            writer.breakLine(1)
        case "tr":
            writer.breakLine(1)
            hasCell = false
        case "pre":
            preformatted = max(0, preformatted - 1)
            writer.breakLine(2)
        case "a":
            endLink()
        default:
            if let lines = Self.blocks[name] { writer.breakLine(lines) }
        }
    }

    private mutating func startItem() {
        writer.breakLine(1)
        guard let last = lists.indices.last else {
            writer.marker = "- "
            return
        }
        if let number = lists[last] {
            writer.marker = "\(number). "
            lists[last] = number + 1
        } else {
            writer.marker = "- "
        }
    }

    private mutating func addAlternative(_ tag: HTMLTagView) {
        guard let alt = tag.attribute("alt") else { return }
        for item in items[alt.range] {
            switch item {
            case .attributeText(let bytes): add(bytes)
            case .value(let value, _): add(value)
            case .open(let condition): writer.open(condition)
            case .close: writer.close()
            default: break
            }
        }
    }

    private func isHidden(_ tag: HTMLTagView) -> Bool {
        if Self.left.contains(tag.name) || tag.attribute("hidden") != nil { return true }
        guard let style = tag.attribute("style") else { return false }
        var text: [UInt8] = []
        for case .attributeText(let bytes) in items[style.range] { text += bytes }
        let css = String(decoding: text.lowercasedASCII.filter { !$0.isSpace }, as: UTF8.self)
        return css.contains("display:none") || css.contains("visibility:hidden")
    }

    // MARK: Links

    private mutating func startLink(_ tag: HTMLTagView) {
        let tracked = tag.attribute("data-no-track") == nil
        links.append((tag.attribute("href")?.range, [], true, tracked, isAlone(before: tag)))
    }

    private mutating func endLink() {
        guard let link = links.popLast(), let range = link.range, let first = range.first else { return }
        var label = String(decoding: link.text, as: UTF8.self).split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
        if case .attributeText(let bytes) = items[first] {
            let address = EntityDecoder.decode(bytes[...], inAttribute: true)
            let isWeb = address.hasPrefix(ignoringCase: "http://") || address.hasPrefix(ignoringCase: "https://")
            let isOther = address.hasPrefix(ignoringCase: "mailto:") || address.hasPrefix(ignoringCase: "tel:")
            guard isWeb || isOther else { return }
            if isOther { label = "" }
            if link.isPlainText, range.count == 1, label == String(decoding: address, as: UTF8.self) { return }
            if isOther, repeatsLabel(link.text, address) { return }
        } else if case .value(let value, _) = items[first], !value.binding.isPage {
            return
        }
        let hasText = !link.text.allSatisfy(\.isSpace) || !link.isPlainText
        let colon = hasText && link.alone
        if colon, link.text.last != UInt8(ascii: ":") { writer.add(word: [UInt8(ascii: ":")], at: place) }
        if hasText { writer.space(1) }
        if hasText, !colon { writer.add(word: [UInt8(ascii: "(")], at: place) }
        writer.setTracked(link.tracked)
        addAddress(range)
        // Marks the address's end, too: what follows at once is no part of it.
        writer.setTracked(true)
        if hasText, !colon { writer.add(word: [UInt8(ascii: ")")], at: place) }
    }

    /// Whether a mail or telephone link only repeats what it shows.
    private func repeatsLabel(_ label: [UInt8], _ address: [UInt8]) -> Bool {
        let keep: (UInt8) -> Bool = { $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "@") || $0 >= 0x80 }
        let body = address.drop { $0 != UInt8(ascii: ":") }.prefix { $0 != UInt8(ascii: "?") }.filter(keep)
        return !body.isEmpty && label.filter(keep) == body
    }

    private mutating func addAddress(_ range: Range<Int>) {
        for (offset, item) in items[range].enumerated() {
            switch item {
            case .attributeText(let bytes):
                var address = EntityDecoder.decode(bytes[...], inAttribute: true).filter { $0 > 0x20 }[...]
                if offset == 0 {
                    if address.hasPrefix(ignoringCase: "mailto:") { address = address.dropFirst(7) }
                    if address.hasPrefix(ignoringCase: "tel:") { address = address.dropFirst(4) }
                }
                writer.add(word: Array(address), at: place)
            case .value(let value, _): writer.add(value)
            case .open(let condition): writer.open(condition)
            case .close: writer.close()
            default: break
            }
        }
    }

    /// Whether a link is all there is in its block or line, so that its address can follow a colon.
    private func isAlone(before tag: HTMLTagView) -> Bool {
        var index = tag.end
        // Behind the link.
        var behind = false
        loop: while index < items.count {
            switch items[index] {
            case .tagStart("a", isEnd: true, _): behind = true
            case .tagStart(let name, _, _) where behind && isBoundary(name): break loop
            case .text(let bytes) where behind && !bytes.allSatisfy(\.isSpace): return false
            case .value where behind && !isInTag(index): return false
            default: break
            }
            index += 1
        }
        // Before it.
        for index in items[..<max(0, startIndex(of: tag))].indices.reversed() {
            switch items[index] {
            case .tagStart(let name, _, _) where isBoundary(name): return true
            case .text(let bytes) where !bytes.allSatisfy(\.isSpace): return false
            case .value where !isInTag(index): return false
            default: break
            }
        }
        return true
    }

    private func startIndex(of tag: HTMLTagView) -> Int {
        items[..<max(0, tag.end - 1)].lastIndex { if case .tagStart = $0 { true } else { false } } ?? 0
    }

    private func isInTag(_ index: Int) -> Bool {
        for item in items[..<index].reversed() {
            if case .tagEnd = item { return false }
            if case .tagStart = item { return true }
        }
        return false
    }

    private func isBoundary(_ name: String) -> Bool {
        Self.blocks[name] != nil || ["br", "li", "td", "th", "tr", "ul", "ol", "hr", "pre"].contains(name)
    }

    // MARK: Tables

    /// Elements that stand on lines of their own, with the line breaks around them.
    private static let blocks: [String: Int] = {
        var blocks: [String: Int] = [:]
        for name in ["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "dl", "figure", "fieldset"] {
            blocks[name] = 2
        }
        let single = """
            address article aside body caption center dd details div dt figcaption footer form header html legend main \
            nav section summary tbody tfoot thead
            """
        for name in single.split(separator: " ") { blocks[String(name)] = 1 }
        return blocks
    }()

    private static let left: Set<String> = [
        "head", "style", "script", "title", "template", "noscript", "textarea", "select", "svg", "math", "object",
        "iframe", "audio", "video",
    ]

    private static let void: Set<String> = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
    ]
}

/// Characters that HTML mail uses for looks.
enum TextCharacters {
    /// No-break spaces as spaces; soft hyphens, zero-width spaces and other padding of preview lines out.
    static func visible(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(where: { $0 >= 0x80 }) else { return bytes }
        var output: [UInt8] = []
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            switch scalar.value {
            case 0xA0, 0x2007, 0x202F: output.append(.space)
            case 0xAD, 0x200B, 0x34F, 0xFEFF: continue
            case 0x200C where output.last?.isSpace ?? true: continue
            default: output.append(contentsOf: String(scalar).utf8)
            }
        }
        return output
    }
}
