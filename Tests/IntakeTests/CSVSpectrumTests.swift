import Foundation
import Intake
import TestSupport
import Testing

@Suite("Tables that others collected", .enabled(if: SharedCases.folder("csv-spectrum") != nil, "no csv-spectrum here"))
struct CSVSpectrumTests {
    @Test(
        "csv-spectrum",
        arguments: [
            "comma_in_quotes", "empty", "empty_crlf", "escaped_quotes", "json", "newlines", "newlines_crlf",
            "quotes_and_newlines", "simple", "simple_crlf", "utf8",
        ]
    )
    func spectrum(name: String) throws {
        let folder = try #require(SharedCases.folder("csv-spectrum"))
        let csv = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/csvs/\(name).csv"))
        let json = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/json/\(name).json"))
        let expected = try JSONDecoder().decode([[String: String]].self, from: json)
        let table = Table(bytes: [UInt8](csv))
        let names = try table.reader().header.names
        let found = try table.cells().map { Dictionary(uniqueKeysWithValues: zip(names, $0)) }
        #expect(found == expected)
    }

    @Test("the one case with a quote inside a cell without quotes, 37.8\"N, is refused on purpose")
    func coordinates() throws {
        let folder = try #require(SharedCases.folder("csv-spectrum"))
        let csv = try Data(contentsOf: URL(fileURLWithPath: folder + "/csvs/location_coordinates.csv"))
        let refusal = Table(bytes: [UInt8](csv)).refusal()
        #expect(refusal.count == 1)
        #expect(refusal.first?.hasPrefix("r.csv:2:22: a quote stands inside a cell of column 2") == true, "\(refusal)")
    }

    @Test("no case is left out")
    func complete() throws {
        let folder = try #require(SharedCases.folder("csv-spectrum"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/csvs").count == 12)
    }
}
