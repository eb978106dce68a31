import Compose
import Core
import Testing

/// Where a tag may stand in HTML, and how its cell is escaped there.
///
/// Modelled on Go's html/template.
@Suite("Tags in HTML")
struct HTMLContextTests {
    static let hostile = #"<b a="1" c='2'>&amp; `x`=y</b>"#

    static let fixture = TemplateFixture(
        cells: [
            ("h", hostile), ("p", "O'Reilly & <Söhne>"), ("u", "a b/c?d=e&f#g%h~i_j-k.l"), ("e", ""),
            ("t", "<i>ok</i>"),
            ("ja", "患者 100%"), ("d", ""), ("x", "1"),
        ],
        plain: ["u", "ja", "x"],
        trusted: ["t"],
        defaults: ["d": "no <one>"],
        constants: [
            "site": "River & Sons", "portal": "https://portal.example", "host": "h.example", "script": "javascript:x",
        ],
        hasUnsubscribeURL: true
    )

    @Test(
        "a cell is escaped for its place",
        arguments: [
            ("{{p}}", "O&#39;Reilly &amp; &lt;Söhne&gt;"),
            ("<p>{{h}}</p>", "<p>&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp; `x`=y&lt;/b&gt;</p>"),
            (#"<i title="{{p}}">"#, #"<i title="O&#39;Reilly &amp; &lt;Söhne&gt;">"#),
            ("<i title='{{p}}'>", "<i title='O&#39;Reilly &amp; &lt;Söhne&gt;'>"),
            ("<i title={{p}}>", "<i title=O&#39;Reilly&#32;&#38;&#32;&#60;Söhne&#62;>"),
            (
                "<i title = {{h}} >",
                "<i title = &#60;b&#32;a&#61;&#34;1&#34;&#32;c&#61;&#39;2&#39;&#62;&#38;amp;&#32;&#96;x&#96;&#61;y&#60;/b&#62; >"
            ),
            ("<title>{{p}}</title>", "<title>O&#39;Reilly &amp; &lt;Söhne&gt;</title>"),
            ("<textarea>{{p}}</textarea>", "<textarea>O&#39;Reilly &amp; &lt;Söhne&gt;</textarea>"),
            (
                #"<a href="https://h.example/{{u}}">"#,
                #"<a href="https://h.example/a%20b%2Fc%3Fd%3De%26f%23g%25h~i_j-k.l">"#
            ),
            (
                #"<a href="https://h.example/a?b={{ja}}&amp;c={{x}}">"#,
                #"<a href="https://h.example/a?b=%E6%82%A3%E8%80%85%20100%25&amp;c=1">"#
            ),
            (##"<a href="https://h.example?b={{x}}#{{x}}">"##, ##"<a href="https://h.example?b=1#1">"##),
            ("<a href=https://h.example/{{u}}>", "<a href=https://h.example/a%20b%2Fc%3Fd%3De%26f%23g%25h~i_j-k.l>"),
            ("<a href='HTTPS://h.example:8443/{{x}}'>", "<a href='HTTPS://h.example:8443/1'>"),
            (#"<a href="&#104;ttps&colon;//h.example&sol;{{x}}">"#, #"<a href="&#104;ttps&colon;//h.example&sol;1">"#),
            (#"<a href="mailto:{{x}}@h.example">"#, #"<a href="mailto:1@h.example">"#),
            (#"<a href="tel:{{x}}">"#, #"<a href="tel:1">"#),
            (##"<a href="#{{x}}">"##, ##"<a href="#1">"##),
            (
                #"<img src="cid:{{x}}.png" alt="{{h}}">"#,
                #"<img src="cid:1.png" alt="&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp; `x`=y&lt;/b&gt;">"#
            ),
            (
                #"<img srcset="https://h.example/{{x}}.png 1x, https://h.example/{{x}}-2.png 2x">"#,
                #"<img srcset="https://h.example/1.png 1x, https://h.example/1-2.png 2x">"#
            ),
            (#"<td background="https://h.example/{{x}}.png">"#, #"<td background="https://h.example/1.png">"#),
            ("{{{t}}}", "<i>ok</i>"),
            ("{{&t}}", "<i>ok</i>"),
            (#"<i title="{{t}}">"#, #"<i title="&lt;i&gt;ok&lt;/i&gt;">"#),
            ("{{d}}", "no &lt;one&gt;"),
            ("{{site}}", "River &amp; Sons"),
            (#"<i title='{{site}}'>"#, "<i title='River &amp; Sons'>"),
            (#"<a href="{{portal}}/visits">"#, #"<a href="https://portal.example/visits">"#),
            (#"<a href="{{portal}}/{{x}}">"#, #"<a href="https://portal.example/1">"#),
            (#"<a href="https://{{host}}/{{x}}">"#, #"<a href="https://h.example/1">"#),
            (#"<a href="https://h.example/{{site}}">"#, #"<a href="https://h.example/River%20%26%20Sons">"#),
            (#"<a href="{{preferences_url}}">"#, #"<a href="https://t.example/p/7?l=news&amp;a=1">"#),
            (#"<a href="{{unsubscribe_url}}">"#, #"<a href="https://t.example/u/7?l=news&amp;a=1">"#),
            ("{{#x}}{{.}}{{/x}}", "1"),
            ("{{#e}}never{{/e}}{{^e}}none{{/e}}", "none"),
            (#"<a{{#x}} title="{{x}}"{{/x}} href="https://h.example/">"#, #"<a title="1" href="https://h.example/">"#),
            (#"<a {{#e}}class="y"{{/e}} id="z">"#, #"<a  id="z">"#),
            ("<input {{#x}}checked{{/x}}>", "<input checked>"),
            (#"<td class="a{{#x}} b{{/x}}">"#, #"<td class="a b">"#),
            (#"<a href="https://h.example/{{#x}}?x={{x}}{{/x}}">"#, #"<a href="https://h.example/?x=1">"#),
            ("<style>p { {{#x}}color: red{{/x}} }</style>{{x}}", "<style>p { color: red }</style>1"),
            (#"<p style="color: red{{#e}}; margin: 0{{/e}}">"#, #"<p style="color: red">"#),
            (
                "<!--[if mso]><table><tr><td width=\"1\"><![endif]-->{{x}}",
                "<!--[if mso]><table><tr><td width=\"1\"><![endif]-->1"
            ),
            ("<!--[if !mso]><!-->{{x}}<!--<![endif]-->", "<!--[if !mso]><!-->1<!--<![endif]-->"),
            ("<!DOCTYPE html><html>{{x}}", "<!DOCTYPE html><html>1"),
            ("1 < 2 && {{x}} > 0 <", "1 < 2 && 1 > 0 <"),
            ("<script>if (a < b) {}</script>{{x}}", "<script>if (a < b) {}</script>1"),
            ("<STYLE>a</style >{{x}}", "<STYLE>a</style >1"),
            ("<svg><path d='M0'/></svg>{{x}}", "<svg><path d='M0'/></svg>1"),
            ("<a title='>'>{{x}}", "<a title='>'>1"),
            ("<br/>{{x}}<img alt=''/>", "<br/>1<img alt=''/>"),
            ("<!-- {{! a remark }} -->", "<!--  -->"),
        ]
    )
    func escapes(_ template: String, _ expected: String) throws {
        #expect(try Self.fixture.render(template) == expected)
    }

    @Test(
        "a tag where no escaping is safe is refused with its place",
        arguments: [
            (#"<a href="{{u}}">"#, "main.html:1:10: {{u}} would decide where the address in href leads"),
            (#"<a href="{{u}}/x">"#, "main.html:1:10: {{u}} would decide where"),
            (#"<a href="ht{{u}}">"#, "main.html:1:12: {{u}} would decide where"),
            (#"<a href="https://{{u}}/">"#, "main.html:1:18: {{u}} would decide where"),
            (#"<a href="https://h.example{{u}}">"#, "main.html:1:27: {{u}} would decide where"),
            (#"<a href="https:{{u}}/x">"#, "main.html:1:16: {{u}} would decide where"),
            (#"<a href="https:///{{u}}/x">"#, "main.html:1:19: {{u}} would decide where"),
            (#"<a href="https://me@{{u}}/x">"#, "main.html:1:21: {{u}} would decide where"),
            (#"<a href="//{{u}}/">"#, "main.html:1:12: {{u}} would decide where"),
            (#"<a href="\\{{u}}/">"#, "main.html:1:12: {{u}} would decide where"),
            (#"<a href=" &#9;{{u}}">"#, "main.html:1:15: {{u}} would decide where"),
            (#"<a href="javascript:f({{u}})">"#, "main.html:1:23: {{u}} stands in a javascript: address"),
            (#"<a href="java&#9;script&colon;{{u}}">"#, "main.html:1:31: {{u}} stands in a javascript: address"),
            (#"<a href="data:text/html,{{u}}">"#, "main.html:1:25: {{u}} stands in a data: address"),
            (#"<img src={{u}}>"#, "main.html:1:10: {{u}} would decide where"),
            (#"<form action="{{u}}">"#, "main.html:1:15: {{u}} would decide where"),
            (#"<button formaction='{{u}}'>"#, "main.html:1:21: {{u}} would decide where"),
            (#"<img srcset="https://h.example/1 1x, {{u}} 2x">"#, "main.html:1:38: {{u}} would decide where"),
            (#"<use xlink:href="{{u}}">"#, "main.html:1:18: {{u}} would decide where"),
            (#"<a data-href="{{u}}">"#, "main.html:1:15: {{u}} would decide where"),
            (#"<a href="{{script}}">"#, "main.html:1:10: {{script}} would decide where"),
            (#"<a href="{{site}}">"#, "main.html:1:10: {{site}} would decide where"),
            (#"<a href="https://h.example/{{h}}">"#, "main.html:1:28: column h is PHI and cannot stand in a URL"),
            (
                #"<a href="https://h.example/{{#h}}1{{/h}}">"#,
                "main.html:1:28: column h is PHI and cannot stand in a URL"
            ),
            (#"<a href="https://h.example/?q={{e}}">"#, "main.html:1:31: column e is PHI"),
            ("<p>See https://h.example/{{h}}</p>", "main.html:1:26: column h is PHI and cannot stand in a URL"),
            ("<p>See www.h.example/{{x}}/{{h}}</p>", "main.html:1:28: column h is PHI and cannot stand in a URL"),
            (
                #"<a href="https://h.example/{{preferences_url}}">"#,
                "main.html:1:28: {{preferences_url}} is a whole address"
            ),
            (
                #"<a href="https://h.example/{{unsubscribe_url}}">"#,
                "main.html:1:28: {{unsubscribe_url}} is a whole address"
            ),
            (#"<p style="color: {{x}}">"#, "main.html:1:18: {{x}} stands in a style"),
            ("<style>p { color: {{x}} }</style>", "main.html:1:19: {{x}} stands in <style>"),
            ("<script>var x = '{{x}}';</script>", "main.html:1:18: {{x}} stands in <script>"),
            ("<SCRIPT>{{x}}</SCRIPT>", "main.html:1:9: {{x}} stands in <script>"),
            (#"<p onclick="f('{{x}}')">"#, "main.html:1:16: {{x}} stands in the script of onclick"),
            (#"<p OnLoad={{x}}>"#, "main.html:1:11: {{x}} stands in the script of onload"),
            (#"<iframe srcdoc="{{x}}">"#, "main.html:1:17: {{x}} stands in srcdoc"),
            (#"<meta http-equiv="refresh" content="0;url={{x}}">"#, "main.html:1:43: {{x}} stands in content"),
            (#"<input type="{{x}}">"#, "main.html:1:14: {{x}} stands in type"),
            ("<!-- {{x}} -->", "main.html:1:6: {{x}} stands in an HTML comment"),
            ("<!--[if mso]>{{x}}<![endif]-->", "main.html:1:14: {{x}} stands in an HTML comment"),
            ("<!-- {{#x}}a{{/x}} -->", "main.html:1:6: {{#x}} stands in a comment"),
            ("<!DOCTYPE {{x}}>", "main.html:1:11: {{x}} stands in a declaration"),
            ("<{{x}}>", "main.html:1:2: {{x}} stands in a tag's name"),
            ("</{{x}}>", "main.html:1:3: {{x}} stands in a tag's name"),
            ("<h{{x}}>", "main.html:1:3: {{x}} stands in a tag's name"),
            ("<p {{x}}>", "main.html:1:4: {{x}} stands where an attribute's name belongs"),
            (#"<p da{{x}}="1">"#, "main.html:1:6: {{x}} stands where an attribute's name belongs"),
            (#"<p {{x}}="1">"#, "main.html:1:4: {{x}} stands where an attribute's name belongs"),
            (#"<p a="1"{{x}}>"#, "main.html:1:9: {{x}} stands where an attribute's name belongs"),
            ("</p {{x}}>", "main.html:1:5: {{x}} stands where an attribute's name belongs"),
            ("<svg><text>{{x}}</text></svg>", "main.html:1:12: {{x}} stands inside <svg> or <math>"),
            ("{{{h}}}", "main.html:1:1: {{{h}}} would put the cell in unescaped"),
            ("{{&h}}", "main.html:1:1: {{{h}}} would put the cell in unescaped"),
            (#"<i title="{{{t}}}">"#, "main.html:1:11: {{{t}}} stands in the attribute title"),
            ("<title>{{{t}}}</title>", "main.html:1:8: {{{t}}} stands in <title>"),
            ("<iframe>{{x}}</iframe>", "main.html:1:9: {{x}} stands in <iframe>"),
            ("<plaintext>{{x}}", "main.html:1:1: <plaintext>"),
            ("<!-->{{x}}", "main.html:1:1: <!-->, which some readers end here"),
            ("<!-- a --!>{{x}}-->", "main.html:1:8: --!>, which some readers take for a comment's end"),
            ("<![CDATA[{{x}}]]>", "main.html:1:1: a CDATA section"),
            ("<title></tit{{#x}}le>{{/x}}", "main.html:1:8: a tag or section inside </title>"),
        ]
    )
    func refuses(_ template: String, _ start: String) {
        let problems = Self.fixture.problems(template)
        #expect(problems.first?.hasPrefix(start) == true, "\(problems)")
        #expect(problems.first?.contains("; ") == true, "names no fix: \(problems)")
    }

    @Test(
        "a section whose end stands elsewhere than its beginning is refused",
        arguments: [
            (#"{{#x}}<a href="{{/x}}">"#, "main.html:1:1: {{#x}} begins in text and ends in the attribute href"),
            (
                #"<a {{#x}}title="{{/x}}">"#,
                "main.html:1:4: {{#x}} begins in the tag <a> and ends in the attribute title"
            ),
            (#"<a title="{{#x}}">{{/x}}"#, "main.html:1:11: {{#x}} begins in the attribute title and ends in text"),
            ("{{#x}}<!-- {{/x}} -->", "main.html:1:1: {{#x}} begins in text and ends in a comment"),
            ("{{#x}}<style>{{/x}}</style>", "main.html:1:1: {{#x}} begins in text and ends in <style>"),
            ("<style>{{^x}}</style>{{/x}}", "main.html:1:8: {{^x}} begins in <style> and ends in text"),
            (
                #"<a href="{{#x}}https://h.example/{{/x}}">"#,
                "main.html:1:10: {{#x}} decides where the address in href leads"
            ),
            (#"<a href={{#x}}"https://h.example/"{{/x}}>"#, "main.html:1:9: {{#x}} stands in the attribute href"),
            ("<{{#x}}b{{/x}}>", "main.html:1:2: {{#x}} stands in a tag's name"),
            (#"<a {{#x}}class="y"{{/x}}id="z">"#, "main.html:1:25: nothing parts a section inside <a>"),
            (#"<in{{#x}}put{{/x}}>"#, "main.html:1:10: nothing parts a section inside <in>"),
            ("{{#x}}<svg>{{/x}}</svg>", "main.html:1:1: {{#x}} begins in text and ends in <svg> or <math>"),
            ("<p title=\"a", "main.html:1:1: the template ends inside the attribute title"),
            ("x<!-- a", "main.html:1:2: the template ends inside a comment"),
            ("<p <b>", "main.html:1:4: a stray < inside the tag <p>"),
            (#"<p "a">"#, #"main.html:1:4: a stray " inside the tag <p>"#),
            ("<p a=>", "main.html:1:6: the attribute a has no value"),
        ]
    )
    func refusesUnbalanced(_ template: String, _ start: String) {
        let problems = Self.fixture.problems(template)
        #expect(problems.contains { $0.hasPrefix(start) }, "\(problems)")
    }

    @Test("an empty default is refused where the value has no quotes")
    func emptyDefaultWithoutQuotes() {
        var fixture = Self.fixture
        fixture.defaults["x"] = ""
        #expect(
            fixture.problems("<i title={{x}}>") == [
                "main.html:1:10: {{x}} may be empty here, where the value has no quotes; put the value in quotes"
            ]
        )
        #expect(fixture.problems("<i title=\"{{x}}\">").isEmpty)
    }

    @Test("a cell is never read as a template")
    func cellsAreNotTemplates() throws {
        let fixture = TemplateFixture(cells: [("a", "{{b}} {{> x}}"), ("b", "no")])
        #expect(try fixture.render("{{a}}") == "{{b}} {{&gt; x}}")
        #expect(try fixture.render("{{a}}", .text) == "{{b}} {{> x}}")
    }
}
