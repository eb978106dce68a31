import Core

/// How words of a configuration file appear in a sentence.
package enum Words {
    /// A word in quotes: at most 60 characters, and none that a terminal would act on.
    package static func quoted(_ word: String) -> String {
        var text = ""
        for (count, scalar) in word.unicodeScalars.enumerated() {
            if count == 60 {
                text += "…"
                break
            }
            let isFormat = scalar.properties.generalCategory == .format
            if HeaderValue.allows(scalar), !isFormat, scalar != "\t" {
                text.unicodeScalars.append(scalar)
            } else {
                text += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
        return "\"\(text)\""
    }

    /// `a, b or c`, at most twenty of them.
    package static func list(_ words: [String]) -> String {
        let shown = words.prefix(20).map { quoted($0).dropFirst().dropLast() }
        if words.count > shown.count { return shown.joined(separator: ", ") + " and others" }
        guard let last = shown.last, shown.count > 1 else { return shown.joined() }
        return shown.dropLast().joined(separator: ", ") + " or " + last
    }

    /// `did you mean "x"?`, or what the choice is.
    package static func suggestion(for word: String, in candidates: [String], named kind: String = "there is") -> String
    {
        if let nearest = Suggestion.nearest(to: String(word.prefix(60)), in: candidates) {
            return "did you mean \(quoted(nearest))?"
        }
        return candidates.isEmpty ? "" : "\(kind) \(list(candidates))"
    }
}
