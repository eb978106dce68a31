import Foundation
import TestSupport

/// LibreOffice Calc without a window, with a profile of its own.
struct LibreOffice: Sendable {
    private let directory: TemporaryDirectory

    static var isThere: Bool { Places.have("soffice", "python3") }

    init() throws {
        directory = try TemporaryDirectory()
    }

    /// Saves a table of texts as CSV with semicolons in Windows-1252, as an office in Europe would; the file's bytes.
    func save(_ table: [[String]]) async throws -> Data {
        let source = try directory.write("table.json", try JSONEncoder().encode(table))
        let sheet = directory.path("recipients.fods")
        try await Program.output(["python3", Places.script("spreadsheet.py"), "write", source, sheet])
        // Field and text delimiter, character set (1 is Windows-1252), first line, formats, language, quote all, as shown.
        try await convert(sheet, to: "csv:Text - txt - csv (StarCalc):59,34,1,1,,0,false,true", reading: nil)
        return try Data(contentsOf: URL(fileURLWithPath: directory.path("out/recipients.csv")))
    }

    /// The cells of a CSV file of ours as LibreOffice has them after opening it, all columns taken as text.
    func open(_ path: String, columns: Int) async throws -> [[String]] {
        let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        let formats = (1...columns).map { "\($0)/2" }.joined(separator: "/")
        try await convert(path, to: "fods", reading: "CSV:44,34,76,1,\(formats),0,false,false")
        let cells = try await Program.output([
            "python3", Places.script("spreadsheet.py"), "read", directory.path("out/\(name).fods"),
        ])
        return try JSONDecoder().decode([[String]].self, from: Data(cells.utf8))
    }

    private func convert(_ path: String, to format: String, reading: String?) async throws {
        try await Program.output(
            ["soffice", "-env:UserInstallation=file://\(directory.path("profile"))", "--headless", "--norestore"]
                + (reading.map { ["--infilter=\($0)"] } ?? [])
                + ["--convert-to", format, "--outdir", directory.path("out"), path],
            within: .seconds(180)
        )
    }
}
