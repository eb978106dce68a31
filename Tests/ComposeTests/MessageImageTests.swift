import Core
import Foundation
import Testing

@testable import Compose

@Suite("Images in the HTML")
struct MessageImageTests {
    private static let gif = Array("GIF89a".utf8)

    @Test(
        "are known by references in attributes and style sheets",
        arguments: [
            ("<img src=\"cid:a.gif\">", ["a.gif"]),
            ("<img src='cid:a.gif'> <img src=cid:b-1_x.gif>", ["a.gif", "b-1_x.gif"]),
            ("background:url(cid:a.gif)", ["a.gif"]),
            ("\"cid:a.gif@x.example\"", []),
            ("\"cid:\" \"cid:.gif\" \"cid:a..gif\" \"cid:a.\"", []),
            ("cid:a.gif placid:a.gif \"xcid:a.gif\"", []),
            ("\"cid:", []),
            ("", []),
        ]
    )
    func references(html: String, expected: [String]) {
        let bytes = Array(html.utf8)
        let found = ImageReferences.references(in: bytes).map { String(decoding: bytes[$0], as: UTF8.self) }
        #expect(found == expected)
    }

    @Test("are looked for once, and completed with the sender's domain in every template")
    func loading() throws {
        var asked: [String] = []
        let images = ImageReferences(try Fixture.design(html: "")) { name in
            asked.append(name)
            return Self.gif
        }
        for _ in 0..<2 {
            let resolved = images.resolved(Fixture.source("<img src=\"cid:a.gif\"><img src=\"cid:a.gif.gif\">"))
            #expect(
                String(decoding: resolved.bytes, as: UTF8.self)
                    == "<img src=\"cid:a.gif@riverside.example\"><img src=\"cid:a.gif.gif@riverside.example\">"
            )
        }
        #expect(asked == ["a.gif", "a.gif.gif"])
        #expect(images.parts.count == 2)
        #expect(images.diagnostics.isEmpty)
    }

    @Test("are missed at their place, once")
    func missing() throws {
        let design = try Fixture.design(html: "<p>ü</p>\n<p>ü <img alt=\"\" src=\"cid:none.gif\"></p>\n")
        let refused = #expect(throws: Diagnostics.self) { try Composer(design) }
        #expect(refused?.all.count == 1)
        #expect(refused?.all.first?.place == Place(file: "message.html", line: 2, column: 27))
        #expect(refused?.description.contains("there is no image none.gif") == true)
    }

    @Test("are left out, with a warning, where no template shows them")
    func unused() throws {
        var design = try Fixture.design(html: "<p>Hello</p>\n", text: "Hello\n")
        design.inlineImages = [InlineImage(name: "a.gif", bytes: Self.gif)]
        let composer = try Composer(design)
        #expect(composer.images.isEmpty)
        #expect(composer.warnings.map(\.severity) == [.warning])
    }

    @Test("are refused where two have one name")
    func twice() throws {
        var design = try Fixture.design(html: "<img alt=\"\" src=\"cid:a.gif\">\n")
        design.inlineImages = Array(repeating: InlineImage(name: "a.gif", bytes: Self.gif), count: 2)
        #expect(throws: Diagnostics.self) { try Composer(design) }
    }
}
