/// Knows files that are no CSV by their first bytes, so that the refusal can say what they are.
enum FileSignature {
    private static let known: [(bytes: [UInt8], name: String)] = [
        ([0x1F, 0x8B], "a gzip archive"),
        (Array("%PDF".utf8), "a PDF file"),
        ([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "an old Excel workbook (.xls)"),
        (Array("BZh".utf8), "a bzip2 archive"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "an xz archive"),
        ([0x28, 0xB5, 0x2F, 0xFD], "a Zstandard archive"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7-Zip archive"),
        (Array("Rar!".utf8) + [0x1A, 0x07], "a RAR archive"),
        (Array("{\\rtf".utf8), "a rich text document"),
        (Array("SQLite format 3".utf8) + [0], "a database"),
        ([0x7F] + Array("ELF".utf8), "a program"),
        ([0x89] + Array("PNG".utf8), "an image"),
        ([0xFF, 0xD8, 0xFF], "an image"),
        ([0xFF, 0xFE, 0x00, 0x00], "text in UTF-32"),
        ([0x00, 0x00, 0xFE, 0xFF], "text in UTF-32"),
    ]

    /// What the file is, with its article; `nil` if nothing known.
    static func name(of head: [UInt8]) -> String? {
        if head.starts(with: [0x50, 0x4B, 0x03, 0x04]) || head.starts(with: [0x50, 0x4B, 0x05, 0x06]) {
            return nameOfArchive(head)
        }
        if let found = known.first(where: { head.starts(with: $0.bytes) }) { return found.name }
        let start = String(decoding: head.drop { $0 <= 0x20 || $0 >= 0x80 }.prefix(14), as: UTF8.self).lowercased()
        if start.hasPrefix("<?xml") { return "an XML file" }
        if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") { return "a web page" }
        return nil
    }

    /// The names inside a zip archive tell spreadsheets from other archives.
    private static func nameOfArchive(_ head: [UInt8]) -> String {
        let text = String(decoding: head.map { $0 < 0x80 ? $0 : 0x20 }, as: UTF8.self)
        if text.contains("opendocument.spreadsheet") { return "an OpenDocument workbook (.ods)" }
        if text.contains("[Content_Types].xml") || text.contains("xl/") { return "an Excel workbook (.xlsx)" }
        return "a zip archive"
    }

    /// Says that the first bytes are not text at all, or UTF-16 without a mark; `nil` if they may be text.
    static func binary(_ head: [UInt8]) -> String? {
        var zeros = [0, 0]
        var controls = 0
        for (index, byte) in head.enumerated() where byte < 0x20 && byte != 0x09 && byte != 0x0A && byte != 0x0D {
            controls += 1
            if byte == 0 { zeros[index & 1] += 1 }
        }
        // A stray control character makes a row invalid; a file full of them is something else.
        guard controls > 8, controls > head.count / 32 else { return nil }
        let most = max(zeros[0], zeros[1])
        if most > head.count / 4, min(zeros[0], zeros[1]) < most / 8 {
            return "this looks like UTF-16 without a byte-order mark"
        }
        return "this is a binary file, not a CSV file"
    }
}
