import Core
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01 00:00:00", 4),
        (951_782_400, "2000-02-29 00:00:00", 2),
        (1_795_219_199, "2026-11-20 23:59:59", 5),
        (4_107_542_400, "2100-03-01 00:00:00", 1),
        (-1, "1969-12-31 23:59:59", 3),
    ])
    func secondsAndTextAgree(seconds: Int64, text: String, weekday: Int) {
        let moment = Timestamp(seconds: seconds)
        #expect(moment.description == text)
        #expect(moment.fields.weekday == weekday)
        #expect(Timestamp(text) == moment)
    }

    @Test(arguments: ["", "2026-02-30 00:00:00", "2026-1-01 00:00:00", "2026-01-01T00:00:00", "2026-01-01 24:00:00"])
    func otherTextIsRefused(text: String) {
        #expect(Timestamp(text) == nil)
    }
}

@Suite struct ProtectedTests {
    @Test func valueNeverPrints() {
        let cell = Protected("CANARY")
        var dumped = ""
        dump([cell], to: &dumped)
        let printed = "\(cell) \(String(reflecting: cell)) \(String(describing: Optional(cell))) \(dumped)"
        #expect(!printed.contains("CANARY"))
        #expect(printed.contains("<redacted>"))
        #expect(cell.exposed == "CANARY")
    }

    @Test func rowPrintsItsNumberOnly() {
        let row = Row(number: RowNumber(7), line: 9, cells: ["CANARY", "x"])
        var dumped = ""
        dump(row, to: &dumped)
        #expect("\(row)" == "row 7")
        #expect(!dumped.contains("CANARY"))
    }
}

@Suite struct HeaderValueTests {
    @Test func everyControlCharacterIsRefusedAndNothingElse() {
        for value in UInt32(0)..<0x250 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let isControl = (value < 0x20 && value != 9) || (0x7F..<0xA0).contains(value)
            let accepted = (try? HeaderValue("a\(Character(scalar))b")) != nil
            #expect(accepted != isControl, "U+\(String(value, radix: 16))")
        }
    }

    @Test(arguments: ["\u{2028}", "\u{2029}", "\r\n", "\n", "\r"])
    func lineSeparatorsAreRefused(separator: String) {
        #expect(throws: HeaderValue.Refused.self) { try HeaderValue("subject\(separator)Bcc: x") }
    }
}

@Suite struct JobIDTests {
    @Test func textAndIdentityAgree() throws {
        let id = try #require(JobID(digest: Array(0..<32)))
        #expect(id.description == "00010203040506070809")
        #expect(JobID(id.description) == id)
        #expect(id.next?.description == "00010203040506070809-2")
        #expect(JobID("00010203040506070809-2") == id.next)
    }

    @Test(arguments: [
        "", "0001", "00010203040506070809-1", "00010203040506070809-02", "0001020304050607080g", "../../etc",
    ])
    func otherTextIsRefused(text: String) {
        #expect(JobID(text) == nil)
    }
}

@Suite struct RowTests {
    @Test func cellsKeepTheirBytes() {
        var row = Row(number: RowNumber(1), line: 2, cells: ["", "ä", "0012"])
        #expect(row.count == 3)
        #expect((0..<3).map(row.text) == ["", "ä", "0012"])
        row.reset(number: RowNumber(2), line: 3)
        row.append(cell: "x".utf8)
        #expect(row.count == 1 && row.text(0) == "x")
    }
}

@Suite struct SuggestionTests {
    private static let keys = ["purpose", "subject", "template", "recipients", "columns", "rate"]

    @Test(arguments: [
        ("purpos", "purpose"), ("subjct", "subject"), ("tempalte", "template"), ("Recipients", "recipients"),
        ("rtae", "rate"),
    ])
    func slipFindsTheNameMeant(word: String, meant: String) {
        #expect(Suggestion.nearest(to: word, in: Self.keys) == meant)
    }

    @Test func strangeWordFindsNothing() {
        #expect(Suggestion.nearest(to: "attachments", in: Self.keys) == nil)
    }
}

@Suite struct EncodingTests {
    @Test(arguments: [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE")])
    func base64HasTheTestVectorsOfRFC4648(text: String, encoded: String) {
        var output: [UInt8] = []
        Base64.appendURLSafe(Array(text.utf8)[...], to: &output)
        #expect(String(decoding: output, as: UTF8.self) == encoded)
        #expect(Base64.decodeURLSafe(encoded.utf8) == Array(text.utf8))
    }

    @Test(arguments: ["Zh", "Z", "Zg==", "Zm8+", "Zm 8"])
    func secondSpellingsOfTheSameBytesAreRefused(text: String) {
        #expect(Base64.decodeURLSafe(text.utf8) == nil)
    }

    @Test func hexadecimalGoesThereAndBack() {
        let bytes = (0...255).map(UInt8.init)
        #expect(Hex.decode(Hex.encode(bytes)) == bytes)
        #expect(Hex.decode("0") == nil)
        #expect(Hex.decode("0g") == nil)
    }
}
