import Core
import Foundation
import Testing

@testable import Compose

@Suite("Header fields")
struct HeaderTests {
    private func subject(_ text: String) -> String {
        var output: [UInt8] = []
        HeaderWriter.appendUnstructured("Subject", Array(text.utf8)[...], to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private func mailbox(_ name: String, _ local: String = "anna") throws -> String {
        var output: [UInt8] = []
        let address = try Address(localPart: local, domain: "patients.example")
        HeaderWriter.appendMailbox("To", name: Array(name.utf8)[...], address: address, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test(
        "write free text as it is, or as encoded words where they must",
        arguments: [
            ("Your visit", "Subject: Your visit\r\n"),
            ("  Your visit\t", "Subject: Your visit\r\n"),
            ("", "Subject: \r\n"),
            ("a  b", "Subject: a  b\r\n"),
            ("one\ttwo", "Subject: =?utf-8?Q?one=09two?=\r\n"),
            ("Grüße", "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n"),
            ("Grüße, your visit", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe,_your_visit?=\r\n"),
            ("=?utf-8?Q?x?=", "Subject: =?utf-8?B?PT91dGYtOD9RP3g/PQ==?=\r\n"),
            ("why = ? here", "Subject: why = ? here\r\n"),
            ("👩‍⚕️", "Subject: =?utf-8?B?8J+RqeKAjeKale+4jw==?=\r\n"),
        ]
    )
    func unstructured(text: String, expected: String) {
        #expect(subject(text) == expected)
    }

    @Test("fold plain text at single spaces before column 77")
    func folding() {
        let words = Array(repeating: "appointment", count: 12).joined(separator: " ")
        let lines = subject(words).components(separatedBy: "\r\n")
        #expect(lines.count == 4)
        #expect(lines.allSatisfy { $0.utf8.count <= 76 })
        #expect(lines.joined() == "Subject: " + words)
    }

    @Test("take encoded words for a word that is longer than a line")
    func longWord() {
        let lines = subject(String(repeating: "x", count: 500)).components(separatedBy: "\r\n")
        #expect(lines.allSatisfy { $0.utf8.count <= 76 })
        #expect(lines[0].hasPrefix("Subject: =?utf-8?Q?xxx"))
    }

    @Test(
        "write a name as atoms, in quotes or as encoded words",
        arguments: [
            ("", "To: anna@patients.example\r\n"),
            (" \t", "To: anna@patients.example\r\n"),
            ("Anna Berg", "To: Anna Berg <anna@patients.example>\r\n"),
            ("Berg, Anna", "To: \"Berg, Anna\" <anna@patients.example>\r\n"),
            ("Anna  Berg", "To: \"Anna  Berg\" <anna@patients.example>\r\n"),
            ("Dr. Berg", "To: \"Dr. Berg\" <anna@patients.example>\r\n"),
            (#"Anna "A" \ Berg"#, #"To: "Anna \"A\" \\ Berg" <anna@patients.example>"# + "\r\n"),
            ("mallory@evil.example", "To: \"mallory@evil.example\" <anna@patients.example>\r\n"),
            ("x> <mallory@evil.example", "To: \"x> <mallory@evil.example\" <anna@patients.example>\r\n"),
            ("Anna Müller", "To: =?utf-8?Q?Anna_M=C3=BCller?= <anna@patients.example>\r\n"),
            ("(Ä), Berg", "To: =?utf-8?B?KMOEKSwgQmVyZw==?= <anna@patients.example>\r\n"),
            ("=?utf-8?Q?x?=", "To: =?utf-8?B?PT91dGYtOD9RP3g/PQ==?= <anna@patients.example>\r\n"),
        ]
    )
    func names(name: String, expected: String) throws {
        #expect(try mailbox(name) == expected)
    }

    @Test("put a long address on a line of its own")
    func longAddress() throws {
        let local = String(repeating: "a", count: 64)
        #expect(try mailbox("Anna", local) == "To: Anna\r\n <\(local)@patients.example>\r\n")
    }

    @Test("leave an address of RFC 6531 in UTF-8 and still encode the name")
    func utf8Address() throws {
        #expect(try mailbox("Änne", "änne") == "To: =?utf-8?B?w4RubmU=?= <änne@patients.example>\r\n")
    }

    @Test(
        "write the date of RFC 5322",
        arguments: [
            (Timestamp(seconds: 0), "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"),
            (
                Timestamp(year: 2026, month: 11, day: 21, hour: 9, minute: 5, second: 7),
                "Date: Sat, 21 Nov 2026 09:05:07 +0000\r\n"
            ),
            (
                Timestamp(year: 2028, month: 2, day: 29, hour: 23, minute: 59, second: 59),
                "Date: Tue, 29 Feb 2028 23:59:59 +0000\r\n"
            ),
        ]
    )
    func dates(moment: Timestamp, expected: String) {
        var output: [UInt8] = []
        DateField.append(moment, to: &output)
        #expect(String(decoding: output, as: UTF8.self) == expected)
    }

    @Test("allow in a header exactly what HeaderValue allows, for every scalar below U+3000")
    func everyScalar() {
        for value in UInt32(0)..<0x3000 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = "a\(Character(scalar))b"
            #expect(HeaderText.isAllowed(Array(text.utf8)[...]) == HeaderValue.allows(scalar), "U+\(value)")
        }
    }

    @Test(
        "refuse bytes that are not UTF-8",
        arguments: [[0xFF], [0xC3], [0x80], [0xED, 0xA0, 0x80], [0xC0, 0x8A]] as [[UInt8]]
    )
    func notText(bytes: [UInt8]) {
        #expect(!HeaderText.isAllowed(bytes[...]))
    }
}

@Suite("Encoded words")
struct EncodedWordTests {
    private static let alphabets = [
        "abcdefghij ", "äöüßéèñ ", "今日病院先生漢字", "👩‍⚕️🏥💊 ", "\"\\,;:<>()[]@.=?_ ", "\t a", "Привет ",
    ]

    @Test("keep lines, words, characters and the text, in any script", arguments: 0..<300)
    func properties(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let alphabet = try #require(Self.alphabets.randomElement(using: &random)).unicodeScalars
        var text = ""
        for _ in 0..<Int.random(in: 1...120, using: &random) {
            text.unicodeScalars.append(try #require(alphabet.randomElement(using: &random)))
        }
        for (position, allowed) in [(EncodedWord.Position.phrase, Self.phraseSet), (.unstructured, Self.textSet)] {
            var output: [UInt8] = []
            var column = Int.random(in: 0...70, using: &random)
            let prefix = String(repeating: ".", count: column)
            EncodedWord.append(Array(text.utf8)[...], position, column: &column, to: &output)
            let written = prefix + String(decoding: output, as: UTF8.self)
            let lines = written.components(separatedBy: "\r\n")
            #expect(lines.allSatisfy { $0.utf8.count <= 76 })
            #expect(lines.last?.utf8.count == column)
            var decoded = ""
            for word in written.dropFirst(prefix.count).split(whereSeparator: \.isWhitespace) {
                #expect(word.utf8.count <= 75)
                let payload = word.dropFirst(10).dropLast(2)
                let isBase64 = word.hasPrefix("=?utf-8?B?")
                #expect(isBase64 || word.hasPrefix("=?utf-8?Q?"))
                #expect(word.hasSuffix("?="))
                #expect(isBase64 || payload.utf8.allSatisfy { allowed.contains($0) })
                let bytes = isBase64 ? Self.base64(payload) : Self.quoted(payload)
                decoded += try #require(String(validating: bytes, as: UTF8.self), "a character was split")
            }
            #expect(decoded == text)
        }
    }

    private static let phraseSet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/=_".utf8)
    private static let textSet = Set((0x21...0x7E).map { UInt8($0) }).subtracting([0x3F])

    private static func base64(_ text: Substring) -> [UInt8] {
        Base64.decodeURLSafe(
            text.replacing("+", with: "-").replacing("/", with: "_").utf8.prefix { $0 != 0x3D }
        ) ?? [0xFF]
    }

    private static func quoted(_ text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == 0x3D {
                bytes += Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self).lowercased()) ?? [0xFF]
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == 0x5F ? 0x20 : byte)
            }
        }
        return bytes
    }
}
