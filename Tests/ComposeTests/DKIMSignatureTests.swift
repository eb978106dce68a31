import Core
import Foundation
import OpenSSL
import TestSupport
import Testing

@testable import Compose

/// What somebody does to a message on its way.
struct Tampering: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let change: @Sendable (String) -> String

    init(_ name: String, _ change: @escaping @Sendable (String) -> String) {
        testDescription = name
        self.change = change
    }

    static func field(_ name: String, _ text: String, to other: String) -> Tampering {
        Tampering("\(name) changed") { message in
            let parts = message.split(separator: "\r\n\r\n", maxSplits: 1)
            return parts[0].replacing(text, with: other) + "\r\n\r\n" + parts[1]
        }
    }

    static func added(_ field: String, atTop: Bool) -> Tampering {
        Tampering("\(field) added \(atTop ? "at the top" : "below the others")") { message in
            guard !atTop else { return field + "\r\n" + message }
            let parts = message.split(separator: "\r\n\r\n", maxSplits: 1)
            return parts[0] + "\r\n" + field + "\r\n\r\n" + parts[1]
        }
    }

    static let all: [Tampering] =
        [
            Tampering("a letter of the body changed") { $0.replacing("Cold days", with: "Gold days") },
            Tampering("a line added to the body") { $0 + "x\r\n" },
            Tampering("a line of the body doubled") { $0.replacing("\r\n--=_", with: "\r\n\r\n--=_") },
            field("From", "From: Riverside", to: "From: Riversidf"),
            field("From's address", "<care@", to: "<cure@"),
            field("Subject", "Your visit", to: "Your bill"),
            field("Date", "21 Nov 2026", to: "22 Nov 2026"),
            field("To", "anna@patients", to: "hanna@patients"),
            field("Message-ID", "Message-ID: <", to: "Message-ID: <x"),
            field("List-Unsubscribe", "List-Unsubscribe: <https://t.", to: "List-Unsubscribe: <https://u."),
            field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click", to: "List-Unsubscribe=One-Clicks"),
            field("List-ID", "<news.", to: "<mews."),
            field("Auto-Submitted", "auto-generated", to: "no"),
            field("Content-Type", "Content-Type: multipart/alternative", to: "Content-Type: multipart/mixed"),
            field("the time of signing", "t=17", to: "t=18"), field("the body's digest", "bh=", to: "bh=A"),
        ]
        + [
            "From: Somebody <x@riverside.example>", "Subject: Pay now", "To: b@x.example",
            "Date: Sun, 22 Nov 2026 00:00:00 +0000",
            "Reply-To: x@x.example", "Cc: x@x.example", "Message-ID: <x@x>", "MIME-Version: 1.0",
            "Content-Type: text/html", "Content-Transfer-Encoding: base64", "List-Unsubscribe: <https://x.example>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click", "List-ID: <x.x.example>",
        ].flatMap { [added($0, atTop: true), added($0, atTop: false)] }

    /// What relays do, and what canonicalisation is for.
    static let harmless: [Tampering] = [
        added("Received: from a by b; Sun, 22 Nov 2026 00:00:00 +0000", atTop: true),
        added("X-Spam-Status: No", atTop: false), added("Return-Path: <care@riverside.example>", atTop: true),
        Tampering("Subject folded otherwise") {
            $0.replacing("Subject: Your visit", with: "Subject:\r\n\tYour\r\n  visit")
        },
        Tampering("names of fields in capitals") { $0.replacing("\r\nList-ID:", with: "\r\nLIST-ID:") },
        Tampering("empty lines behind the end") { $0 + "\r\n\r\n" },
        Tampering("white space behind lines") { $0.replacing("--\r\n", with: "-- \t\r\n") },
    ]
}

@Suite(
    "DKIM signatures",
    .enabled(if: MailVerifier.areThere, "needs python3-dkim, python3-nacl and libmail-dkim-perl")
)
struct DKIMSignatureTests {
    private static func header(_ message: [UInt8]) -> String {
        String(decoding: message, as: UTF8.self).components(separatedBy: "\r\n\r\n")[0]
    }

    /// What a verifier must say of a good message: Ed25519 only counts where it is known.
    private static func isGood(_ verdicts: [String], knowsEd25519: Bool) -> Bool {
        verdicts == ["rsa-sha256 pass", knowsEd25519 ? "ed25519-sha256 pass" : "ed25519-sha256 invalid"]
    }

    @Test(
        "verify for all shipped templates, with and without attachments, lists and UTF-8, and only with their keys",
        arguments: MailVerifier.allCases
    )
    func verify(verifier: MailVerifier) throws {
        var messages: [[UInt8]] = []
        for template in Signing.templates {
            for choice in 0..<8 {
                let list = template == "newsletter" || choice & 1 == 1 ? "News" : nil
                messages.append(
                    try Signing.message(template, isForeign: choice & 2 == 2, list: list, attachments: choice & 4 == 4)
                )
            }
        }
        for message in messages {
            let needsUTF8 = !Self.header(message).utf8.allSatisfy { $0 < 0x80 }
            expectCleanWire(message, headersUTF8: needsUTF8)
        }
        let knows = verifier.knowsEd25519
        let verdicts = try verifier.verdicts(messages, records: Signing.records)
        #expect(verdicts.count == 32)
        for verdict in verdicts { #expect(Self.isGood(verdict, knowsEd25519: knows), "\(verdict)") }
        let other = MailSigningKey.generate(.rsa)
        var records = Signing.records
        records["wp._domainkey.\(Signing.domain)"] = "v=DKIM1; k=rsa; p=\(Base64.encode(other.publicValue))"
        let wrong = try verifier.verdicts([messages[0]], records: records)[0]
        #expect(wrong.first?.hasSuffix("fail") == true, "\(wrong)")
    }

    @Test("anything changed or added that people or programs go by breaks both", arguments: MailVerifier.allCases)
    func tampering(verifier: MailVerifier) throws {
        let message = String(decoding: try Signing.message("newsletter", list: "News"), as: UTF8.self)
        let changed = Tampering.all.map { $0.change(message) }
        for (tampering, text) in zip(Tampering.all, changed) {
            #expect(text != message, "\(tampering.testDescription)")
        }
        let verdicts = try verifier.verdicts(changed.map { Array($0.utf8) }, records: Signing.records)
        for (tampering, verdict) in zip(Tampering.all, verdicts) {
            #expect(verdict.count == 2 && !verdict.contains { $0.hasSuffix("pass") }, "\(tampering): \(verdict)")
        }
    }

    @Test("an unsubscribe link cannot be added to a message without one", arguments: MailVerifier.allCases)
    func addedLink(verifier: MailVerifier) throws {
        let message = try Signing.message("test-result")
        let changed = Array("List-Unsubscribe: <https://x.example>\r\n".utf8) + message
        let verdicts = try verifier.verdicts([message, changed], records: Signing.records)
        #expect(verdicts[0].first == "rsa-sha256 pass")
        #expect(!verdicts[1].contains { $0.hasSuffix("pass") })
    }

    @Test("what relays do on the way breaks neither", arguments: MailVerifier.allCases)
    func harmless(verifier: MailVerifier) throws {
        let message = String(decoding: try Signing.message("newsletter", list: "News"), as: UTF8.self)
        let changed = Tampering.harmless.map { $0.change(message) }
        let verdicts = try verifier.verdicts(changed.map { Array($0.utf8) }, records: Signing.records)
        let knows = verifier.knowsEd25519
        for ((tampering, text), verdict) in zip(zip(Tampering.harmless, changed), verdicts) {
            #expect(text != message)
            #expect(Self.isGood(verdict, knowsEd25519: knows), "\(tampering): \(verdict)")
        }
    }

    @Test("the signature's fields: RSA first, every tag, no i=, l= or x=, lines of 78 octets at most")
    func fields() throws {
        let message = try Signing.message("newsletter", list: "News")
        let lines = wireLines(message).map { String(decoding: $0, as: UTF8.self) }
        let unsigned = try Signing.message("newsletter", list: "News", signer: nil)
        #expect(Array(message.suffix(unsigned.count)) == unsigned, "the message behind the signatures is what it was")
        let fields = String(decoding: message.dropLast(unsigned.count), as: UTF8.self)
        #expect(lines.allSatisfy { $0.utf8.count <= 78 || !fields.contains($0) })
        let names =
            "from:from:reply-to:subject:subject:date:date:to:to:cc:message-id:message-id:mime-version:mime-version"
            + ":content-type:content-type:content-transfer-encoding:list-unsubscribe:list-unsubscribe"
            + ":list-unsubscribe-post:list-unsubscribe-post:list-id:list-id:auto-submitted:auto-submitted"
            + ":content-language:content-language"
        let tags = fields.components(separatedBy: "DKIM-Signature:").dropFirst().map { field in
            field.replacing("\r\n ", with: " ").split(separator: ";").map { tag in
                let parts = tag.split(separator: "=", maxSplits: 1).map {
                    $0.trimmingCharacters(in: .whitespacesAndNewlines)
                }
                return [parts[0], parts[1].replacing(" ", with: "")]
            }
        }
        #expect(tags.count == 2)
        for (field, (algorithm, selector)) in zip(tags, [("rsa-sha256", "wp"), ("ed25519-sha256", "wp-ed25519")]) {
            #expect(field.map { $0[0] } == ["v", "a", "c", "d", "s", "t", "h", "bh", "b"])
            #expect(field[0][1] == "1" && field[1][1] == algorithm && field[2][1] == "relaxed/relaxed")
            #expect(field[3][1] == Signing.domain && field[4][1] == selector)
            #expect(field[5][1] == "\(Fixture.date.seconds)")
            #expect(field[6][1] == names)
        }
    }

    @Test("a message has the same signatures each time, and none when it is only tried")
    func pure() throws {
        let first = try Signing.message("visit-summary", attachments: true)
        #expect(try Signing.message("visit-summary", attachments: true) == first)
        let again = MessageSigner(
            domain: Signing.domain,
            keys: [
                .init(selector: "wp", key: try MailSigningKey(pem: Signing.rsa.pem)),
                .init(selector: "wp-ed25519", key: try MailSigningKey(pem: Signing.ed25519.pem)),
            ]
        )
        #expect(try Signing.message("visit-summary", attachments: true, signer: again) == first)
    }

    @Test("a message may be as large as the limit says, signatures included")
    func limit() throws {
        var design = try Fixture.design(text: "{{letter}}\n")
        let row = Fixture.row("Anna", "River Road", String(repeating: "abcdefg\n", count: 2_000))
        let unsigned = try Fixture.message(design, row)
        func compose(_ limit: Int) throws -> [UInt8] {
            design.sizeLimit = limit
            let composer = try Composer(design, signer: Signing.signer)
            var (scratch, output) = (Scratch(), [UInt8]())
            let identity = try Fixture.identity()
            let context = try Fixture.context()
            try composer.unsigned.compose(
                row: row,
                identity: identity,
                date: Fixture.date,
                context: context,
                scratch: &scratch,
                into: &output
            )
            #expect(output == unsigned)
            try composer.compose(
                row: row,
                identity: identity,
                date: Fixture.date,
                context: context,
                scratch: &scratch,
                into: &output
            )
            return output
        }
        let limit = unsigned.count + MessageSigner.mostOctets
        #expect(try compose(limit).count <= limit)
        #expect(throws: ComposeProblem.tooLarge(limit: limit - 1)) { try compose(limit - 1) }
    }

    @Test("the longest domain, selectors and keys stay within the room set aside")
    func room() throws {
        let directory = try TemporaryDirectory()
        let made = try Command.run(
            ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096", "-out", "key"],
            directory: directory.path
        )
        #expect(made.status == 0)
        let large = try MailSigningKey(pem: SecretBytes(copying: try directory.read("key")))
        let label = String(repeating: "a", count: 61)
        let domain = "\(label).\(label).\(label).example"
        let selector = String(repeating: "s", count: 55)
        let signer = MessageSigner(
            domain: domain,
            keys: [.init(selector: selector, key: large), .init(selector: selector, key: Signing.ed25519)]
        )
        let message = try Signing.message("newsletter", list: "News", signer: nil)
        let fields = signer.fields(for: message, at: Fixture.date)
        #expect(fields.count < MessageSigner.mostOctets)
        for line in wireLines(fields) { #expect(line.count <= 998) }
    }
}
