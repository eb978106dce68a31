/// How a recipient table's bytes stand for text.
public enum TextEncoding: String, CaseIterable, Sendable {
    /// UTF-8, with or without a byte-order mark.
    case utf8 = "utf-8"
    /// UTF-16, the byte-order mark says which half comes first.
    case utf16 = "utf-16"
    /// UTF-16, the lower half first, with or without a mark.
    case utf16LittleEndian = "utf-16le"
    /// UTF-16, the higher half first, with or without a mark.
    case utf16BigEndian = "utf-16be"
    /// Windows' Western code page, what spreadsheets there save as plain "CSV".
    case windows1252 = "windows-1252"

    /// Reads the name that a manifest gives, in any case; `cp1252` and `utf8` are known too.
    public init?(name: String) {
        switch name.lowercased() {
        case "utf8": self = .utf8
        case "utf16": self = .utf16
        case "cp1252": self = .windows1252
        case let name:
            guard let encoding = TextEncoding(rawValue: name) else { return nil }
            self = encoding
        }
    }

    /// What a manifest declares.
    public init(_ declared: Manifest.Encoding) {
        switch declared {
        case .utf8: self = .utf8
        case .utf16: self = .utf16
        case .windows1252: self = .windows1252
        }
    }

    /// The name in a sentence for a person.
    public var label: String {
        switch self {
        case .utf8: "UTF-8"
        case .utf16, .utf16LittleEndian, .utf16BigEndian: "UTF-16"
        case .windows1252: "Windows-1252"
        }
    }
}

/// The encoding that a file was found to have, and how that is known.
public struct FoundEncoding: Hashable, Sendable {
    /// What vouches for the encoding.
    public enum Evidence: String, Sendable {
        /// The manifest says so, and nothing in the file speaks against it.
        case declared
        /// A byte-order mark.
        case mark
        /// Every byte fits (UTF-8 does not come about by chance).
        case valid
        /// Every plausible reading of the bytes gives the same text; see ``EncodingSurvey``.
        case proved
    }

    /// The encoding; never ``TextEncoding/utf16``, since the order is known by now.
    public let encoding: TextEncoding
    /// How many bytes of byte-order mark stand before the text.
    public let markLength: Int
    /// How it is known.
    public let evidence: Evidence

    /// Records a finding.
    public init(_ encoding: TextEncoding, markLength: Int = 0, evidence: Evidence) {
        self.encoding = encoding
        self.markLength = markLength
        self.evidence = evidence
    }
}
