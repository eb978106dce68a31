import Compose
import Core
import Foundation
import Testing

/// Tokens that can be read off a golden file.
struct PlainMinter: TokenMinting {
    func appendOpenURL(job: JobID, row: RowNumber, to output: inout [UInt8]) {
        output.append(contentsOf: "https://t.riverside.example/o/\(row).gif".utf8)
    }

    func appendClickURL(job: JobID, row: RowNumber, link: Int, target: ArraySlice<UInt8>, to output: inout [UInt8]) {
        output.append(contentsOf: "https://t.riverside.example/c/\(row)-\(link)".utf8)
    }

    func appendUnsubscribeURL(
        job: JobID,
        row: RowNumber,
        list: String,
        language: String,
        address: Address,
        to output: inout [UInt8]
    ) {
        output.append(contentsOf: "https://t.riverside.example/u/\(list.prefix(10))-\(row)".utf8)
    }

    func appendPreferencesURL(
        job: JobID,
        row: RowNumber,
        list: String,
        language: String,
        address: Address,
        to output: inout [UInt8]
    ) {
        output.append(contentsOf: "https://t.riverside.example/p/\(list.prefix(10))-\(row)".utf8)
    }
}

/// A job as small as one can be, to be changed by a test.
enum Fixture {
    static let date = Timestamp(year: 2026, month: 11, day: 21, hour: 9, minute: 5, second: 7)

    static func address(_ local: String, _ domain: String = "patients.example") throws -> Address {
        try Address(localPart: local, domain: domain)
    }

    static func source(_ text: String, file: String = "message.txt") -> TemplateSource {
        TemplateSource(name: "message", file: file, bytes: Array(text.utf8))
    }

    /// Columns `name` (PHI), `clinic` (plain), `letter` (PHI).
    static func design(
        subject: String = "Your visit at {{clinic}}",
        html: String? = nil,
        text: String? = nil
    ) throws -> JobDesign {
        JobDesign(
            from: Mailbox(name: try HeaderValue("Riverside Clinic"), address: try address("care", "riverside.example")),
            subject: source(subject, file: "manifest.yaml"),
            html: html.map { source($0, file: "message.html") },
            text: text.map { source($0) },
            columns: ColumnTable(names: ["name", "clinic", "letter"], plain: ["clinic"]),
            nameColumn: 0
        )
    }

    static func row(_ name: String, _ clinic: String = "River Road", _ letter: String = "a.pdf") -> Row {
        Row(number: RowNumber(7), line: 8, cells: [name, clinic, letter])
    }

    static func identity(_ first: UInt8 = 0) throws -> MessageIdentity {
        let digest = (0..<32).map { UInt8($0) &* 7 &+ first }
        return try #require(MessageIdentity(digest: digest, domain: "riverside.example"))
    }

    static func context(_ recipient: Address? = nil, list: String = "") throws -> RenderContext {
        RenderContext(
            job: try #require(JobID(digest: Array(repeating: 5, count: 10))),
            minter: PlainMinter(),
            recipient: try recipient ?? address("anna"),
            list: list
        )
    }

    /// Composes one message.
    static func message(
        _ design: JobDesign,
        _ row: Row = row("Anna Berg"),
        to recipient: Address? = nil,
        attachments: [AttachmentContent] = []
    ) throws -> [UInt8] {
        var scratch = Scratch()
        var output: [UInt8] = []
        try Composer(design).compose(
            row: row,
            identity: identity(),
            date: date,
            attachments: attachments,
            context: context(recipient, list: design.list ?? ""),
            scratch: &scratch,
            into: &output
        )
        return output
    }
}

/// Compares bytes with the file of that name in `Snapshots`.
///
/// A missing file is recorded, and the test fails; `WARDPOST_RECORD=1` records all anew, and the tests fail too, so that
/// nobody leaves it on.
func expectGolden(_ bytes: [UInt8], _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Snapshots/\(name)")
    let wantsRecord = ProcessInfo.processInfo.environment["WARDPOST_RECORD"] != nil
    guard !wantsRecord, let expected = try? Data(contentsOf: url) else {
        try Data(bytes).write(to: url)
        Issue.record("recorded \(name); look at it and run again", sourceLocation: sourceLocation)
        return
    }
    guard Data(bytes) != expected else { return }
    let lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n")
    let wanted = String(decoding: expected, as: UTF8.self).components(separatedBy: "\r\n")
    let changes = lines.difference(from: wanted).map { change in
        switch change {
        case .insert(let line, let text, _): "+\(line + 1): \(text)"
        case .remove(let line, let text, _): "-\(line + 1): \(text)"
        }
    }
    Issue.record("\(name) differs:\n\(changes.joined(separator: "\n"))", sourceLocation: sourceLocation)
}

/// The lines of a message without their CRLF; fails where a CR or LF stands alone.
func wireLines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var start = 0
    for index in bytes.indices where bytes[index] == 0x0A {
        #expect(index > start && bytes[index - 1] == 0x0D, "LF without CR")
        lines.append(bytes[start..<(index - 1)])
        start = index + 1
    }
    #expect(start == bytes.count, "the end is no CRLF")
    for line in lines where line.contains(0x0D) {
        Issue.record("CR without LF")
    }
    return lines
}

/// The rules every message keeps, whatever is in it.
func expectCleanWire(_ bytes: [UInt8], headersUTF8: Bool = false) {
    for line in wireLines(bytes) {
        #expect(line.count <= 998)
        #expect(line.first != UInt8(ascii: "."))
        #expect(!line.starts(with: "From ".utf8))
        #expect(!line.contains(0))
        #expect(headersUTF8 || line.allSatisfy { $0 < 0x80 })
    }
}
