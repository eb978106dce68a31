import Compose
import Core
import Testing

/// Links and pixel, found once per job.
@Suite("Tracking in templates")
struct TemplateTrackingTests {
    static let fixture = TemplateFixture(
        cells: [("c", "a b&c"), ("phi", "x"), ("empty", "")],
        plain: ["c", "empty"],
        constants: ["portal": "https://portal.example"],
        hasUnsubscribeURL: true,
        tracking: TrackingPlan(opens: false, clicks: true)
    )

    @Test(
        "links to the web lead through the tracking server, all else stays",
        arguments: [
            (#"<a href="https://h.example/">"#, #"<a href="https://t.example/c/7.1[https://h.example/]">"#),
            (
                #"<a class=x HREF='https://h.example/?a=1&amp;b={{c}}&copy=2'>"#,
                "<a class=x HREF='https://t.example/c/7.1[https://h.example/?a=1&amp;b=a%20b%26c&amp;copy=2]'>"
            ),
            (
                "<a href=https://h.example/{{c}}>",
                "<a href=https://t.example/c/7.1[https://h.example/a%20b%26c]>"
            ),
            (
                #"<a href=" https&#58;//h.example/&#x78;&quot; ">"#,
                #"<a href="https://t.example/c/7.1[https://h.example/x&quot;]">"#
            ),
            (
                #"<a href="https://h.example/{{#empty}}?e={{empty}}{{/empty}}{{^empty}}?none{{/empty}}">"#,
                #"<a href="https://t.example/c/7.1[https://h.example/?none]">"#
            ),
            (#"<a href="{{portal}}/x">"#, #"<a href="https://t.example/c/7.1[https://portal.example/x]">"#),
            (#"<area href="http://h.example/">"#, #"<area href="https://t.example/c/7.1[http://h.example/]">"#),
            (#"<a href="mailto:a@h.example">"#, #"<a href="mailto:a@h.example">"#),
            (#"<a href="tel:+1">"#, #"<a href="tel:+1">"#),
            (##"<a href="#top">"##, ##"<a href="#top">"##),
            (#"<a href="/local">"#, #"<a href="/local">"#),
            (#"<a href="https://h.example/" data-no-track>"#, #"<a href="https://h.example/" data-no-track>"#),
            (#"<a data-no-track="" href="https://h.example/">"#, #"<a data-no-track="" href="https://h.example/">"#),
            (#"<a href="{{unsubscribe_url}}">"#, #"<a href="https://t.example/u/7?l=news&amp;a=1">"#),
            (
                #"<link href="https://h.example/"><img src="https://h.example/">"#,
                #"<link href="https://h.example/"><img src="https://h.example/">"#
            ),
            (#"<!-- <a href="https://h.example/"> -->"#, #"<!-- <a href="https://h.example/"> -->"#),
            ("<p>https://h.example/</p>", "<p>https://h.example/</p>"),
        ]
    )
    func html(_ template: String, _ expected: String) throws {
        #expect(try Self.fixture.render(template) == expected)
    }

    @Test(
        "bare addresses of a text are links, without the sentence's punctuation",
        arguments: [
            ("See https://h.example/a.", "See <1:https://h.example/a>."),
            ("(https://h.example/a)", "(<1:https://h.example/a>)"),
            ("https://h.example/a_(b), x", "<1:https://h.example/a_(b)>, x"),
            ("<https://h.example/a>", "<<1:https://h.example/a>>"),
            (
                "HTTPS://h.example/?x={{c}}!\nhttp://i.example",
                "<1:HTTPS://h.example/?x=a%20b%26c>!\n<2:http://i.example>"
            ),
            (
                "https://h.example/{{c}}/{{#empty}}x{{/empty}}{{^empty}}y{{/empty}} z",
                "<1:https://h.example/a%20b%26c/y> z"
            ),
            ("{{#c}}https://h.example/a{{/c}} z", "<1:https://h.example/a> z"),
            ("{{portal}}/a b", "<1:https://portal.example/a> b"),
            ("xhttps://h.example", "xhttps://h.example"),
            ("https://h.example/a https://h.example/a", "<1:https://h.example/a> <1:https://h.example/a>"),
            ("{{preferences_url}}", "https://t.example/p/7?l=news&a=1"),
            ("{{unsubscribe_url}}", "https://t.example/u/7?l=news&a=1"),
            ("mailto:a@h.example ftp://h.example {{c}}", "mailto:a@h.example ftp://h.example a b&c"),
        ]
    )
    func text(_ template: String, _ expected: String) throws {
        var fixture = Self.fixture
        fixture.minter = AngleMinter()
        #expect(try fixture.render(template, .text) == expected)
    }

    @Test(
        "what a text's address may not hold is refused",
        arguments: [
            ("https://h.example/{{phi}}", "main.html:1:19: column phi is PHI and cannot stand in a URL"),
            ("https://h.example/{{#phi}}x{{/phi}}", "main.html:1:19: column phi is PHI and cannot stand in a URL"),
            ("https://{{c}}/", "main.html:1:9: {{c}} would decide where the address leads"),
            ("https://h.example{{c}}", "main.html:1:18: {{c}} would decide where the address leads"),
            ("https://h{{#c}}.example{{/c}}/", "main.html:1:10: {{#c}} decides where the address leads"),
            ("https://h.example/{{#c}}x y{{/c}}", "main.html:1:19: {{#c}} begins inside an address and ends outside"),
            ("{{#c}}https://h.example/{{/c}}{{phi}}", "main.html:1:1: an address ends with a section"),
            ("{{#c}}https://h.example/{{/c}}a", "main.html:1:1: an address ends with a section"),
            ("https://h.example/{{unsubscribe_url}}", "main.html:1:19: {{unsubscribe_url}} is a whole address"),
        ]
    )
    func textRefuses(_ template: String, _ start: String) {
        let problems = Self.fixture.problems(template, .text)
        #expect(problems.first?.hasPrefix(start) == true, "\(problems)")
    }

    @Test("equal targets have one number in HTML and text, and the list names them as the template does")
    func registry() throws {
        var compiler = Self.fixture.compiler
        let html = #"<a href="https://a.example/?x={{c}}&amp;y">1</a> <a href="https://b.example/">2</a>"#
        let text = "https://b.example/ and https://a.example/?x={{c}}&y and\nhttps://c.example/"
        _ = try TemplateFixture.compile(html, .html, with: &compiler)
        _ = try TemplateFixture.compile(text, .text, with: &compiler)
        #expect(compiler.links.map(\.id) == [1, 2, 3])
        #expect(
            compiler.links.map(\.target) == [
                "https://a.example/?x={{c}}&y", "https://b.example/", "https://c.example/",
            ]
        )
        #expect(compiler.links.map { "\($0.place)" } == ["main.html:1:10", "main.html:1:59", "main.html:2:1"])
    }

    @Test(
        "the pixel stands at the body's end",
        arguments: [
            ("<body>x</body></html>", "<body>x%</body></html>"), ("<p>x</p>", "<p>x</p>%"),
            ("<BODY>x</BODY >", "<BODY>x%</BODY >"), ("", "%"),
        ]
    )
    func pixel(_ template: String, _ expected: String) throws {
        var fixture = Self.fixture
        fixture.tracking = TrackingPlan(opens: true, clicks: false)
        let pixel = #"<img src="https://t.example/o/7.gif" width="1" height="1" alt="" style="border:0">"#
        #expect(try fixture.render(template) == expected.replacing("%", with: pixel))
        #expect(try fixture.render("text", .text) == "text")
    }

    @Test("a tracking server's address is escaped for the attribute it stands in")
    func minterIsEscaped() throws {
        var fixture = Self.fixture
        fixture.tracking.opens = true
        fixture.minter = ReadableMinter(base: #"https://t.example/"<&'"#)
        let output = try fixture.render(#"<a href="https://h.example/"><a href=https://h.example/>"#)
        #expect(!output.contains(#"/"<&'"#))
        #expect(output.contains("https://t.example/&quot;&lt;&amp;&#39;/c/"))
        #expect(output.contains("https://t.example/&#34;&#60;&#38;&#39;/c/"))
        #expect(output.contains("https://t.example/&quot;&lt;&amp;&#39;/o/"))
    }

    @Test("nothing is tracked unless the plan says so, nor without a minter")
    func off() throws {
        var fixture = Self.fixture
        let template = #"<a href="https://h.example/?a&amp;{{c}}">x</a></body>"#
        let plain = #"<a href="https://h.example/?a&amp;a%20b%26c">x</a></body>"#
        fixture.minter = nil
        fixture.tracking = TrackingPlan(opens: true, clicks: true)
        #expect(try fixture.render(template) == plain)
        #expect(throws: RenderProblem.self) { _ = try fixture.render("{{unsubscribe_url}}") }
        fixture.minter = ReadableMinter()
        fixture.tracking = TrackingPlan()
        #expect(try fixture.render(template) == plain)
        #expect(try fixture.render("https://h.example/", .text) == "https://h.example/")
        #expect(fixture.compiler.links.isEmpty)
    }

    @Test("a section on the unsubscribe address is decided once per job")
    func unsubscribeSection() throws {
        let template =
            "{{#unsubscribe_url}}<{{unsubscribe_url}}>{{/unsubscribe_url}}{{^unsubscribe_url}}none{{/unsubscribe_url}}"
        var fixture = Self.fixture
        #expect(try fixture.render(template, .text) == "<https://t.example/u/7?l=news&a=1>")
        fixture.hasUnsubscribeURL = false
        #expect(try fixture.render(template, .text) == "none")
        fixture.constants["postal_address"] = ""
        #expect(try fixture.render("{{#postal_address}}{{postal_address}}{{/postal_address}}.", .text) == ".")
    }
}

/// Shows what is a link: `<number:target>`.
private struct AngleMinter: TokenMinting {
    func appendOpenURL(job: JobID, row: RowNumber, to output: inout [UInt8]) {}

    func appendClickURL(job: JobID, row: RowNumber, link: Int, target: ArraySlice<UInt8>, to output: inout [UInt8]) {
        output += Array("<\(link):".utf8) + target + Array(">".utf8)
    }

    func appendUnsubscribeURL(
        job: JobID,
        row: RowNumber,
        list: String,
        language: String,
        address: Address,
        to output: inout [UInt8]
    ) {
        ReadableMinter().appendUnsubscribeURL(
            job: job,
            row: row,
            list: list,
            language: language,
            address: address,
            to: &output
        )
    }

    func appendPreferencesURL(
        job: JobID,
        row: RowNumber,
        list: String,
        language: String,
        address: Address,
        to output: inout [UInt8]
    ) {
        ReadableMinter().appendPreferencesURL(
            job: job,
            row: row,
            list: list,
            language: language,
            address: address,
            to: &output
        )
    }
}
