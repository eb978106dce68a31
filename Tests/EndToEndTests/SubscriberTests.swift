import Foundation
import TestSupport
import Testing

extension EndToEnd.Subscribing {
    private static let canRun = PostfixPeer.isThere && Chromium.isThere && Places.have("python3", "curl")
    private static let eva = "\(canary)@kunde.test"
    private static let luz = "luz@kunde.test"

    /// An answer as it comes over the wire, but for its date.
    private func answer(_ two: TwoHosts, _ list: String, _ address: String) async throws -> String {
        let output = try await Program.output([
            "curl", "-sS", "-i", "--cacert", two.authority.file, "--max-time", "20", "--data-urlencode",
            "email=\(address)", "--data", "website=", "\(two.base)/s/\(list)?lang=en",
        ])
        return output.replacingOccurrences(of: "\ndate: [^\r\n]*", with: "\ndate", options: .regularExpression)
    }

    /// Drops a job for the list; what its rows came to.
    private func issue(_ two: TwoHosts, _ name: String, recipients: String = "{list: news}") async throws -> CSVFile {
        try two.site.write(
            "jobs/\(name)/manifest.yaml",
            """
            name: \(name)
            purpose: operations
            from: Clinic of the Tests <news@clinic.test>
            subject: Issue \(name)
            template: issue
            recipients: \(recipients)

            """ + (recipients.hasPrefix("{") ? "" : "columns: {address: email, key: ref}\n")
        )
        try two.site.write(
            "jobs/\(name)/issue.html",
            "{{< layout}}{{$title}}Winter{{/title}}{{$heading}}Winter{{/heading}}{{$body}}<p>Hello.</p>{{/body}}{{/layout}}\n"
        )
        if !recipients.hasPrefix("{") {
            try two.site.write("jobs/\(name)/\(recipients)", "email,ref\nada@kunde.test,P-1\n")
        }
        try two.site.write("jobs/\(name)/READY", "")
        try await eventually("\(name) is sent", within: .seconds(60)) { two.site.marker(name) == "DONE" }
        return try two.site.results(name)
    }

    /// Everything that the tracking host keeps or said is without a piece of the address, in any form.
    private func expectSealed(_ two: TwoHosts) throws -> Int {
        let disk = try two.diskOfTheHost()
        for (name, bytes) in disk {
            let text = String(decoding: bytes, as: UTF8.self).lowercased()
            for piece in ["canary", "tirili", "kunde.test", "kunde%2e", "q2fuyxj5", "nfuyxj5", "jyw5hcnk"] {
                #expect(!text.contains(piece), "\(name)")
            }
        }
        #expect(disk.contains { $0.name.hasPrefix("outbox/events/") })
        #expect(![two.serve.output, two.serve.errors].contains { $0.lowercased().contains("canary") })
        return disk.count
    }

    @Test(
        "A browser, a form, a Postfix, a link, a button, a job for the list, the way out and back; and pages that everybody can use",
        .enabled(if: canRun, "needs root, postfix, chromium, python3 and curl"),
        .timeLimit(.minutes(8))
    )
    func journey() async throws {
        let authority = try Authority()
        let two = try await TwoHosts(postfix: authority)
        let watch = try two.site.start("watch", "--no-serve")
        let pins = [try await Authority.pin(two.certificate)]
        let web = Web(ca: authority.file)
        let narrow = Chromium.Walker(language: "en-US,en;q=0.9", width: 360)
        let wide = Chromium.Walker(language: "es-MX,es;q=0.9,en;q=0.5", width: 1_280, isDark: true)
        let form = "\(two.base)/s/news"

        // Eva with the mouse, Luz with the keyboard, each in the browser's language.
        let first = try await Chromium.walk(
            [
                .go(form, shot: "form-en-360"), .press("#email", stays: true), .write(Self.eva),
                .press("button", shot: "taken-en-360"),
            ],
            as: narrow,
            trusting: pins
        )
        for page in first { page.expectFit("en", "\(page.url)") }
        #expect(first[0].text.contains("Winter news") && first[3].text.contains("If this address can be subscribed"))
        let second = try await Chromium.walk(
            [
                .go(form, shot: "form-es-1280-dark"), .tab(), .write(Self.luz), .tab(shot: "form-es-1280-dark-focus"),
                .enter(shot: "taken-es-1280-dark"),
            ],
            as: wide,
            trusting: pins
        )
        for page in second { page.expectFit("es", "\(page.url)") }
        #expect(second[1].focus == "email" && second[3].focus == "button")
        #expect(second[0].text.contains("Noticias de invierno") && second[4].text.contains("Si esta dirección"))

        // By the site's route: over TLS, into Postfix, and from there into the mailbox.
        try two.bring()
        try await eventually("both messages are delivered", within: .seconds(60)) {
            let mails = try await Mail.read(two.maildir)
            return Set(mails.compactMap { $0.to.first?.address }) == [Self.eva, Self.luz]
        }
        let toEva = try #require(try await two.mails(to: Self.eva).first)
        let toLuz = try #require(try await two.mails(to: Self.luz).first)
        for mail in [toEva, toLuz] { #expect(mail["received"].contains("using TLSv1."), "\(mail["received"])") }
        #expect(toEva["subject"] == "Please confirm: Winter news")
        #expect(toLuz["subject"] == "Confirme su suscripción: Noticias de invierno")
        let links = (
            eva: try TwoHosts.link(two.base + "/y/", in: toEva), luz: try TwoHosts.link(two.base + "/y/", in: toLuz)
        )

        // Eva only looks at hers; Luz presses the button behind hers. What is brought over is read in its order.
        let asked = try await Chromium.walk([.go(links.eva, shot: "confirm-en-360")], as: narrow, trusting: pins)
        let pressed = try await Chromium.walk(
            [.go(links.luz, shot: "confirm-es-1280-dark"), .tab(), .enter(shot: "confirmed-es-1280-dark")],
            as: wide,
            trusting: pins
        )
        for (page, language) in zip(asked + pressed, ["en", "es", "es", "es"]) {
            page.expectFit(language, "\(page.url)")
        }
        #expect(asked[0].text.contains("Confirm your subscription") && pressed[2].text.contains("Ya está suscrito"))
        try two.bring()
        try await eventually("Luz is on the list") { two.table("news") == [Self.luz] }
        let confirmed = try await Chromium.walk(
            [.go(links.eva), .press("button", shot: "confirmed-en-360")],
            as: narrow,
            trusting: pins
        )
        confirmed[1].expectFit("en", "confirmed")
        try two.bring()
        try await eventually("Eva is on the list") { two.table("news") == [Self.luz, Self.eva] }

        // To who asks, a subscriber is like anybody else; in the browser and to the byte.
        let known = try await Chromium.walk(
            [.go(form), .press("#email", stays: true), .write(Self.eva), .press("button")],
            as: narrow,
            trusting: pins
        )
        #expect(known[3].html == first[3].html && known[3].url == first[3].url)
        let unknown = try await answer(two, "news", "nobody.yet@kunde.test")
        #expect(unknown.hasPrefix("HTTP/2 200") || unknown.hasPrefix("HTTP/1.1 200"), "\(unknown.prefix(40))")
        #expect(try await answer(two, "news", Self.eva) == unknown)
        #expect(try await answer(two, "news", Self.luz) == unknown)

        // A job for the list, with the layout's way out and its preference page.
        #expect(try await issue(two, "first").column("status") == ["sent", "sent"])
        let issue = try await eventually("the first issue is delivered") {
            try await two.mails(to: Self.eva).first { $0["subject"] == "Issue first" }
        }
        let way = try TwoHosts.link(two.base + "/u/", in: issue)
        let choices = try TwoHosts.link(two.base + "/p/", in: issue)
        #expect(issue["list-unsubscribe"].contains(way) && issue.html?.contains(choices) == true)
        #expect(issue.html?.contains(">Unsubscribe</a>") == true)
        #expect(issue.html?.contains(">Choose which email you get</a>") == true)
        // Mail of no list has neither, nor an empty link.
        #expect(try await self.issue(two, "plain", recipients: "people.csv").column("status") == ["sent"])
        let plain = try await eventually("the plain job is delivered") {
            try await two.mails(to: "ada@kunde.test").first
        }
        for text in [plain.text ?? "-", plain.html ?? "-"] {
            for word in ["Unsubscribe", "Choose which", "localhost", "href=\"\""] { #expect(!text.contains(word)) }
        }

        try await looks(two, [form, links.eva, way, choices], pins)

        // One click takes her off; form, message and button bring her back.
        #expect(try await web.request("POST", way, body: "List-Unsubscribe=One-Click").status == 200)
        try two.bring()
        try await eventually("Eva is off the list") { two.table("news") == [Self.luz] }
        let gone = try await self.issue(two, "second")
        #expect(gone.column("address") == [Self.luz] && gone.column("status") == ["sent"])
        let left = try await answer(two, "news", Self.eva)
        #expect(left == unknown, "\(left)")
        try two.bring()
        let again = try await eventually("a second message asks her", within: .seconds(60)) {
            let asking = try await two.mails(to: Self.eva).filter { $0["subject"].hasPrefix("Please confirm") }
            return asking.first { $0.text != toEva.text }
        }
        #expect(two.table("news") == [Self.luz])
        let back = try TwoHosts.link(two.base + "/y/", in: again)
        #expect(try await web.request("POST", back, body: "confirm=yes").status == 200)
        try two.bring()
        try await eventually("Eva is on the list again") { two.table("news") == [Self.luz, Self.eva] }
        #expect(try await self.issue(two, "third").column("status") == ["sent", "sent"])

        let flooded = try await flood(two)
        let files = try expectSealed(two)
        try await watch.stop()
        try await two.serve.stop()
        print(
            "subscribers: form, confirmation and issues through Chromium and Postfix in two languages; \(files) files of the tracking"
                + " host searched; \(flooded.forms) forms from one address made \(flooded.messages) messages"
        )
    }

    /// All pages in both languages, narrow and wide, light and dark.
    private func looks(_ two: TwoHosts, _ pages: [String], _ pins: [String]) async throws {
        let names = ["form", "confirm", "unsubscribe", "preferences"]
        for (language, width, isDark) in [
            ("en", 1_280, false), ("es", 360, false), ("en", 360, true), ("es", 1_280, false),
        ] {
            let looks = "\(language)-\(width)\(isDark ? "-dark" : "")"
            let steps = zip(pages, names).flatMap { page, name in
                let url = page.prefix { $0 != "?" } + "?lang=\(language)"
                return [
                    Chromium.Step.go(String(url), shot: "\(name)-\(looks)"), .tab(shot: "\(name)-\(looks)-focus"),
                ]
            }
            // The language of the page goes before the browser's.
            let walker = Chromium.Walker(language: "fr", width: width, isDark: isDark)
            let found = try await Chromium.walk(steps, as: walker, trusting: pins)
            for page in found { page.expectFit(language, "\(page.url) \(looks)") }
            #expect(found.allSatisfy { $0.text.contains("Clinic of the Tests") })
            #expect(!found.enumerated().contains { $0.offset % 2 == 1 && $0.element.focus == "body" })
        }
        // What is no address is told beside the field.
        let wrong = try await Chromium.walk(
            [
                .go(pages[0]), .press("#email", stays: true), .write("eva@kunde"),
                .press("button", shot: "wrong-en-360"),
            ],
            as: Chromium.Walker(width: 360),
            trusting: pins
        )
        wrong[3].expectFit("en", "wrong")
        #expect(wrong[3].text.contains("not a complete e-mail address"))
    }

    /// Sends many forms from one network address, first with one mailbox, then with many.
    private func flood(_ two: TwoHosts) async throws -> (forms: Int, messages: Int) {
        var answers: Set<String> = []
        for _ in 0..<10 { answers.insert(try await answer(two, "flu", "flood@kunde.test")) }
        #expect(answers.count == 1, "one mailbox named ten times is answered in \(answers.count) ways")
        var taken = 0
        var refused: Set<String> = []
        for number in 0..<40 {
            let answer = try await answer(two, "flu", "p\(number)@kunde.test")
            if answers.contains(answer) { taken += 1 } else { refused.insert(answer) }
        }
        // A known mailbox and a flooded one; the measure grows again by one form in ninety seconds, which may just have passed.
        for address in [Self.eva, "flood@kunde.test"] {
            for _ in 0..<3 {
                let answer = try await answer(two, "flu", address)
                guard answers.contains(answer) else {
                    refused.insert(answer)
                    break
                }
            }
        }
        #expect(refused.count == 1 && refused.first?.contains(" 429") == true, "\(refused)")
        #expect(taken < 40)
        try two.bring()
        let record = { (try? two.site.text("outbox/lists/flu.jsonl")) ?? "" }
        try await eventually("each form has its end", within: .seconds(60)) {
            record().components(separatedBy: "\"op\":\"sent\"").count - 1 >= taken + 1
                && record().components(separatedBy: "\"op\":\"refused\"").count - 1 >= 9
        }
        let mails = try await eventually("their messages are delivered") {
            let mails = try await Mail.read(two.maildir).compactMap { $0.to.first?.address }
            return mails.count { $0.hasPrefix("p") } >= taken && mails.contains("flood@kunde.test") ? mails : nil
        }
        let flooded = mails.filter { $0 == "flood@kunde.test" }.count
        let others = mails.filter { $0.hasPrefix("p") }.count
        #expect(flooded == 1 && others == taken, "\(flooded) and \(others) messages, \(taken) taken")
        return (52, flooded + others)
    }
}
