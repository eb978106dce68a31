public import Core
import YAML

extension SiteConfiguration {
    /// A kind of mail that recipients can choose on the preference page.
    public struct MailingList: Hashable, Sendable {
        /// Its key in the file.
        public var key: Placed<String>
        /// Whether it is all mail with `purpose: marketing`, whatever its list.
        public var isMarketing: Bool
        /// What people call it, by language tag.
        public var titles: [String: String]

        /// The list's name in manifests; `nil` for marketing.
        public var name: String? {
            isMarketing ? nil : key.value
        }
    }
}

extension SiteConfiguration.MailingList {
    /// Reads `lists`; empty if it is not there.
    static func read(_ reader: MappingReader) -> [Self] {
        let pairs = reader.entries("lists", example: "newsletter: {title: {en: Newsletter}}")
        if pairs.count > 100, let place = reader.keyPlace("lists") {
            reader.problems.report("\"lists\" has more than 100 entries", at: place, fix: "name fewer lists")
        }
        let lists = pairs.compactMap { read($0, reader) }
        let marketing = lists.filter(\.isMarketing)
        for list in marketing.dropFirst() {
            reader.problems.report("a second list has the scope marketing", at: list.key.place, fix: "remove one")
        }
        return lists
    }

    private static func read(_ pair: YAMLNode.Pair, _ reader: MappingReader) -> Self? {
        guard RouteName.isGood(pair.key.value) else {
            reader.problems.report(
                "\(Words.quoted(pair.key.value)) is no name of a list",
                at: pair.key.place,
                fix: "write letters, digits, hyphens, dots and underscores, at most 64"
            )
            return nil
        }
        guard
            let fields = MappingReader(
                pair.value,
                path: "lists.\(pair.key.value)",
                at: pair.key.place,
                known: ["title", "scope"],
                problems: reader.problems
            )
        else { return nil }
        let scope = fields.value("scope", expected: "list or marketing") {
            ["list", "marketing"].contains($0) ? $0 : nil
        }
        var titles: [String: String] = [:]
        for title in fields.entries("title", example: "en: Newsletter") {
            guard LanguageTag.isGood(title.key.value) else {
                reader.problems.report(
                    "\(Words.quoted(title.key.value)) is no language",
                    at: title.key.place,
                    fix: "write a language tag such as en or es"
                )
                continue
            }
            if let text = reader.text(named: fields.name("title"), title.value) { titles[title.key.value] = text.value }
        }
        if fields.keyPlace("title") == nil {
            reader.problems.report(
                "\(fields.name("title")) is missing",
                at: pair.key.place,
                fix: "add what people call the list: `title: {en: Newsletter}`"
            )
        }
        return Self(key: pair.key, isMarketing: scope?.value == "marketing", titles: titles)
    }
}
