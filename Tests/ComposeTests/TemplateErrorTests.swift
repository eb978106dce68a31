import Compose
import Core
import Testing

/// What a person reads when a template is wrong: the whole text, with the place counted in scalars.
@Suite("Problems in templates")
struct TemplateErrorTests {
    static let fixture: TemplateFixture = {
        var fixture = TemplateFixture(
            cells: [("first_name", "Ann"), ("clinic", "North"), ("diagnosis", "x"), ("site", "y")],
            plain: ["clinic"],
            constants: ["site": "River", "empty": ""]
        )
        fixture.partials = [
            "footer": "患者: {{clnic}}\n", "loop": "a {{> pool}}", "pool": "ü {{> loop}}", "self": "{{> self}}",
            "broken": "{{#clinic}}", "nested": "ä\n  {{> footer}}", "layout": "{{$body}}{{/body}}",
        ]
        return fixture
    }()

    @Test(
        "one problem is told whole",
        arguments: [
            ("{{clnic}}", "main.html:1:1: {{clnic}} names no column; did you mean {{clinic}}?"),
            (
                "患者の名前 für Zoë: {{frist_name}}",
                "main.html:1:16: {{frist_name}} names no column; did you mean {{first_name}}?"
            ),
            (
                "é\r\nü\n  {{#nothing_like_it}}x{{/nothing_like_it}}",
                "main.html:3:3: {{#nothing_like_it}} names no column; the columns are first_name, clinic, diagnosis, site"
            ),
            ("日本{{#clinic}}x", "main.html:1:3: {{#clinic}} is not closed; write {{/clinic}} where it ends"),
            (
                "{{#clinic}}\n {{#diagnosis}}\n{{/clinic}}",
                "main.html:2:2: {{#diagnosis}} is not closed before {{/clinic}} at main.html:3:1; write {{/diagnosis}} before it"
            ),
            ("ß {{/clinic}}", "main.html:1:3: {{/clinic}} closes nothing that is open; take it out"),
            (
                "{{#clinic}}{{/clinc}}{{/clinic}}",
                "main.html:1:12: {{/clinc}} closes nothing that is open; the open one is {{#clinic}} at main.html:1:1: write {{/clinic}}"
            ),
            ("ö {{clinic", "main.html:1:3: a tag that is opened here is not closed; write }} behind its name"),
            (
                "{{clinic} and {{clinic}}",
                "main.html:1:1: a tag that is opened here is not closed; write }} behind its name"
            ),
            (
                "{{=<% %>=}}\nä <% clinic",
                "main.html:2:3: a tag that is opened here is not closed; write %> behind its name"
            ),
            ("{{! never ends", "main.html:1:1: a tag that is opened here is not closed; write }} behind its name"),
            ("a{{ }}", "main.html:1:2: a tag without a name; write a column's name between the braces"),
            ("{{=<%=}}", "main.html:1:1: a tag that sets delimiters needs two of them; write {{=<% %>=}}, for example"),
            ("{{.}}", "main.html:1:1: {{.}} stands in no section; write the column's name"),
            ("{{^clinic}}{{.}}{{/clinic}}", "main.html:1:12: {{.}} stands in no section; write the column's name"),
            (
                "{{^clinic}}{{clinic}}{{/clinic}}",
                "main.html:1:12: the cell is always empty here, inside {{^clinic}}; write the text to be shown instead"
            ),
            (
                "{{site}}",
                "main.html:1:1: {{site}} could be the column or the built-in site; give the column another name"
            ),
            ("{{empty}}", "main.html:1:1: {{empty}} is empty in this site; put it in a section: {{#empty}}…{{/empty}}"),
            (
                "{{unsubscribe_url}}",
                "main.html:1:1: there is no unsubscribe address for this job; give the job a list and the site a tracking base_url, or put the tag in {{#unsubscribe_url}}…{{/unsubscribe_url}}"
            ),
            (
                "{{#clinic}}a{{else}}b{{/clinic}}",
                "main.html:1:13: {{else}} names no column; Mustache has no else: close the section and open {{^column}}"
            ),
            (
                "{{> fotter}}",
                "main.html:1:1: {{> fotter}} names no template; put it into the job's folder or the site's templates"
            ),
            ("{{> footer}}", "footer.mustache:1:5: {{clnic}} names no column; did you mean {{clinic}}?"),
            ("{{> nested}}", "footer.mustache:1:5: {{clnic}} names no column; did you mean {{clinic}}?"),
            ("{{> broken}}", "broken.mustache:1:1: {{#clinic}} is not closed; write {{/clinic}} where it ends"),
            ("{{> loop}}", "pool.mustache:1:3: {{> loop}} never ends: loop → pool → loop; take one of them out"),
            ("{{> self}}", "self.mustache:1:1: {{> self}} never ends: self → self; take one of them out"),
            ("{{> main}}", "main.html:1:1: {{> main}} never ends: main → main; take one of them out"),
            (
                "{{> *clinic}}",
                "main.html:1:1: which template {{> *clinic}} includes would depend on the row; name the template itself"
            ),
            (
                "{{< layout}}{{$body}}a{{/body}}{{$body}}b{{/body}}{{/ layout}}",
                "main.html:1:32: {{$body}} is given twice; take one out"
            ),
            ("ab\u{7}", "main.html:1:3: the control character U+0007; take it out"),
            ("ü\u{85}", "main.html:1:2: the control character U+0085; take it out"),
        ]
    )
    func tells(_ template: String, _ problem: String) {
        #expect(Self.fixture.problems(template) == [problem])
    }

    @Test("all problems of a template come at once, each of a partial's once")
    func allAtOnce() {
        let problems = Self.fixture.problems("{{a1}}\n{{> footer}}{{> footer}}\n{{#b2}}{{/b2}}{{> nowhere}}")
        #expect(
            problems.map { $0.prefix { $0 != ";" } } == [
                "main.html:1:1: {{a1}} names no column", "footer.mustache:1:5: {{clnic}} names no column",
                "main.html:3:1: {{#b2}} names no column", "main.html:3:15: {{> nowhere}} names no template",
            ]
        )
    }

    @Test("a kind of tag that Mustache does not know is refused", arguments: ["%", "@", "*", "?", "~", "|", "+", ":"])
    func unknownKinds(_ sigil: String) {
        let problems = Self.fixture.problems("ä{{\(sigil)clinic}}")
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("main.html:1:2: {{\(sigil)clinic}} is no kind of tag") == true)
    }

    @Test("a name that means nothing hides no other problem")
    func unknownNameAndMore() {
        let problems = Self.fixture.problems("<p>{{clnic}}</p>\n<script>{{clinic}}</script>")
        #expect(problems.count == 2)
        #expect(problems.first?.hasPrefix("main.html:1:4: ") == true)
        #expect(problems.last?.hasPrefix("main.html:2:9: ") == true)
    }

    @Test("a template inside the manifest is placed in the manifest")
    func offset() throws {
        var diagnostics: [Diagnostic] = []
        let source = TemplateSource(
            name: "subject",
            file: "manifest.yaml",
            bytes: Array("Grüße {{clnic}}\n{{x1}}".utf8),
            firstLine: 4,
            firstColumn: 10
        )
        #expect(Self.fixture.compiler.compileHeader(source, diagnostics: &diagnostics) == nil)
        #expect(
            diagnostics.map(\.place) == [
                Place(file: "manifest.yaml", line: 4, column: 16), Place(file: "manifest.yaml", line: 5, column: 1),
                // The line break, found in the same pass.
                Place(file: "manifest.yaml", line: 4, column: 25),
            ]
        )
    }

    @Test("bytes that are not UTF-8 are refused at their place")
    func notUTF8() {
        var diagnostics: [Diagnostic] = []
        var compiler = Self.fixture.compiler
        let source = TemplateSource(name: "m", file: "m.txt", bytes: Array("ü\nz".utf8) + [0xFC, 0x62])
        #expect(compiler.compileText(source, diagnostics: &diagnostics) == nil)
        #expect(diagnostics.map(\.description) == ["m.txt:2:2: the template is not UTF-8 text; save it as UTF-8"])
    }

    @Test("a byte-order mark is no text")
    func byteOrderMark() throws {
        #expect(try Self.fixture.render("\u{FEFF}{{clinic}}") == "North")
    }

    @Test("nesting is bounded")
    func depth() {
        let deep = String(repeating: "{{#clinic}}", count: 70) + String(repeating: "{{/clinic}}", count: 70)
        #expect(Self.fixture.problems(deep).count == 1)
        var fixture = Self.fixture
        for level in 0..<40 { fixture.partials["p\(level)"] = "{{> p\(level + 1)}}" }
        #expect(fixture.problems("{{> p0}}").first?.contains("more than 32 deep") == true)
    }

    @Test("partials that multiply are stopped")
    func growth() {
        var fixture = TemplateFixture()
        for level in 0..<12 { fixture.partials["p\(level)"] = String(repeating: "{{> p\(level + 1)}}", count: 8) }
        fixture.partials["p12"] = "text"
        #expect(fixture.problems("{{> p5}}").first?.contains("grows beyond 4 MiB") == true)
    }
}
