import Core
import YAML

/// Recipients who subscribed to a list, in place of a table of the job's own.
extension Manifest {
    /// The column of a list's table that holds the address.
    public static let subscriberAddress = "email"
    /// The column that holds the subscriber's number in the list, which stays the same.
    public static let subscriberKey = "subscriber"

    /// The column that holds the language of the form: two letters, or nothing.
    public static let subscriberLanguage = "language"

    /// The name in the job's folder under which its subscribers are written down when the job is taken up.
    public static func subscribersFile(_ list: String) -> String {
        "subscribers-\(list).csv"
    }

    /// Who gets the job's mail: the name of a file, and the list where one is named instead of a file.
    struct Recipients {
        var file: Placed<String>
        var list: Placed<String>?

        /// Reads `recipients: FILE` or `recipients: {list: NAME}`.
        static func read(_ reader: MappingReader) -> Self? {
            guard case .mapping = reader.value("recipients")?.content else {
                return reader.fileName("recipients", required: true).map { Self(file: $0) }
            }
            let list = reader.mapping("recipients", known: ["list"])?.value(
                "list",
                required: true,
                expected: "letters, digits, hyphens, dots and underscores, at most 64"
            ) { RouteName.isGood($0) ? $0 : nil }
            return list.map { Self(file: $0.map(Manifest.subscribersFile), list: $0) }
        }
    }

    /// The columns of a job whose manifest does not say them, since its recipients are a list's subscribers.
    static func subscriberColumns(at place: Place) -> Columns {
        Columns(
            address: Placed(subscriberAddress, at: place),
            key: Placed(subscriberKey, at: place),
            language: Placed(subscriberLanguage, at: place),
            plain: []
        )
    }

    /// The list that opt-outs apply to: subscribers leave the list that they subscribed to, and no other.
    static func list(_ list: Placed<String>?, of recipients: Placed<String>?, _ reader: MappingReader) -> Placed<
        String
    >? {
        guard let recipients else { return list }
        if let list, list.value != recipients.value {
            reader.problems.report(
                "subscribers of \(Words.quoted(recipients.value)) cannot get mail of another list, which they could not leave",
                at: list.place,
                fix: "remove the line, or write `list: \(recipients.value)`"
            )
        }
        return recipients
    }

    /// What stands against the list that the recipients are taken from.
    func recipientProblems(in site: SiteConfiguration) -> [Diagnostic] {
        guard let list = recipientList else { return [] }
        let lists = site.subscribe?.lists.map(\.value) ?? []
        guard !lists.contains(list.value) else { return [] }
        return [
            Diagnostic(
                "nobody can subscribe to a list \(Words.quoted(list.value)) of this site",
                at: list.place,
                fix: lists.isEmpty
                    ? "add \"subscribe\" to \(SiteConfiguration.fileName)"
                    : Words.suggestion(for: list.value, in: lists)
            )
        ]
    }
}
