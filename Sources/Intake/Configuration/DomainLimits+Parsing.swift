import Core
import YAML

extension DomainLimits {
    private enum Pace {
        case rate(Rate)
        case unlimited
    }

    private static let paceExpected = "a number in a time such as 20/s, 600/min or 10000/h, or the word unlimited"

    /// Reads `domain_limits`.
    static func read(_ reader: MappingReader) -> DomainLimits {
        let key = "domain_limits"
        let names = reader.entryNames(key)
        guard let fields = reader.mapping(key, known: names) else { return DomainLimits() }
        let presets = names.contains("presets") ? fields.flag("presets")?.value ?? false : false
        var others: Rate?
        var limits: [Limit] = []
        // Each domain and name once: of two limits for one domain, nobody can say which is meant.
        var seen: Set<String> = []
        for pair in reader.entries(key, example: "gmail: 20/s") where pair.key.value != "presets" {
            if pair.key.value == "*" {
                if case .rate(let rate)? = pace(fields, pair.key.value) { others = rate }
            } else if let limit = limit(pair, fields) {
                let taken = ([limit.name] + limit.domains).filter { !seen.insert($0).inserted && $0 != limit.name }
                let isNameTaken = limits.contains { $0.name == limit.name || $0.domains.contains(limit.name) }
                if isNameTaken || !taken.isEmpty {
                    reader.problems.report(
                        "\(Words.quoted(isNameTaken ? limit.name : taken[0])) is limited twice",
                        at: pair.key.place,
                        fix: "domains of one provider are counted together; keep one limit for them"
                    )
                } else {
                    limits.append(limit)
                }
            }
        }
        return DomainLimits(limits, usesPresets: presets, others: others)
    }

    private static func pace(_ fields: MappingReader, _ key: String) -> Pace? {
        fields.value(key, expected: paceExpected) { text in
            text == "unlimited" ? .unlimited : Rate(text).map(Pace.rate)
        }?.value
    }

    /// One entry: a provider, a domain, or a group of domains under a name of the site's own.
    private static func limit(_ pair: YAMLNode.Pair, _ fields: MappingReader) -> Limit? {
        let key = pair.key.value
        var domains: [String] = []
        let rate: Pace?
        if case .mapping = pair.value.content {
            guard let group = fields.mapping(key, known: ["rate", "domains"]) else { return nil }
            domains = group.texts("domains", of: "domains").compactMap { group.domain($0) }
            if group.keyPlace("rate") == nil { group.missing("rate", fix: "add `rate: 20/s`") }
            rate = pace(group, "rate")
        } else {
            rate = pace(fields, key)
        }
        guard let name = name(pair, fields, isGroup: !domains.isEmpty), let rate else { return nil }
        if name.contains(".") { domains.append(name) }
        switch rate {
        case .rate(let rate): return Limit(name, rate, domains: domains)
        case .unlimited: return Limit(name, nil, domains: domains)
        }
    }

    /// The name that a limit goes by: a domain of a large provider means the provider.
    private static func name(_ pair: YAMLNode.Pair, _ fields: MappingReader, isGroup: Bool) -> String? {
        let key = pair.key.value
        if MailProvider.named(key) != nil { return key }
        if key.contains(".") {
            return fields.domain(pair.key).map { MailProvider.provider(of: $0)?.name ?? $0 }
        }
        guard isGroup, RouteName.isGood(key) else {
            let known = MailProvider.all.map(\.name)
            fields.problems.report(
                "\(Words.quoted(key)) is no domain and no provider that is known by name",
                at: pair.key.place,
                fix: Suggestion.nearest(to: String(key.prefix(60)), in: known + ["presets"])
                    .map { "did you mean \(Words.quoted($0))?" }
                    ?? "write a domain, one of \(Words.list(known)), or `{rate: 5/s, domains: [a.example, b.example]}`"
            )
            return nil
        }
        return key
    }
}
