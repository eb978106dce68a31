/// A kind of mail that the preference page offers to stop.
public struct OfferedList: Hashable, Sendable {
    /// Which mail.
    public var scope: SuppressionScope
    /// What people call it, by language tag.
    public var titles: [String: String]

    /// A list by its name in manifests, or marketing as a whole.
    public init(scope: SuppressionScope, titles: [String: String]) {
        self.scope = scope
        self.titles = titles
    }

    /// What it is called in a language: in that, in English, in any, or by its bare name.
    public func title(_ language: PageLanguage) -> String {
        for wanted in [language, .english] {
            let found = titles.filter { PageLanguage(tag: $0.key) == wanted }.min { $0.key < $1.key }
            if let found { return found.value }
        }
        if let any = titles.min(by: { $0.key < $1.key }) { return any.value }
        return if case .list(let name) = scope { name } else { scope.description }
    }
}
