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
        let end = lastBodyEnd ?? items.count
        let pixelIndex = plan.opens ? end : nil
        var links = plan.clicks ? trackedLinks() : [:]
        let decoy = plan.decoy ? links.min { $0.key < $1.key }.flatMap { decoyTarget($0.value.range) } : nil
        var index = 0
        while index < items.count {
            if index == end, let decoy { addDecoy(decoy) }
            if index == pixelIndex { pieces.append(.pixel) }
            if let link = links.removeValue(forKey: index) {
                addLink(link.range, quoted: link.quoted, at: link.place, &registry)
                index = link.range.upperBound
                continue
            }
            if let piece = Self.piece(of: items[index]) { pieces.append(piece) }
            index += 1
        }
        if end == items.count, let decoy { addDecoy(decoy) }
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

    /// Where the decoy leads: to the first link, or, where that differs from row to row, to its host, which never does.
    private func decoyTarget(_ range: Range<Int>) -> [UInt8]? {
        guard let first = range.first, case .attributeText(let bytes) = items[first] else { return nil }
        let target = EntityDecoder.decode(bytes[...], inAttribute: true).filter { !$0.isSpace }
        if range.count == 1 { return target }
        let slashes = target.indices.filter { target[$0] == UInt8(ascii: "/") }
        return slashes.count > 2 ? Array(target[...slashes[2]]) : nil
    }

    /// A link that no person sees: not shown, not read aloud, not reached by keys, and empty, should all that be ignored.
    private mutating func addDecoy(_ target: [UInt8]) {
        pieces.append(.bytes(Self.decoyStart))
        pieces += [.linkStart(id: 0), .bytes(target), .linkEnd(id: 0, .html)]
        pieces.append(.bytes(Self.decoyEnd))
    }

    private static let decoyStart = Array(
        ("<div style=\"display:none;max-height:0;overflow:hidden;mso-hide:all\" aria-hidden=\"true\">"
            + "<a tabindex=\"-1\" href=\"").utf8
    )
    private static let decoyEnd = Array("\"></a></div>".utf8)

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
