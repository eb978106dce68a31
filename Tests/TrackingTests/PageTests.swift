import Core
import Foundation
import TestSupport
import Testing
import Web

@testable import Tracking

/// An HTML page taken apart far enough to ask whether everybody can use it.
struct ParsedPage {
    struct Element {
        var name: String
        var attributes: [String: String]
        var text = ""
        /// The names of the elements around it, outermost first.
        var path: [String]
    }

    private(set) var elements: [Element] = []
    private(set) var problems: [String] = []

    private static let empty: Set<String> = ["meta", "input", "br", "link", "img", "hr"]

    init(_ html: String) {
        var open: [Int] = []
        var rest = html[...]
        while let start = rest.firstIndex(of: "<") {
            let text = String(rest[..<start])
            for index in open { elements[index].text += text }
            guard let end = rest[start...].firstIndex(of: ">") else {
                problems.append("a tag does not end")
                return
            }
            let tag = rest[rest.index(after: start)..<end]
            rest = rest[rest.index(after: end)...]
            if tag.hasPrefix("!") { continue }
            if tag.hasPrefix("/") {
                if let last = open.popLast(), elements[last].name != tag.dropFirst() {
                    problems.append("<\(elements[last].name)> is closed by <\(tag)>")
                }
                continue
            }
            let name = String(tag.prefix { !$0.isWhitespace })
            var attributes: [String: String] = [:]
            for found in tag.matches(of: /([a-z-]+)(?:="([^"]*)")?/).dropFirst() {
                if attributes.updateValue(found.2.map(String.init) ?? "", forKey: String(found.1)) != nil {
                    problems.append("<\(name)> has \(found.1) twice")
                }
            }
            elements.append(Element(name: name, attributes: attributes, path: open.map { elements[$0].name }))
            if !Self.empty.contains(name) { open.append(elements.count - 1) }
        }
        if !open.isEmpty { problems.append("\(open.map { elements[$0].name }) are not closed") }
    }

    func all(_ name: String) -> [Element] {
        elements.filter { $0.name == name }
    }

    /// What somebody with a screen reader, a keyboard or large type would stumble over.
    var barriers: [String] {
        var found = problems
        func require(_ isGood: Bool, _ what: String) {
            if !isGood { found.append(what) }
        }
        require(all("html").first?.attributes["lang"].flatMap { PageLanguage(tag: $0) } != nil, "no language")
        require(all("title").count == 1 && !(all("title").first?.text.isEmpty ?? true), "no title")
        require(all("h1").count == 1 && !(all("h1").first?.text.isEmpty ?? true), "not one headline")
        require(all("main").count == 1, "not one main part")
        require(all("h1").allSatisfy { $0.path.contains("main") }, "the headline is not in the main part")
        let viewport = all("meta").first { $0.attributes["name"] == "viewport" }?.attributes["content"] ?? ""
        require(viewport.contains("width=device-width") && !viewport.contains("maximum-scale"), "it cannot be zoomed")
        let ids = elements.compactMap { $0.attributes["id"] }
        require(Set(ids).count == ids.count, "an id stands twice")
        for input in all("input") {
            let label = all("label").first { $0.attributes["for"] == input.attributes["id"] }
            require(!(label?.text.trimmingCharacters(in: .whitespaces).isEmpty ?? true), "an input has no label")
            require(input.path.contains("fieldset"), "a choice belongs to no group")
        }
        require(all("fieldset").count == all("legend").count, "a group has no name")
        require((all("legend") + all("button") + all("a")).allSatisfy { !$0.text.isEmpty }, "something has no name")
        for element in elements {
            if let described = element.attributes["aria-describedby"] {
                require(ids.contains(described), "a description is not there")
            }
            require(!["script", "img", "iframe", "object", "link", "base"].contains(element.name), "a \(element.name)")
            let attributes = element.attributes.keys
            require(!attributes.contains { $0.hasPrefix("on") || $0 == "style" || $0 == "tabindex" }, "\(attributes)")
        }
        for (group, radios) in Dictionary(grouping: all("input"), by: { $0.attributes["name"] ?? "" }) {
            require(radios.count { $0.attributes["checked"] != nil } == 1, "\(group) has not one choice taken")
        }
        return found
    }
}

private let lists = [
    OfferedList(scope: .list("newsletter"), titles: ["en": "Health <news>", "es": "Boletín & salud"]),
    OfferedList(scope: .list("tips"), titles: ["es-MX": "Consejos"]),
    OfferedList(scope: .marketing, titles: ["en": "Offers"]),
]

/// Every page in every language.
private let pages: [(name: String, html: String, text: PageText)] = PageLanguage.allCases.flatMap { language in
    let text = PageText.of(language)
    let all = Pages(siteName: "Riverside <Clinic> & Sons", lists: lists)
    let changes = [
        PreferenceChange(scope: .list("newsletter"), choice: .stop), PreferenceChange(scope: .all, choice: .again),
    ]
    return [
        ("ask all", all.ask(list: "", preferences: "../p/x", text), text),
        ("ask list", all.ask(list: "newsletter", preferences: "../p/x", text), text),
        ("done all", all.done(list: "", preferences: "../p/x", text), text),
        ("done list", all.done(list: "other", preferences: "../p/x", text), text),
        ("failed", all.failed(text), text), ("unknown", all.unknown(text), text),
        ("preferences", all.preferences(list: "other", text), text),
        ("preferences of nothing", Pages(siteName: "").preferences(list: "", text), text),
        ("saved", all.saved(changes, text), text), ("nothing saved", all.saved([], text), text),
    ]
}

@Suite("Pages for recipients")
struct PageTests {
    @Test("Every sentence is there in every language, and no two languages say it in the same words")
    func complete() {
        #expect(PageText.table.map(\.word).count == PageText.Word.allCases.count)
        #expect(Set(PageText.table.map(\.word)) == Set(PageText.Word.allCases))
        for (word, texts) in PageText.table {
            #expect(texts.count == PageLanguage.allCases.count, "\(word)")
            #expect(texts.allSatisfy { !$0.isEmpty && $0 == $0.trimmingCharacters(in: .whitespaces) }, "\(word)")
            #expect(Set(texts).count == texts.count, "\(word)")
            // A sentence ends as its translations do.
            #expect(Set(texts.map { ".:?".contains($0.last ?? " ") ? $0.last : nil }).count == 1, "\(word)")
        }
        for language in PageLanguage.allCases {
            for word in PageText.Word.allCases { #expect(!PageText.of(language)[word].isEmpty) }
        }
    }

    @Test("No page has anything that somebody stumbles over", arguments: pages.indices)
    func accessible(index: Int) {
        let page = ParsedPage(pages[index].html)
        #expect(page.barriers.isEmpty, "\(pages[index].name): \(page.barriers)")
        #expect(page.all("html").first?.attributes["lang"] == pages[index].text.language.rawValue)
        #expect(page.all("title").first?.text.contains(page.all("h1").first?.text ?? "?") == true)
        #expect(!pages[index].html.contains("<Clinic>") && !pages[index].html.contains("<news>"))
    }

    @Test("The check of pages finds what it looks for")
    func barriers() {
        let bad = [
            "<html><body><main><h1>A</h1></main></body></html>",
            "<html lang=\"en\"><title>A</title><main><h1>A</h1><input id=\"a\" name=\"b\" checked></main></html>",
            "<html lang=\"en\"><title>A</title><main><h1>A</h1><button></button></main></html>",
            "<html lang=\"en\"><title>A</title><main><h1>A</main></h1></html>",
            "<html lang=\"xx\"><title>A</title><main><h1>A</h1></main></html>",
        ]
        for html in bad { #expect(!ParsedPage(html).barriers.isEmpty, "\(html)") }
    }

    @Test(
        "An HTML parser of others finds nothing to repair",
        .enabled(
            if: (try? Command.run(["/usr/bin/python3", "-c", "import html5lib"]).status) == 0,
            "needs python3-html5lib"
        )
    )
    func independent() throws {
        let program = """
            import html5lib, json, sys
            for name, html in json.load(sys.stdin):
                parser = html5lib.HTMLParser(strict=False)
                tree = parser.parse(html)
                if parser.errors: sys.exit(name + ": " + str(parser.errors))
                print(name)
            """
        let input = try JSONSerialization.data(withJSONObject: pages.map { [$0.name, $0.html] })
        let result = try Command.run(["/usr/bin/python3", "-c", program], input: input)
        #expect(result.status == 0, "\(result.errorText)")
        #expect(result.text.split(separator: "\n").count == pages.count)
    }

    @Test("Colours have the contrast that WCAG 2.2 asks for at its strictest, in light and in dark")
    func contrast() throws {
        let sheet = PageStyle.sheet
        let dark = try #require(sheet.firstRange(of: "@media(prefers-color-scheme:dark){"))
        for (name, part) in [("light", sheet[..<dark.lowerBound]), ("dark", sheet[dark.upperBound...])] {
            func colour(_ selector: String, _ property: String) throws -> Double {
                for rule in part.matches(of: /([^{}]+)\{([^{}]*)\}?/) {
                    guard rule.1.split(separator: ",").contains(Substring(selector)) else { continue }
                    for declaration in rule.2.split(separator: ";") {
                        let parts = declaration.split(separator: ":")
                        if parts.count == 2, parts[0] == property, let hex = parts[1].firstMatch(of: /#([0-9a-f]{6})/) {
                            return Self.luminance(String(hex.1))
                        }
                    }
                }
                Issue.record("\(name): \(selector) has no \(property)")
                return 0
            }
            func ratio(_ one: Double, _ other: Double) -> Double {
                (max(one, other) + 0.05) / (min(one, other) + 0.05)
            }
            let paper = try colour("body", "background")
            let isDark = name == "dark"
            let pairs: [(String, Double, Double)] = [
                ("text", ratio(try colour("body", "color"), paper), 7),
                ("site's name", ratio(try colour("header p", "color"), paper), 7),
                ("link", ratio(try colour("a", "color"), paper), 7),
                ("button", ratio(try colour("button", "color"), try colour("button", "background")), 7),
                ("button's edge", ratio(try colour("button", isDark ? "border-color" : "border"), paper), 3),
                ("group's edge", ratio(try colour("fieldset", isDark ? "border-color" : "border"), paper), 3),
                ("focus", ratio(try colour(":focus-visible", isDark ? "outline-color" : "outline"), paper), 3),
            ]
            for (what, found, least) in pairs { #expect(found >= least, "\(name) \(what): \(found)") }
        }
    }

    /// WCAG 2.2's relative luminance.
    private static func luminance(_ hex: String) -> Double {
        let number = Int(hex, radix: 16) ?? 0
        let parts = [16, 8, 0].map { shift -> Double in
            let part = Double(number >> shift & 255) / 255
            return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }

    @Test(
        "The language is the one asked for on the page, else the message's, else the browser's",
        arguments: [
            (nil, "", nil, "en"), (nil, "", "es", "es"), (nil, "en", "es", "en"), (nil, "es-MX", "en", "es"),
            ("en", "es", "es", "en"), ("es", "", "en", "es"), ("xx", "es", "en", "es"), (nil, "fr", "es", "es"),
            ("ES", "en", nil, "es"), (nil, "zz", nil, "en"),
        ] as [(String?, String, String?, String)]
    )
    func languages(asked: String?, message: String, accepted: String?, language: String) {
        #expect(PageLanguage.chosen(asked: asked, message: message, accepted: accepted).rawValue == language)
    }

    @Test("A list is called what the site calls it, in the reader's language, English, any, or by its bare name")
    func titles() {
        let all = Pages(siteName: "", lists: lists)
        #expect(all.title(of: .list("newsletter"), .of(.spanish)) == "Boletín & salud")
        #expect(all.title(of: .list("tips"), .of(.english)) == "Consejos")
        #expect(all.title(of: .marketing, .of(.spanish)) == "Offers")
        #expect(all.title(of: .list("unheard"), .of(.spanish)) == "unheard")
    }

    @Test(
        "A form's fields are read as browsers write them",
        arguments: [
            ("a=1&b=2", "a", "1"), ("list.n%2De=st%6Fp", "list.n-e", "stop"), ("a=1+2", "a", "1 2"),
            ("a=1&a=2", "a", "1"),
            ("a", "a", ""), ("=x&a=%zz&b=%C3%B1", "b", "ñ"), ("a=%zz", "a", nil), ("a=%", "a", nil), ("", "a", nil),
            ("a=%ff", "a", nil), ("a=b=c", "a", "b=c"),
        ] as [(String, String, String?)]
    )
    func forms(body: String, name: String, value: String?) {
        #expect(FormFields(Array(body.utf8))[name] == value)
    }
}

@Suite("Preference page")
struct PreferenceTests {
    private static let path = "/p/" + String(decoding: Fixture.unsubscribeToken(language: "es"), as: UTF8.self)

    @Test("It offers the site's lists, the message's own and all mail, and claims nothing about the reader")
    func offers() async throws {
        let served = try Served(lists: lists)
        let token = String(decoding: Fixture.unsubscribeToken(list: "other"), as: UTF8.self)
        let page = ParsedPage(try await served.request(.get, "/p/\(token)").text)
        #expect(
            page.all("legend").map(\.text) == [
                "other", "Health &lt;news&gt;", "Consejos", "Offers", "All e-mail from this sender",
            ]
        )
        let taken = page.all("input").filter { $0.attributes["checked"] != nil }
        #expect(taken.allSatisfy { $0.attributes["value"] == "keep" } && taken.count == 5)
        #expect(try served.events.events().isEmpty)
    }

    @Test("The message's language is spoken, and the other is a link away")
    func language() async throws {
        let served = try Served(lists: lists)
        let page = ParsedPage(try await served.request(.get, Self.path, ["accept-language": "en"]).text)
        #expect(page.all("html").first?.attributes["lang"] == "es")
        let link = try #require(page.all("a").first { $0.attributes["hreflang"] == "en" }?.attributes["href"])
        let other = ParsedPage(try await served.request(.get, Self.path + link).text)
        #expect(other.all("html").first?.attributes["lang"] == "en")
    }

    @Test("What is chosen is recorded, each choice as an event of its own, and nothing else")
    func chosen() async throws {
        let served = try Served(lists: lists)
        let body = "list.newsletter=stop&list.tips=again&marketing=stop&all=keep&list.unheard=stop&x=stop"
        let answer = try await served.request(.post, Self.path, body: body)
        #expect(answer.status == 200)
        #expect(answer["set-cookie"] == nil && answer["location"] == nil)
        let page = ParsedPage(answer.text)
        #expect(page.all("li").map(\.text) == ["Boletín &amp; salud", "Offers", "Consejos"])
        let events = try served.events.events()
        #expect(events.map(\.kind) == [.unsubscribe, .resubscribe, .unsubscribe])
        #expect(events.map(\.list) == ["newsletter", "tips", nil])
        #expect(events.map(\.scope) == [nil, nil, "marketing"])
        #expect(events.allSatisfy { $0.tag == Fixture.tagger.tag(of: Fixture.address("ada@x.example")) })
        #expect(events.allSatisfy { $0.why == "preferences" && $0.audience == .human })
    }

    @Test(
        "A form that changes nothing says so and records nothing",
        arguments: ["", "all=keep", "all=delete", "%00=%ff&&&="]
    )
    func nothing(body: String) async throws {
        let served = try Served(lists: lists)
        let answer = try await served.request(.post, Self.path + "?lang=en", body: body)
        #expect(answer.text.contains("Nothing has changed"))
        #expect(try served.events.events().isEmpty)
    }

    @Test("What a reader takes back is lifted, and bounces, complaints and staff's entries are not")
    func again() async throws {
        let served = try Served(lists: lists)
        let outbox = try Outbox()
        let tag = Fixture.tagger.tag(of: Fixture.address("ada@x.example"))
        var list = SuppressionList(
            outbox: outbox.directory,
            key: Fixture.suppressionKey,
            events: served.events.reader()
        )
        func reason(_ name: String?) throws -> Reason? {
            try list.refresh()
            return try list.reason(for: Fixture.address("ada@x.example"), list: name)
        }
        try await served.log.append(Fixture.unsubscribe("ada@x.example", at: Fixture.noon - 2_000))
        try await served.log.append(Fixture.unsubscribe("ada@x.example", list: "newsletter", at: Fixture.noon - 2_000))
        #expect(try reason(nil) == .optedOut)
        _ = try await served.request(.post, Self.path, body: "all=again")
        #expect(try reason(nil) == nil)
        #expect(try reason("newsletter") == .optedOut)
        _ = try await served.request(.post, Self.path, body: "list.newsletter=again")
        #expect(try reason("newsletter") == nil)
        for cause in [Reason.bounced, .complained, .suppressedByHand] {
            try outbox.file.append([.add(tag, reason: cause, milliseconds: Fixture.noon - 1_000)])
            _ = try await served.request(.post, Self.path, body: "all=again")
            #expect(try reason(nil) == cause)
            try outbox.file.append([.remove(tag)])
            #expect(try reason(nil) == nil)
        }
    }

    @Test("The unsubscribe page leads to it, in the same language")
    func linked() async throws {
        let served = try Served(lists: lists)
        let token = String(decoding: Fixture.unsubscribeToken(), as: UTF8.self)
        let page = ParsedPage(try await served.request(.get, "/u/\(token)?lang=es").text)
        let link = try #require(page.all("a").first { $0.path.contains("main") }?.attributes["href"])
        #expect(link == "../p/\(token)?lang=es")
    }

    @Test("Tokens of before there were languages open as they did")
    func oldTokens() {
        let seal = TokenSeal(Fixture.keys)
        let old = seal.open(.unsubscribe, Fixture.unsubscribeToken(list: "newsletter"))
        #expect(old?.language == "")
        let new = seal.open(.unsubscribe, Fixture.unsubscribeToken(list: "newsletter", language: "es"))
        #expect(new?.language == "es")
        #expect(old?.action == new?.action)
        let long = seal.open(.unsubscribe, Fixture.unsubscribeToken(language: String(repeating: "x", count: 40)))
        #expect(long?.language == "")
    }
}
