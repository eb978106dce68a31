import Compose
import Core
import Foundation
import TestSupport
import Testing

/// Hostile cells, judged by a parser that is not ours: whatever the value, the page's structure stays the same.
@Suite("Hostile cells")
struct TemplateInjectionTests {
    static let values = [
        "<script>alert(1)</script>", "</title><script>", "</textarea><img src=x onerror=alert(1)>", "\"><b>", "'><b>",
        "\"",
        "'", "`", "a b", "a=b", "x onmouseover=alert(1)", "\" onmouseover=\"alert(1)", "' onmouseover='alert(1)",
        "javascript:alert(1)", "//evil.example/", "/../..", "\\\\evil.example", "?a=b&c=d#e", "#", "%00%0a",
        "&lt;b&gt;",
        "&#60;b&#62;", "&amp;quot;", "-->", "--!><b>", "<!--", "]]>", "<![CDATA[", "{{b}}", "{{{b}}}", "</a>",
        "<a href=x>",
        "</p></div></body></html>", "<svg/onload=alert(1)>", "\u{2028}<b>", "ﾞ＜b＞", "患者 <ü>", "+ADw-b+AD4-",
        "a\nb\r\nc", "\t\"x",
        "𝔘<b>\u{301}", "<", ">", "&", "&#", "&x", "/", "/>", ">a", "=", "=\"", "a/b?c", "@evil.example", ":80",
        ";base64,",
    ]

    static let template = """
        <!DOCTYPE html><html><head><title>A {{v}} b</title></head><body>
        <p class="a {{v}}" title='{{v}}' lang={{v}} data-x = {{v}}>Text {{v}}{{v}} &amp; {{#v}}{{.}}{{/v}}</p>
        <a href="https://h.example/p/{{v}}?q={{v}}&amp;r=1#{{v}}" title="{{v}}">{{v}}</a>
        <a href=https://h.example/{{v}}/x>{{v}}</a><img alt="{{v}}" src='cid:{{v}}'>
        <textarea>{{v}}</textarea><input value="{{v}}"{{#v}} title="{{v}}"{{/v}}><b>{{v}}</b>
        </body></html>
        """

    @Test("cannot change what a browser makes of the page")
    func structure() throws {
        var pages: [String] = []
        for value in ["qzq"] + Self.values {
            let fixture = TemplateFixture(cells: [("v", value)], plain: ["v"])
            pages.append(try fixture.render(Self.template))
        }
        let result = try Self.judge([(pages, ["qzq"] + Self.values)])
        #expect(result.status == 0, "\(result.errorText)")
        #expect(result.text == "\(Self.values.count) same\n")
    }

    @Test("cannot change pages that nobody would write, as long as they compile")
    func randomPages() throws {
        var jobs: [(pages: [String], values: [String])] = []
        var generator = TemplateGenerator(seed: 20_261_121)
        while jobs.count < 400 {
            let template = Self.randomPage(&generator)
            var values = ["qzq"]
            for _ in 0..<4 { values.append(Self.values.randomElement(using: &generator) ?? "<") }
            let fixture = { (value: String) in TemplateFixture(cells: [("v", value), ("e", "")], plain: ["v", "e"]) }
            // The other forms take what they get or refuse it.
            for form in [TemplateFixture.Form.text, .derived, .header] {
                _ = try? fixture("<&\n").render(template, form)
            }
            guard template.contains("{{v}}"), fixture("x").problems(template).isEmpty else { continue }
            jobs.append((try values.map { try fixture($0).render(template) }, values))
        }
        let result = try Self.judge(jobs)
        #expect(result.status == 0, "\(result.errorText)")
        #expect(result.text == "1600 same\n")
    }

    /// Without titles and text areas: old versions of the judge look for markup in them.
    private static let fragments = [
        "<p>", "</p>", "<b", ">", "<a href=\"https://h.example/", "\"", "'", " title=\"", " title='", " title=", " ",
        "x", "<!--",
        "-->", "<style>", "</style>", "{{v}}", "{{v}}", "{{v}}",
        "{{#v}}",
        "{{/v}}", "{{^e}}", "{{/e}}", "<br>", "/", "=", "?q=", "&amp;", "<", "</", "<i class=\"a\">", "</i>",
        "https://h.example/",
        "<img src='cid:", "{{#e}}<u>{{/e}}", "<input value=\"{{v}}\"{{#v}} title='{{.}}'{{/v}}>", "<p title='{{v}}'>",
        "\n",
    ]

    private static func randomPage(_ generator: inout TemplateGenerator) -> String {
        (0..<Int.random(in: 2...9, using: &generator)).map { _ in fragments.randomElement(using: &generator) ?? "" }
            .joined()
    }

    private static func judge(_ jobs: [(pages: [String], values: [String])]) throws -> Command.Result {
        let jobs = jobs.map { ["pages": $0.pages, "values": $0.values] }
        return try Command.run(["python3", "-c", judge], input: try JSONSerialization.data(withJSONObject: jobs))
    }

    @Test("the judge sees a page that is broken")
    func judgeWorks() throws {
        #expect(try Self.judge([(["<p>qzq</p>", "<p><b></p>"], ["qzq", "<b>"])]).status != 0)
        #expect(try Self.judge([(["<p>qzq</p>", "<p>&lt;b></p>"], ["qzq", "<b>"])]).status == 0)
    }

    /// Parses each page; it must be the first page with the other value in the first one's place, once decoded.
    static let judge = """
        import json, sys
        from html.parser import HTMLParser
        from urllib.parse import quote

        class Shape(HTMLParser):
            def __init__(self):
                super().__init__(convert_charrefs=True)
                self.shape, self.text = [], ''
            def add(self, *what):
                if self.text: self.shape.append(('text', self.text))
                self.text = ''
                if what: self.shape.append(what)
            def handle_starttag(self, tag, attrs):
                out = []
                for name, value in attrs:
                    out.append(('URL' if name in ('href', 'src') else 'value', name, value or ''))
                self.add(tag, *out)
            def handle_startendtag(self, tag, attrs): self.add('self-closing', tag)
            def handle_endtag(self, tag): self.add('/', tag)
            def handle_data(self, data): self.text += data
            def handle_comment(self, data): self.add('comment', data)
            def handle_decl(self, data): self.add('declaration', data)
            def handle_pi(self, data): self.add('instruction', data)
            def unknown_decl(self, data): self.add('unknown', data)

        def shape(page):
            parser = Shape()
            parser.feed(page); parser.close(); parser.add()
            return parser.shape

        def put(shape, old, new):
            if isinstance(shape, str): return shape.replace(old, new)
            if shape and shape[0] == 'URL': new = quote(new, safe='')
            return [put(part, old, new) for part in shape]

        count = 0
        for job in json.load(sys.stdin):
            first = shape(job['pages'][0])
            for page, value in zip(job['pages'][1:], job['values'][1:]):
                got, want = put(shape(page), '', ''), put(first, job['values'][0], value)
                assert got == want, (value, page, job['pages'][0], got, want)
                count += 1
        print(count, 'same')
        """
}
