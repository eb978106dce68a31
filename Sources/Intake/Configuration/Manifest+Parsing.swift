public import Core
import YAML

extension Manifest {
    /// The keys of the file itself.
    public static let knownKeys = [
        "name", "purpose", "from", "subject", "template", "recipients", "columns", "reply_to", "route", "attachments",
        "inline_images", "tracking", "list", "not_before", "not_after", "window", "holidays", "rate", "defaults",
        "trusted_html",
        "encoding", "delimiter", "language",
    ]

    /// Reads the file, and reports all its problems at once.
    public static func parse(bytes: [UInt8], file: String = fileName) throws(Diagnostics) -> Manifest {
        let problems = ProblemList()
        let root = try YAMLReader.read(bytes, file: file)
        guard let reader = MappingReader(root, known: knownKeys, problems: problems) else {
            throw Diagnostics(problems.all)
        }
        let name = reader.text("name", required: true)
        let purpose: Placed<Purpose>? = reader.choice("purpose", required: true)
        let from = mailbox("from", reader, required: true)
        let subject = reader.text("subject", required: true)
        let template = template(reader)
        let source = Recipients.read(reader)
        let recipients = source?.file
        let columns = columns(reader, subscribers: source?.list)
        let replyTo = mailbox("reply_to", reader)
        let route = reader.text("route")
        let attachments = attachments(reader, recipients: recipients?.value)
        let images = inlineImages(reader, recipients: recipients?.value)
        checkContentIDs(images.map(\.id), reader)
        let tracking = reader.mapping("tracking", known: TrackingSwitches.keys).map { TrackingSwitches($0) }
        let list = list(list(reader), of: source?.list, reader)
        let notBefore = time("not_before", reader)
        let notAfter = time("not_after", reader)
        let window = window(reader)
        let holidays = holidays(reader, recipients: recipients?.value)
        let rate = Rate.read(reader)
        let defaults = defaults(reader, columns)
        let trusted = reader.texts("trusted_html", of: "columns")
        let encoding: Placed<Encoding>? = reader.choice("encoding")
        let delimiter = delimiter(reader)
        let language = LanguageTag.read(reader)
        try problems.throwIfAny()
        guard let name, let purpose, let from, let subject, let template, let recipients, let columns else {
            throw Diagnostics([Diagnostic("the manifest is incomplete", at: Place(file: file))])
        }
        return Manifest(
            name: name,
            purpose: purpose,
            from: from,
            subject: subject,
            template: template,
            recipients: recipients,
            recipientList: source?.list,
            columns: columns,
            replyTo: replyTo,
            route: route,
            attachments: attachments,
            inlineImages: images,
            tracking: tracking ?? TrackingSwitches(),
            list: list,
            notBefore: notBefore,
            notAfter: notAfter,
            window: window,
            holidays: holidays,
            rate: rate,
            defaults: defaults,
            trustedHTML: trusted,
            encoding: encoding,
            delimiter: delimiter,
            language: language,
            warnings: problems.all
        )
    }

    static func mailbox(_ key: String, _ reader: MappingReader, required: Bool = false) -> Placed<Mailbox>? {
        guard let text = reader.text(key, required: required) else { return nil }
        do throws(Mailbox.Refused) {
            return Placed(try Mailbox(parsing: text.value), at: text.place)
        } catch {
            var fix = "write it like Riverside Clinic <care@riverside.example>"
            if case .needsQuotes = error { fix = "write it like '\"Clinic, Riverside\" <care@riverside.example>'" }
            reader.problems.report("\(reader.name(key)) is no mailbox: \(error.rule)", at: text.place, fix: fix)
            return nil
        }
    }

    private static func template(_ reader: MappingReader) -> Placed<String>? {
        guard let template = reader.fileName("template", required: true) else { return nil }
        for suffix in [".html", ".txt", ".mustache"] where template.value.lowercased().hasSuffix(suffix) {
            reader.problems.report(
                "\"template\" is a name without \(suffix)",
                at: template.place,
                fix: "write \(Words.quoted(String(template.value.dropLast(suffix.count))))"
            )
            return nil
        }
        return template
    }

    private static func columns(_ reader: MappingReader, subscribers: Placed<String>?) -> Columns? {
        if let subscribers, reader.keyPlace("columns") == nil { return subscriberColumns(at: subscribers.place) }
        let known = ["address", "key", "name", "tz", "no_tracking", "language", "plain"]
        guard let fields = reader.mapping("columns", known: known, required: true) else { return nil }
        let address = fields.text("address", required: true)
        let key = fields.text("key", required: true)
        let name = fields.text("name")
        let zone = fields.text("tz")
        let noTracking = fields.text("no_tracking")
        let language = fields.text("language")
        let plain = fields.texts("plain", of: "columns")
        guard let address, let key else { return nil }
        if address.value == key.value {
            reader.problems.report(
                "the key cannot be the address column",
                at: key.place,
                fix: "name a column that tells two people with one mailbox apart"
            )
            return nil
        }
        for column in plain where column.value == address.value || column.value == key.value {
            reader.problems.warn(
                "the \(column.value == address.value ? "address" : "key") column is listed as plain",
                at: column.place,
                fix: "take it out, unless it may stand in subjects, headers and links"
            )
        }
        return Columns(
            address: address,
            key: key,
            name: name,
            zone: zone,
            noTracking: noTracking,
            language: language,
            plain: plain
        )
    }

    private static func list(_ reader: MappingReader) -> Placed<String>? {
        reader.value("list", expected: "letters, digits, hyphens, dots and underscores, at most 64") {
            RouteName.isGood($0) ? $0 : nil
        }
    }

    private static func time(_ key: String, _ reader: MappingReader) -> Placed<LocalTime>? {
        reader.value(
            key,
            expected: "a time such as 2026-11-22 08:00",
            fix: "seconds and an offset may follow: 2026-11-22 08:00:00 +01:00"
        ) { LocalTime($0) }
    }

    private static func window(_ reader: MappingReader) -> Placed<SendingWindow>? {
        let expected = "days and hours such as Mon-Fri 08:00-18:00"
        guard let node = reader.node("window") else { return nil }
        guard case .sequence(let items) = node.content else {
            return reader.value("window", expected: expected) { SendingWindow($0) }
        }
        let name = "each of \"window\""
        let texts = items.compactMap { reader.text(named: name, $0) }
        let windows = texts.compactMap { text -> SendingWindow? in
            let window = SendingWindow(text.value)
            if window == nil { reader.wrong(name, text, expected: expected) }
            return window
        }
        guard windows.count == items.count else { return nil }
        guard !windows.isEmpty else {
            reader.problems.report("\"window\" is empty", at: node.place, fix: "remove it, or write \(expected)")
            return nil
        }
        return Placed(SendingWindow(windows.flatMap(\.spans)), at: node.place)
    }

    private static func holidays(_ reader: MappingReader, recipients: String?) -> Placed<String>? {
        guard let file = reader.fileName("holidays") else { return nil }
        checkRecipients(file, recipients, reader)
        return file
    }

    private static func defaults(_ reader: MappingReader, _ columns: Columns?) -> [Default] {
        reader.entries("defaults", example: "column: text").compactMap { pair in
            if pair.key.value == columns?.address.value || pair.key.value == columns?.key.value {
                reader.problems.report(
                    "the column \(Words.quoted(pair.key.value)) cannot have a default",
                    at: pair.key.place,
                    fix: "every row needs an address and a key of its own"
                )
                return nil
            }
            let name = Words.quoted("defaults.\(pair.key.value)")
            guard let text = reader.text(named: name, pair.value, mayBeEmpty: true, lines: true) else { return nil }
            return Default(column: pair.key, text: text)
        }
    }

    private static func delimiter(_ reader: MappingReader) -> Placed<UInt8>? {
        guard let node = reader.node("delimiter") else { return nil }
        let bytes: [String: UInt8] = [
            ",": 0x2C, "comma": 0x2C, ";": 0x3B, "semicolon": 0x3B, "\t": 0x09, "tab": 0x09,
        ]
        guard case .scalar(let text, _) = node.content, let byte = bytes[text] else {
            let expected = "comma, semicolon or tab"
            reader.problems.report("\"delimiter\" must be \(expected)", at: node.place, fix: "write one of the words")
            return nil
        }
        return Placed(byte, at: node.place)
    }
}
