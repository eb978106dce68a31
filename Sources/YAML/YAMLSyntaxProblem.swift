import Core

extension YAMLSource {
    /// The commonest slip in a manifest: a value that starts with a tag.
    static func unquotedTag(at place: Place) -> Diagnostic {
        Diagnostic("YAML takes {{ at a value's start for a mapping", at: place, fix: "put the value in quotes")
    }

    /// libyaml's complaint in our words, at the place that a person has to change.
    func diagnostic(for error: YAMLSyntaxError) -> Diagnostic {
        let mark = place(line: error.line, column: error.column)
        let context = place(line: error.contextLine, column: error.contextColumn)
        let text = line(error.line)
        if let column = tagColumn(near: error, text) {
            return Self.unquotedTag(at: place(line: error.line, column: column))
        }
        if error.problem.contains("tab character") || error.column < text.count && text[error.column] == "\t" {
            return Diagnostic("a tab where YAML needs spaces", at: mark, fix: "indent with spaces")
        }
        let isQuoted = error.context.contains("quoted scalar")
        switch error.problem {
        case "mapping values are not allowed in this context":
            return Diagnostic(
                "a colon and a space inside a value, or a line that is indented wrongly",
                at: mark,
                fix: "put the value in quotes, or align the key with its neighbours"
            )
        case "found unexpected end of stream" where isQuoted,
            "found unexpected document indicator" where isQuoted:
            return Diagnostic("a quote that is opened here and never closed", at: context, fix: "close it")
        case "found unknown escape character", "did not find expected hexdecimal number",
            "found invalid Unicode character escape code":
            return Diagnostic(
                "a backslash that starts no known escape",
                at: mark,
                fix: "write \\\\ for a backslash, or use single quotes"
            )
        case "could not find expected ':'":
            return Diagnostic(
                "a line that is no `key: value`",
                at: error.context.contains("simple key") ? context : mark,
                fix: "put a colon and a space behind the key, or indent a text that goes on"
            )
        case "found character that cannot start any token":
            return Diagnostic(
                "a value cannot start with this character",
                at: mark,
                fix: "put the value in quotes"
            )
        case "did not find expected ',' or ']'", "did not find expected ',' or '}'":
            return Diagnostic(
                "a bracket that is opened here and not closed where it should be",
                at: context,
                fix: text.contains("{")
                    ? "close it, and put every part with {{ }} in quotes"
                    : "close it, put commas between its parts, and put parts with special characters in quotes"
            )
        case "did not find expected node content":
            return Diagnostic("a value is missing, or starts with a bracket too many", at: mark, fix: "write one")
        case "did not find expected key" where textBehindQuote(error, text):
            return Diagnostic(
                "text behind a closing quote",
                at: mark,
                fix: text[..<error.column].last { $0 != " " } == "'"
                    ? "double a single quote inside single quotes, or put the whole value in double quotes"
                    : "put the whole value in single quotes"
            )
        case "did not find expected key", "did not find expected '-' indicator",
            "did not find expected <document start>", "block sequence entries are not allowed in this context":
            return Diagnostic(
                "this line does not fit the ones above it",
                at: mark,
                fix: "align it with its neighbours, and look for a quote or a bracket too many"
            )
        case _ where error.problem.contains("tag") || error.context.contains("tag"):
            return Diagnostic("a tag (`!`)", at: mark, fix: "remove it, or put the value in quotes")
        case "did not find expected comment or line break", "found an indentation indicator equal to 0":
            return Diagnostic("a value cannot start with | or >", at: mark, fix: "put the value in quotes")
        case "found unexpected ':'":
            return Diagnostic("a colon inside brackets", at: mark, fix: "put the part in quotes")
        case "mapping keys are not allowed in this context":
            return Diagnostic("a value cannot start with ? and a space", at: mark, fix: "put the value in quotes")
        case _ where error.context.contains("directive"):
            return Diagnostic("a % directive", at: mark, fix: "remove it; the file is read as YAML 1.2")
        case "did not find expected alphabetic or numeric character":
            return Diagnostic("a value cannot start with & or *", at: mark, fix: "put the value in quotes")
        default:
            return Diagnostic("not YAML: \(error.problem)", at: mark, fix: "look at this line and the one above")
        }
    }

    /// The column of an unquoted `{{` that a value starts with, on the line at fault.
    private func tagColumn(near error: YAMLSyntaxError, _ text: [Unicode.Scalar]) -> Int? {
        for column in text.indices.dropLast() where text[column] == "{" && text[column + 1] == "{" {
            guard column <= error.column else { return nil }
            let before = text[..<column].last { $0 != " " }
            if before == nil || before.map({ ":-[,".unicodeScalars.contains($0) }) == true { return column }
            return nil
        }
        return nil
    }

    /// Whether libyaml stopped on the same line behind a closing quote: `from: "A" <a@b.example>`.
    private func textBehindQuote(_ error: YAMLSyntaxError, _ text: [Unicode.Scalar]) -> Bool {
        guard error.column <= text.count else { return false }
        let before = text[..<error.column].last { $0 != " " }
        return before == "\"" || before == "'"
    }
}
