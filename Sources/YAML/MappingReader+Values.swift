package import Core

extension MappingReader {
    /// The longest text that a configuration value may be, in bytes.
    package static let longestText = 2_000

    /// A text: what was written, whether YAML would take it for a number or not.
    ///
    /// One line, and not only spaces.
    package func text(_ key: String, required: Bool = false) -> Placed<String>? {
        guard let node = node(key, required: required) else { return nil }
        return text(named: name(key), node)
    }

    /// The same for a node that was reached in another way; `name` is what a sentence calls it.
    package func text(named name: String, _ node: YAMLNode, mayBeEmpty: Bool = false, lines: Bool = false) -> Placed<
        String
    >? {
        guard case .scalar(let text, _) = node.content, !node.isNull else {
            wrong(name, node, expected: "a text")
            return nil
        }
        guard mayBeEmpty || text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            problems.report("\(name) is empty", at: node.place, fix: "write a text")
            return nil
        }
        guard text.utf8.count <= Self.longestText else {
            problems.report("\(name) is longer than \(Self.longestText) bytes", at: node.place, fix: "shorten it")
            return nil
        }
        for scalar in text.unicodeScalars where !HeaderValue.allows(scalar) && !(lines && scalar == "\n") {
            let isBreak = scalar == "\n" || scalar == "\r"
            problems.report(
                "\(name) must be one line without control characters",
                at: node.place,
                fix: isBreak ? "write it on one line" : "remove the control character"
            )
            return nil
        }
        return Placed(text, at: node.place)
    }

    /// A text of a certain form.
    package func value<Value>(
        _ key: String,
        required: Bool = false,
        expected: String,
        fix: String = "",
        _ read: (String) -> Value?
    ) -> Placed<Value>? {
        guard let text = text(key, required: required) else { return nil }
        guard let value = read(text.value) else {
            wrong(name(key), text, expected: expected, fix: fix)
            return nil
        }
        return Placed(value, at: text.place)
    }

    /// A whole number, plain and in decimal digits.
    ///
    /// YAML 1.1 reads `012` as ten and YAML 1.2 as twelve, so neither is taken; nor are `1e3`, `0x10` and `"8"`.
    package func number(_ key: String, in range: ClosedRange<Int>) -> Placed<Int>? {
        guard let node = node(key) else { return nil }
        guard case .scalar(let text, .plain) = node.content else {
            wrong(name(key), node, expected: "a whole number", fix: "write it in digits, without quotes")
            return nil
        }
        guard let number = WholeNumber.read(text) else {
            let bytes = Array(text.utf8)
            let hasZero = bytes.first == UInt8(ascii: "0") && WholeNumber.digits(bytes[...]) != nil
            wrong(
                name(key),
                Placed(text, at: node.place),
                expected: "a whole number",
                fix: hasZero ? "write it without leading zeros" : "write it in digits"
            )
            return nil
        }
        guard range.contains(number) else {
            problems.report(
                "\(name(key)) must be from \(range.lowerBound) to \(range.upperBound), not \(number)",
                at: node.place
            )
            return nil
        }
        return Placed(number, at: node.place)
    }

    /// `true` or `false` (YAML 1.2 core schema); `yes`, `no`, `on`, `off` are texts.
    package func flag(_ key: String) -> Placed<Bool>? {
        guard let node = node(key) else { return nil }
        let fix = "write true or false, without quotes"
        guard case .scalar(let text, .plain) = node.content else {
            wrong(name(key), node, expected: "true or false", fix: fix)
            return nil
        }
        switch text {
        case "true", "True", "TRUE": return Placed(true, at: node.place)
        case "false", "False", "FALSE": return Placed(false, at: node.place)
        default:
            wrong(name(key), Placed(text, at: node.place), expected: "true or false", fix: fix)
            return nil
        }
    }

    /// One of a few words.
    package func choice<Choice: CaseIterable & RawRepresentable>(
        _ key: String,
        required: Bool = false,
        fix: String = ""
    ) -> Placed<Choice>? where Choice.RawValue == String {
        guard let text = text(key, required: required) else { return nil }
        guard let choice = Choice(rawValue: text.value) else {
            let words = Choice.allCases.map(\.rawValue)
            let nearest = Suggestion.nearest(to: String(text.value.prefix(60)), in: words)
            wrong(
                key,
                text,
                expected: Words.list(words),
                fix: nearest.map { "did you mean \(Words.quoted($0))?" } ?? fix
            )
            return nil
        }
        return Placed(choice, at: text.place)
    }

    /// A list's nodes.
    package func list(_ key: String, of what: String, required: Bool = false) -> [YAMLNode] {
        guard let node = node(key, required: required) else { return [] }
        guard case .sequence(let items) = node.content else {
            wrong(name(key), node, expected: "a list of \(what)", fix: "write it in brackets: [a, b]")
            return []
        }
        return items
    }

    /// A list of texts, none twice.
    package func texts(_ key: String, of what: String, required: Bool = false) -> [Placed<String>] {
        var seen: Set<String> = []
        return list(key, of: what, required: required).compactMap { text(named: "each of \(name(key))", $0) }.filter {
            text in
            let isNew = seen.insert(text.value).inserted
            if !isNew {
                problems.report(
                    "\(Words.quoted(text.value)) stands twice in \(name(key))",
                    at: text.place,
                    fix: "remove one"
                )
            }
            return isNew
        }
    }

    /// A mapping with known keys.
    package func mapping(_ key: String, known: [String], required: Bool = false) -> MappingReader? {
        guard let node = node(key, required: required) else { return nil }
        return MappingReader(
            node,
            path: path.isEmpty ? key : "\(path).\(key)",
            at: keyPlace(key),
            known: known,
            problems: problems
        )
    }

    /// The user's own names in a mapping, without a look at whether it is one.
    package func entryNames(_ key: String) -> [String] {
        guard case .mapping(let pairs) = value(key)?.content else { return [] }
        return pairs.map(\.key.value)
    }

    /// A mapping whose keys are names of the user's own.
    package func entries(_ key: String, example: String) -> [YAMLNode.Pair] {
        guard let node = node(key) else { return [] }
        guard case .mapping(let pairs) = node.content else {
            wrong(name(key), node, expected: "a mapping", fix: "write `\(example)` below it")
            return []
        }
        return pairs
    }
}
