import Bounces
import Foundation
import TestSupport
import Testing

/// Reports that many mail systems wrote, and what another reader makes of them; not part of the project.
enum SharedReports {
    static let directory = SharedCases.folder("bounces")
    static let isThere = directory != nil

    struct Expected {
        var file: String
        var count: Int
        var recipient: String
        var reason: String
        var isHard: Bool
    }

    static func expected() throws -> [Expected] {
        let text = try String(contentsOfFile: try #require(directory) + "/expected.csv", encoding: .utf8)
        return text.split(whereSeparator: \.isNewline).dropFirst().map { line in
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            return Expected(
                file: cells[0],
                count: Int(cells[1]) ?? 0,
                recipient: cells[2],
                reason: cells[4],
                isHard: cells[6] == "1"
            )
        }
    }

    static func read(_ file: String) throws -> ReturnedMessage {
        let data = try Data(contentsOf: URL(fileURLWithPath: try #require(directory) + "/" + file))
        return BounceReader().read(Array(data))
    }

    static func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: try #require(directory)).filter { $0.hasSuffix(".eml") }
            .sorted()
    }

    /// What the other reader calls our reasons; one word of its may be several of ours and the other way round.
    static let names: [String: Set<String>] = [
        "userunknown": ["mailbox-unknown"], "hostunknown": ["domain-unknown"], "hasmoved": ["mailbox-moved"],
        "notaccept": ["domain-without-mail"], "mailboxfull": ["mailbox-full"], "suspend": ["mailbox-disabled"],
        "filtered": ["recipient-refused"], "expired": ["expired"], "networkerror": ["routing"],
        "blocked": ["sender-blocked"], "rejected": ["sender-refused"], "norelaying": ["relay-denied"],
        "mesgtoobig": ["message-too-large"], "exceedlimit": ["message-too-large"], "spamdetected": ["spam-suspected"],
        "virusdetected": ["virus-suspected"], "policyviolation": ["policy-refused", "sender-unauthenticated"],
        "securityerror": ["policy-refused", "authentication", "sender-unauthenticated"],
        "systemerror": ["server-failed"], "mailererror": ["delivery-program"], "toomanyconn": ["server-busy"],
        "contenterror": ["content-refused"], "syntaxerror": ["protocol-error"], "onhold": ["refused"],
        "undefined": ["refused"], "feedback": ["complained"], "vacation": [""],
    ]
}
