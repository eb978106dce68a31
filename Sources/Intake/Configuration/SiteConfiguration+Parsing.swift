public import Core
import YAML

extension SiteConfiguration {
    /// The keys of the file itself.
    public static let knownKeys = [
        "site", "postal_address", "from_domains", "time_zone", "holidays", "settle", "keys", "witness", "lease",
        "associates", "routes", "default_route", "domain_limits", "language", "tracking", "dkim", "fips", "halt",
        "reports", "lists", "subscribe", "api", "bounces",
    ]

    /// Reads the file, and reports all its problems at once.
    public static func parse(bytes: [UInt8], file: String = fileName) throws(Diagnostics) -> SiteConfiguration {
        let problems = ProblemList()
        let root = try YAMLReader.read(bytes, file: file)
        guard let reader = MappingReader(root, known: knownKeys, problems: problems) else {
            throw Diagnostics(problems.all)
        }
        let site = reader.text("site", required: true)
        let domains = fromDomains(reader)
        let postalAddress = reader.text("postal_address")
        let zone = zone(reader)
        let holidays = reader.fileName("holidays", rules: .site)
        let settle = reader.number("settle", in: 0...86_400)?.value ?? 10
        let keys = keys(reader)
        let witness = witness(reader)
        let lease = reader.number("lease", in: 1...3_600)?.value ?? 30
        let associates = associates(reader)
        let routes = routes(reader)
        let domainLimits = DomainLimits.read(reader)
        let language = LanguageTag.read(reader)
        let tracking = tracking(reader, fromDomains: domains.map(\.value))
        let api = API.read(reader, tracking: tracking)
        let dkim = dkim(reader, fromDomains: domains.map(\.value))
        let fips = reader.flag("fips")
        let halt = Halt.read(reader)
        let reports = Reports.read(reader)
        let lists = MailingList.read(reader)
        let subscribe = Subscribe.read(reader, fromDomains: domains.map(\.value))
        let bounces = Bounces.read(reader)
        let defaultRoute = reader.text("default_route")
        if let defaultRoute, !reader.entryNames("routes").contains(defaultRoute.value) {
            problems.report(
                "there is no route \(Words.quoted(defaultRoute.value))",
                at: defaultRoute.place,
                fix: Words.suggestion(for: defaultRoute.value, in: reader.entryNames("routes"))
            )
        }
        try problems.throwIfAny()
        guard let site, let zone, let keys else { throw Diagnostics([]) }
        return SiteConfiguration(
            site: site,
            postalAddress: postalAddress,
            fromDomains: domains,
            zone: zone,
            holidays: holidays,
            settle: settle,
            keys: keys,
            witness: witness,
            lease: lease,
            associates: associates,
            routes: routes,
            defaultRoute: defaultRoute,
            domainLimits: domainLimits,
            language: language,
            tracking: tracking,
            api: api,
            dkim: dkim,
            fips: fips,
            halt: halt,
            reports: reports,
            lists: lists,
            subscribe: subscribe,
            bounces: bounces
        )
    }

    private static func fromDomains(_ reader: MappingReader) -> [Placed<String>] {
        let texts = reader.texts("from_domains", of: "domains", required: true)
        if case .sequence(let items) = reader.value("from_domains")?.content, items.isEmpty {
            reader.problems.report(
                "\"from_domains\" is empty",
                at: reader.keyPlace("from_domains") ?? reader.place,
                fix: "name the domains that mail is sent from"
            )
        }
        return texts.compactMap { text in reader.domain(text).map { Placed($0, at: text.place) } }
    }

    private static func zone(_ reader: MappingReader) -> Placed<TimeZoneRules>? {
        guard reader.keyPlace("time_zone") != nil else { return Placed(.utc, at: reader.place.fileOnly) }
        guard let name = reader.text("time_zone") else { return nil }
        guard let rules = TimeZoneRules(named: name.value) else {
            reader.wrong(
                reader.name("time_zone"),
                name,
                expected: "a zone of the tz database",
                fix: TimeZoneFile.hint(for: name.value)
            )
            return nil
        }
        return Placed(rules, at: name.place)
    }

    private static func keys(_ reader: MappingReader) -> Placed<String>? {
        guard reader.keyPlace("keys") != nil else { return Placed("keys", at: reader.place.fileOnly) }
        guard let keys = reader.fileName("keys", rules: .site) else { return nil }
        if keys.value == "jobs" || keys.value.hasPrefix("jobs/") {
            reader.problems.report(
                "\"keys\" cannot lie in jobs/, where others drop files",
                at: keys.place,
                fix: "name a directory outside, such as keys"
            )
            return nil
        }
        return keys
    }

    private static func witness(_ reader: MappingReader) -> Placed<String>? {
        guard let witness = reader.fileName("witness", rules: .site) else { return nil }
        for room in ["jobs", "outbox"] where witness.value == room || witness.value.hasPrefix(room + "/") {
            reader.problems.report(
                "\"witness\" cannot lie in \(room)/: it would be restored together with what it vouches for",
                at: witness.place,
                fix: "name a directory outside, such as keys/witness"
            )
            return nil
        }
        return witness
    }

    private static func associates(_ reader: MappingReader) -> [Associate] {
        reader.entries("associates", example: "name: {…}").compactMap { pair in
            let known = ["agreement", "signed", "expires"]
            guard
                let fields = MappingReader(
                    pair.value,
                    path: "associates.\(pair.key.value)",
                    at: pair.key.place,
                    known: known,
                    problems: reader.problems
                )
            else { return nil }
            let agreement = fields.text("agreement", required: true)
            let signed = date("signed", fields)
            let expires = date("expires", fields)
            if let signed, let expires, expires.value <= signed.value {
                reader.problems.report(
                    "the agreement expires before it is in force",
                    at: expires.place,
                    fix: "correct one of the dates"
                )
            }
            guard let agreement, let signed, let expires else { return nil }
            return Associate(name: pair.key, agreement: agreement, signed: signed, expires: expires)
        }
    }

    private static func date(_ key: String, _ reader: MappingReader) -> Placed<CalendarDate>? {
        reader.value(key, required: true, expected: "a day such as 2026-01-15") { CalendarDate($0) }
    }
}
