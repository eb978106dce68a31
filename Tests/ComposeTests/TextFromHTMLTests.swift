import Compose
import Core
import Testing

/// The text that readers without HTML get where nobody wrote one.
@Suite("Text from HTML")
struct TextFromHTMLTests {
    static let fixture = TemplateFixture(
        cells: [("name", "Zoë & Söhne"), ("x", "1"), ("e", ""), ("t", "<b>bold</b><br>&amp; more"), ("c", "a b")],
        plain: ["c", "x"],
        trusted: ["t"],
        hasUnsubscribeURL: true
    )

    @Test(
        "reads well",
        arguments: [
            ("<p>One</p><p>Two</p>", "One\n\nTwo\n"),
            ("<div>One</div><div>Two<br>Three<br><br>Four</div>", "One\nTwo\nThree\n\nFour\n"),
            ("  <p>\n  One\n\t two  </p>\n\n", "One two\n"),
            ("<h1>Head</h1>Text<h2>Sub</h2>more", "Head\n\nText\n\nSub\n\nmore\n"),
            ("a<b>b</b> <i>c</i>d", "ab cd\n"),
            ("&lt;a&gt; &amp;amp; &auml;&#8211;&#x2013; &copy 5&nbsp;km &unknown;", "<a> &amp; ä–– © 5 km &unknown;\n"),
            ("<ul><li>One<li>Two <b>bold</b></li></ul><p>x</p>", "- One\n- Two bold\n\nx\n"),
            ("<ol><li>One</li><li>Two<ul><li>In</li></ul></li></ol>", "1. One\n2. Two\n  - In\n"),
            (
                "<table><tr><td>Date</td><td>Monday</td></tr><tr><th>Time</th><td>9:30</td></tr></table>",
                "Date  Monday\nTime  9:30\n"
            ),
            ("<table><tr><td><p>In a layout</p><p>table</p></td></tr></table>", "In a layout\n\ntable\n"),
            (
                #"<p>See <a href="https://h.example/a?b&amp;c">the page</a> now</p>"#,
                "See the page (https://h.example/a?b&c) now\n"
            ),
            (#"<p><a href="https://h.example/">Open the portal</a></p>"#, "Open the portal: https://h.example/\n"),
            (#"<a href="https://h.example/">https://h.example/</a>"#, "https://h.example/\n"),
            (
                #"Write <a href="mailto:a@h.example">a@h.example</a> or <a href="mailto:b@h.example">to us</a>"#,
                "Write a@h.example or to us (b@h.example)\n"
            ),
            (#"Call <a href="tel:+15550100">+1 555 0100</a>"#, "Call +1 555 0100\n"),
            (
                #"<a href="https://h.example/">Portal</a>{{#name}} for {{name}}{{/name}}"#,
                "Portal (https://h.example/) for Zoë & Söhne\n"
            ),
            (##"<a href="#top">Up</a> <a>none</a>"##, "Up none\n"),
            (#"<a href="https://h.example/{{c}}">Your visit</a>"#, "Your visit: https://h.example/a%20b\n"),
            (#"<a href="{{unsubscribe_url}}">Unsubscribe</a>"#, "Unsubscribe: https://t.example/u/7?l=news&a=1\n"),
            (#"<img src="cid:l" alt="River {{x}}"> <img src="cid:m" alt=""><img src="cid:n">z"#, "River 1 z\n"),
            (#"<a href="https://h.example/"><img src="cid:l" alt="Logo"></a>"#, "Logo: https://h.example/\n"),
            ("<head><title>T</title><style>p{}</style></head><body>B</body>", "B\n"),
            (#"<div style="DISPLAY : none">Preview<p>{{name}}</p></div><div hidden>x</div>B"#, "B\n"),
            (#"<span style="display:none">a<br><img src="x">b</span>c"#, "c\n"),
            ("<p>&zwnj;&nbsp;&zwnj;&nbsp;</p><p>x&shy;y&#8203;z</p>", "xyz\n"),
            ("<!-- no --><!--[if mso]><p>no</p><![endif]-->yes", "yes\n"),
            ("<p>a</p><hr><p>b</p>", "a\n\n----------\n\nb\n"),
            ("<pre>a  b\n  c</pre>d", "a  b\n  c\n\nd\n"),
            ("Dear {{name}},<br>{{{t}}}", "Dear Zoë & Söhne,\nbold\n& more\n"),
            ("a {{#e}}never {{/e}}b", "a b\n"),
            ("a {{#x}}x {{/x}}b", "a x b\n"),
            ("a{{#x}} x{{/x}}{{^x}} y{{/x}} b", "a x b\n"),
            ("a{{#e}} x{{/e}} b", "a b\n"),
            ("a{{#x}}x{{/x}}b", "axb\n"),
            ("<p>a</p>{{#e}}<p>{{e}}</p>{{/e}}<p>b</p>", "a\n\nb\n"),
            ("<p>a</p>{{#x}}<p>{{x}}</p>{{/x}}<p>b</p>", "a\n\n1\n\nb\n"),
            ("{{#e}}<p>{{e}}</p>{{/e}}<p>b</p>{{#e}}<p>{{e}}</p>{{/e}}", "b\n"),
            (#"<table><tr{{#x}} class="y"{{/x}}><td>{{x}}</td><td>b</td></tr></table>"#, "1  b\n"),
            ("", ""),
            ("<p></p>", ""),
        ]
    )
    func reads(_ html: String, _ expected: String) throws {
        #expect(try Self.fixture.render(html, .derived) == expected)
    }

    @Test("long lines are wrapped between words, and addresses stay whole")
    func wraps() throws {
        let words = Array(repeating: "lorem ipsum", count: 30).joined(separator: " ")
        let url = "https://h.example/" + String(repeating: "a", count: 90)
        let text = try Self.fixture.render("<p>\(words) \(url) {{name}} \(words)</p>", .derived)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.contains { $0 == url })
        #expect(lines.allSatisfy { $0.count <= 72 || $0 == url })
        #expect(lines.filter { $0.count > 50 }.count >= 8)
        #expect(text.split { $0.isWhitespace }.joined(separator: " ") == "\(words) \(url) Zoë & Söhne \(words)")
    }

    @Test("links are tracked as those of the HTML, with their numbers, unless they ask not to be")
    func tracked() throws {
        var fixture = Self.fixture
        fixture.tracking.clicks = true
        var compiler = fixture.compiler
        let html =
            #"<a href="https://a.example/">A</a>, <a data-no-track href="https://b.example/">B</a>, <a href="https://c.example/{{c}}">C</a>."#
        _ = try TemplateFixture.compile(html, .html, with: &compiler)
        let text = try fixture.render(TemplateFixture.compile(html, .derived, with: &compiler))
        #expect(compiler.links.map(\.target) == ["https://a.example/", "https://c.example/{{c}}"])
        #expect(
            text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                == "A (https://t.example/c/7.1[https://a.example/]), B (https://b.example/), "
                + "C (https://t.example/c/7.2[https://c.example/a%20b])."
        )
    }

    @Test("the text has the row's problems, too")
    func emptyCell() {
        #expect(throws: RenderProblem.self) { _ = try Self.fixture.render("<p>{{e}}</p>", .derived) }
    }
}
