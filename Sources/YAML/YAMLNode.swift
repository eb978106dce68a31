public import Core

/// One value of a YAML file, and where it stands.
///
/// A scalar stays the text that was written: nothing is decided about it until somebody asks for a number or a truth
/// value, so `no` stays `no` and `012` stays `012`.
public struct YAMLNode: Hashable, Sendable {
    /// What a value is.
    public indirect enum Content: Hashable, Sendable {
        /// A text, with quotes and escapes resolved.
        case scalar(String, Style)
        /// A list.
        case sequence([YAMLNode])
        /// Keys and their values, in the file's order; no key comes twice.
        case mapping([Pair])
    }

    /// How a scalar is written.
    public enum Style: Hashable, Sendable {
        /// Without quotes.
        case plain
        /// In single or double quotes.
        case quoted
        /// As a block behind `|` or `>`.
        case block
    }

    /// A key and its value.
    public struct Pair: Hashable, Sendable {
        /// The key.
        public var key: Placed<String>
        /// The value.
        public var value: YAMLNode

        /// Joins a key and its value.
        public init(key: Placed<String>, value: YAMLNode) {
            self.key = key
            self.value = value
        }
    }

    /// What it is.
    public var content: Content
    /// Where it begins; for a scalar, its text's first character, behind a quote or on the line below a `|`.
    public var place: Place

    /// Creates a node.
    public init(_ content: Content, at place: Place) {
        self.content = content
        self.place = place
    }

    /// Whether nothing stands there: a plain `~` or `null`, or no text at all (YAML 1.2 core schema).
    public var isNull: Bool {
        guard case .scalar(let text, .plain) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// What it is, for a sentence: `a list`, `a text in quotes`.
    public var kind: String {
        switch content {
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .scalar where isNull: "nothing"
        case .scalar(_, .quoted): "a text in quotes"
        case .scalar: "a text"
        }
    }
}
