import Core
import Foundation
import Testing

@testable import Compose

@Suite("What a file is")
struct AttachmentTypeTests {
    private static let zip: [UInt8] = [0x50, 0x4B, 0x03, 0x04, 0x14, 0]
    private static let office: [UInt8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, 0]
    private static let dicom = [UInt8](repeating: 0, count: 128) + Array("DICM".utf8) + [2, 0]
    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test(
        "is told by its first bytes, then by its name",
        arguments: [
            (text("%PDF-1.7\n%âãÏÓ"), "letter.pdf", "application/pdf"),
            (text("%PDF-1.7"), "letter.txt", "application/pdf"),
            (text("\n%PDF-1.7"), "letter.pdf", "application/pdf"),
            (text("not a PDF"), "letter.pdf", "text/plain; charset=utf-8"),
            ([0, 1, 2, 0xFF], "letter.pdf", "application/octet-stream"),
            ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0], "a.jpg", "image/png"),
            ([0xFF, 0xD8, 0xFF, 0xE0, 0], "a", "image/jpeg"),
            (text("GIF89a"), "a", "image/gif"),
            (text("GIF88a"), "a", "text/plain; charset=utf-8"),
            (dicom, "scan", "application/dicom"),
            (zip, "a.zip", "application/zip"),
            (zip, "a.DOCX", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            (zip, "a.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            (zip, "a.exe", "application/zip"),
            (office, "a.doc", "application/msword"),
            (office, "a.bin", "application/octet-stream"),
            (text("RIFF....WEBPVP8 "), "a.png", "image/webp"),
            (text("a;b\n1;2\n"), "values.csv", "text/csv; charset=utf-8"),
            (text("größe;1\n"), "values.CSV", "text/csv; charset=utf-8"),
            ([0x67, 0xF6, 0xDF, 0x65], "values.csv", "application/octet-stream"),
            (text("nul\0"), "a.txt", "application/octet-stream"),
            (text("{}"), "a.json", "application/json"),
            (text("BEGIN:VCALENDAR"), "visit.ics", "text/calendar; charset=utf-8"),
            ([], "empty.txt", "application/octet-stream"),
            ([0xFF, 0xFB, 0x90], "a.mp3", "audio/mpeg"),
            ([1, 2, 3], "a.b.", "application/octet-stream"),
        ] as [([UInt8], String, String)]
    )
    func types(bytes: [UInt8], name: String, expected: String) {
        #expect(MediaType(of: bytes, fileName: name).description == expected)
    }
}

@Suite("The name of a file")
struct AttachmentNameTests {
    @Test(
        "is safe on every file system",
        arguments: [
            ("summary.pdf", "summary.pdf"),
            (" summary.pdf ", "summary.pdf"),
            ("a/b\\c:d*e?f\"g<h>i|j", "a_b_c_d_e_f_g_h_i_j"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("..", ""),
            ("report. ", "report"),
            ("Größe.pdf", "Größe.pdf"),
        ]
    )
    func shown(name: String, expected: String) {
        #expect(String(decoding: FileName.shown(Array(name.utf8)[...]), as: UTF8.self) == expected)
    }

    @Test("has an ASCII form for old readers")
    func ascii() {
        #expect(FileName.ascii(Array("Größe 漢.pdf".utf8)) == Array("Gr__e _.pdf".utf8))
    }

    @Test(
        "is a parameter by RFC 2045, or by RFC 2231 where that has no way to say it",
        arguments: [
            ("summary.pdf", ";\r\n filename=\"summary.pdf\""),
            ("my summary.pdf", ";\r\n filename=\"my summary.pdf\""),
            ("Größe.pdf", ";\r\n filename*=utf-8''Gr%C3%B6%C3%9Fe.pdf"),
            ("100% 'a'.pdf", ";\r\n filename=\"100% 'a'.pdf\""),
            ("ü'%*.pdf", ";\r\n filename*=utf-8''%C3%BC%27%25%2A.pdf"),
        ]
    )
    func parameter(name: String, expected: String) {
        var output: [UInt8] = []
        ParameterWriter.append("filename", Array(name.utf8), to: &output)
        #expect(String(decoding: output, as: UTF8.self) == expected)
    }

    @Test("goes in sections of whole characters where it is long", arguments: ["x", "ü", "漢", "👩"])
    func sections(character: String) throws {
        let name = String(repeating: character, count: 200)
        var output: [UInt8] = []
        ParameterWriter.append("filename", Array(name.utf8), to: &output)
        let lines = String(decoding: output, as: UTF8.self).components(separatedBy: "\r\n ").dropFirst()
        var decoded = ""
        for (number, line) in lines.enumerated() {
            #expect(line.utf8.count < 76)
            let parts = line.split(separator: "=", maxSplits: 1)
            #expect(parts[0] == "filename*\(number)*")
            var value = String(parts[1])
            if number == 0 {
                #expect(value.hasPrefix("utf-8''"))
                value.removeFirst(7)
            }
            if value.hasSuffix(";") { value.removeLast() }
            decoded += try #require(value.removingPercentEncoding)
        }
        #expect(decoded == name)
    }
}

@Suite("Base64 lines")
struct AttachmentBase64Tests {
    @Test("agree with Foundation for every length around a line's", arguments: 0...180)
    func lengths(count: Int) {
        var random = SplitMix(seed: UInt64(count))
        let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        var output: [UInt8] = []
        Base64Lines.append(bytes, to: &output)
        #expect(output.count == Base64Lines.encodedCount(count))
        let text = Data(bytes).base64EncodedString(options: [.lineLength76Characters])
        #expect(String(decoding: output, as: UTF8.self) == (count == 0 ? "" : text + "\r\n"))
    }
}
