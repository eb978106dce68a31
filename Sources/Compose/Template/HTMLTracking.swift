import Core

/// Turns scanned HTML into pieces, with links and pixel put in as the plan says.
struct HTMLTracking {
    private let items: [HTMLItem]
    private let plan: TrackingPlan
    private var pieces: [TemplatePiece] = []

    /// The pieces of a template; links get their numbers from `registry`.
    static func pieces(of items: [HTMLItem], plan: TrackingPlan, registry: inout LinkRegistry) -> [TemplatePiece] {
        var tracking = HTMLTracking(items: items, plan: plan)
        tracking.run(&registry)
        return tracking.pieces
    }

    private init(items: [HTMLItem], plan: TrackingPlan) {
        self.items = items
        self.plan = plan
    }

    private mutating func run(_ registry: inout LinkRegistry) {
        let pixelIndex = plan.opens ? lastBodyEnd ?? items.count : nil
        var links = plan.clicks ? trackedLinks() : [:]
        var index = 0
        while index < items.count {
            if index == pixelIndex { pieces.append(.pixel) }
            if let link = links.removeValue(forKey: index) {
                addLink(link.range, quoted: link.quoted, at: link.place, &registry)
                index = link.range.upperBound
                continue
            }
            if let piece = Self.piece(of: items[index]) { pieces.append(piece) }
            index += 1
        }
        if pixelIndex == items.count { pieces.append(.pixel) }
    }

    private static func piece(of item: HTMLItem) -> TemplatePiece? {
        switch item {
        case .text(let bytes), .markup(let bytes), .hidden(let bytes), .attributeText(let bytes): .bytes(bytes)
        case .value(let value, let escape): .cell(value, escape)
        case .open(let condition): .open(condition)
        case .close: .close
        case .tagStart, .attributeStart, .attributeEnd, .tagEnd: nil
        }
    }

    private var lastBodyEnd: Int? {
        items.lastIndex {
            if case .tagStart("body", isEnd: true, _) = $0 { true } else { false }
        }
    }

    /// The values of `href` that lead to the web, by the index at which each starts.
    private func trackedLinks() -> [Int: (range: Range<Int>, quoted: Bool, place: Place)] {
        var links: [Int: (range: Range<Int>, quoted: Bool, place: Place)] = [:]
        var index = 0
        while index < items.count {
            guard case .tagStart(let name, isEnd: false, _) = items[index], name == "a" || name == "area" else {
                index += 1
                continue
            }
            let tag = HTMLTagView(items, startingAt: index)
            index = tag.end
            if tag.attribute("data-no-track") != nil { continue }
            guard let href = tag.attribute("href"), isWebAddress(href.range) else { continue }
            links[href.range.lowerBound] = (href.range, isQuoted(before: href.range.lowerBound), href.place)
        }
        return links
    }

    private func isWebAddress(_ range: Range<Int>) -> Bool {
        guard let first = range.first, case .attributeText(let bytes) = items[first] else { return false }
        let decoded = EntityDecoder.decode(bytes[...], inAttribute: true).drop { $0 <= 0x20 }
        return decoded.hasPrefix(ignoringCase: "http://") || decoded.hasPrefix(ignoringCase: "https://")
    }

    /// Whether a quote opens the value; the markup before it ends with one then.
    private func isQuoted(before index: Int) -> Bool {
        for item in items[..<index].reversed() {
            if case .markup(let bytes) = item {
                return bytes.last == UInt8(ascii: "\"") || bytes.last == UInt8(ascii: "'")
            }
        }
        return false
    }

    private mutating func addLink(_ range: Range<Int>, quoted: Bool, at place: Place, _ registry: inout LinkRegistry) {
        var target: [TemplatePiece] = []
        for (offset, item) in items[range].enumerated() {
            switch item {
            case .attributeText(let bytes):
                let decoded = EntityDecoder.decode(bytes[...], inAttribute: true)
                    .filter { $0 != .lineFeed && $0 != .carriageReturn && $0 != .tab }
                let isFirst = offset == 0
                let isLast = offset == range.count - 1
                var slice = decoded[...]
                if isFirst { slice = slice.drop { $0 == .space } }
                while isLast, slice.last == .space { slice.removeLast() }
                target.append(.bytes(Array(slice)))
            default:
                if let piece = Self.piece(of: item) { target.append(piece) }
            }
        }
        let id = registry.id(for: LinkRegistry.text(of: target), at: place)
        pieces.append(.linkStart(id: id))
        pieces += target
        pieces.append(.linkEnd(id: id, quoted ? .html : .unquoted))
    }
}

/// One start tag among scanned HTML, with its attributes.
struct HTMLTagView {
    let name: String
    /// The index behind the tag.
    let end: Int
    private var attributes: [(name: String, range: Range<Int>, place: Place)] = []

    init(_ items: [HTMLItem], startingAt start: Int) {
        var index = start + 1
        var open: (name: String, start: Int, place: Place)?
        loop: while index < items.count {
            switch items[index] {
            case .attributeStart(let name, let place):
                open = (name, index + 1, place)
            case .attributeEnd:
                if let open { attributes.append((open.name, open.start..<index, open.place)) }
            case .tagEnd:
                index += 1
                break loop
            default:
                break
            }
            index += 1
        }
        if case .tagStart(let name, _, _) = items[start] { self.name = name } else { self.name = "" }
        end = index
    }

    /// The first attribute of a name, as a parser takes it.
    func attribute(_ name: String) -> (range: Range<Int>, place: Place)? {
        attributes.first { $0.name == name }.map { ($0.range, $0.place) }
    }
}
