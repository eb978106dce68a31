import Core
import Intake
import Testing

/// Every way in which `wardpost.yaml` can be wrong: the whole text of what is said about it.
@Suite struct SiteErrorTests {
    /// A line put in place of the contract example's line of that number, and what is said.
    static let lines: [(line: Int, text: String, said: String)] = [
        (
            1, "sit: Riverside",
            "wardpost.yaml:1:1: unknown key \"sit\"; did you mean \"site\"?\nwardpost.yaml:1:1: \"site\" "
                + "is missing; add `site: …`"
        ),
        (1, "site: [a]", "wardpost.yaml:1:7: \"site\" must be a text, not a list"),
        (1, "site:", "wardpost.yaml:1:1: \"site\" has no value; write one"),
        (1, "site: '  '", "wardpost.yaml:1:8: \"site\" is empty; write a text"),
        (
            1, "site: \"a\\nb\"",
            "wardpost.yaml:1:8: \"site\" must be one line without control characters; write it on one line"
        ),
        (2, "postal_adress: x", "wardpost.yaml:2:1: unknown key \"postal_adress\"; did you mean \"postal_address\"?"),
        (
            2, "zzzzzz: x",
            "wardpost.yaml:2:1: unknown key \"zzzzzz\"; known here: "
                + SiteConfiguration.knownKeys.prefix(20).joined(separator: ", ") + " and others"
        ),
        (
            3, "from_domains: riverside.example",
            "wardpost.yaml:3:15: \"from_domains\" must be a list of domains, not a text; write it in "
                + "brackets: [a, b]"
        ),
        (
            3, "from_domains: []",
            "wardpost.yaml:3:1: \"from_domains\" is empty; name the domains that mail is sent from"
        ),
        (
            3, "from_domains: [care@riverside.example]",
            "wardpost.yaml:3:16: \"care@riverside.example\" is no domain: it has an @ in it; write the "
                + "part behind the @ only"
        ),
        (
            3, "from_domains: [a.example, a.example]",
            "wardpost.yaml:3:27: \"a.example\" stands twice in \"from_domains\"; remove one"
        ),
        (3, "from_domains: [[a.example]]", "wardpost.yaml:3:16: each of \"from_domains\" must be a text, not a list"),
        (3, "# none", "wardpost.yaml:1:1: \"from_domains\" is missing; add `from_domains: …`"),
        (
            4, "time_zone: America/Chicgo",
            "wardpost.yaml:4:12: \"time_zone\" must be a zone of the tz database, not \"America/Chicgo\"; did "
                + "you mean \"America/Chicago\"?"
        ),
        (
            4, "time_zone: ../../etc/passwd",
            "wardpost.yaml:4:12: \"time_zone\" must be a zone of the tz database, not \"../../etc/passwd\"; "
                + "write it like America/Chicago, Europe/Berlin or UTC"
        ),
        (
            4, "time_zone: CEST",
            "wardpost.yaml:4:12: \"time_zone\" must be a zone of the tz database, not \"CEST\"; write it like "
                + "America/Chicago, Europe/Berlin or UTC"
        ),
        (
            4, "time_zone: America",
            "wardpost.yaml:4:12: \"time_zone\" must be a zone of the tz database, not \"America\"; write it "
                + "like America/Chicago, Europe/Berlin or UTC"
        ),
        (
            5, "settle: 012",
            "wardpost.yaml:5:9: \"settle\" must be a whole number, not \"012\"; write it without leading "
                + "zeros"
        ),
        (
            5, "settle: '10'",
            "wardpost.yaml:5:10: \"settle\" must be a whole number, not a text in quotes; write it in "
                + "digits, without quotes"
        ),
        (
            5, "settle: [10]",
            "wardpost.yaml:5:9: \"settle\" must be a whole number, not a list; write it in digits, without "
                + "quotes"
        ),
        (5, "settle: 1e3", "wardpost.yaml:5:9: \"settle\" must be a whole number, not \"1e3\"; write it in digits"),
        (5, "settle: -1", "wardpost.yaml:5:9: \"settle\" must be a whole number, not \"-1\"; write it in digits"),
        (5, "settle: 86401", "wardpost.yaml:5:9: \"settle\" must be from 0 to 86400, not 86401"),
        (5, "lease: 0", "wardpost.yaml:5:8: \"lease\" must be from 1 to 3600, not 0"),
        (5, "lease: 30s", "wardpost.yaml:5:8: \"lease\" must be a whole number, not \"30s\"; write it in digits"),
        (
            5, "witness: outbox/witness",
            "wardpost.yaml:5:10: \"witness\" cannot lie in outbox/: it would be restored together with what it vouches "
                + "for; name a directory outside, such as keys/witness"
        ),
        (
            5, "witness: jobs",
            "wardpost.yaml:5:10: \"witness\" cannot lie in jobs/: it would be restored together with what it vouches "
                + "for; name a directory outside, such as keys/witness"
        ),
        (
            6, "keys: jobs/keys",
            "wardpost.yaml:6:7: \"keys\" cannot lie in jobs/, where others drop files; name a directory "
                + "outside, such as keys"
        ),
        (
            6, "keys: ../keys",
            "wardpost.yaml:6:7: \"keys\" cannot be \"../keys\": `..` leads out of the folder; write a path "
                + "below the site, or an absolute one"
        ),
        (
            6, "keys: ~/keys",
            "wardpost.yaml:6:7: \"keys\" cannot be \"~/keys\": ~ stands for a home directory, which is "
                + "outside the folder; write a path below the site, or an absolute one"
        ),
        (
            8, "  Relay Inc: {agreement: B, signed: 2026-02-30, expires: 2027-01-15}",
            "wardpost.yaml:8:37: \"associates.Relay Inc.signed\" must be a day such as 2026-01-15, not "
                + "\"2026-02-30\""
        ),
        (
            8, "  Relay Inc: {agreement: B, signed: 2026-02-03, expires: 2026-02-03}",
            "wardpost.yaml:8:58: the agreement expires before it is in force; correct one of the dates"
        ),
        (
            8, "  Relay Inc: {agreement: B, signed: 2026-02-03}",
            "wardpost.yaml:8:3: \"associates.Relay Inc.expires\" is missing; add `expires: …`"
        ),
        (
            8, "  Relay Inc: BAA",
            "wardpost.yaml:8:14: \"associates.Relay Inc\" must be a mapping, not a text; write keys and "
                + "values: agreement, signed or expires"
        ),
        (
            8, "  Relay Ink: {agreement: B, signed: 2026-02-03, expires: 2027-02-03}",
            "wardpost.yaml:14:16: there is no associate \"Relay Inc\"; did you mean \"Relay Ink\"?"
        ),
        (
            10, "  ma in:",
            "wardpost.yaml:10:3: \"ma in\" cannot be a route's name; use letters, digits, hyphens, dots "
                + "and underscores, at most 64"
        ),
        (
            11, "    relay: smtp.relay.example",
            "wardpost.yaml:11:12: \"routes.main.relay\" must be a host and a port such as "
                + "smtp.relay.example:587, not \"smtp.relay.example\"; add the port: 587 with starttls, 465 with "
                + "implicit"
        ),
        (
            11, "    relay: smtp.relay.example:0",
            "wardpost.yaml:11:12: \"routes.main.relay\" must be a host and a port such as "
                + "smtp.relay.example:587, not \"smtp.relay.example:0\"; add the port: 587 with starttls, 465 "
                + "with implicit"
        ),
        (
            11, "    relay: smtp.relay.example:65536",
            "wardpost.yaml:11:12: \"routes.main.relay\" must be a host and a port such as "
                + "smtp.relay.example:587, not \"smtp.relay.example:65536\"; add the port: 587 with starttls, "
                + "465 with implicit"
        ),
        (
            11, "    relay: 300.1.2.3:25",
            "wardpost.yaml:11:12: \"routes.main.relay\" must be a host and a port such as "
                + "smtp.relay.example:587, not \"300.1.2.3:25\"; add the port: 587 with starttls, 465 with "
                + "implicit"
        ),
        (
            11, "    relay: smtp_relay:25",
            "wardpost.yaml:11:12: \"routes.main.relay\" must be a host and a port such as "
                + "smtp.relay.example:587, not \"smtp_relay:25\"; add the port: 587 with starttls, 465 with "
                + "implicit"
        ),
        (11, "    # no relay", "wardpost.yaml:10:3: \"routes.main.relay\" is missing; add `relay: …`"),
        (
            12, "    tls: none",
            "wardpost.yaml:12:10: tls must be starttls or implicit, not \"none\"; there is no third: mail "
                + "leaves over verified TLS or not at all"
        ),
        (
            12, "    tls: startls",
            "wardpost.yaml:12:10: tls must be starttls or implicit, not \"startls\"; did you mean "
                + "\"starttls\"?"
        ),
        (
            12, "    tls: no",
            "wardpost.yaml:12:10: tls must be starttls or implicit, not \"no\"; there is no third: mail "
                + "leaves over verified TLS or not at all"
        ),
        (12, "    # no tls", "wardpost.yaml:10:3: \"routes.main.tls\" is missing; add `tls: …`"),
        (
            13, "    ca: https://ca.example/root.pem",
            "wardpost.yaml:13:9: \"routes.main.ca\" cannot be \"https://ca.example/root.pem\": nothing is "
                + "fetched from elsewhere; only files of the folder are read; write a path below the site, or an "
                + "absolute one"
        ),
        (
            14, "    associate: Relay Ing",
            "wardpost.yaml:14:16: there is no associate \"Relay Ing\"; did you mean \"Relay Inc\"?"
        ),
        (
            14, "    own: true\n    associate: Relay Inc",
            "wardpost.yaml:14:10: \"routes.main\" has both an associate and `own: true`; keep the one that "
                + "is true"
        ),
        (
            14, "    own: yes",
            "wardpost.yaml:14:10: \"routes.main.own\" must be true or false, not \"yes\"; write true or "
                + "false, without quotes"
        ),
        (
            14, "    own: false",
            "wardpost.yaml:10:3: \"routes.main\" does not say who runs the relay; add `associate: NAME` "
                + "with an agreement on file, or `own: true` for a relay of the site's own"
        ),
        (
            14, "    # nobody",
            "wardpost.yaml:10:3: \"routes.main\" does not say who runs the relay; add `associate: NAME` "
                + "with an agreement on file, or `own: true` for a relay of the site's own"
        ),
        (
            15, "    auth: {username: u, password: hunter2}",
            "wardpost.yaml:15:25: a password does not belong into this file; write it into a file with "
                + "mode 0600, and name that file as `password_file`"
        ),
        (
            15, "    auth: {username: u}",
            "wardpost.yaml:15:5: \"routes.main.auth.password_file\" is missing; add `password_file: …`"
        ),
        (
            15, "    auth: {username: u, token: canary}",
            "wardpost.yaml:15:25: a token does not belong into this file; write it into a file with "
                + "mode 0600, and name that file as `token_file`"
        ),
        (
            15, "    auth: {password_file: p}",
            "wardpost.yaml:15:5: \"routes.main.auth.username\" is missing; add `username: …`"
        ),
        (
            15, "    auth: {username: u, password_file: p, mechanism: SCRAM-SHA-265}",
            "wardpost.yaml:15:54: mechanism must be SCRAM-SHA-256, PLAIN, LOGIN, OAUTHBEARER, XOAUTH2 or EXTERNAL, "
                + "not \"SCRAM-SHA-265\"; did you mean \"SCRAM-SHA-256\"?"
        ),
        (
            15, "    auth: {username: u, password_file: p, mechanism: plain}",
            "wardpost.yaml:15:54: mechanism must be SCRAM-SHA-256, PLAIN, LOGIN, OAUTHBEARER, XOAUTH2 or EXTERNAL, "
                + "not \"plain\"; did you mean \"PLAIN\"?"
        ),
        (
            15, "    auth: {username: u, password_file: p, mechanism: XOAUTH2}",
            "wardpost.yaml:15:54: XOAUTH2 does not go with \"password_file\"; write SCRAM-SHA-256, PLAIN or LOGIN, "
                + "or leave it out"
        ),
        (
            15, "    auth: {username: u, token_file: t, mechanism: PLAIN}",
            "wardpost.yaml:15:51: PLAIN does not go with \"token_file\"; write OAUTHBEARER or XOAUTH2, or leave it out"
        ),
        (
            15, "    auth: {username: u, mechanism: XOAUTH2}",
            "wardpost.yaml:15:5: \"routes.main.auth.token_command\" is missing; add `token_command: …`"
        ),
        (
            15, "    auth: {mechanism: EXTERNAL}",
            "wardpost.yaml:15:23: EXTERNAL needs a client certificate; add `client_certificate` and `client_key` to the "
                + "route"
        ),
        (
            15, "    auth: {username: u, password_file: p, token_file: t}",
            "wardpost.yaml:15:43: \"routes.main.auth.token_file\" does not go with \"password_file\"; keep one of them"
        ),
        (
            15, "    auth: {username: u, password_file: p, token_lifetime: 60}",
            "wardpost.yaml:15:59: \"routes.main.auth.token_lifetime\" is for tokens, and there is none; remove the line"
        ),
        (
            15, "    auth: {username: u, token_file: t, token_lifetime: 5}",
            "wardpost.yaml:15:56: \"routes.main.auth.token_lifetime\" must be from 10 to 86400, not 5"
        ),
        (
            15, "    auth: {username: u, token_comand: [/bin/t]}",
            "wardpost.yaml:15:25: unknown key \"token_comand\" in \"routes.main.auth\"; did you mean "
                + "\"token_command\"?"
        ),
        (
            15, "    auth: {username: u, token_command: /bin/t --all}",
            "wardpost.yaml:15:40: \"routes.main.auth.token_command\" must be a list of a program and its arguments, not "
                + "a text; write it in brackets, [/usr/local/bin/token, --for, relay]; no shell reads it"
        ),
        (
            15, "    auth: {username: u, token_command: []}",
            "wardpost.yaml:15:40: \"routes.main.auth.token_command\" is empty; name a program"
        ),
        (
            15, "    auth: {username: u, token_command: [token]}",
            "wardpost.yaml:15:41: the program \"token\" has no path, and none is searched; write its path: absolute, or "
                + "relative to the site with a / in it"
        ),
        (
            15, "    auth: {username: u, token_command: [../token]}",
            "wardpost.yaml:15:41: \"routes.main.auth.token_command\" cannot start with \"../token\": `..` leads out of "
                + "the folder; write a path below the site, or an absolute one"
        ),
        (
            15, "    client_certificate: c.pem",
            "wardpost.yaml:15:5: \"routes.main.client_certificate\" needs \"client_key\"; add `client_key: …`, a PEM file"
        ),
        (
            15, "    client_key: c.key",
            "wardpost.yaml:15:5: \"routes.main.client_key\" needs \"client_certificate\"; add `client_certificate: …`, a "
                + "PEM file"
        ),
        (
            2, "fips: yes",
            "wardpost.yaml:2:7: \"fips\" must be true or false, not \"yes\"; write true or false, without quotes"
        ),
        (
            15, "    auth: u",
            "wardpost.yaml:15:11: \"routes.main.auth\" must be a mapping, not a text; write keys and "
                + "values: username, password_file, mechanism, token_command, token_file or token_lifetime"
        ),
        (16, "    connections: 0", "wardpost.yaml:16:18: \"routes.main.connections\" must be from 1 to 1000, not 0"),
        (
            16, "    connections: 1001",
            "wardpost.yaml:16:18: \"routes.main.connections\" must be from 1 to 1000, not 1001"
        ),
        (
            17, "    rate: 50",
            "wardpost.yaml:17:11: \"routes.main.rate\" must be a number in a time such as 50/s, 600/min or "
                + "10000/h, not \"50\""
        ),
        (
            17, "    rate: 50/day",
            "wardpost.yaml:17:11: \"routes.main.rate\" must be a number in a time such as 50/s, 600/min or "
                + "10000/h, not \"50/day\""
        ),
        (
            17, "    rate: 0/s",
            "wardpost.yaml:17:11: \"routes.main.rate\" must be a number in a time such as 50/s, 600/min or "
                + "10000/h, not \"0/s\""
        ),
        (
            17, "    burst: 0\n    rate: 5/s",
            "wardpost.yaml:17:12: \"routes.main.burst\" must be from 1 to 10000, not 0"
        ),
        (
            17, "    burst: 6\n    rate: 5/s",
            "wardpost.yaml:17:12: \"routes.main.burst\" is more than the rate's own number; write 5 or less"
        ),
        (
            17, "    burst: 6",
            "wardpost.yaml:17:12: \"routes.main.burst\" needs a rate; add `rate: 50/s`, or remove the burst"
        ),
        (17, "    window: 0", "wardpost.yaml:17:13: \"routes.main.window\" must be from 1 to 64, not 0"),
        (17, "    window: 65", "wardpost.yaml:17:13: \"routes.main.window\" must be from 1 to 64, not 65"),
        (
            17, "    windows: 8",
            "wardpost.yaml:17:5: unknown key \"windows\" in \"routes.main\"; did you mean \"window\"?"
        ),
        (
            17, "    notify: [failure, delayed]",
            "wardpost.yaml:17:23: each of \"routes.main.notify\" must be failure, delay or success, not \"delayed\"; "
                + "did you mean \"delay\"?"
        ),
        (
            17, "    notify: [never]",
            "wardpost.yaml:17:14: each of \"routes.main.notify\" must be failure, delay or success, not \"never\"; "
                + "write `notify: never`, without a list"
        ),
        (
            17, "    notify: failure",
            "wardpost.yaml:17:13: \"routes.main.notify\" must be a list of notices, or `never`, not a text; "
                + "write [failure, delay], or add success"
        ),
        (
            17, "    notify: [delay, delay]",
            "wardpost.yaml:17:21: \"delay\" stands twice in \"routes.main.notify\"; remove one"
        ),
        (
            17, "    notify: []",
            "wardpost.yaml:17:13: \"routes.main.notify\" must be a list of notices, or `never`, not a list; "
                + "write [failure, delay], or add success"
        ),
        (
            17, "    require_tls_onward: yes",
            "wardpost.yaml:17:25: \"routes.main.require_tls_onward\" must be true or false, not \"yes\"; "
                + "write true or false, without quotes"
        ),
        (
            18, "  direct: {mx: true, window: 8}",
            "wardpost.yaml:18:22: \"routes.direct.window\" does not go with `mx: true`; make two routes of it"
        ),
        (
            18, "  direct: {mx: true, tls: starttls}",
            "wardpost.yaml:18:22: \"routes.direct.tls\" does not go with `mx: true`; make two routes of it"
        ),
        (
            18, "  direct: {mx: false}",
            "wardpost.yaml:18:16: \"routes.direct.mx\" is false, and there is no relay; write `mx: true`, "
                + "or a `relay`"
        ),
        (
            18, "  direct: mx",
            "wardpost.yaml:18:11: \"routes.direct\" must be a mapping, not a text; write keys and values: "
                + "relay, tls, ca, associate, own, auth, client_certificate, client_key, connections, rate, burst, mx, "
                + "window, notify or require_tls_onward"
        ),
        (
            18, "  direct: {}",
            "wardpost.yaml:18:3: \"routes.direct.relay\" is missing; add `relay: …`\nwardpost.yaml:18:3: "
                + "\"routes.direct.tls\" is missing; add `tls: …`\nwardpost.yaml:18:3: \"routes.direct\" does "
                + "not say who runs the relay; add `associate: NAME` with an agreement on file, or `own: true` "
                + "for a relay of the site's own"
        ),
        (18, "default_route: man", "wardpost.yaml:18:16: there is no route \"man\"; did you mean \"main\"?"),
        (
            18, "language: german language",
            "wardpost.yaml:18:11: \"language\" must be a language tag such as en or de-CH, not \"german "
                + "language\""
        ),
        (
            20, "  base_url: http://t.riverside.example",
            "wardpost.yaml:20:13: \"tracking.base_url\" must be an https URL without query, fragment or "
                + "user, not \"http://t.riverside.example\"; write it like https://t.example.org"
        ),
        (
            20, "  base_url: https://t.riverside.example/?a=b",
            "wardpost.yaml:20:13: \"tracking.base_url\" must be an https URL without query, fragment or "
                + "user, not \"https://t.riverside.example/?a=b\"; write it like https://t.example.org"
        ),
        (
            20, "  base_url: https://u@t.riverside.example",
            "wardpost.yaml:20:13: \"tracking.base_url\" must be an https URL without query, fragment or "
                + "user; write it like https://t.example.org"
        ),
        (
            20, "  base_url: https://t.riverside.example/#a",
            "wardpost.yaml:20:13: \"tracking.base_url\" must be an https URL without query, fragment or "
                + "user, not \"https://t.riverside.example/#a\"; write it like https://t.example.org"
        ),
        (
            20, "  base_url: https://t.riverside.example/../x",
            "wardpost.yaml:20:13: \"tracking.base_url\" must be an https URL without query, fragment or "
                + "user, not \"https://t.riverside.example/../x\"; write it like https://t.example.org"
        ),
        (20, "  # no base", "wardpost.yaml:19:1: \"tracking.base_url\" is missing; add `base_url: …`"),
        (
            21, "  listen: 8443",
            "wardpost.yaml:21:11: \"tracking.listen\" must be an address and a port such as "
                + "127.0.0.1:8443, not \"8443\""
        ),
        (
            22, "  # no certificate",
            "wardpost.yaml:21:3: \"tracking.certificate\" is missing, and \"listen\" needs it; add "
                + "`certificate: …`; the server speaks TLS only"
        ),
    ]

    @Test(arguments: lines)
    func `a wrong line is told with its place`(line: Int, text: String, said: String) {
        var lines = SiteConfigurationTests.contract.split(separator: "\n", omittingEmptySubsequences: false)
        lines[line - 1] = text[...]
        #expect(SiteConfigurationTests.said(lines.joined(separator: "\n")) == said)
    }

    @Test func `every problem of the file is told, in its order`() {
        let yaml = "sit: a\nfrom_domains: b\nsettle: c\nroutes: {r: {relay: d, tls: e, connections: 0}}\n"
        let places = SiteConfigurationTests.said(yaml).split(separator: "\n").map { line in
            line.split(separator: ":").prefix(3).dropFirst().joined(separator: ":")
        }
        #expect(places == ["1:1", "1:1", "2:15", "3:9", "4:10", "4:21", "4:29", "4:45"])
    }

    @Test(
        arguments: [
            "    relay: u:canary@smtp.relay.example:587", "    auth: {username: u, password: canary}",
            "    auth: {username: u, pass: canary}", "    auth: [u, canary]",
            "    auth: {passwort: canary, username: u}", "    auth: {username: u, access_token: canary}",
        ]
    )
    func `a password in the wrong place is not repeated`(text: String) {
        var lines = SiteConfigurationTests.contract.split(separator: "\n", omittingEmptySubsequences: false)
        lines[text.contains("relay") ? 10 : 14] = text[...]
        let said = SiteConfigurationTests.said(lines.joined(separator: "\n"))
        #expect(said.hasPrefix("wardpost.yaml:1") && !said.contains("canary"))
    }

    @Test func `a word of the file cannot paint on the terminal or fill it`() {
        let yaml = "\"a\\e[31m\": 1\n\(String(repeating: "k", count: 1_000)): 1\nsite: S\nfrom_domains: [s.example]\n"
        let said = SiteConfigurationTests.said(yaml)
        #expect(said.contains("unknown key \"a\\u{1B}[31m\""))
        #expect(said.utf8.count < 700 && !said.contains("\u{1B}"))
    }
}
