public import Core
internal import YAML

extension AutomationRules {
    /// The most that a rules file may have, in bytes.
    public static let maximumSize = 1 << 20

    /// Reads a rules file, and reports all its problems at once.
    public static func parse(bytes: [UInt8], file: String) throws(Diagnostics) -> AutomationRules {
        let problems = ProblemList()
        let root = try YAMLReader.read(bytes, file: file)
        guard let reader = MappingReader(root, known: ["rules", "pace"], problems: problems) else {
            throw Diagnostics(problems.all)
        }
        let rules = reader.list("rules", of: "rules", required: true).compactMap { rule($0, problems) }
        let pace = reader.mapping("pace", known: Pace.keys).map { Pace(reading: $0) } ?? Pace()
        try problems.throwIfAny()
        return AutomationRules(rules: rules, pace: pace)
    }

    private static let ruleKeys = [
        "reason", "agent", "agent_starts", "agent_is", "no_agent", "method", "header", "networks", "events", "device",
        "source", "note",
    ]

    private static func rule(_ node: YAMLNode, _ problems: ProblemList) -> Rule? {
        guard let reader = MappingReader(node, path: "rules", isItem: true, known: ruleKeys, problems: problems) else {
            return nil
        }
        let reason = reader.reason()
        let source = reader.text("source", required: true)
        _ = reader.text("note")
        guard let reason, let source else { return nil }
        var rule = Rule(reason: reason, events: events(reader), source: source.value)
        rule.agentHas = reader.words("agent", of: "texts")
        rule.agentStarts = reader.words("agent_starts", of: "texts")
        rule.agentIs = reader.words("agent_is", of: "texts")
        if reader.flag("no_agent")?.value == true { rule.agentIs.append("") }
        rule.methods = reader.texts("method", of: "methods").map { $0.value.uppercased() }
        rule.header = header(reader)
        rule.networks = reader.texts("networks", of: "networks").compactMap { text in
            let network = ClientNetwork(text.value)
            if network == nil {
                reader.wrong(
                    reader.name("networks"),
                    text,
                    expected: "a network",
                    fix: "write it like 192.0.2.0/24 or 2001:db8::/32, without bits behind its length"
                )
            }
            return network
        }
        rule.device = reader.choice("device").map(\.value)
        let hasCondition =
            rule.isAboutAgent || !rule.methods.isEmpty || rule.header != nil || !rule.networks.isEmpty
        if !hasCondition,
            ["agent", "agent_starts", "agent_is", "method", "header", "networks"].allSatisfy({ key in
                reader.keyPlace(key) == nil
            })
        {
            problems.report(
                "a rule that names nothing to look for",
                at: reader.place,
                fix: "give it an agent, a method, a header or networks"
            )
        }
        return rule
    }

    private static func events(_ reader: MappingReader) -> Set<Event.Kind> {
        guard reader.keyPlace("events") != nil else { return [.open, .click] }
        return Set(
            reader.texts("events", of: "events").compactMap { text in
                switch text.value {
                case "open": return .open
                case "click": return .click
                default:
                    reader.wrong(reader.name("events"), text, expected: "open or click")
                    return nil
                }
            }
        )
    }

    private static func header(_ reader: MappingReader) -> Header? {
        guard let fields = reader.mapping("header", known: ["name", "has"]) else { return nil }
        let name = fields.value("name", required: true, expected: "a header's name") { text in
            text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") } ? text.lowercased() : nil
        }
        let words = fields.words("has", of: "words")
        guard let name else { return nil }
        if words.isEmpty { fields.missing("has", fix: "add `has: [word]`") }
        return Header(name: name.value, words: words)
    }
}

extension AutomationRules.Pace {
    static let keys = [
        "decoy", "neighbours", "after_delivery", "same_second", "burst", "every_link", "after_head",
    ]

    init(reading reader: MappingReader) {
        self.init()
        decoy = Self.part("decoy", [], reader).map { $0.reason }
        if let fields = reader.mapping("neighbours", known: ["seconds", "source", "note"]) {
            neighbours = fields.time("seconds", unit: 1_000)
        }
        afterDelivery = Self.part("after_delivery", ["before", "opens", "clicks"], reader).map { reason, fields in
            AfterDelivery(
                reason: reason,
                before: fields.time("before", unit: 1_000),
                opens: fields.time("opens", unit: 1_000),
                clicks: fields.time("clicks", unit: 1_000)
            )
        }
        sameSecond = Self.part("same_second", ["links", "milliseconds"], reader).map { reason, fields in
            Cluster(
                reason: reason,
                links: fields.number("links", in: 2...1_000)?.value ?? 2,
                milliseconds: fields.time("milliseconds", unit: 1)
            )
        }
        burst = Self.part("burst", ["links", "seconds"], reader).map { reason, fields in
            Cluster(
                reason: reason,
                links: fields.number("links", in: 2...1_000)?.value ?? 2,
                milliseconds: fields.time("seconds", unit: 1_000)
            )
        }
        everyLink = Self.part("every_link", ["least", "share", "seconds"], reader).map { reason, fields in
            EveryLink(
                reason: reason,
                least: fields.number("least", in: 2...1_000)?.value ?? 3,
                share: fields.number("share", in: 1...100)?.value ?? 100,
                milliseconds: fields.time("seconds", unit: 1_000)
            )
        }
        afterHead = Self.part("after_head", ["seconds"], reader).map { reason, fields in
            AfterHead(reason: reason, milliseconds: fields.time("seconds", unit: 1_000))
        }
    }

    private static func part(_ key: String, _ known: [String], _ reader: MappingReader) -> (
        reason: String, fields: MappingReader
    )? {
        guard let fields = reader.mapping(key, known: ["reason", "source", "note"] + known) else { return nil }
        _ = fields.text("source", required: true)
        _ = fields.text("note")
        return fields.reason().map { ($0, fields) }
    }
}

extension MappingReader {
    /// The word of a rule: letters, digits and hyphens.
    fileprivate func reason() -> String? {
        let expected = "a word of small letters, digits and hyphens"
        let word: Placed<String>? = value("reason", required: true, expected: expected) { text in
            Self.isWord(text) ? text : nil
        }
        return word?.value
    }

    private static func isWord(_ text: String) -> Bool {
        text.utf8.count <= 40
            && text.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
            }
    }

    fileprivate func words(_ key: String, of what: String) -> [String] {
        texts(key, of: what).map { $0.value.lowercased() }
    }

    /// A time in milliseconds; nothing is no time at all.
    fileprivate func time(_ key: String, unit: Int64) -> Int64 {
        Int64(number(key, in: 0...86_400)?.value ?? 0) * unit
    }
}
