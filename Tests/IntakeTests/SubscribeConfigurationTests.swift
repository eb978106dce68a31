import Core
import Intake
import Testing

@Suite("Lists that people subscribe to")
struct SubscribeConfigurationTests {
    private static let site = """
        site: Clinic
        from_domains: [clinic.example]
        routes:
          main: {relay: "relay.example:587", tls: starttls, own: true}
          other: {relay: "other.example:587", tls: starttls, own: true}
        tracking: {base_url: "https://t.clinic.example"}

        """

    private func problems(_ text: String) -> String {
        do throws(Diagnostics) {
            _ = try SiteConfiguration.parse(bytes: Array(text.utf8))
            return ""
        } catch {
            return error.description
        }
    }

    @Test("lists, From, route and limits are read, and have their usual values")
    func values() throws {
        let text =
            Self.site + "subscribe: {lists: [newsletter, flu.2026], from: Clinic <news@clinic.example>, route: other}\n"
        let configuration = try SiteConfiguration.parse(bytes: Array(text.utf8))
        let subscribe = try #require(configuration.subscribe)
        #expect(subscribe.lists.map(\.value) == ["newsletter", "flu.2026"])
        #expect(subscribe.from.value.address.text == "news@clinic.example")
        #expect(subscribe.perHour == 200 && subscribe.perVisitor == 20)
        #expect(try configuration.route(for: subscribe).name.value == "other")
        #expect(subscribe.has("newsletter") && !subscribe.has("news"))
        #expect(try SiteConfiguration.parse(bytes: Array(Self.site.utf8)).subscribe == nil)
    }

    @Test("without a route of its own and with several in the site, the route must be named")
    func route() throws {
        let text = Self.site + "subscribe: {lists: [a], from: news@clinic.example}\n"
        let configuration = try SiteConfiguration.parse(bytes: Array(text.utf8))
        let subscribe = try #require(configuration.subscribe)
        #expect(throws: Diagnostic.self) { try configuration.route(for: subscribe) }
    }

    @Test(
        "what is wrong is told at its place",
        arguments: [
            ("subscribe: {lists: [], from: n@clinic.example}", "7:13: \"subscribe.lists\" is empty"),
            ("subscribe: {lists: [a b], from: n@clinic.example}", "7:21: each of \"subscribe.lists\" must be letters"),
            ("subscribe: {lists: [a/b], from: n@clinic.example}", "must be letters"),
            ("subscribe: {lists: [a, a], from: n@clinic.example}", "\"a\" stands twice"),
            ("subscribe: {lists: [a]}", "\"subscribe.from\" is missing"),
            (
                "subscribe: {lists: [a], from: n@clinik.example}",
                "the site does not send from \"clinik.example\"; did you mean"
            ),
            (
                "subscribe: {lists: [a], from: n@clinic.example, route: mian}",
                "there is no route \"mian\"; did you mean \"main\"?"
            ),
            (
                "subscribe: {list: [a], from: n@clinic.example}",
                "unknown key \"list\" in \"subscribe\"; did you mean \"lists\"?"
            ),
            ("subscribe: {lists: [a], from: n@clinic.example, per_hour: 0}", "\"subscribe.per_hour\" must be from 1"),
        ]
    )
    func mistakes(line: String, said: String) {
        #expect(problems(Self.site + line + "\n").contains(said))
    }

    @Test("a form needs the tracking server")
    func tracking() {
        let text =
            Self.site.split(separator: "\n").dropLast().joined(separator: "\n")
            + "\nsubscribe: {lists: [a], from: n@clinic.example}\n"
        #expect(problems(text).contains("\"subscribe\" needs the tracking server"))
    }

    // MARK: - Manifests

    private func manifest(_ recipients: String, _ more: String = "") throws -> Manifest {
        let text = """
            name: News
            purpose: operations
            from: Clinic <news@clinic.example>
            subject: News
            template: news
            recipients: \(recipients)
            \(more)
            """
        return try Manifest.parse(bytes: Array(text.utf8))
    }

    @Test("a manifest that names a list has its columns, its file and its opt-outs from it")
    func recipients() throws {
        let manifest = try manifest("{list: newsletter}")
        #expect(manifest.recipientList?.value == "newsletter")
        #expect(manifest.recipients.value == "subscribers-newsletter.csv")
        #expect(manifest.list?.value == "newsletter")
        #expect(manifest.columns.address.value == "email")
        #expect(manifest.columns.key.value == "subscriber")
        #expect(manifest.columns.plain.isEmpty)
        // The folder is complete without it: it is written when the job is taken up.
        #expect(manifest.requiredFiles { _ in false } == [RequiredFile(anyOf: ["news.html", "news.txt"])])
    }

    @Test("columns can be given all the same, and a file is named as ever")
    func columns() throws {
        let own = try manifest("{list: news}", "columns: {address: email, key: subscriber, plain: [language]}")
        #expect(own.columns.plain.map(\.value) == ["language"])
        let file = try manifest("people.csv", "columns: {address: email, key: ref}")
        #expect(file.recipientList == nil && file.recipients.value == "people.csv" && file.list == nil)
        #expect(throws: Diagnostics.self) { try self.manifest("people.csv") }
    }

    @Test(
        "a list that cannot be meant is refused",
        arguments: [
            ("{list: news}", "list: other", "cannot get mail of another list"),
            ("{list: ../news}", "", "\"recipients.list\" must be letters"),
            ("{lists: news}", "", "unknown key \"lists\" in \"recipients\"; did you mean \"list\"?"),
            ("{list: [news]}", "", "\"recipients.list\" must be a text"),
            ("{list: news}", "attachments: [{file: subscribers-news.csv}]", "the recipient file cannot be sent"),
        ]
    )
    func refused(recipients: String, more: String, said: String) {
        let problems = #expect(throws: Diagnostics.self) { try self.manifest(recipients, more) }
        #expect(problems?.description.contains(said) == true)
    }

    @Test("nobody can be mailed as a subscriber of a list that the site does not offer")
    func offered() throws {
        let with = Self.site + "subscribe: {lists: [newsletter], from: news@clinic.example, route: main}\n"
        let site = try SiteConfiguration.parse(bytes: Array(with.utf8))
        func found(_ list: String) throws -> String {
            try manifest("{list: \(list)}", "route: main").problems(in: site, at: Timestamp(seconds: 0)).map(
                \.description
            )
            .joined(separator: "\n")
        }
        #expect(try found("newsletter") == "")
        #expect(
            try found("newsleter").contains("nobody can subscribe to a list \"newsleter\" of this site; did you mean")
        )
    }
}
