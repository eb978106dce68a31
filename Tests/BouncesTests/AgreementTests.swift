import Bounces
import Core
import Foundation
import Testing

/// How far the reader agrees with another one on half of a public collection.
@Suite struct AgreementTests {
    private struct Tally {
        var right = 0
        var all = 0
        var share: Double { all == 0 ? 1 : Double(right) / Double(all) }
        var text: String { "\(right) of \(all) (\(String(format: "%.1f", share * 100)) %)" }

        mutating func count(_ isRight: Bool) {
            all += 1
            if isRight { right += 1 }
        }
    }

    @Test(.enabled(if: SharedReports.isThere, "the shared reports are not here"))
    func `the reader agrees with another on who and how hard in at least 97 of 100`() throws {
        var recipients = Tally()
        var severities = Tally()
        var reasons = Tally()
        var wrong: [String] = []
        let only = try ProcessInfo.processInfo.environment["WARDPOST_REPORTS"].map {
            Set(try String(contentsOfFile: $0, encoding: .utf8).split(whereSeparator: \.isNewline).map(String.init))
        }
        for expected in try SharedReports.expected()
        where !expected.recipient.isEmpty && (only == nil || only?.contains(expected.file) == true) {
            let message = try SharedReports.read(expected.file)
            let found = message.recipients.first {
                $0.address.exposed.lowercased() == expected.recipient.lowercased()
            }
            let isHard = found?.severity == .hard
            recipients.count(found != nil)
            severities.count(found != nil && isHard == expected.isHard)
            let reason = found?.reason.rawValue ?? "none"
            let isSame = SharedReports.names[expected.reason]?.contains(reason) == true
            reasons.count(isSame)
            let isMany = message.recipients.count != expected.count
            if isMany || found == nil || isHard != expected.isHard || !isSame {
                let mark = found == nil ? "WHO" : isHard != expected.isHard ? "HARD" : "why"
                wrong.append(
                    "\(mark) \(expected.file): \(message.kind) by \(message.form), \(expected.reason) read as \(reason) \(found?.status ?? "") n=\(message.recipients.count)"
                )
            }
        }
        print("recipient \(recipients.text), hard or soft \(severities.text), reason \(reasons.text)")
        print(wrong.sorted().joined(separator: "\n"))
        #expect(recipients.share >= 0.97)
        #expect(severities.share >= 0.97)
    }

    @Test(.enabled(if: SharedReports.isThere, "the shared reports are not here"))
    func `what is no bounce is read as none`() throws {
        let none = try SharedReports.files().filter { $0.hasPrefix("not-a-bounce") }
        #expect(!none.isEmpty)
        for file in none {
            let message = try SharedReports.read(file)
            #expect(message.kind == .other || message.kind == .autoReply, "\(file)")
        }
    }
}
