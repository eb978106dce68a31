import Core
import Intake
import Testing

/// Opens and clicks, on or off at every level.
@Suite struct TrackingSwitchTests {
    private static func parse(_ tracking: String) throws -> SiteConfiguration {
        try SiteConfigurationTests.parse(
            """
            site: S
            from_domains: [a.example, b.example]
            routes: {r: {relay: "m.example:587", tls: starttls, own: true}}
            tracking:
              base_url: https://t.a.example
            """ + "\n" + tracking
        )
    }

    private static func manifest(_ tracking: String = "", from: String = "care@a.example") throws -> Manifest {
        try ManifestTests.parse(ManifestTests.short.replacing("care@riverside.example", with: from) + tracking)
    }

    private static func words(_ opens: Bool?, _ clicks: Bool?) -> String {
        let words = [opens.map { "opens: \($0)" }, clicks.map { "clicks: \($0)" }].compactMap { $0 }
        return "{\(words.joined(separator: ", "))}"
    }

    /// What four levels say, each on, off or nothing.
    private static let levels: [[Bool?]] = {
        let words: [Bool?] = [true, false, nil]
        return words.flatMap { a in words.flatMap { b in words.flatMap { c in words.map { [a, b, c, $0] } } } }
    }()

    @Test("Every combination of the levels decides as the strictest says, for opens and clicks by themselves")
    func everyCombination() throws {
        #expect(Self.levels.count == 81)
        // Clicks have another combination beside each of opens, so that one cannot stand in for the other.
        for (index, opens) in Self.levels.enumerated() {
            let clicks = Self.levels[(index * 32 + 7) % Self.levels.count]
            var lines = ""
            for act in [("opens", opens[0]), ("clicks", clicks[0])] {
                if let word = act.1 { lines += "  \(act.0): \(word)\n" }
            }
            lines += "  senders:\n    a.example: \(Self.words(opens[1], clicks[1]))\n"
            lines += "    care@a.example: \(Self.words(opens[2], clicks[2]))\n"
            // Another's word is not heard.
            lines +=
                "    b.example: {opens: false, clicks: false}\n    other@a.example: {opens: false, clicks: false}\n"
            let site = try Self.parse(lines)
            let manifest = try Self.manifest("tracking: \(Self.words(opens[3], clicks[3]))\n")
            for (act, words) in [(TrackedAct.opens, opens), (.clicks, clicks)] {
                let verdict = site.verdict(on: act, for: manifest)
                let expected = try #require(Self.expected(words))
                #expect(verdict.decision == expected, "\(act): \(words)")
                #expect((verdict.place == nil) == (expected.rule == .unset), "\(act): \(words)")
            }
        }
    }

    /// The first that says off, broadest first; else the job's own word.
    private static func expected(_ words: [Bool?]) -> TrackingDecision? {
        let rules: [TrackingRule] = [.site, .senderDomain, .senderAddress, .job]
        for (rule, word) in zip(rules, words) where word == false { return TrackingDecision(false, by: rule) }
        return words[3] == true ? TrackingDecision(true, by: .job) : TrackingDecision(false, by: .unset)
    }

    @Test("The rule is named with its key and its place")
    func places() throws {
        let site = try Self.parse("  opens: true\n  senders:\n    Care@A.example: {clicks: false}\n")
        let manifest = try Self.manifest("tracking: {opens: true, clicks: true}\n")
        let opens = site.verdict(on: .opens, for: manifest)
        #expect(opens.setting == "tracking.opens")
        #expect(opens.place?.description == "manifest.yaml:10:19")
        let clicks = site.verdict(on: .clicks, for: manifest)
        #expect(clicks.decision == TrackingDecision(false, by: .senderAddress))
        #expect(clicks.setting == "tracking.senders.\"Care@A.example\".clicks")
        #expect(clicks.place?.description == "wardpost.yaml:8:30")
    }

    @Test(
        "What is wrong with the switches is told with its place",
        arguments: [
            ("  open: false", "wardpost.yaml:6:3: unknown key \"open\" in \"tracking\"; did you mean \"opens\"?"),
            (
                "  opens: no",
                "wardpost.yaml:6:10: \"tracking.opens\" must be true or false, not \"no\"; write true or false, without quotes"
            ),
            (
                "  senders: {a.exmple: {opens: false}}",
                "wardpost.yaml:6:13: \"a.exmple\" is not among \"from_domains\", so nothing is sent from it; did you mean "
                    + "\"a.example\"?"
            ),
            (
                "  senders: {care@c.example: {opens: false}}",
                "wardpost.yaml:6:13: \"c.example\" is not among \"from_domains\", so nothing is sent from it; did you mean "
                    + "\"a.example\"?"
            ),
            (
                "  senders: {a b@a.example: {opens: false}}",
                "wardpost.yaml:6:13: a sender in \"tracking.senders\" is no address: an address cannot hold spaces or "
                    + "control characters; write an address such as care@riverside.example, or a domain"
            ),
            (
                "  senders: {a.example: {open: false}}",
                "wardpost.yaml:6:25: unknown key \"open\" in \"tracking.senders.a.example\"; did you mean \"opens\"?"
            ),
            (
                "  senders: {a.example: off}",
                "wardpost.yaml:6:24: \"tracking.senders.a.example\" must be a mapping, not a text; write keys and values: "
                    + "opens or clicks"
            ),
            (
                "  senders: {x@a.example: {}, X@A.example: {}}",
                "wardpost.yaml:6:30: \"X@A.example\" stands twice in \"tracking.senders\"; keep one"
            ),
            (
                "  senders: [a.example]",
                "wardpost.yaml:6:12: \"tracking.senders\" must be a mapping, not a list; write `care@riverside.example: "
                    + "{opens: false}` below it"
            ),
        ]
    )
    func wrongSwitch(line: String, said: String) {
        #expect(Self.said(line) == said)
    }

    private static func said(_ lines: String) -> String {
        do {
            _ = try parse(lines + "\n")
            return ""
        } catch {
            return (error as? Diagnostics)?.all.map(\.description).joined(separator: "\n") ?? "\(error)"
        }
    }

    // MARK: - Hosts

    @Test("A domain's links lead to its own host, any other's to the default one")
    func hosts() throws {
        let site = try Self.parse(
            "  hosts: [{from_domains: [B.example], base_url: \"https://T.b.example:8443/\", certificate: c, key: k}]\n"
        )
        let tracking = try #require(site.tracking)
        #expect(tracking.baseURL(forSender: "b.example").value == "https://t.b.example:8443")
        #expect(tracking.baseURL(forSender: "a.example").value == "https://t.a.example")
        #expect(tracking.hosts.map(\.name) == ["t.b.example"])
        #expect(tracking.hostName == "t.a.example")
        #expect(tracking.host(forSender: "b.example")?.certificate?.value == "c")
    }

    @Test(
        "What is wrong with the hosts is told with its place",
        arguments: [
            (
                "[{from_domains: [b.example]}]",
                "wardpost.yaml:6:11: \"tracking.hosts.base_url\" is missing; add `base_url: …`"
            ),
            (
                "[{from_domains: [b.exmple], base_url: \"https://t.b.example\"}]",
                "wardpost.yaml:6:27: \"b.exmple\" is not among \"from_domains\", so nothing is sent from it; did you mean "
                    + "\"b.example\"?"
            ),
            (
                "[{from_domains: [b.example], base_url: \"https://T.A.example:9\"}]",
                "wardpost.yaml:6:50: the host \"t.a.example\" stands twice below \"tracking\"; give each a name of its own, "
                    + "or list all of its domains at one"
            ),
            (
                "[{from_domains: [b.example], base_url: \"https://t.b.example/x\"}]",
                "wardpost.yaml:6:50: \"tracking.hosts.base_url\" has another path than the default \"base_url\"; leave the "
                    + "path out"
            ),
            (
                "[{from_domains: [b.example], base_url: \"https://192.0.2.1\"}]",
                "wardpost.yaml:6:50: \"tracking.hosts.base_url\" needs a host name: the server tells its hosts apart by it; "
                    + "write it like https://t.example.org"
            ),
            (
                "[{from_domains: [b.example], base_url: \"https://t.b.example\", certificate: c}]",
                "wardpost.yaml:6:72: \"tracking.hosts.certificate\" needs \"key\"; add `key: …`, or leave both out if the "
                    + "server's own certificate names this host, too"
            ),
            (
                "[{from_domains: [], base_url: \"https://t.b.example\"}]",
                "wardpost.yaml:6:12: \"tracking.hosts.from_domains\" is empty; name the domains whose links lead there"
            ),
            (
                "[{from_domain: [b.example], base_url: \"https://t.b.example\"}]",
                "wardpost.yaml:6:11: \"tracking.hosts.from_domains\" is missing; add `from_domains: …`\nwardpost.yaml:6:12: "
                    + "unknown key \"from_domain\" in \"tracking.hosts\"; did you mean \"from_domains\"?"
            ),
            (
                "[{from_domains: [b.example], base_url: \"https://t.b.example\"}, {from_domains: [b.example], base_url: "
                    + "\"https://u.b.example\"}]",
                "wardpost.yaml:6:89: \"b.example\" has a host already; name it at one host only"
            ),
            (
                "[{from_domains: [b.example], base_url: \"http://t.b.example\"}]",
                "wardpost.yaml:6:50: \"tracking.hosts.base_url\" must be an https URL without query, fragment or user, not "
                    + "\"http://t.b.example\"; write it like https://t.example.org"
            ),
        ]
    )
    func wrongHost(list: String, said: String) {
        #expect(Self.said("  hosts: \(list)") == said)
    }

    // MARK: - The recipient's wish

    @Test(
        "Only nothing or a plain no lets a row be tracked",
        arguments: [
            ("", TrackingWish.silent), ("  \t", .silent), ("no", .silent), ("No ", .silent), ("N", .silent),
            ("0", .silent), ("FALSE", .silent), ("off", .silent),
            ("yes", .optedOut), (" Yes", .optedOut), ("Y", .optedOut), ("1", .optedOut), ("x", .optedOut),
            ("TRUE", .optedOut), ("on", .optedOut), ("sí", .optedOut), ("SÍ", .optedOut), ("si", .optedOut),
            ("maybe", .unclear), ("nope", .unclear), ("n/a", .unclear), ("2026-11-22", .unclear), ("null", .unclear),
            ("\u{2713}", .unclear), ("no no no no no", .unclear), ("00", .unclear), ("-", .unclear),
        ]
    )
    func wishes(cell: String, wish: TrackingWish) {
        #expect(TrackingWish(Array(cell.utf8)[...]) == wish)
    }

    @Test("The column is known however its name is written, and near misses are near")
    func columnNames() {
        for name in ["no_tracking", "No Tracking", "NO-TRACKING", "noTracking"] { #expect(TrackingWish.isColumn(name)) }
        for name in ["tracking", "no_tracking_2", "notrack"] { #expect(!TrackingWish.isColumn(name)) }
        for name in ["no_trackng", "do_not_track", "Do Not Track", "DNT", "not_racking"] {
            #expect(TrackingWish.isNear(name), "\(name)")
        }
        for name in ["email", "patient_ref", "tracking_number", "note", "packing"] {
            #expect(!TrackingWish.isNear(name), "\(name)")
        }
    }

    @Test("A manifest may give the column another name, which must be there")
    func namedColumn() throws {
        let text = ManifestTests.short.replacing("  key: ", with: "  no_tracking: privacy\n  key: ")
        let manifest = try ManifestTests.parse(text)
        #expect(manifest.columns.noTracking?.value == "privacy")
        #expect(manifest.namedColumns.contains { $0.value == "privacy" })
    }
}
