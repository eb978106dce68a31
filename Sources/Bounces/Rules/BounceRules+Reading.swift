public import Core
import YAML

extension BounceRules {
    /// Reads a rules file; reports all its problems at once.
    ///
    /// - Parameters:
    ///   - bytes: The file's bytes.
    ///   - file: Its name, for problems.
    public init(reading bytes: [UInt8], file: String) throws(Diagnostics) {
        let node = try YAMLReader.read(bytes, file: file)
        let problems = ProblemList()
        let known = [
            "reasons", "phrases", "rules", "statuses", "stages", "forms", "ends", "delays", "receipts", "replies",
        ]
        guard let top = MappingReader(node, known: known, problems: problems) else {
            throw Diagnostics(problems.all)
        }
        var parser = RulesParser(problems: problems)
        classes = parser.classes(top)
        parser.known = classes.keys.map(\.rawValue).sorted()
        parser.readLists(top)
        rules = parser.rules(top)
        statuses = parser.statuses(top)
        stages = parser.stages(top)
        forms = parser.forms(top)
        ends = top.texts("ends", of: "beginnings of lines").map { SearchText($0.value).bytes }
        delays = parser.phrases(top, "delays")
        receipts = parser.phrases(top, "receipts")
        replySubjects = parser.phrases(top, "replies")
        try problems.throwIfAny()
    }
}

/// Reads the parts of a rules file.
private struct RulesParser {
    let problems: ProblemList
    /// The reasons that are declared.
    var known: [String] = []
    /// The named lists of phrases.
    private var lists: [String: [SearchText.Phrase]] = [:]

    init(problems: ProblemList) {
        self.problems = problems
    }

    private enum Word: String, CaseIterable {
        case atOnce = "at-once"
        case after
        case never
    }

    func classes(_ top: MappingReader) -> [Reason: BounceRules.ReasonClass] {
        var classes: [Reason: BounceRules.ReasonClass] = [:]
        if top.value("reasons") == nil { top.missing("reasons") }
        for pair in top.entries("reasons", example: "mailbox-full: {severity: soft, suppress: after}") {
            guard
                let reader = mapping(
                    pair,
                    ["severity", "when_temporary", "suppress", "after", "source"],
                    in: "reasons"
                )
            else { continue }
            let severity: Placed<ReportedRecipient.Severity>? = reader.choice("severity", required: true)
            let temporary: Placed<ReportedRecipient.Severity>? = reader.choice("when_temporary")
            let word: Placed<Word>? = reader.choice("suppress", required: true)
            let number = reader.number("after", in: 1...1_000)
            _ = reader.text("source", required: true)
            if let number, word?.value != .after {
                problems.report("\(reader.name("after")) needs `suppress: after`", at: number.place)
            }
            guard let severity, let word else { continue }
            let consequence: Consequence =
                switch word.value {
                case .atOnce: .atOnce
                case .after: .after(number?.value)
                case .never: .never
                }
            classes[Reason(rawValue: pair.key.value)] = BounceRules.ReasonClass(
                severity: severity.value,
                whenTemporary: temporary?.value ?? severity.value,
                consequence: consequence
            )
        }
        return classes
    }

    mutating func readLists(_ top: MappingReader) {
        let pairs = top.entries("phrases", example: "unknown-user: [user unknown]")
        let reader = top.mapping("phrases", known: pairs.map(\.key.value))
        for pair in pairs {
            lists[pair.key.value] = reader.map { phrases($0, pair.key.value) } ?? []
        }
    }

    /// The phrases of a key.
    func phrases(_ reader: MappingReader, _ key: String) -> [SearchText.Phrase] {
        reader.texts(key, of: "phrases").compactMap { text in
            let phrase = SearchText.Phrase(text.value)
            if phrase == nil { reader.wrong(reader.name(key), text, expected: "words to look for") }
            return phrase
        }
    }

    func rules(_ top: MappingReader) -> [BounceRules.Rule] {
        let keys = ["reason", "says", "lists", "unless", "statuses", "codes", "stages", "hosts", "source"]
        return top.list("rules", of: "rules").compactMap { node in
            guard let reader = MappingReader(node, path: "rules", isItem: true, known: keys, problems: problems) else {
                return nil
            }
            let reason = reason(reader, "reason", required: true)
            _ = reader.text("source", required: true)
            var says = phrases(reader, "says")
            for name in reader.texts("lists", of: "names of phrase lists") {
                guard let list = lists[name.value] else {
                    reader.wrong(
                        reader.name("lists"),
                        name,
                        expected: "a name under `phrases`",
                        fix: Words.suggestion(for: name.value, in: lists.keys.sorted())
                    )
                    continue
                }
                says += list
            }
            let rule = BounceRules.Rule(
                reason: reason ?? BounceRules.fallback,
                says: says,
                unless: phrases(reader, "unless"),
                statuses: values(reader, "statuses", expected: "a code such as x.1.1") { StatusPattern($0) },
                codes: values(reader, "codes", expected: "a reply code") { text in
                    Int(text).flatMap { (400...599).contains($0) ? $0 : nil }
                },
                stages: values(reader, "stages", expected: Words.list(BounceRules.Stage.allCases.map(\.rawValue))) {
                    BounceRules.Stage(rawValue: $0)
                },
                hosts: reader.texts("hosts", of: "ends of host names").map { $0.value.lowercased() }
            )
            if rule.says.isEmpty, rule.statuses.isEmpty, rule.codes.isEmpty, rule.stages.isEmpty {
                problems.report(
                    "a rule without a condition",
                    at: node.place,
                    fix: "add `says`, `lists`, `statuses`, `codes` or `stages`"
                )
            }
            return rule
        }
    }

    func statuses(_ top: MappingReader) -> [(pattern: StatusPattern, reason: Reason)] {
        let pairs = top.entries("statuses", example: "x.1.1: mailbox-unknown")
        guard let reader = top.mapping("statuses", known: pairs.map(\.key.value)) else { return [] }
        return pairs.compactMap { pair in
            guard let pattern = StatusPattern(pair.key.value) else {
                reader.wrong("a key of \"statuses\"", pair.key, expected: "a code such as x.1.1")
                return nil
            }
            return reason(reader, pair.key.value, required: true).map { (pattern, $0) }
        }
    }

    func stages(_ top: MappingReader) -> [(stage: BounceRules.Stage, phrases: [SearchText.Phrase])] {
        guard let reader = top.mapping("stages", known: BounceRules.Stage.allCases.map(\.rawValue)) else { return [] }
        return BounceRules.Stage.allCases.map { ($0, phrases(reader, $0.rawValue)) }
    }

    func forms(_ top: MappingReader) -> [BounceRules.Form] {
        let keys = [
            "name", "kind", "opens", "from", "subject", "fields", "recipients", "recipients_from", "reads_all",
            "no_reply",
            "stage", "reason", "source",
        ]
        return top.list("forms", of: "forms of reports").compactMap { node in
            guard let reader = MappingReader(node, path: "forms", isItem: true, known: keys, problems: problems) else {
                return nil
            }
            let name = reader.text("name", required: true)
            let kind: Placed<FormKind>? = reader.choice("kind")
            _ = reader.text("source", required: true)
            let stage: Placed<BounceRules.Stage>? = reader.choice("stage")
            let form = BounceRules.Form(
                name: name?.value ?? "",
                kind: kind?.value.kind ?? .bounce,
                opens: phrases(reader, "opens"),
                from: phrases(reader, "from"),
                subject: phrases(reader, "subject"),
                fields: reader.texts("fields", of: "names of header fields").map { $0.value.lowercased() },
                recipients: values(reader, "recipients", expected: "a text that ends in {address}") {
                    RecipientLine($0)
                },
                recipientField: reader.text("recipients_from")?.value.lowercased(),
                readsAll: reader.flag("reads_all")?.value ?? false,
                isNoReply: reader.flag("no_reply")?.value ?? false,
                stage: stage?.value,
                reason: reason(reader, "reason")
            )
            if form.opens.isEmpty, form.from.isEmpty, form.subject.isEmpty, form.fields.isEmpty {
                problems.report("a form that nothing is known by", at: node.place, fix: "add `opens` or `subject`")
            }
            return form
        }
    }

    private enum FormKind: String, CaseIterable {
        case bounce
        case delay
        case complaint
        case autoReply = "auto-reply"

        var kind: ReturnedMessage.Kind {
            switch self {
            case .bounce: .bounce
            case .delay: .delay
            case .complaint: .complaint
            case .autoReply: .autoReply
            }
        }
    }

    private func reason(_ reader: MappingReader, _ key: String, required: Bool = false) -> Reason? {
        guard let text = reader.text(key, required: required) else { return nil }
        guard known.contains(text.value) else {
            reader.wrong(
                reader.name(key),
                text,
                expected: "a word under `reasons`",
                fix: Words.suggestion(for: text.value, in: known)
            )
            return nil
        }
        return Reason(rawValue: text.value)
    }

    private func mapping(_ pair: YAMLNode.Pair, _ keys: [String], in path: String) -> MappingReader? {
        MappingReader(
            pair.value,
            path: "\(path).\(pair.key.value)",
            at: pair.key.place,
            known: keys,
            problems: problems
        )
    }

    private func values<Value>(
        _ reader: MappingReader,
        _ key: String,
        expected: String,
        _ read: (String) -> Value?
    ) -> [Value] {
        reader.texts(key, of: "values").compactMap { text in
            let value = read(text.value)
            if value == nil { reader.wrong("each of \(reader.name(key))", text, expected: expected) }
            return value
        }
    }
}
