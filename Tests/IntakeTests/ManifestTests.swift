import Core
import Intake
import Testing

@Suite struct ManifestTests {
    static let contract = """
        name: Visit summary                      # required
        purpose: treatment                       # required: treatment | payment | operations | marketing
        from: Riverside Clinic <care@riverside.example>
        subject: Your visit summary is ready, {{first_name}}
        template: visit-summary                  # visit-summary.html and/or visit-summary.txt, in the job
                                                 # folder first, then in the site's templates/ (Mustache)
        recipients: recipients.csv
        columns:
          address: email                         # which column holds the address
          key: patient_ref                       # which column identifies the row; it stands in results, nowhere else
          name: full_name                        # optional: the To display name, its only way into a header
          plain: [first_name, clinic]            # not PHI; all other columns are
        reply_to: answers@riverside.example
        route: main
        attachments: [{file: "letters/{{letter}}", name: summary.pdf}]
        tracking: {opens: true, clicks: true}    # both default to false
        list: newsletter                         # opt-outs apply to this list, or to all
        not_before: 2026-11-22 08:00             # seconds and an offset may follow
        not_after: 2026-11-22 20:00
        window: Mon-Fri 08:00-18:00
        rate: 20/s
        """

    static let short = """
        name: N
        purpose: treatment
        from: care@riverside.example
        subject: Hello
        template: t
        recipients: r.csv
        columns:
          address: email
          key: ref

        """

    static func parse(_ yaml: String) throws(Diagnostics) -> Manifest {
        try Manifest.parse(bytes: Array(yaml.utf8))
    }

    static func said(_ yaml: String) -> String {
        do throws(Diagnostics) {
            _ = try parse(yaml)
            return "accepted"
        } catch {
            return error.description
        }
    }

    private func at(_ line: Int, _ column: Int) -> Place {
        Place(file: "manifest.yaml", line: line, column: column)
    }

    @Test func `the contract's example is read whole`() throws {
        let manifest = try Self.parse(Self.contract)
        #expect(manifest.name == Placed("Visit summary", at: at(1, 7)))
        #expect(manifest.purpose == Placed(.treatment, at: at(2, 10)))
        #expect(manifest.from.value.displayName?.text == "Riverside Clinic")
        #expect(manifest.from.value.address.text == "care@riverside.example")
        #expect(manifest.subject == Placed("Your visit summary is ready, {{first_name}}", at: at(4, 10)))
        #expect(manifest.template.value == "visit-summary")
        #expect(manifest.recipients.value == "recipients.csv")
        #expect(manifest.columns.address == Placed("email", at: at(9, 12)))
        #expect(manifest.columns.key == Placed("patient_ref", at: at(10, 8)))
        #expect(manifest.columns.name == Placed("full_name", at: at(11, 9)))
        #expect(manifest.columns.plain == [Placed("first_name", at: at(12, 11)), Placed("clinic", at: at(12, 23))])
        #expect(manifest.replyTo?.value.address.text == "answers@riverside.example")
        #expect(manifest.route == Placed("main", at: at(14, 8)))
        #expect(manifest.attachments.map(\.file) == [Placed("letters/{{letter}}", at: at(15, 23))])
        #expect(manifest.attachments.map(\.name) == [Placed("summary.pdf", at: at(15, 50))])
        #expect(manifest.tracking.opens == Placed(true, at: at(16, 19)))
        #expect(manifest.tracking.clicks == Placed(true, at: at(16, 33)))
        #expect(manifest.list?.value == "newsletter")
        #expect(manifest.notBefore?.value.description == "2026-11-22 08:00:00")
        #expect(manifest.notAfter?.value == LocalTime("2026-11-22 20:00"))
        #expect(manifest.window?.value == SendingWindow("Mon-Fri 08:00-18:00"))
        #expect(manifest.rate?.value == Rate(messages: 20, per: .second))
    }

    @Test func `what is optional has its default`() throws {
        let manifest = try Self.parse(Self.short)
        #expect(manifest.from.value.displayName == nil)
        #expect(manifest.columns.plain.isEmpty && manifest.columns.name == nil)
        #expect(manifest.tracking == TrackingSwitches() && manifest.columns.noTracking == nil)
        #expect(manifest.attachments.isEmpty && manifest.inlineImages.isEmpty && manifest.defaults.isEmpty)
        #expect(manifest.replyTo == nil && manifest.route == nil && manifest.list == nil && manifest.rate == nil)
        #expect(manifest.notBefore == nil && manifest.notAfter == nil && manifest.window == nil)
        #expect(manifest.encoding == nil && manifest.delimiter == nil && manifest.language == nil)
        #expect(!manifest.isMarketing)
    }

    @Test func `the further keys are read`() throws {
        let manifest = try Self.parse(
            Self.short + """
                defaults: {clinic: our clinic, note: ""}
                trusted_html: [body]
                encoding: windows-1252
                delimiter: ;
                language: de
                inline_images: [{file: images/logo.png, id: logo}]
                attachments:
                  - file: leaflets/map.pdf
                  - {file: "{{a}}.png", name: "{{first_name}}.png"}
                window: [Mon-Fri 08:00-12:00, Sat 09:00-11:00]
                """
        )
        #expect(manifest.defaults.map(\.column.value) == ["clinic", "note"])
        #expect(manifest.defaults.map(\.text.value) == ["our clinic", ""])
        #expect(manifest.trustedHTML.map(\.value) == ["body"])
        #expect(manifest.encoding?.value == .windows1252)
        #expect(manifest.delimiter?.value == UInt8(ascii: ";"))
        #expect(manifest.language?.value == "de")
        #expect(manifest.inlineImages.map(\.id.value) == ["logo"])
        #expect(manifest.attachments.map(\.name.value) == ["map.pdf", "{{first_name}}.png"])
        #expect(manifest.window?.value.spans.count == 2)
    }

    static let delimiters: [(text: String, byte: UInt8)] = [
        ("comma", 0x2C), ("','", 0x2C), ("semicolon", 0x3B), ("tab", 9), ("\"\\t\"", 9),
    ]

    @Test(arguments: delimiters)
    func `a delimiter is a word or the character`(text: String, byte: UInt8) throws {
        #expect(try Self.parse(Self.short + "delimiter: \(text)\n").delimiter?.value == byte)
    }

    static let subjects: [(yaml: String, line: Int, column: Int)] = [
        ("subject: Hi", 4, 10), ("subject: \"Hi\"", 4, 11), ("subject:   'Hi'", 4, 13), ("subject: >-\n  Hi", 5, 3),
    ]

    @Test(arguments: subjects)
    func `a subject's place is its first character's`(yaml: String, line: Int, column: Int) throws {
        let manifest = try Self.parse(Self.short.replacing("subject: Hello", with: yaml))
        #expect(manifest.subject == Placed("Hi", at: at(line, column)))
    }

    @Test func `an address or a key among the plain columns is worth a look`() throws {
        let manifest = try Self.parse(Self.short + "  plain: [ref, first_name, email]\n")
        let fix = "take it out, unless it may stand in subjects, headers and links"
        #expect(
            manifest.warnings.map(\.description) == [
                "manifest.yaml:10:11: warning: the key column is listed as plain; \(fix)",
                "manifest.yaml:10:28: warning: the address column is listed as plain; \(fix)",
            ]
        )
        #expect(try Self.parse(Self.contract).warnings.isEmpty)
    }

    @Test func `marketing names its two columns`() throws {
        let manifest = try Self.parse(Self.short.replacing("treatment", with: "marketing"))
        #expect(manifest.isMarketing)
        #expect(manifest.namedColumns.map(\.value) == ["email", "ref", "authorization", "authorization_expires"])
        #expect(manifest.namedColumns.last?.place == at(2, 10))
    }

    @Test func `every column that is named is listed with its place`() throws {
        let manifest = try Self.parse(Self.contract + "\ndefaults: {clinic: x}\ntrusted_html: [body]\n")
        let names = ["email", "patient_ref", "full_name", "first_name", "clinic", "clinic", "body"]
        #expect(manifest.namedColumns.map(\.value) == names)
    }
}
