import Testing

@testable import Intake

@Suite("Which encoding a file has")
struct EncodingSurveyTests {
    private func verdict(_ bytes: [UInt8], declared: TextEncoding? = nil, piece: Int = 1 << 16) -> String {
        var survey = EncodingSurvey()
        for start in stride(from: 0, to: bytes.count, by: piece) {
            survey.consume(Array(bytes[start..<min(start + piece, bytes.count)]))
        }
        do throws(EncodingSurvey.Refusal) {
            let found = try survey.verdict(declared: declared)
            return "\(found.encoding.rawValue) \(found.markLength) \(found.evidence.rawValue)"
        } catch {
            return "refused: \(error.problem)" + (error.offset.map { " at \($0)" } ?? "")
        }
    }

    /// Text whose characters beyond ASCII stand for bytes of that number.
    private func western(_ text: String) -> [UInt8] {
        text.unicodeScalars.map { UInt8($0.value) }
    }

    @Test(
        "UTF-8 is known by its bytes, however they come in pieces",
        arguments: ["", "a,b\n1,2\n", "Jürgen", "東京,Ω", "😀", "ÄÖÜ"],
        [1, 2, 3, 5, 1 << 16]
    )
    func utf8(text: String, piece: Int) {
        #expect(verdict(Array(text.utf8), piece: piece) == "utf-8 0 valid")
    }

    @Test(
        "bytes are judged as the standard library judges them, wherever the pieces end",
        arguments: 1...40 as ClosedRange<UInt64>
    )
    func secondOpinion(seed: UInt64) {
        var random = SplitMix(state: seed)
        let units: [[UInt8]] = [
            [0x61], [0xC3, 0xBC], [0xE2, 0x82, 0xAC], [0xF0, 0x9F, 0x98, 0x80], [0xC3], [0xE2, 0x82],
            [0xF0, 0x9F, 0x98], [0xBC],
            [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC0, 0x80], [0xFF], [0xEF, 0xBB, 0xBF],
        ]
        for _ in 0..<300 {
            let usable = Bool.random(using: &random) ? units.count : 4
            let count = Int.random(in: 1...12, using: &random)
            var bytes: [UInt8] = [0x61]
            for _ in 0..<count { bytes += units[Int.random(in: 0..<usable, using: &random)] }
            let isValid = String(validating: bytes, as: UTF8.self) != nil
            var survey = EncodingSurvey()
            var position = 0
            while position < bytes.count {
                let end = min(bytes.count, position + Int.random(in: 1...4, using: &random))
                survey.consume(Array(bytes[position..<end]))
                position = end
            }
            #expect((survey.brokenBytes == 0) == isValid, "\(bytes)")
            #expect((RowText.flaw(in: bytes[...]) != .undecodable) == isValid, "\(bytes)")
        }
    }

    @Test("a byte-order mark decides")
    func marks() {
        #expect(verdict([0xEF, 0xBB, 0xBF, 0x61]) == "utf-8 3 mark")
        #expect(verdict([0xFF, 0xFE, 0x61, 0x00]) == "utf-16le 2 mark")
        #expect(verdict([0xFE, 0xFF, 0x00, 0x61]) == "utf-16be 2 mark")
        #expect(verdict([0xFF, 0xFE, 0x61, 0x00], declared: .utf16) == "utf-16le 2 mark")
    }

    @Test(
        "German and other text whose every reading is the same is proved to be Windows-1252",
        arguments: [
            "M\u{FC}ller", "Gr\u{F6}\u{DF}e; S\u{FC}\u{DF}; K\u{F6}ln", "Andr\u{E9}s \u{C4}rztin",
            "J\u{FC}rgen O\u{92}Brien", "\u{84}J\u{FC}rgen\u{93} \u{80} 5", "H\u{F6}lder\u{96}Stra\u{DF}e",
            "\u{D6}. M\u{FC}ller", "M\u{FC}ller\u{A0}\u{A7} 5",
        ],
        [1, 4, 1 << 16]
    )
    func proved(text: String, piece: Int) {
        #expect(verdict(western(text), piece: piece) == "windows-1252 0 proved")
    }

    @Test(
        "what another encoding would read differently is not proved",
        arguments: [
            // ø is ř in Windows-1250; è is č; ñ is ń; ð is đ or ğ.
            "J\u{F8}rgen S\u{F6}ren", "Mich\u{E8}le, J\u{FC}rgen", "Espa\u{F1}a Mu\u{F6}r", "a\u{F0}a\u{FC}a",
            // Nothing that only Windows-1252 and its like have: an ä may be õ in DOS, a start may be a capital.
            "M\u{E4}rz", "\u{D6}zdemir", "Stra\u{DF}e", "\u{80} 5", "O\u{92}Brien",
            // DOS: ü is 81, ö is 94, ä is 84, é is 82. Macintosh: ü is 9F, ö is 9A, ä is 8A.
            "M\u{81}ller K\u{FC}n", "K\u{94}ln K\u{FC}n", "M\u{84}rz K\u{FC}n", "Ren\u{82}e K\u{FC}n",
            "M\u{9F}ller K\u{FC}n", "K\u{9A}ln", "M\u{8A}rz",
            // Cyrillic (Windows-1251) and Greek (Windows-1253).
            "\u{C8}\u{E2}\u{E0}\u{ED}", "\u{E9}\u{F6}\u{FC}\u{E4}", "\u{C3}\u{E9}\u{FE}\u{F1}\u{E3}\u{EF}\u{F2}",
            // Shift-JIS, GBK, EUC-KR.
            "\u{93}\u{8C}\u{8B}\u{9E}", "\u{D6}\u{D0}\u{B9}\u{FA}", "\u{B1}\u{E8}\u{C3}\u{B6}",
            // Bytes that Windows-1252 does not define.
            "K\u{FC}n \u{90}", "K\u{FC}n \u{9D}",
        ]
    )
    func notProved(text: String) {
        #expect(verdict(western(text)).hasPrefix("refused: this byte is not UTF-8"))
    }

    @Test("the refusal says which byte first speaks against the proof")
    func doubt() {
        #expect(verdict(western("K\u{FC}n,Mich\u{E8}le")).hasSuffix(" at 8"))
        #expect(verdict(western("K\u{FC}n,K\u{94}ln,x")).hasSuffix(" at 5"))
        #expect(verdict(western("abc \u{D6}z")).hasSuffix(" at 4"))
    }

    @Test(
        "one broken byte in a file that is clearly UTF-8 is its row's matter, in another the file's",
        arguments: [(5, "utf-8 0 valid"), (4, "refused"), (1, "refused"), (0, "refused")]
    )
    func oneBadByte(sequences: Int, expected: String) {
        let text = Array(String(repeating: "\u{17C}", count: sequences).utf8)
        #expect(verdict(text + [0x2C, 0xFF, 0x0A]).hasPrefix(expected))
        #expect(verdict([0xFF, 0x0A] + text).hasPrefix(expected))
    }

    @Test("a sequence cut at the end of the file is broken")
    func cutAtEnd() {
        #expect(verdict(Array("ab".utf8) + [0xE2, 0x82]).hasPrefix("refused: this byte is not UTF-8"))
        #expect(verdict(Array("ab".utf8) + [0xE2, 0x82], declared: .utf8) == "utf-8 0 declared")
    }

    @Test("a declaration is followed, unless the file says otherwise")
    func declared() {
        #expect(verdict(western("J\u{F8}rgen"), declared: .windows1252) == "windows-1252 0 declared")
        #expect(verdict(western("J\u{F8}rgen"), declared: .utf8) == "utf-8 0 declared")
        #expect(verdict([0x61, 0x00], declared: .utf16LittleEndian) == "utf-16le 0 declared")
        let contradictions = [
            verdict(Array("Jürgen".utf8), declared: .windows1252),
            verdict([0xEF, 0xBB, 0xBF, 0x61], declared: .windows1252),
            verdict([0xFF, 0xFE, 0x61, 0x00], declared: .utf8),
            verdict(Array("Jürgen".utf8), declared: .utf16),
        ]
        for text in contradictions { #expect(text.hasPrefix("refused: ")) }
    }

    @Test(
        "what is no CSV is refused by name",
        arguments: [
            ([0x1F, 0x8B, 0x08], "a gzip archive"),
            (Array("PK\u{3}\u{4}....[Content_Types].xml".utf8), "an Excel workbook (.xlsx)"),
            (
                Array("PK\u{3}\u{4}mimetypeapplication/vnd.oasis.opendocument.spreadsheet".utf8),
                "an OpenDocument workbook (.ods)"
            ),
            (Array("PK\u{3}\u{4}letters/".utf8), "a zip archive"),
            (Array("%PDF-1.7".utf8), "a PDF file"),
            ([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "an old Excel workbook (.xls)"),
            (Array("  <!DOCTYPE HTML>".utf8), "a web page"),
            ([0xEF, 0xBB, 0xBF] + Array("<?xml version".utf8), "an XML file"),
            ([0xFF, 0xFE, 0x00, 0x00, 0x61, 0, 0, 0], "text in UTF-32"),
        ] as [([UInt8], String)]
    )
    func signature(bytes: [UInt8], name: String) {
        #expect(verdict(bytes) == "refused: this is \(name), not a CSV file")
        #expect(verdict(bytes, declared: .utf8).hasPrefix("refused: "))
    }

    @Test("UTF-16 without a mark and binary files are refused")
    func binary() {
        let text = "name,email\nx,y\n".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        #expect(verdict(text) == "refused: this looks like UTF-16 without a byte-order mark")
        #expect(verdict((0..<200).map { UInt8($0 % 32) }) == "refused: this is a binary file, not a CSV file")
        #expect(verdict(Array("a,b\n\u{0}\u{1}\n".utf8)) == "utf-8 0 valid")
    }

    @Test(
        "names of encodings are known in any case",
        arguments: ["UTF-8", "utf8", "Windows-1252", "cp1252", "UTF-16LE"]
    )
    func names(name: String) {
        #expect(TextEncoding(name: name) != nil)
        #expect(TextEncoding(name: name + "x") == nil)
    }
}
