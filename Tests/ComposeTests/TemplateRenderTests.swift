import Compose
import Core
import Testing

/// What a row makes of a template, and what stops it.
@Suite("Rendering")
struct TemplateRenderTests {
    @Test(
        "an empty cell stops the row and names column and tag",
        arguments: ["", " ", "\t \n", "\u{A0}", " \u{3000}\u{A0}"]
    )
    func emptyCell(_ cell: String) throws {
        let fixture = TemplateFixture(cells: [("a", "x"), ("due", cell)])
        let place = Place(file: "main.html", line: 2, column: 2)
        #expect(throws: RenderProblem.emptyCell(column: "due", place: place)) {
            _ = try fixture.render("{{a}}\nü{{due}}", .text)
        }
    }

    @Test("a cell that only looks empty is text", arguments: ["0", "-", "\u{200B}", "\u{A1}", "\u{E000}", "\u{3001}"])
    func notEmpty(_ cell: String) throws {
        let fixture = TemplateFixture(cells: [("a", cell)])
        #expect(try fixture.render("{{a}}{{#a}}!{{/a}}", .text) == cell + "!")
    }

    @Test("a section or a default lets an empty cell pass")
    func emptyCellExpected() throws {
        var fixture = TemplateFixture(cells: [("a", ""), ("b", " "), ("c", "x")], defaults: ["b": "friend"])
        #expect(try fixture.render("{{#a}}Dear {{a}}{{/a}}{{^a}}Hello{{/a}}", .text) == "Hello")
        #expect(try fixture.render("{{b}}", .text) == "friend")
        #expect(try fixture.render("{{#b}}{{b}}{{/b}}{{^b}}none, {{b}}{{/b}}", .text) == "none, friend")
        fixture.defaults["b"] = ""
        #expect(try fixture.render("[{{b}}]", .text) == "[]")
    }

    @Test("a section on another column does not guard a cell")
    func otherSection() throws {
        let fixture = TemplateFixture(cells: [("a", "x"), ("b", "")])
        #expect(throws: RenderProblem.self) { _ = try fixture.render("{{#a}}{{b}}{{/a}}", .text) }
        #expect(try fixture.render("{{^a}}{{b}}{{/a}}", .text).isEmpty)
        #expect(try fixture.render("{{#b}}{{#a}}{{b}}{{a}}{{/a}}{{/b}}", .text).isEmpty)
    }

    @Test("the same row gives the same bytes, appended to what is there")
    func deterministic() throws {
        let fixture = TemplateFixture(cells: [("a", "ü&")])
        let compiled = try fixture.compile("<p>{{a}}</p>")
        var output = Array("head ".utf8)
        for _ in 0..<3 { try compiled.render(fixture.row, context: fixture.context, into: &output) }
        #expect(String(decoding: output, as: UTF8.self) == "head " + String(repeating: "<p>ü&amp;</p>", count: 3))
    }

    @Test("knows which columns it uses")
    func usedColumns() throws {
        let fixture = TemplateFixture(cells: [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")])
        #expect(try fixture.compile("{{b}}{{#d}}x{{/d}}").usedColumns == [1, 3])
        let places = try fixture.compile("{{b}}\nü{{#d}}x{{/d}}").uses.map { "\($0.column) \($0.place)" }
        #expect(places == ["1 main.html:1:1", "3 main.html:2:2"])
    }

    @Test("a layout, its blocks and partials become one page")
    func layout() throws {
        var fixture = TemplateFixture(cells: [("name", "Ann")])
        fixture.partials = [
            "layout":
                "<body>\n  <div>\n    {{$content}}\n    none\n    {{/content}}\n  </div>\n  {{> footer}}\n</body>\n",
            "footer": "<p>\n{{#name}}\n  for {{name}}\n{{/name}}\n</p>\n",
        ]
        let page = "{{< layout}}\n  {{$content}}\n    <b>{{name}}</b>\n\n    <i>x</i>\n  {{/content}}\n{{/ layout}}\n"
        #expect(
            try fixture.render(page)
                == "<body>\n  <div>\n    <b>Ann</b>\n\n    <i>x</i>\n  </div>\n  <p>\n    for Ann\n  </p>\n</body>\n"
        )
        #expect(try fixture.render("{{< layout}}{{/layout}}").contains("    none\n"))
    }

    // MARK: Headers and file names

    @Test("a header takes plain columns and constants, as they are")
    func header() throws {
        let fixture = TemplateFixture(cells: [("n", "Zoë <&>")], plain: ["n"], constants: ["site": "A & B"])
        #expect(try fixture.render("{{n}}: {{site}} 患", .header) == "Zoë <&>: A & B 患")
    }

    @Test(
        "a PHI column, a line break or an address has no place in a header",
        arguments: [
            ("x {{phi}}", "main.html:1:3: column phi is PHI and cannot stand in a header"),
            ("{{#phi}}x{{/phi}}", "main.html:1:1: column phi is PHI and cannot stand in a header"),
            ("ü\nx", "main.html:1:2: a line break in a header"),
            ("{{lines}}", "main.html:1:1: {{lines}} holds a line break and cannot stand in a header"),
            ("{{preferences_url}}", "main.html:1:1: {{preferences_url}} cannot stand in a header"),
            ("{{unsubscribe_url}}", "main.html:1:1: {{unsubscribe_url}} cannot stand in a header"),
            ("{{def}}", "main.html:1:1: the default of column def holds a line break"),
        ]
    )
    func headerRefuses(_ template: String, _ start: String) {
        let fixture = TemplateFixture(
            cells: [("phi", "x"), ("def", "")],
            plain: ["def"],
            defaults: ["def": "a\nb"],
            constants: ["lines": "a\r\nb"],
            hasUnsubscribeURL: true
        )
        let problems = fixture.problems(template, .header)
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix(start) == true, "\(problems)")
    }

    @Test(
        "a cell that would break a header stops the row",
        arguments: ["a\nb", "a\r\nBcc: x", "a\u{0}", "a\u{7F}", "\u{85}a", "a\u{2028}b", "a\u{2029}", "\u{1B}[0m"]
    )
    func headerInjection(_ cell: String) throws {
        let fixture = TemplateFixture(cells: [("n", cell)], plain: ["n"])
        let place = Place(file: "main.html", line: 1, column: 4)
        for form in [TemplateFixture.Form.header, .path] {
            #expect(throws: RenderProblem.cellNotForHeader(column: "n", place: place)) {
                _ = try fixture.render("to {{n}}", form)
            }
        }
    }

    @Test("a file's name may come from any column")
    func path() throws {
        let fixture = TemplateFixture(cells: [("letter", "a-7.pdf")])
        #expect(try fixture.render("letters/{{letter}}", .path) == "letters/a-7.pdf")
    }

    @Test("a problem's text holds no cell")
    func noCellInProblems() {
        let fixture = TemplateFixture(cells: [("n", "secret\nx")], plain: ["n"])
        #expect(throws: RenderProblem.self) { _ = try fixture.render("{{n}}", .header) }
        do {
            _ = try fixture.render("{{n}}", .header)
        } catch {
            #expect(!"\(error)".contains("secret"))
        }
    }
}
