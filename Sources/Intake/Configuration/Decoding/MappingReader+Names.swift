import Core
import YAML

extension MappingReader {
    /// A file's name in the job folder, or a path of the site's own.
    func fileName(
        _ key: String,
        required: Bool = false,
        rules: FileName.Rules = .job
    ) -> Placed<String>? {
        guard let text = text(key, required: required) else { return nil }
        do throws(FileName.Refused) {
            try FileName.check(text.value, rules)
        } catch {
            problems.report(
                "\(name(key)) cannot be \(Words.quoted(text.value)): \(error.rule)",
                at: text.place,
                fix: rules == .site
                    ? "write a path below the site, or an absolute one" : "name a file in the job folder"
            )
            return nil
        }
        return text
    }

    /// A text as a mail domain, in A-labels and lower case; reports what is none.
    func domain(_ text: Placed<String>) -> String? {
        do throws(Address.Refused) {
            return try AddressParser.parse(domain: text.value)
        } catch {
            let rule = text.value.contains("@") ? "it has an @ in it" : error.rule
            problems.report(
                "\(Words.quoted(text.value)) is no domain: \(rule)",
                at: text.place,
                fix: "write the part behind the @ only"
            )
            return nil
        }
    }
}
