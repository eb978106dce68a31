import Core
import Intake
import Testing

/// The small languages inside a manifest: windows, rates, mailboxes, hosts, file names.
@Suite struct ManifestValueTests {
    static let windows: [(text: String, read: String)] = [
        ("Mon-Fri 08:00-18:00", "Mon,Tue,Wed,Thu,Fri 08:00-18:00"),
        ("mon 08:00-18:00", "Mon 08:00-18:00"),
        ("Monday, Wednesday 08:00-18:00", "Mon,Wed 08:00-18:00"),
        ("Sat-Mon 00:00-24:00", "Sun,Mon,Sat 00:00-24:00"),
        ("08:00-18:00", "Sun,Mon,Tue,Wed,Thu,Fri,Sat 08:00-18:00"),
        ("daily 22:00-06:00", "Sun,Mon,Tue,Wed,Thu,Fri,Sat 22:00-06:00"),
        ("Mon-Fri 08:00-12:00, 13:00-17:00", "Mon,Tue,Wed,Thu,Fri 08:00-12:00; Mon,Tue,Wed,Thu,Fri 13:00-17:00"),
        ("Mon 08:00-12:00; Tue 13:00-17:00", "Mon 08:00-12:00; Tue 13:00-17:00"),
        ("Mon - Fri 08:00 \u{2013} 18:00", "Mon,Tue,Wed,Thu,Fri 08:00-18:00"),
    ]

    @Test(arguments: windows)
    func `a window is read`(text: String, read: String) {
        #expect(SendingWindow(text)?.description == read)
    }

    static let noWindows = [
        "", "Mon", "Mon-Fri", "Mon-Fri 8-18", "Mon-Fri 08:00", "Mon-Fri 08:00-25:00", "Mon-Fri 24:00-08:00",
        "Mon-Fri 08:00-08:00", "Mo-Fr 08:00-18:00", "Mon-Tue-Wed 08:00-18:00", "Mon-Fri 08:00-18:00 Sat", "always",
        "Mon-Fri 08:00-24:01", "Mon-Fri 08:60-18:00",
    ]

    @Test(arguments: noWindows)
    func `what is no window is refused`(text: String) {
        #expect(SendingWindow(text) == nil)
    }

    static let minutes: [(window: String, weekday: Int, clock: (Int, Int), inside: Bool)] = [
        ("Mon-Fri 08:00-18:00", 1, (8, 0), true), ("Mon-Fri 08:00-18:00", 1, (7, 59), false),
        ("Mon-Fri 08:00-18:00", 5, (17, 59), true), ("Mon-Fri 08:00-18:00", 5, (18, 0), false),
        ("Mon-Fri 08:00-18:00", 0, (12, 0), false), ("Fri 22:00-06:00", 5, (23, 0), true),
        ("Fri 22:00-06:00", 6, (5, 59), true), ("Fri 22:00-06:00", 6, (6, 0), false),
        ("Fri 22:00-06:00", 5, (5, 0), false), ("Sat 22:00-06:00", 0, (1, 0), true),
        ("Mon 00:00-24:00", 1, (23, 59), true), ("Mon 00:00-24:00", 2, (0, 0), false),
    ]

    @Test(arguments: minutes)
    func `a minute of the week is inside or not`(window: String, weekday: Int, clock: (Int, Int), inside: Bool) {
        #expect(SendingWindow(window)?.contains(weekday: weekday, minute: clock.0 * 60 + clock.1) == inside)
    }

    static let openings: [(window: String, from: String, opens: String)] = [
        ("Mon-Fri 08:00-18:00", "2026-11-20 17:59:59", "2026-11-20 17:59:59"),
        ("Mon-Fri 08:00-18:00", "2026-11-21 00:00:01", "2026-11-23 14:00:00"),
        // On 8 March the clocks of Chicago leap over 02:00; the next such hour is a week later.
        ("Sun 02:00-03:00", "2026-03-08 06:00:30", "2026-03-15 07:00:00"),
    ]

    @Test(.enabled(if: TimeZoneRules(named: "America/Chicago") != nil, "needs tzdata"), arguments: openings)
    func `a window opens at the next minute inside`(window: String, from: String, opens: String) throws {
        let zone = try #require(TimeZoneRules(named: "America/Chicago"))
        let start = try #require(Timestamp(from))
        #expect(SendingWindow(window)?.opening(from: start, in: zone)?.description == opens)
    }

    @Test(arguments: [("50/s", 50.0), ("600/min", 10.0), ("3600/h", 1.0), ("1/h", 1.0 / 3_600)])
    func `a rate is read`(text: String, perSecond: Double) {
        #expect(Rate(text)?.perSecond == perSecond)
        #expect(Rate(text)?.description == text)
    }

    @Test(arguments: ["50", "/s", "50/", "0/s", "-1/s", "1.5/s", "050/s", "50/sec", "50 /s", "1000001/s", "5/s/s"])
    func `what is no rate is refused`(text: String) {
        #expect(Rate(text) == nil)
    }

    static let hosts: [(text: String, host: String, port: UInt16, isAddress: Bool)] = [
        ("SMTP.relay.example:587", "smtp.relay.example", 587, false), ("localhost:25", "localhost", 25, false),
        ("127.0.0.1:8443", "127.0.0.1", 8_443, true), ("[::1]:465", "::1", 465, true),
        ("m\u{FC}nchen.example:25", "xn--mnchen-3ya.example", 25, false),
    ]

    @Test(arguments: hosts)
    func `a host and a port are read`(text: String, host: String, port: UInt16, isAddress: Bool) throws {
        let endpoint = try #require(Endpoint(text))
        #expect((endpoint.host, endpoint.port, endpoint.isAddress) == (host, port, isAddress))
    }

    static let noHosts = [
        "", "localhost", ":25", "localhost:", "localhost:0", "localhost:065", "localhost:70000", "::1:25", "[x]:25",
        "a_b:25", "a b:25", "u@host:25", "1.2.3:25", "host.:25", "https://host:25", "host:25/x", "[127.0.0.1]:25",
    ]

    @Test(arguments: noHosts)
    func `what is no host and port is refused`(text: String) {
        #expect(Endpoint(text) == nil)
    }

    static let mailboxes: [(text: String, name: String?, address: String)] = [
        ("care@riverside.example", nil, "care@riverside.example"),
        ("<care@riverside.example>", nil, "care@riverside.example"),
        ("Riverside Clinic <care@riverside.example>", "Riverside Clinic", "care@riverside.example"),
        ("St. Mary's  Clinic<care@riverside.example>", "St. Mary's Clinic", "care@riverside.example"),
        ("\"Clinic, Riverside\" <care@riverside.example>", "Clinic, Riverside", "care@riverside.example"),
        ("\"The \\\"best\\\"\" Clinic <care@riverside.example>", "The \"best\" Clinic", "care@riverside.example"),
        ("\"a <b@c.example>\" <care@riverside.example>", "a <b@c.example>", "care@riverside.example"),
        ("Praxis M\u{FC}ller <praxis@m\u{FC}ller.example>", "Praxis M\u{FC}ller", "praxis@xn--mller-kva.example"),
    ]

    @Test(arguments: mailboxes)
    func `a mailbox is read`(text: String, name: String?, address: String) throws {
        let mailbox = try Mailbox(parsing: text)
        #expect(mailbox.displayName?.text == name)
        #expect(mailbox.address.text == address)
    }

    static let noMailboxes: [(text: String, refused: Mailbox.Refused)] = [
        ("", .address(.empty)), ("Clinic", .address(.noAt)), ("Clinic <>", .address(.empty)),
        ("Clinic <care>", .address(.noAt)), ("Clinic < care@riverside.example>", .address(.space)),
        ("Clinic care@riverside.example", .brackets), ("Clinic <care@riverside.example", .brackets),
        ("Clinic <care@riverside.example> x", .brackets), ("<a@b.example>, <c@d.example>", .several),
        ("a@b.example, c@d.example", .several), ("Clinic: a@b.example, c@d.example;", .several),
        ("Clinic, Riverside <a@b.example>", .needsQuotes(",")), ("Clinic: <a@b.example>", .needsQuotes(":")),
        ("a@b.example <a@b.example>", .needsQuotes("@")), ("Clinic (main) <a@b.example>", .comment),
        ("\"Clinic <a@b.example>", .quote), ("\"Clinic\\", .quote), ("Cli\u{7}nic <a@b.example>", .control),
        ("\"a\r\nBcc: x\" <a@b.example>", .control), ("=?utf-8?q?x?= <a@b.example>", .encodedWord),
        (String(repeating: "n", count: 201) + " <a@b.example>", .length),
    ]

    @Test(arguments: noMailboxes)
    func `what is no mailbox is refused by its rule`(text: String, refused: Mailbox.Refused) {
        #expect(throws: refused) { try Mailbox(parsing: text) }
    }

    static let badNames: [(name: String, refused: FileName.Refused)] = [
        ("", .empty), ("../a.pdf", .parent), ("a/../b.pdf", .parent), ("..", .parent), ("/etc/passwd", .absolute),
        ("~/a.pdf", .home), ("~root", .home), ("a/~b/c", .home), ("a\\b.pdf", .backslash), ("C:\\a.pdf", .backslash),
        ("c:a.pdf", .url), ("a\u{0}.pdf", .control), ("a\n.pdf", .control), ("a\u{202E}fdp.exe", .control),
        ("file:///etc/passwd", .url), ("http://x.example/a", .url), ("data:text/plain,x", .url), ("x+y://z", .url),
        ("%2e%2e/a.pdf", .percent), ("a%2Fb", .percent), ("a%00b", .percent), ("$(id).pdf", .shell),
        ("${HOME}/a", .shell), ("`id`.pdf", .shell), (".hidden", .unfinished), ("a/.git/b", .unfinished),
        ("a.pdf.part", .unfinished), ("a.FILEPART", .unfinished), ("a.tmp", .unfinished), ("a.pdf~", .unfinished),
        ("a//b", .part), ("a/./b", .part), ("a/", .part), ("results.csv", .ours), ("PAUSE", .ours),
        (String(repeating: "a", count: 256), .length), (String(repeating: "a/", count: 600) + "b", .length),
    ]

    @Test(arguments: badNames)
    func `a bad file name is refused by its rule`(name: String, refused: FileName.Refused) {
        #expect(throws: refused) { try FileName.check(name) }
    }

    @Test(arguments: [
        "a.pdf", "letters/a b.pdf", "50% off.pdf", "a$b.pdf", "m\u{FC}ller.pdf", "Re: x.pdf", "x/results.csv",
    ])
    func `a good file name passes`(name: String) {
        #expect(throws: Never.self) { try FileName.check(name) }
    }

    static let templates: [(name: String, refused: FileName.Refused?)] = [
        ("letters/{{letter}}.pdf", nil), ("{{{letter}}}", nil), ("{{#a}}x{{/a}}.pdf", nil), ("{{a}}/../x", .parent),
        ("/{{a}}", .absolute), ("{{a}}.part", .unfinished), ("http://{{a}}", .url), ("~{{a}}", .home),
    ]

    @Test(arguments: templates)
    func `the rules hold around a template's tags`(name: String, refused: FileName.Refused?) {
        if let refused {
            #expect(throws: refused) { try FileName.check(name, .jobTemplate) }
        } else {
            #expect(throws: Never.self) { try FileName.check(name, .jobTemplate) }
        }
    }

    @Test func `the site's own paths may be absolute and hidden, and never lead up`() {
        #expect(throws: Never.self) { try FileName.check("/etc/wardpost/keys", .site) }
        #expect(throws: Never.self) { try FileName.check(".keys", .site) }
        #expect(throws: FileName.Refused.parent) { try FileName.check("/etc/../keys", .site) }
        #expect(throws: FileName.Refused.home) { try FileName.check("~/keys", .site) }
    }
}
