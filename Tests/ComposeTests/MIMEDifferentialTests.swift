import Core
import Foundation
import TestSupport
import Testing

@testable import Compose

/// Python's `email` package as a second opinion: what it reads must be what was asked for.
@Suite("Python reads back", .enabled(if: Command.exists("python3"), "python3 is not there"))
struct MIMEDifferentialTests {
    /// What a message was made from; JSON for the other side.
    private struct Expected: Codable {
        var subject: String
        var name: String
        var address: String
        var messageID: String
        var text: String?
        var html: String?
        var files: [File]
        var images: [String]

        struct File: Codable {
            var name: String
            var base64: String
        }
    }

    @Test("every message exactly as it was meant, without a defect", arguments: 0..<4)
    func messages(batch: Int) throws {
        let directory = try TemporaryDirectory()
        for number in 0..<100 {
            var random = SplitMix(seed: UInt64(batch * 100 + number))
            let (message, expected) = try Self.message(&random)
            expectCleanWire(message, headersUTF8: !expected.address.utf8.allSatisfy { $0 < 0x80 })
            try directory.write("\(number).eml", message)
            try directory.write("\(number).json", JSONEncoder().encode(expected))
        }
        try directory.write("read.py", text: Self.reader)
        let result = try Command.run(["python3", directory.path("read.py"), directory.path])
        #expect(result.status == 0, "\(result.errorText)")
        #expect(result.text == "100 messages read\n", "\(result.text)")
    }

    @Test("quoted-printable and base64 as its own modules do")
    func encodings() throws {
        let directory = try TemporaryDirectory()
        for number in 0..<200 {
            var random = SplitMix(seed: UInt64(number))
            let text = Array(Self.text(Int.random(in: 0..<3_000, using: &random), &random).utf8)
            var (quoted, base64, canonical): ([UInt8], [UInt8], [UInt8]) = ([], [], [])
            QuotedPrintable.append(text, to: &quoted)
            Base64Lines.append(text, to: &base64)
            LineEnds.appendCanonical(text, to: &canonical)
            try directory.write("\(number).raw", text)
            try directory.write("\(number).canonical", canonical)
            try directory.write("\(number).qp", quoted)
            try directory.write("\(number).b64", base64)
        }
        let script = """
            import base64, pathlib, quopri, sys
            here = pathlib.Path(sys.argv[1])
            for n in range(200):
                part = lambda kind: (here / f'{n}.{kind}').read_bytes()
                assert quopri.decodestring(part('qp')) == part('canonical'), f'{n} quoted-printable'
                assert base64.encodebytes(part('raw')).replace(b'\\n', b'\\r\\n') == part('b64'), f'{n} base64'
            print('all equal')
            """
        try directory.write("read.py", text: script)
        let result = try Command.run(["python3", directory.path("read.py"), directory.path])
        #expect(result.text == "all equal\n", "\(result.errorText)")
    }

    /// A message of random parts, and what it was made from.
    private static func message(_ random: inout SplitMix) throws -> ([UInt8], Expected) {
        let kind = Int.random(in: 0..<3, using: &random)
        let (subject, name) = (line(&random, 120), line(&random, 90))
        let bodies = [text(Int.random(in: 1..<4_000, using: &random), &random), html(&random)]
        let local = ["anna", "änne.öz", "\"a b\"", "x+y", "данные"].randomElement(using: &random) ?? ""
        let recipient = try Fixture.address(local)
        let image = "<img alt=\"\" src=\"cid:logo.png\">\n"
        // The cells reach subject, text and names by tags alone, so that no template syntax is made by chance.
        var design = JobDesign(
            from: Mailbox(name: try HeaderValue("Klinik am Fluß"), address: try Fixture.address("care")),
            subject: Fixture.source("{{subject}}"),
            html: kind == 0 ? nil : Fixture.source(kind == 2 ? image + "{{{html}}}" : "{{{html}}}"),
            text: Fixture.source("{{text}}"),
            columns: ColumnTable(
                names: ["subject", "name", "text", "html", "file"],
                plain: ["subject", "file"],
                trustedHTML: ["html"]
            ),
            nameColumn: 1
        )
        let fileName = fileName(&random)
        var files: [AttachmentContent] = []
        for number in 0..<Int.random(in: 0..<3, using: &random) {
            design.attachments.append(
                AttachmentSpec(file: Fixture.source("files/\(number)"), name: Fixture.source("{{file}}-\(number).bin"))
            )
            let count = Int.random(in: 0..<3_000, using: &random)
            files.append(AttachmentContent((0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }))
        }
        if kind == 2 {
            design.inlineImages = [InlineImage(name: "logo.png", bytes: Array("\u{89}PNG".utf8))]
        }
        let identity = try Fixture.identity(UInt8.random(in: .min ... .max, using: &random))
        var (scratch, output) = (Scratch(), [UInt8]())
        try Composer(design).compose(
            row: Row(number: RowNumber(1), line: 2, cells: [subject, name, bodies[0], bodies[1], fileName]),
            identity: identity,
            date: Fixture.date,
            attachments: files,
            context: Fixture.context(recipient),
            scratch: &scratch,
            into: &output
        )
        let expected = Expected(
            subject: subject,
            name: name,
            address: recipient.text,
            messageID: "<\(identity.messageID)>",
            text: bodies[0],
            html: kind == 0
                ? nil : kind == 1 ? bodies[1] : image.replacing("\">", with: "@patients.example\">") + bodies[1],
            files: files.enumerated().map {
                Expected.File(name: "\(fileName)-\($0).bin", base64: Data($1.bytes).base64EncodedString())
            },
            images: design.inlineImages.map(\.name)
        )
        return (output, expected)
    }

    // MARK: Text by chance

    private static let words = [
        "visit", "summary", "a", "1,5", "Größe", "Änderung", "病院", "先生", "💊", "👩‍⚕️", "Привет", "=?utf-8?Q?x?=", "=20",
        "\"quoted\"", "back\\slash", "(comment)", "<b>", "a@b.example", "semi;colon", "?=", "_", "é", "naïve", "'",
        "%41",
        "averyveryverylongwordthatgoesonandonuntilnolineofseventysixcolumnscouldholditatall", "From", ".", "-", "--=_m",
    ]

    private static func line(_ random: inout SplitMix, _ limit: Int) -> String {
        var parts: [String] = []
        // Some keep to ASCII, so that the forms without encoding are met too.
        let isASCII = Bool.random(using: &random)
        for _ in 0..<Int.random(in: 1..<14, using: &random) {
            guard let word = words.randomElement(using: &random) else { continue }
            if !isASCII || word.utf8.allSatisfy({ $0 < 0x80 }) { parts.append(word) }
        }
        let text = parts.joined(separator: Int.random(in: 0..<9, using: &random) == 0 ? "  " : " ")
        return text.isEmpty ? "nothing" : String(text.prefix(limit)).trimmingCharacters(in: .whitespaces)
    }

    private static func text(_ length: Int, _ random: inout SplitMix) -> String {
        var text = ""
        let ends = ["\n", "\r\n", "\n\n", " \n", "\t\r\n", "\r"]
        while text.utf8.count < length {
            text += line(&random, 300)
            text += ends.randomElement(using: &random) ?? "\n"
            if Int.random(in: 0..<20, using: &random) == 0 { text += "." }
        }
        return text
    }

    private static func html(_ random: inout SplitMix) -> String {
        let rows = (0..<Int.random(in: 1..<40, using: &random)).map { "<p class=\"row\">visit \($0) – ü</p>" }
        return "<html><body>" + rows.joined(separator: Bool.random(using: &random) ? "\n" : "") + "</body></html>"
    }

    private static func fileName(_ random: inout SplitMix) -> String {
        let names = [
            "summary", "Größe", "病院のご案内", "a b", "it's 100%", "x;y=z", "👩‍⚕️", String(repeating: "lang-ü-", count: 12),
        ]
        return names.randomElement(using: &random) ?? ""
    }

    private static let reader = #"""
        import base64, email, email.errors, email.header, email.policy, json, pathlib, sys

        def same(what, found, wanted):
            if found != wanted:
                raise SystemExit(f'{path.name} {what}: {found!r} instead of {wanted!r}')

        def lines(text):
            text = text.replace('\r\n', '\n').replace('\r', '\n')
            return text if text.endswith('\n') or not text else text + '\n'

        def decoded(raw):
            unfolded = raw.replace('\r\n', '')
            return str(email.header.make_header(email.header.decode_header(unfolded)))

        count = 0
        for path in sorted(pathlib.Path(sys.argv[1]).glob('*.eml')):
            want = json.loads(path.with_suffix('.json').read_text())
            data = path.read_bytes()
            # Headers in UTF-8 are text to this parser, not bytes.
            message = email.message_from_string(
                data.decode('utf-8'), policy=email.policy.SMTPUTF8.clone(raise_on_defect=True))
            allowed = () if data.isascii() else (email.errors.NonASCIILocalPartDefect,)
            for part in message.walk():
                same('defects', part.defects, [])
                for name in part.keys():
                    for header in part.get_all(name):
                        defects = [d for d in header.defects if not isinstance(d, allowed)]
                        same(f'defects of {name}', defects, [])
                if part.get_content_maintype() == 'multipart':
                    same('preamble', part.preamble, None)
                    assert part.get_boundary()
            same('subject', message['subject'], want['subject'])
            to = message['to'].addresses
            same('recipients', len(to), 1)
            raw = data.decode('utf-8').split('\r\nTo: ')[1].split('\r\nSubject')[0]
            # The new parser puts a space between the encoded words of a name and makes several spaces one; the old
            # one does as RFC 2047 says.
            if '=?utf-8?' in raw:
                same('name', decoded(raw.rsplit('<', 1)[0]).strip(), want['name'])
            else:
                same('name', to[0].display_name, want['name'])
            same('address', to[0].addr_spec, want['address'])
            same('message-id', message['message-id'], want['messageID'])
            same('from', message['from'].addresses[0].display_name, 'Klinik am Fluß')
            same('date', message['date'].datetime.isoformat(), '2026-11-21T09:05:07+00:00')
            same('text', lines(message.get_body(('plain',)).get_content()), lines(want['text']))
            html = message.get_body(('html',))
            same('html', html and lines(html.get_content()), want.get('html') and lines(want['html']))
            files = [p for p in message.walk() if p.get_content_disposition() == 'attachment']
            same('files', [p.get_filename() for p in files], [f['name'] for f in want['files']])
            for part, file in zip(files, want['files']):
                same('file', part.get_payload(decode=True), base64.b64decode(file['base64']))
            images = [p for p in message.walk() if p.get_content_disposition() == 'inline']
            same('images', [p['content-id'] for p in images], [f'<{n}@patients.example>' for n in want['images']])
            count += 1
        print(count, 'messages read')
        """#
}
