import Bounces
import Core
import Foundation
import Testing

/// What relays do to a report on its way changes nothing in what it says.
@Suite struct TransportTests {
    enum Change: String, CaseIterable, Sendable {
        case carriageReturns
        case doubledCarriageReturns
        case fieldNamesInCapitals
        case mboxSeparator
        case otherHosts
        case trailingSpaces

        func made(on text: String) -> String {
            var lines = text.components(separatedBy: "\n")
            switch self {
            case .carriageReturns: return lines.joined(separator: "\r\n")
            case .doubledCarriageReturns: return lines.joined(separator: "\r\r\n")
            case .fieldNamesInCapitals:
                let end = lines.firstIndex(of: "") ?? lines.count
                for index in 0..<end where lines[index].first?.isLetter == true {
                    guard let colon = lines[index].firstIndex(of: ":") else { continue }
                    lines[index] = lines[index][..<colon].uppercased() + lines[index][colon...]
                }
                return lines.joined(separator: "\n")
            case .mboxSeparator: return "From MAILER-DAEMON Sat Nov 21 12:00:00 2026\n" + text
            case .otherHosts: return text.replacingOccurrences(of: "mx.example", with: "relay7.klinik")
            case .trailingSpaces:
                // An encoded body has none of its own.
                if text.contains("Content-Transfer-Encoding") { return text }
                let end = lines.firstIndex(of: "") ?? lines.count
                for index in lines.indices.dropFirst(end + 1)
                where !lines[index].isEmpty && !lines[index].hasPrefix("--") {
                    lines[index] += " "
                }
                return lines.joined(separator: "\n")
            }
        }
    }

    private static func said(_ bytes: [UInt8]) -> [[String]] {
        let message = BounceReader().read(bytes)
        return [[message.kind.rawValue, message.form]]
            + message.recipients.map { recipient in
                [
                    recipient.address.exposed, recipient.action.rawValue, recipient.reason.rawValue,
                    recipient.severity?.rawValue ?? "none",
                ]
            }
    }

    @Test(arguments: Change.allCases)
    func `a report reads the same`(change: Change) throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Reports")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "eml" }
        #expect(files.count > 100)
        for file in files {
            // A report in another charset is not a Swift text.
            guard let text = String(data: try Data(contentsOf: file), encoding: .utf8) else { continue }
            #expect(
                Self.said(Array(change.made(on: text).utf8)) == Self.said(Array(text.utf8)),
                "\(file.lastPathComponent)"
            )
        }
    }
}
