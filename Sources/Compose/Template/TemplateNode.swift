import Core

/// What a template says, as a tree whose every node knows its place.
indirect enum TemplateNode: Sendable {
    /// Text of the source; `startsLine` if it stands at a line's start, where a partial's indentation goes.
    case text(bytes: ArraySlice<UInt8>, startsLine: Bool, place: Place)
    case variable(name: String, unescaped: Bool, place: Place)
    case section(name: String, inverted: Bool, body: [TemplateNode], place: Place, closedAt: Place)
    /// `indentation` is what stood before the tag if it stands alone on its line.
    case partial(name: String, indentation: ArraySlice<UInt8>, place: Place)
    case parent(name: String, indentation: ArraySlice<UInt8>, overrides: [TemplateBlock], place: Place)
    case block(TemplateBlock)
}

/// A named part of a layout, or what a template puts in its place.
struct TemplateBlock: Sendable {
    var name: String
    var body: [TemplateNode]
    var place: Place
    /// The indentation of its own lines, which goes when the block replaces another.
    var inner: ArraySlice<UInt8>
    /// The indentation that the lines of a replacement get.
    var outer: ArraySlice<UInt8>
    /// Whether the block's tag stands alone on its line, so that the first line of a replacement is indented too.
    var standsAlone: Bool
}

/// A template as parsed.
struct ParsedTemplate: Sendable {
    var source: TemplateSource
    var nodes: [TemplateNode]
}
