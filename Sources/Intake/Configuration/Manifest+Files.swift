import Core
import YAML
extension Manifest {
    /// Reads `attachments`.
    static func attachments(_ reader: MappingReader, recipients: String?) -> [Attachment] {
        reader.list("attachments", of: "files").compactMap { node in
            guard let fields = item(node, of: "attachments", known: ["file", "name"], reader) else {
                return nil
            }
            let file = fields.fileName("file", required: true, rules: .jobTemplate)
            if let file { checkRecipients(file, recipients, reader) }
            guard let file else { return nil }
            guard let name = shownName(fields, file: file) else { return nil }
            return Attachment(file: file, name: name)
        }
    }

    /// Reads `inline_images`.
    static func inlineImages(_ reader: MappingReader, recipients: String?) -> [InlineImage] {
        reader.list("inline_images", of: "pictures").compactMap { node in
            guard let fields = item(node, of: "inline_images", known: ["file", "id"], reader) else { return nil }
            let file = fields.fileName("file", required: true)
            if let file { checkRecipients(file, recipients, reader) }
            let id = contentID(fields)
            guard let file, let id else { return nil }
            return InlineImage(file: file, id: id)
        }
    }

    /// Reports a content identifier that two parts have.
    static func checkContentIDs(_ ids: [Placed<String>], _ reader: MappingReader) {
        var seen: Set<String> = []
        for id in ids where !seen.insert(id.value).inserted {
            reader.problems.report(
                "the content id \(Words.quoted(id.value)) is given twice",
                at: id.place,
                fix: "give each picture its own"
            )
        }
    }

    private static func item(
        _ node: YAMLNode,
        of list: String,
        known: [String],
        _ reader: MappingReader
    ) -> MappingReader? {
        MappingReader(node, path: list, isItem: true, known: known, problems: reader.problems)
    }

    static func checkRecipients(_ file: Placed<String>, _ recipients: String?, _ reader: MappingReader) {
        guard file.value == recipients else { return }
        reader.problems.report(
            "the recipient file cannot be sent: it holds everybody's data",
            at: file.place,
            fix: "name the file that each person is to get"
        )
    }

    /// The name that recipients see; the file's own where it has no tags.
    private static func shownName(_ reader: MappingReader, file: Placed<String>) -> Placed<String>? {
        guard reader.keyPlace("name") != nil else {
            guard !file.value.contains("{{") else {
                reader.missing("name", fix: "add the name that recipients see, such as `name: letter.pdf`")
                return nil
            }
            return file.map { path in String(path.split(separator: "/").last ?? "") }
        }
        guard let name = reader.text("name") else { return nil }
        let outside = name.value.replacing("{{/", with: "")
        if outside.contains("/") || outside.contains("\\") || name.value.utf8.count > 200 {
            reader.problems.report(
                "\(reader.name("name")) must be a file's name without folders",
                at: name.place,
                fix: "write it like letter.pdf"
            )
            return nil
        }
        return name
    }

    private static func contentID(_ reader: MappingReader) -> Placed<String>? {
        reader.value(
            "id",
            required: true,
            expected: "a content id of letters, digits, hyphens, dots and underscores",
            fix: "write it like logo, and use it as cid:logo in the template"
        ) { RouteName.isGood($0) ? $0 : nil }
    }
}
