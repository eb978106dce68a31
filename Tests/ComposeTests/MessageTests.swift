import Core
import Foundation
import Testing

@testable import Compose

@Suite("A message, byte for byte")
struct MessageGoldenTests {
    private static let html = """
        <!DOCTYPE html>
        <html lang="en"><body>
        <p>Dear {{name}},</p>
        <p>thank you for your visit at {{clinic}}.</p>
        </body></html>

        """
    private static let text = "Dear {{name}},\n\nthank you for your visit at {{clinic}}.\n"

    @Test("text only")
    func textOnly() throws {
        let message = try Fixture.message(Fixture.design(text: Self.text))
        expectCleanWire(message)
        try expectGolden(message, "text.eml")
    }

    @Test("HTML and text")
    func alternative() throws {
        let message = try Fixture.message(Fixture.design(html: Self.html, text: Self.text))
        expectCleanWire(message)
        try expectGolden(message, "html-and-text.eml")
    }

    @Test("an attachment")
    func attachment() throws {
        var design = try Fixture.design(text: Self.text)
        design.attachments = [
            AttachmentSpec(file: Fixture.source("letters/{{letter}}"), name: Fixture.source("Größe {{clinic}}.pdf"))
        ]
        let file = AttachmentContent(Array("%PDF-1.4\nnot much of one\n".utf8))
        let message = try Fixture.message(design, attachments: [file])
        expectCleanWire(message)
        try expectGolden(message, "attachment.eml")
    }

    @Test("an image in the HTML, and an attachment")
    func image() throws {
        var design = try Fixture.design(html: "<p><img src=\"cid:logo.gif\" alt=\"\">Hello</p>\n", text: Self.text)
        design.inlineImages = [InlineImage(name: "logo.gif", bytes: Array("GIF89a...".utf8))]
        design.attachments = [AttachmentSpec(file: Fixture.source("leaflet.txt"))]
        let message = try Fixture.message(design, attachments: [AttachmentContent(Array("Leaflet\n".utf8))])
        expectCleanWire(message)
        try expectGolden(message, "image.eml")
    }

    @Test("other scripts than ASCII in subject, name and text")
    func scripts() throws {
        let design = try Fixture.design(
            subject: "Ihr Besuch in {{clinic}} 🏥 – die Unterlagen liegen jetzt für Sie bereit",
            text: "Grüße aus {{clinic}} an {{name}} 💊,\nund alles Gute für die nächsten Wochen wünschen wir Ihnen.\n"
        )
        let message = try Fixture.message(design, Fixture.row("Änne Müller-Lüdenscheidt 👩‍⚕️", "Köln"))
        expectCleanWire(message)
        try expectGolden(message, "scripts.eml")
    }

    @Test("a recipient that needs SMTPUTF8")
    func utf8Address() throws {
        let design = try Fixture.design(text: Self.text)
        let message = try Fixture.message(design, to: Fixture.address("änne.müller"))
        expectCleanWire(message, headersUTF8: true)
        try expectGolden(message, "smtputf8.eml")
    }

    @Test("a list's message")
    func list() throws {
        var design = try Fixture.design(subject: "News from {{clinic}}", text: Self.text)
        design.list = "Newsletter für alle"
        design.language = "en"
        design.replyTo = Mailbox(address: try Fixture.address("news", "riverside.example"))
        let message = try Fixture.message(design)
        expectCleanWire(message)
        try expectGolden(message, "list.eml")
    }
}

@Suite("Composing")
struct MessageTests {
    private func headerNames(_ message: [UInt8]) -> [String] {
        wireLines(message).prefix { !$0.isEmpty }.filter { $0.first != 0x20 }.map {
            String(decoding: $0.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
        }
    }

    private func lines(_ message: [UInt8], with prefix: String) -> Int {
        wireLines(message).count { $0.starts(with: prefix.utf8) }
    }

    @Test("gives the same bytes for the same arguments, with used and with new buffers")
    func pure() throws {
        var design = try Fixture.design(html: "<p>{{name}}</p>", text: "{{name}}")
        design.attachments = [AttachmentSpec(file: Fixture.source("a.txt"))]
        let composer = try Composer(design)
        let file = AttachmentContent(Array("text".utf8))
        var scratch = Scratch()
        var output: [UInt8] = Array("left over".utf8)
        var messages: [[UInt8]] = []
        for name in ["Änne", "Somebody with a far longer name", "Änne"] {
            try composer.compose(
                row: Fixture.row(name),
                identity: Fixture.identity(),
                date: Fixture.date,
                attachments: [file],
                context: Fixture.context(),
                scratch: &scratch,
                into: &output
            )
            messages.append(output)
        }
        #expect(messages[0] == messages[2])
        #expect(messages[0] != messages[1])
        #expect(try messages[0] == Fixture.message(design, Fixture.row("Änne"), attachments: [file]))
    }

    @Test("writes each field once, in a fixed order")
    func fields() throws {
        var design = try Fixture.design(text: "Hello\n")
        design.list = "newsletter"
        #expect(
            try headerNames(Fixture.message(design)) == [
                "Date", "From", "To", "Subject", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "List-ID",
                "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
            ]
        )
    }

    @Test("offers to unsubscribe in lists and marketing only", arguments: [false, true])
    func marketing(isMarketing: Bool) throws {
        var design = try Fixture.design(text: "Hello\n")
        design.isMarketing = isMarketing
        let message = try Fixture.message(design)
        let expected = isMarketing ? 1 : 0
        #expect(lines(message, with: "List-Unsubscribe: <https://t.riverside.example/u/-7>") == expected)
        #expect(lines(message, with: "List-Unsubscribe-Post: List-Unsubscribe=One-Click") == expected)
        #expect(lines(message, with: "List-ID") == 0)
    }

    @Test("refuses a list's message that nobody could unsubscribe from")
    func noMinter() throws {
        var design = try Fixture.design(text: "Hello\n")
        design.list = "newsletter"
        let composer = try Composer(design)
        var context = try Fixture.context()
        context.minter = nil
        var scratch = Scratch()
        var output: [UInt8] = []
        #expect(throws: ComposeProblem.noUnsubscribeAddress) {
            try composer.compose(
                row: Fixture.row("Anna"),
                identity: Fixture.identity(),
                date: Fixture.date,
                context: context,
                scratch: &scratch,
                into: &output
            )
        }
    }

    @Test(
        "takes no multipart where one part is enough",
        arguments: [
            (false, true, false, false, []),
            (true, true, false, false, ["alternative"]),
            (true, true, true, false, ["related", "alternative"]),
            (false, true, false, true, ["mixed"]),
            (true, true, false, true, ["mixed", "alternative"]),
            (true, true, true, true, ["mixed", "related", "alternative"]),
        ]
    )
    func nesting(html: Bool, text: Bool, image: Bool, file: Bool, expected: [String]) throws {
        var design = try Fixture.design(
            html: html ? image ? "<img src=\"cid:a.gif\" alt=\"\">\n" : "<p>Hello</p>\n" : nil,
            text: text ? "Hello\n" : nil
        )
        if image { design.inlineImages = [InlineImage(name: "a.gif", bytes: Array("GIF89a".utf8))] }
        if file { design.attachments = [AttachmentSpec(file: Fixture.source("a.txt"))] }
        let message = try Fixture.message(design, attachments: file ? [AttachmentContent([0x61])] : [])
        expectCleanWire(message)
        for kind in ["mixed", "related", "alternative"] {
            let count = lines(message, with: "Content-Type: multipart/\(kind);")
            #expect(count == (expected.contains(kind) ? 1 : 0), "\(kind)")
        }
        #expect(lines(message, with: " boundary=") == expected.count)
    }

    @Test("makes the text from the HTML where there is none")
    func derivedText() throws {
        let message = try Fixture.message(Fixture.design(html: "<p>Dear {{name}},</p>\n<p>welcome.</p>\n"))
        #expect(lines(message, with: "Content-Type: text/plain; charset=utf-8") == 1)
        #expect(lines(message, with: "Dear Anna Berg,") == 1)
        #expect(lines(message, with: "<p>Dear Anna Berg,</p>") == 1)
    }

    @Test("bounds each multipart by its own boundary, with one end")
    func boundaries() throws {
        var design = try Fixture.design(html: "<img src=\"cid:a.gif\" alt=\"\">\n", text: "Hello\n")
        design.inlineImages = [InlineImage(name: "a.gif", bytes: Array("GIF89a".utf8))]
        design.attachments = [AttachmentSpec(file: Fixture.source("a.txt"))]
        let message = try Fixture.message(design, attachments: [AttachmentContent([0x61])])
        let delimiters = wireLines(message).filter { $0.starts(with: "--=_".utf8) }.map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(delimiters.count == 9)
        #expect(Set(delimiters).count == 6)
        #expect(delimiters.filter { $0.hasSuffix("--") }.count == 3)
    }

    @Test("names the files to read, PHI columns included, without reading them")
    func paths() throws {
        var design = try Fixture.design(text: "Hello\n")
        design.attachments = [
            AttachmentSpec(file: Fixture.source("letters/{{letter}}"), name: Fixture.source("letter.pdf")),
            AttachmentSpec(file: Fixture.source("leaflet.txt")),
        ]
        let composer = try Composer(design)
        let paths = try composer.attachmentPaths(row: Fixture.row("Anna", "x", "7.pdf"), context: Fixture.context())
        #expect(paths == ["letters/7.pdf", "leaflet.txt"])
    }

    @Test("refuses a job that would show a PHI column in an attachment's name")
    func shownName() throws {
        var design = try Fixture.design(text: "Hello\n")
        design.attachments = [AttachmentSpec(file: Fixture.source("letters/{{letter}}", file: "manifest.yaml"))]
        let refused = #expect(throws: Diagnostics.self) { try Composer(design) }
        #expect(refused?.all.count == 1)
        #expect(refused?.description.contains("PHI column letter") == true)
        #expect(refused?.all.first?.place == Place(file: "manifest.yaml", line: 1, column: 1))
    }

    @Test("refuses a job without a body, with a list without a name, in no language")
    func emptyDesign() throws {
        var design = try Fixture.design()
        design.language = "en\r\nBcc: x"
        design.list = " "
        let refused = #expect(throws: Diagnostics.self) { try Composer(design) }
        #expect(refused?.all.count == 3)
    }

    @Test("refuses a row whose name has a character that no header may have, for every one of them")
    func controlsInName() throws {
        let composer = try Composer(Fixture.design(text: "Hello\n"))
        var scratch = Scratch()
        var output: [UInt8] = []
        for value in Array(UInt32(0)..<0x100) + [0x2028, 0x2029] {
            let scalar = try #require(Unicode.Scalar(value))
            let row = Fixture.row("Anna\(Character(scalar))Bcc: mallory@evil.example")
            do throws(ComposeProblem) {
                try composer.compose(
                    row: row,
                    identity: try! Fixture.identity(),
                    date: Fixture.date,
                    context: try! Fixture.context(),
                    scratch: &scratch,
                    into: &output
                )
                #expect(HeaderValue.allows(scalar), "U+\(value) was let through")
                #expect(headerNames(output).count { $0 == "Bcc" } == 0)
            } catch {
                #expect(!HeaderValue.allows(scalar), "U+\(value) was refused")
                #expect(error == .nameNotForHeader(column: "name"))
                #expect(error.reason == .cellRefused)
                #expect(output.isEmpty)
                #expect(!error.description.contains("mallory"))
            }
        }
    }

    @Test("refuses a message over the limit, whether a file or the text makes it so")
    func size() throws {
        var design = try Fixture.design(text: String(repeating: "x\n", count: 2_000))
        design.sizeLimit = 4_000
        #expect(throws: ComposeProblem.tooLarge(limit: 4_000)) { try Fixture.message(design) }
        design.text = Fixture.source("Hello\n")
        #expect(throws: Never.self) { try Fixture.message(design) }
        design.attachments = [AttachmentSpec(file: Fixture.source("a.bin"))]
        let file = AttachmentContent([UInt8](repeating: 0, count: 4_000))
        #expect(throws: ComposeProblem.tooLarge(limit: 4_000)) { try Fixture.message(design, attachments: [file]) }
    }

    @Test(
        "keeps a hostile cell inside the text it belongs to",
        arguments: [
            "x\r\n.\r\nMAIL FROM:<mallory@evil.example>\r\n", "x\n.\n.\n", "x\r.\rQUIT\r", ".", "..", "x\r", "x\n\n\n",
            "From x\n",
            "--=_alnrgs4dxp2cyze42uguk7nv5yq--\r\n",
            "x\n--=_alnrgs4dxp2cyze42uguk7nv5yq\r\nContent-Type: text/html\r\n\r\n",
            "=\r\n=0D=0A.=0D=0A", String(repeating: "x", count: 100_000), String(repeating: "ü", count: 50_000),
            "x" + String(repeating: " ", count: 2_000), "\u{2028}.\u{85}.\u{0B}.\u{0C}.",
        ]
    )
    func hostile(cell: String) throws {
        let design = try Fixture.design(html: "<p>{{letter}}</p>\n", text: "{{letter}}")
        let message = try Fixture.message(design, Fixture.row("Anna", "x", cell))
        expectCleanWire(message)
        #expect(lines(message, with: "--=_") == 3)
    }

    @Test("refuses a name that would make the header larger than servers take")
    func headerSize() throws {
        let design = try Fixture.design(text: "Hello\n")
        let problem = ComposeProblem.headerTooLarge(limit: 32_768)
        #expect(throws: problem) {
            try Fixture.message(design, Fixture.row(String(repeating: "ü", count: 16_000)))
        }
        expectCleanWire(try Fixture.message(design, Fixture.row(String(repeating: "ü", count: 4_000))))
    }

    @Test("takes a subject that ends with the line end of a YAML block")
    func subjectBlock() throws {
        let message = try Fixture.message(Fixture.design(subject: "Your visit\n", text: "Hello\n"))
        #expect(lines(message, with: "Subject: Your visit") == 1)
    }

    @Test("says when an address needs SMTPUTF8", arguments: ["anna", "änne"], ["care", "pflege-ü"])
    func needsUTF8(recipient: String, sender: String) throws {
        var design = try Fixture.design(text: "Hello\n")
        design.from.address = try Fixture.address(sender, "riverside.example")
        var scratch = Scratch()
        var output: [UInt8] = []
        let composed = try Composer(design).compose(
            row: Fixture.row("Ännchen"),
            identity: Fixture.identity(),
            date: Fixture.date,
            context: Fixture.context(Fixture.address(recipient)),
            scratch: &scratch,
            into: &output
        )
        #expect(composed.headersNeedUTF8 == (recipient == "änne" || sender == "pflege-ü"))
        #expect(output.allSatisfy { $0 < 0x80 } == !composed.headersNeedUTF8)
    }

    @Test("derives Message-ID and boundaries from the digest, and takes no short one")
    func identity() throws {
        #expect(MessageIdentity(digest: Array(repeating: 1, count: 28), domain: "x.example") == nil)
        let digest = (0..<32).map { UInt8($0) }
        let identity = try #require(MessageIdentity(digest: digest, domain: "x.example"))
        #expect(identity.messageID == "aaaqeayeaudaocajbifq@x.example")
        var other = digest
        other[28] ^= 1
        let second = try #require(MessageIdentity(digest: other, domain: "x.example"))
        #expect(second.messageID == identity.messageID)
        #expect(second != identity)
    }
}
