/// A language that the pages for recipients speak.
///
/// One more is one more case here and one more column in ``PageText``.
public enum PageLanguage: String, CaseIterable, Sendable {
    /// English, which is taken where nothing says otherwise.
    case english = "en"
    /// Spanish.
    case spanish = "es"

    /// What its speakers call it.
    var name: String {
        switch self {
        case .english: "English"
        case .spanish: "Español"
        }
    }

    /// The language of a tag such as `es` or `es-MX`; `nil` for one that the pages do not speak.
    public init?(tag: some StringProtocol) {
        self.init(rawValue: String(tag.prefix { $0 != "-" && $0 != "_" }).lowercased())
    }

    /// The language that `Accept-Language` (RFC 9110 section 12.5.4) prefers among ours; `nil` where it names none.
    init?(accepted header: String) {
        var best: (language: PageLanguage, weight: Double)?
        for range in header.prefix(500).split(separator: ",") {
            let parts = range.split(separator: ";", omittingEmptySubsequences: false).map { Self.trimmed($0) }
            guard let language = PageLanguage(tag: parts[0]) else { continue }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }
            let weight = quality.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            if weight > best?.weight ?? 0 { best = (language, weight) }
        }
        guard let best else { return nil }
        self = best.language
    }

    /// The language of a page: what the reader asked for on the page itself, else the message's, else the browser's.
    static func chosen(asked: String?, message: String, accepted: String?) -> PageLanguage {
        asked.flatMap { PageLanguage(tag: $0) } ?? PageLanguage(tag: message)
            ?? accepted.flatMap { PageLanguage(accepted: $0) } ?? .english
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
