import Bounces
import Core
import Foundation
import Testing

/// Reports in the forms that mail systems give them, and messages that look like some and are none.
@Suite struct FormTests {
    struct Expected: CustomTestStringConvertible {
        var report: String
        var kind: String
        var recipients: [[String]]
        var testDescription: String { report }
    }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Reports")

    /// `expected.csv` in the reports' folder: a line for each recipient.
    static let all: [Expected] = {
        let text = (try? String(contentsOf: folder.appendingPathComponent("expected.csv"), encoding: .utf8)) ?? ""
        var all: [Expected] = []
        for line in text.split(whereSeparator: \.isNewline).dropFirst() {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            if all.last?.report != cells[0] { all.append(Expected(report: cells[0], kind: cells[1], recipients: [])) }
            if !cells[2].isEmpty { all[all.count - 1].recipients.append(Array(cells[2...])) }
        }
        return all
    }()

    @Test func `each report has its expectation`() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter {
            $0.hasSuffix(".eml")
        }
        #expect(files.sorted() == Self.all.map { $0.report + ".eml" }.sorted())
        #expect(files.count >= 50)
    }

    @Test(arguments: all)
    func `a report is read as what it is`(expected: Expected) throws {
        let file = Self.folder.appendingPathComponent(expected.report + ".eml")
        let message = BounceReader().read(Array(try Data(contentsOf: file)))
        #expect(message.kind.rawValue == expected.kind)
        let found = message.recipients.map { recipient in
            [recipient.address.exposed, recipient.reason.rawValue, recipient.severity?.rawValue ?? "none"]
        }
        #expect(found == expected.recipients)
        #expect(message.sentTo.map(\.exposed) == ["b+token@clinic.example"])
    }
}
