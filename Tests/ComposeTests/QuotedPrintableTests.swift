import Testing

@testable import Compose

@Suite("Quoted-printable")
struct QuotedPrintableTests {
    private func encode(_ text: [UInt8]) -> String {
        var output: [UInt8] = []
        QuotedPrintable.append(text, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private static func x(_ count: Int) -> String {
        String(repeating: "x", count: count)
    }

    @Test(
        "encodes what must be encoded and nothing else",
        arguments: [
            ("", ""),
            ("plain", "plain\r\n"),
            ("a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd\r\n"),
            ("\n\n", "\r\n\r\n"),
            ("a\r\r\nb", "a\r\n\r\nb\r\n"),
            ("1 + 1 = 2", "1 + 1 =3D 2\r\n"),
            ("Grüße", "Gr=C3=BC=C3=9Fe\r\n"),
            ("\u{7F}\u{1}", "=7F=01\r\n"),
            ("a\tb", "a\tb\r\n"),
            ("end \n", "end=20\r\n"),
            ("end\t", "end=09\r\n"),
            ("end  \nnext", "end =20\r\nnext\r\n"),
            (" ", "=20\r\n"),
            (".", "=2E\r\n"),
            ("..a\n.b", "=2E.a\r\n=2Eb\r\n"),
            ("From here", "=46rom here\r\n"),
            ("From", "From\r\n"),
            ("Fro \nFrom\t", "Fro=20\r\nFrom=09\r\n"),
            (x(76), x(76) + "\r\n"),
            (x(77), x(75) + "=\r\nxx\r\n"),
            (x(75) + "=", x(75) + "=\r\n=3D\r\n"),
            (x(73) + "=", x(73) + "=3D\r\n"),
            (x(74) + "=", x(74) + "=\r\n=3D\r\n"),
            (x(73) + "=x", x(73) + "=\r\n=3Dx\r\n"),
            (x(72) + "=x", x(72) + "=3Dx\r\n"),
            (x(75) + ". and on and on", x(75) + "=\r\n=2E and on and on\r\n"),
            (x(75) + "From here to there", x(75) + "=\r\n=46rom here to there\r\n"),
            (x(75) + " ", x(75) + "=\r\n=20\r\n"),
            (x(75) + "\t\tx", x(75) + "=\r\n\t\tx\r\n"),
        ]
    )
    func table(text: String, expected: String) {
        #expect(encode(Array(text.utf8)) == expected)
    }

    @Test("knows for every byte whether it may stand for itself", arguments: UInt8.min...UInt8.max)
    func everyByte(byte: UInt8) {
        let encoded = encode([0x78, byte, 0x78])
        switch byte {
        case 0x0A, 0x0D: #expect(encoded == "x\r\nx\r\n")
        case 0x09, 0x20...0x3C, 0x3E...0x7E:
            #expect(Array(encoded.utf8) == [0x78, byte, 0x78, 0x0D, 0x0A])
        default:
            let digits = String(byte, radix: 16, uppercase: true)
            #expect(encoded == "x=\(digits.count == 1 ? "0" : "")\(digits)x\r\n")
        }
    }

    @Test("finds the first special byte at every offset and behind every neighbour", arguments: 0..<20)
    func scan(offset: Int) {
        for byte in UInt8.min...UInt8.max {
            var bytes = [UInt8](repeating: 0x41, count: 24)
            bytes[offset] = byte
            bytes[21] = 0x3D
            let isSpecial = byte < 0x20 || byte == 0x3D || byte >= 0x7F
            #expect(ByteScan.firstSpecial(in: bytes, 0..<24) == (isSpecial ? offset : 21), "byte \(byte)")
            #expect(ByteScan.firstSpecial(in: bytes, 0..<20) == (isSpecial ? offset : 20), "byte \(byte)")
            let isEnd = byte == 0x0A || byte == 0x0D
            #expect(ByteScan.firstLineEnd(in: bytes, 0..<24) == (isEnd ? offset : 24), "byte \(byte)")
            #expect(ByteScan.isASCII(bytes, 0..<24) == (byte < 0x80), "byte \(byte)")
        }
    }

    @Test("counts every byte that is encoded, whatever stands beside it")
    func countOfEncoded() {
        for byte in UInt8.min...UInt8.max {
            let isEncoded = byte >= 0x7F || byte == 0x3D || byte < 0x09
            for neighbour: UInt8 in [0x00, 0x08, 0x09, 0x3C, 0x3D, 0x3E, 0x41, 0x7E, 0x7F, 0x80, 0xBD, 0xFF] {
                let others = neighbour >= 0x7F || neighbour == 0x3D || neighbour < 0x09 ? 18 : 0
                for place in [0, 7, 8, 18] {
                    var bytes = [UInt8](repeating: neighbour, count: 18)
                    bytes.insert(byte, at: place)
                    #expect(ByteScan.countEncoded(in: bytes) == others + (isEncoded ? 1 : 0), "byte \(byte)")
                }
            }
        }
        #expect(ByteScan.countEncoded(in: []) == 0)
    }

    @Test("appends a part of an array as a slice is appended", arguments: [0..<0, 0..<5, 3..<5, 5..<5])
    func appendedPart(_ range: Range<Int>) {
        let bytes: [UInt8] = [1, 2, 3, 4, 5]
        var output: [UInt8] = [9]
        ByteScan.append(bytes, range, to: &output)
        #expect(output == [9] + bytes[range])
    }

    @Test("keeps every line within 76 octets and safe at both ends, for any bytes", arguments: 0..<200)
    func properties(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let pool = Array("aaaaaaaaaaaa.   \t==From \r\n\nxyzü漢".utf8)
        let text = (0..<Int.random(in: 0...2_000, using: &random)).map { _ in
            pool[Int.random(in: pool.indices, using: &random)]
        }
        var output: [UInt8] = []
        QuotedPrintable.append(text, to: &output)
        for line in wireLines(output) {
            #expect(line.count <= 76)
            #expect(line.first != UInt8(ascii: "."))
            #expect(line.last != 0x20 && line.last != 0x09)
            #expect(!line.starts(with: "From ".utf8))
            #expect(line.allSatisfy { $0 == 0x09 || $0 >= 0x20 && $0 < 0x7F })
        }
    }
}

@Suite("How a text goes over the wire")
struct TransferEncodingTests {
    @Test(
        "goes as it is only where nothing on the way could change it",
        arguments: [
            ("Hello\nthere = you\tand me\n", TransferEncoding.sevenBit),
            ("", .sevenBit),
            (String(repeating: "x", count: 998), .sevenBit),
            (String(repeating: "x", count: 999), .quotedPrintable),
            ("one.\n.two\n", .quotedPrintable),
            ("From here\n", .quotedPrintable),
            ("Fromage\n", .sevenBit),
            ("lost \n", .quotedPrintable),
            ("lost\t", .quotedPrintable),
            ("-- \nsignature", .quotedPrintable),
            ("--=_x\n", .quotedPrintable),
            ("--=x\n", .sevenBit),
            ("nul \0 here", .quotedPrintable),
            ("delete \u{7F} here", .quotedPrintable),
            ("Viele Grüße aus Köln senden wir\n", .quotedPrintable),
            ("今日は病院からのお知らせです。\n", .base64),
        ]
    )
    func choice(text: String, expected: TransferEncoding) {
        #expect(TransferEncoding(for: Array(text.utf8)) == expected)
    }

    @Test("takes the encoding that is smaller, give or take the estimate", arguments: 0..<100)
    func smaller(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let share = Int.random(in: 1...60, using: &random)
        let text = (0..<3_000).map { index in
            index % 70 == 69 ? 0x0A : UInt8(Int.random(in: 0..<100, using: &random) < share ? 0xC3 : 0x61)
        }
        var quoted: [UInt8] = []
        QuotedPrintable.append(text, to: &quoted)
        var canonical: [UInt8] = []
        LineEnds.appendCanonical(text, to: &canonical)
        let base64 = Base64Lines.encodedCount(canonical.count)
        let chosen = TransferEncoding(for: text) == .base64 ? base64 : quoted.count
        #expect(Double(chosen) <= 1.05 * Double(min(base64, quoted.count)))
    }
}

/// A small generator with a seed, so that a failure comes again.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
