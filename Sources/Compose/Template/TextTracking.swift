import Core

/// Turns scanned text into pieces, with links put in as the plan says.
enum TextTracking {
    static func pieces(
        of items: [TextScanner.ScannedText],
        plan: TrackingPlan,
        registry: inout LinkRegistry
    ) -> [TemplatePiece] {
        var pieces: [TemplatePiece] = []
        var link: (start: Int, place: Place)?
        for item in items {
            switch item {
            case .bytes(let bytes): pieces.append(.bytes(bytes))
            case .value(let value, let escape):
                // A trusted column's cell is HTML, and this is text.
                pieces.append(.cell(value, value.unescaped && escape == .none ? .markupToText : escape))
            case .open(let condition): pieces.append(.open(condition))
            case .close: pieces.append(.close)
            case .linkStart(let place, let tracked):
                if plan.clicks, tracked { link = (pieces.count, place) }
            case .linkEnd:
                guard let (start, place) = link else { continue }
                link = nil
                let target = Array(pieces[start...])
                let id = registry.id(for: LinkRegistry.text(of: target), at: place)
                pieces.replaceSubrange(start..., with: [.linkStart(id: id)] + target + [.linkEnd(id: id, .none)])
            case .layout(.softSpace(let count)): pieces.append(.softSpace(count))
            case .layout(.softBreak(let lines, let indentation)):
                pieces.append(.softBreak(lines: lines, indentation: indentation))
            case .layout(.finish): pieces.append(.finish)
            case .layout: break
            }
        }
        return pieces
    }
}
