import Compose
import Core
import Testing

/// The link that no person sees.
@Suite("Decoy link")
struct DecoyTests {
    private static let fixture = TemplateFixture(
        cells: [("c", "a b"), ("empty", "")],
        plain: ["c", "empty"],
        hasUnsubscribeURL: true,
        tracking: TrackingPlan(opens: true, clicks: true, decoy: true)
    )
    private static let pixel = #"<img src="https://t.example/o/7.gif" width="1" height="1" alt="" style="border:0">"#

    private static func decoy(_ target: String) -> String {
        #"<div style="display:none;max-height:0;overflow:hidden;mso-hide:all" aria-hidden="true">"#
            + #"<a tabindex="-1" href="https://t.example/c/7.0[\#(target)]"></a></div>"#
    }

    @Test("it stands at the body's end, has number 0 and leads where the first link does")
    func place() throws {
        let output = try Self.fixture.render(
            #"<body><a href="https://h.example/x?a=1&amp;b=2">1</a><a href="https://i.example/">2</a></body>"#
        )
        #expect(output.hasSuffix(Self.decoy("https://h.example/x?a=1&amp;b=2") + Self.pixel + "</body>"))
        #expect(output.contains("/c/7.1[") && output.contains("/c/7.2["))
    }

    @Test(
        "where the first link differs from row to row it leads to its host: an empty cell never stops a row for it",
        arguments: [
            (#"<a href="https://h.example/p/{{c}}">1</a>"#, "https://h.example/"),
            (##"{{#empty}}<a href="https://h.example/{{empty}}">1</a>{{/empty}}"##, "https://h.example/"),
            (#"<a href="https://h.example/p?x={{c}}">1</a>"#, "https://h.example/"),
        ]
    )
    func host(template: String, target: String) throws {
        #expect(try Self.fixture.render(template).contains(Self.decoy(target)))
    }

    @Test(
        "without a tracked link there is none, nor in a text, nor where the plan has none",
        arguments: [
            "<p>x</p>", #"<a href="https://h.example/" data-no-track>x</a>"#, #"<a href="mailto:a@h.example">x</a>"#,
            #"<a href="{{unsubscribe_url}}">x</a>"#,
        ]
    )
    func none(template: String) throws {
        #expect(!(try Self.fixture.render(template)).contains("/c/"))
        #expect(!(try Self.fixture.render("https://h.example/", .text)).contains("/c/7.0"))
        var plain = Self.fixture
        plain.tracking.decoy = false
        #expect(!(try plain.render(#"<a href="https://h.example/">x</a>"#)).contains("/c/7.0"))
    }

    @Test("it takes no number, and the list of links does not have it")
    func registry() throws {
        var compiler = Self.fixture.compiler
        _ = try TemplateFixture.compile(#"<a href="https://a.example/">1</a>"#, .html, with: &compiler)
        #expect(compiler.links.map(\.id) == [1])
    }
}
