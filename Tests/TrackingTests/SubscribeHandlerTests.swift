import Core
import Foundation
import OpenSSL
import TestSupport
import Testing
import Web

@testable import Tracking

@Suite("Subscription pages")
struct SubscribeHandlerTests {
    private static let pair = SealingPrivateKey.generate()
    private let proof = ConfirmationProof(key: SecretBytes(copying: Array(repeating: 5, count: 32)))
    private let seal = TokenSeal(Fixture.keys, clock: { Fixture.noon })

    private func handler(perVisitor: Int = 1_000, perHour: Int = 1_000) -> SubscribeHandler {
        var options = SubscribeOptions(lists: ["news", "flu"], key: Self.pair.publicKey) { text in
            (try? Address(parsing: text) { _ in nil }) != nil
        }
        options.perVisitor = perVisitor
        options.perHour = perHour
        let news = OfferedList(scope: .list("news"), titles: ["en": "Winter <News>", "es": "Noticias"])
        return SubscribeHandler(options, pages: Pages(siteName: "Clinic", lists: [news]), seal: seal)
    }

    private func request(
        post body: String? = nil,
        query: String = "",
        languages: String? = nil,
        visitor: [UInt8] = [192, 0, 2, 1],
        at milliseconds: Int64 = Fixture.noon
    ) -> PageRequest {
        PageRequest(
            isPost: body != nil,
            query: Array(query.utf8),
            languages: languages,
            body: Array((body ?? "").utf8),
            agent: "Test/1",
            visitor: visitor,
            milliseconds: milliseconds
        )
    }

    private func answer(_ handler: SubscribeHandler, _ request: PageRequest, _ list: String = "news") throws
        -> PageAnswer
    {
        try #require(handler.form(Array(list.utf8), request))
    }

    // MARK: - The form

    @Test("a GET shows the form and records nothing; a list that is none has no page")
    func form() throws {
        let page = try answer(handler(), request())
        #expect(page.status == 200 && page.event == nil)
        #expect(page.html.contains("<label for=\"email\">E-mail address</label>"))
        #expect(page.html.contains("type=\"email\" id=\"email\" name=\"email\""))
        #expect(page.html.contains("<html lang=\"en\">") && page.html.contains("Winter &lt;News&gt;"))
        for word in ["<script", "<img", "src=", "http://", "https://", "onclick", "style=\""] {
            #expect(!page.html.contains(word), "\(word)")
        }
        for name in ["", "new", "news/", "../news", "NEWS"] {
            #expect(handler().form(Array(name.utf8), request()) == nil, "\(name)")
        }
    }

    @Test("the page speaks the language that it is asked for, in the address or by the browser")
    func languages() throws {
        let handler = handler()
        #expect(try answer(handler, request(languages: "es-MX,en;q=0.5")).html.contains("<html lang=\"es\">"))
        #expect(try answer(handler, request(query: "lang=en", languages: "es")).html.contains("<html lang=\"en\">"))
        let spanish = try answer(handler, request(query: "lang=es"))
        #expect(spanish.html.contains("action=\"?lang=es\"") && spanish.html.contains("Noticias"))
        let sent = try answer(handler, request(post: "email=eva%40kunde.test", query: "lang=es"))
        let sealed = try #require(sent.event?.sealed)
        #expect(SubscriptionWish(opening: sealed, of: "news", Self.pair)?.language == "es")
    }

    @Test("sending the form records an event in which the address can be read by the site alone")
    func sent() throws {
        let page = try answer(handler(), request(post: "website=&email=+Eva.Canary%2Bnews%40kunde.test%0D%0A"))
        let event = try #require(page.event)
        #expect(page.status == 200)
        #expect(event.kind == .subscribe && event.list == "news" && event.method == "POST" && event.tag == nil)
        let wish = try #require(SubscriptionWish(opening: event.sealed ?? "", of: "news", Self.pair))
        #expect(wish.address.exposed == "Eva.Canary+news@kunde.test")
        var line = JSONLine()
        event.appendMembers(to: &line)
        let text = String(decoding: line.bytes, as: UTF8.self).lowercased()
        #expect(!text.contains("canary") && !text.contains("kunde"))
        #expect(!text.contains(Base64.encode(Array("Canary".utf8)).lowercased().prefix(6)))
        #expect(!page.html.lowercased().contains("canary"))
    }

    @Test("every address has the same answer, to the byte, and an event line of the same length")
    func alike() throws {
        let handler = handler()
        let pages = try ["a@b.example", "eva@kunde.test", String(repeating: "x", count: 60) + "@kunde.test"].map {
            try answer(handler, request(post: "email=\($0)"))
        }
        #expect(Set(pages.map(\.html)).count == 1)
        #expect(Set(pages.map(\.status)) == [200])
        #expect(Set(pages.map { $0.event?.sealed?.utf8.count }).count == 1)
        // A program that fills in what people do not see hears the same, and leads to nothing.
        let trapped = try answer(handler, request(post: "email=eva%40kunde.test&website=http%3A%2F%2Fx"))
        #expect(trapped.html == pages[0].html && trapped.status == 200)
        #expect(trapped.event == nil)
    }

    @Test(
        "what has not the form of an address is said to be so, and shown again, harmless",
        arguments: ["", "eva", "eva@", "@kunde.test", "eva@kunde", "<b>\"'&@x.example", "a@b.example, c@d.example"]
    )
    func malformed(text: String) throws {
        let body = "email=" + (text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")
        let page = try answer(handler(), request(post: body))
        #expect(page.status == 422 && page.event == nil)
        #expect(page.html.contains("role=\"alert\"") && page.html.contains("aria-invalid=\"true\""))
        #expect(page.html.contains("aria-describedby=\"problem privacy\""))
        #expect(page.html.contains("value=\"\(Pages.escaped(text))\""))
        #expect(!page.html.contains("<b>"))
    }

    @Test(
        "a body that is no form, too long or without the field is taken for an empty one",
        arguments: ["email", "=&=&", "%zz=%", "x=y", "email=%FF"]
    )
    func noForm(body: String) throws {
        #expect(try answer(handler(), request(post: body)).status == 422)
        let long = "email=" + String(repeating: "a", count: 3_000) + "%40kunde.test"
        let page = try answer(handler(), request(post: long))
        #expect(page.status == 422 && page.html.utf8.count < 8_000)
    }

    @Test("a flood is told so, whatever address it names, and records nothing more")
    func flood() throws {
        let handler = handler(perVisitor: 3, perHour: 5)
        func send(_ count: Int, from visitor: UInt8) throws -> [PageAnswer] {
            try (0..<count).map {
                try answer(handler, request(post: "email=p\($0)%40kunde.test", visitor: [10, 0, 0, visitor]))
            }
        }
        let first = try send(50, from: 1)
        #expect(first.map(\.status) == [200, 200, 200] + Array(repeating: 429, count: 47))
        #expect(first.compactMap(\.event).count == 3)
        #expect(Set(first.dropFirst(3).map(\.html)).count == 1)
        #expect(try send(50, from: 2).compactMap(\.event).count == 2)
        // Who only looks, or mistypes, is not counted.
        #expect(try answer(handler, request(visitor: [10, 0, 0, 3])).status == 200)
    }

    // MARK: - The confirmation

    private func token(_ list: String = "news", expires: Timestamp = Timestamp(milliseconds: Fixture.noon) + 60)
        -> [UInt8]
    {
        let wish = required(SubscriptionWish.ID(bytes: Array(1...16)))
        let content = ConfirmationToken(
            list: list,
            expires: expires,
            proof: proof.make(wish, list: list, expires: expires)
        )
        return Fixture.token(Array(content.url(Fixture.baseURL, seal).utf8))
    }

    @Test("a GET of the link changes nothing, however often; the button records the proof")
    func confirm() throws {
        let handler = handler()
        for _ in 0..<3 {
            let page = try #require(handler.confirmation(token(), request()))
            #expect(page.status == 200 && page.event == nil)
            #expect(page.html.contains("<form method=\"post\">") && page.html.contains("Winter &lt;News&gt;"))
        }
        let page = try #require(handler.confirmation(token(), request(post: "confirm=yes")))
        let event = try #require(page.event)
        #expect(event.kind == .confirm && event.list == "news")
        let bytes = try #require(Base64.decodeURLSafe((event.sealed ?? "").utf8))
        #expect(proof.open(bytes, list: "news")?.wish.bytes == Array(1...16))
    }

    @Test("a link whose time is over says so and leads to the form; a forged one is none of ours")
    func over() throws {
        let handler = handler()
        let late = request(post: "confirm=yes", at: Fixture.noon + 61_000)
        let page = try #require(handler.confirmation(token(), late))
        #expect(page.status == 410 && page.event == nil)
        #expect(page.html.contains("href=\"../s/news?lang=en\""))
        var forged = token()
        forged[20] = forged[20] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        #expect(handler.confirmation(forged, request(post: "")) == nil)
        #expect(handler.confirmation(Fixture.unsubscribeToken(), request(post: "")) == nil)
        #expect(handler.confirmation([], request()) == nil)
    }

    @Test(
        "the server shows the pages with all that guards them, and says 503 rather than claim what is not on the disk"
    )
    func server() throws {
        let form = SubscribeFormHandler(handler: handler(), clock: { Fixture.noon })
        guard case .answer(let page) = form.reply(to: WebRequest(.get, "/s/news?lang=es"), Array("news".utf8)[...])
        else {
            Issue.record("no page")
            return
        }
        #expect(page.status == 200 && String(decoding: page.body, as: UTF8.self).contains("lang=\"es\""))
        #expect(page["content-security-policy"]?.contains("default-src 'none'") == true)
        #expect(page["cache-control"]?.contains("no-store") == true && page["set-cookie"] == nil)
        let post = WebRequest(.post, "/s/news", body: "email=eva%40kunde.test")
        guard case .record(let events, let done, let failed) = form.reply(to: post, Array("news".utf8)[...]) else {
            Issue.record("no event")
            return
        }
        #expect(events.map(\.kind) == [.subscribe] && done.status == 200 && failed.status == 503)
        let confirmation = ConfirmationHandler(handler: handler(), clock: { Fixture.noon })
        guard case .record(let pressed, _, _) = confirmation.reply(to: WebRequest(.post, "/y/x"), token()[...]) else {
            Issue.record("no event")
            return
        }
        #expect(pressed.map(\.kind) == [.confirm])
        guard case .unknown = form.reply(to: post, Array("nothing".utf8)[...]) else {
            Issue.record("a list that is none")
            return
        }
    }
}
