import Core
import Intake
import Testing

/// `lists` in `wardpost.yaml`, and what manifests have to do with it.
@Suite struct SiteListTests {
    private static let lists = """

        lists:
          newsletter: {title: {en: Health news, es-MX: Boletín}}
          offers: {title: {en: Offers}, scope: marketing}
        """

    @Test func `lists are read in their order, with their titles`() throws {
        let site = try SiteConfigurationTests.parse(SiteConfigurationTests.contract + Self.lists)
        #expect(site.lists.map(\.name) == ["newsletter", nil])
        #expect(site.lists.map(\.isMarketing) == [false, true])
        #expect(site.lists[0].titles == ["en": "Health news", "es-MX": "Boletín"])
        #expect(try SiteConfigurationTests.parse(SiteConfigurationTests.contract).lists.isEmpty)
    }

    @Test(
        arguments: [
            ("lists: [a]", "\"lists\" must be a mapping"),
            ("lists:\n  a b: {title: {en: A}}", "\"a b\" is no name of a list"),
            ("lists:\n  a: {}", "\"lists.a.title\" is missing"),
            ("lists:\n  a: {title: {english!: A}}", "\"english!\" is no language"),
            ("lists:\n  a: {title: {en: ''}}", "\"lists.a.title\" is empty"),
            ("lists:\n  a: {titel: {en: A}}", "did you mean \"title\"?"),
            ("lists:\n  a: {title: {en: A}, scope: all}", "\"lists.a.scope\" must be list or marketing"),
            (
                "lists:\n  a: {title: {en: A}, scope: marketing}\n  b: {title: {en: B}, scope: marketing}",
                "a second list has the scope marketing"
            ),
        ]
    ) func `a wrong list is told`(text: String, said: String) {
        let all = SiteConfigurationTests.said(SiteConfigurationTests.contract + "\n" + text)
        #expect(all.contains(said), "\(all)")
    }

    @Test func `a manifest's list that the site does not name is a warning, with the name that was meant`() throws {
        let site = try SiteConfigurationTests.parse(SiteConfigurationTests.contract + Self.lists)
        func warnings(_ list: String) throws -> [Diagnostic] {
            try ManifestTests.parse(ManifestTests.short + "route: main\nlist: \(list)\n")
                .problems(in: site, at: Timestamp(year: 2026, month: 6, day: 1))
        }
        #expect(try warnings("newsletter").isEmpty)
        let found = try warnings("newsleter")
        #expect(found.map(\.severity) == [.warning])
        #expect(found.first?.description.contains("did you mean \"newsletter\"?") == true)
    }

    @Test func `the column of languages is one that the table must have`() throws {
        let text = ManifestTests.short.replacing("  key: ref", with: "  key: ref\n  language: lang")
        let manifest = try ManifestTests.parse(text)
        #expect(manifest.columns.language?.value == "lang")
        #expect(manifest.namedColumns.map(\.value).contains("lang"))
    }
}
