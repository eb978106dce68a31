import Bounces
import Core
import Foundation
import Testing

/// Servers' and mail systems' words, and whether they say that the address is dead.
@Suite struct WordsTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var severity: String
        var step: String
        var status: String
        var words: String
        var testDescription: String { "\(step): \(words)" }

        /// The report that gives these words back.
        var report: String {
            let lines = words.components(separatedBy: " / ")
            switch step {
            case "exim": return Self.exim(lines)
            case "qmail": return Self.qmail(lines)
            case "own": return Report.delivery(status: status, diagnostic: words, words: "<\(Self.address)>: \(words)")
            default:
                let command = ["rcpt": "RCPT TO", "mail": "MAIL FROM", "data": "end of DATA"][step] ?? ""
                return Report.delivery(
                    status: status,
                    diagnostic: words,
                    words: "<\(Self.address)>: host mx.example.org[192.0.2.25] said: \(words) (in\n"
                        + "    reply to \(command) command)"
                )
            }
        }

        private static let address = "anna@example.org"

        private static func exim(_ lines: [String]) -> String {
            """
            Return-Path: <>
            From: Mail Delivery System <Mailer-Daemon@mx.example.net>
            To: b+token@clinic.example
            Subject: Mail delivery failed: returning message to sender

            This message was created automatically by mail delivery software.

            A message that you sent could not be delivered to one or more of its
            recipients. This is a permanent error. The following address(es) failed:

              \(address)
            \(lines.map { "    \($0)" }.joined(separator: "\n"))

            """
        }

        private static func qmail(_ lines: [String]) -> String {
            """
            Return-Path: <>
            From: MAILER-DAEMON@mx.example.net
            To: b+token@clinic.example
            Subject: failure notice

            Hi. This is the qmail-send program at mx.example.net.
            I'm afraid I wasn't able to deliver your message to the following addresses.

            <\(address)>:
            \(lines.joined(separator: "\n"))

            """
        }
    }

    /// `words.tsv` in the reports' folder.
    static let all: [Case] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "Reports/words.tsv"
        )
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return text.split(whereSeparator: \.isNewline).dropFirst().map { line in
            let cells = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            return Case(severity: cells[0], step: cells[1], status: cells[2], words: cells[3])
        }
    }()

    @Test func `the table of words is there`() {
        #expect(Self.all.count >= 200)
    }

    @Test(arguments: all)
    func `words say whether an address is dead`(words: Case) {
        let message = BounceReader().read(Array(words.report.utf8))
        #expect(message.kind == .bounce)
        #expect(message.recipients.map(\.address.exposed) == ["anna@example.org"])
        #expect(message.recipients.first?.severity?.rawValue == words.severity)
        if words.severity == "soft" { #expect(message.recipients.first?.consequence != .atOnce) }
    }
}
