import Core
import Foundation
import Intake
import Testing

@Suite("Tables in other encodings")
struct EncodingTableTests {
    private func table(_ bytes: [UInt8], _ encoding: TextEncoding, mark: Int = 0, piece: Int = 1 << 16) -> Table {
        var table = Table(bytes: bytes)
        table.encoding = FoundEncoding(encoding, markLength: mark, evidence: .declared)
        table.piece = piece
        return table
    }

    private func littleEndian(_ units: some Sequence<UInt16>) -> [UInt8] {
        units.reduce(into: []) { bytes, unit in
            bytes.append(UInt8(unit & 255))
            bytes.append(UInt8(unit >> 8))
        }
    }

    @Test("UTF-8 with a mark", arguments: [1, 2, 3, 99])
    func utf8Mark(piece: Int) throws {
        let table = table([0xEF, 0xBB, 0xBF] + Array("a,b\nü,2\n".utf8), .utf8, mark: 3, piece: piece)
        #expect(try table.reader().header.names == ["a", "b"])
        #expect(try table.cells() == [["ü", "2"]])
    }

    @Test("UTF-16 in both orders", arguments: [TextEncoding.utf16LittleEndian, .utf16BigEndian], [1, 3, 99])
    func utf16(encoding: TextEncoding, piece: Int) throws {
        let text = "a;b\r\nJürgen;東京\r\n😀;\"x\r\ny\"\r\n"
        let swapped = ("\u{FEFF}" + text).utf16.map(\.byteSwapped)
        let bytes = encoding == .utf16LittleEndian ? littleEndian(("\u{FEFF}" + text).utf16) : littleEndian(swapped)
        let table = table(bytes, encoding, mark: 2, piece: piece)
        #expect(try table.cells() == [["Jürgen", "東京"], ["😀", "x\r\ny"]])
    }

    @Test(
        "half a surrogate pair makes its row invalid",
        arguments: [[0xD800], [0xDC00], [0xD800, 0xD800], [0xD83D, 0x61], [0xDE00, 0xD83D]] as [[UInt16]]
    )
    func surrogates(units: [UInt16]) throws {
        let all = Array("a,b\n1,".utf16) + units + Array("\n2,x\n".utf16)
        let rows = try table(littleEndian(all), .utf16LittleEndian).rows()
        #expect(rows.map { $0.problem?.reason } == [.rowText, nil])
        #expect(rows[0].cells == ["1", ""])
    }

    @Test("UTF-16 that ends in the middle of a character makes its row invalid")
    func cutUTF16() throws {
        let bytes = littleEndian("a\nx".utf16) + [0x41]
        #expect(try table(bytes, .utf16LittleEndian).rows().map { $0.problem?.reason } == [.rowText])
    }

    @Test("every byte that Windows-1252 defines becomes what Foundation makes of it")
    func windows1252() throws {
        let undefined: Set<UInt8> = [0x81, 0x8D, 0x8F, 0x90, 0x9D]
        for byte in UInt8(0x80)...0xFF where !undefined.contains(byte) {
            let expected = try #require(String(data: Data([byte]), encoding: .windowsCP1252))
            #expect(
                try table(Array("a,b\nx".utf8) + [byte, 0x2C, 0x31], .windows1252).cells() == [["x" + expected, "1"]]
            )
        }
        for byte in undefined {
            let rows = try table(Array("a,b\nx".utf8) + [byte, 0x2C, 0x31], .windows1252).rows()
            #expect(rows.map { $0.problem?.reason } == [.rowText])
        }
    }
}
