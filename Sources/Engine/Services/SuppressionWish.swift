public import Core
import Intake
import Tracking

/// Which entries of the suppression list a command is about.
public struct SuppressionWish: Sendable {
    /// The scope; `nil` for what the command takes without one.
    let scope: SuppressionScope?
    /// The reason; `nil` for what the command takes without one.
    public let reason: Reason?

    /// Reads what stands on a command line.
    ///
    /// - Parameters:
    ///   - scope: `all`, `marketing` or `list`.
    ///   - list: The list's name, which makes the scope `list`.
    ///   - reason: A word for the reason, ours or another system's.
    public init(scope: String? = nil, list: String? = nil, reason: String? = nil) throws(EngineError) {
        switch (scope, list) {
        case (nil, nil): self.scope = nil
        case ("all", nil): self.scope = .all
        case ("marketing", nil): self.scope = .marketing
        case (nil, let name?), ("list", let name?):
            guard SuppressionWords.isListName(name) else {
                throw EngineError(
                    .usage,
                    "a list's name has 1 to 64 letters, digits, hyphens, dots and underscores"
                )
            }
            self.scope = .list(name)
        case ("list", nil): throw EngineError(.usage, "--scope list needs --list NAME")
        case (_, nil): throw EngineError(.usage, "--scope must be all, marketing or list")
        default: throw EngineError(.usage, "--list goes with --scope list only")
        }
        guard let reason else {
            self.reason = nil
            return
        }
        guard let known = SuppressionWords.reason(reason) else {
            throw EngineError(.usage, "--reason must be opt-out, bounce, complaint or by-hand")
        }
        self.reason = known
    }

    /// All of them.
    static let anything = SuppressionWish(of: nil, for: nil)

    private init(of scope: SuppressionScope?, for reason: Reason?) {
        self.scope = scope
        self.reason = reason
    }

    func matches(_ record: SuppressionRecord) -> Bool {
        (scope == nil || scope == record.scope) && (reason == nil || reason == record.reason)
    }
}

/// The words of suppression lists, ours and other systems'.
enum SuppressionWords {
    private static let reasons: [(reason: Reason, words: Set<String>)] = [
        (
            .optedOut,
            [
                "optedout", "optout", "unsubscribe", "unsubscribed", "unsubscription", "globalunsubscribe",
                "listunsubscribe",
            ]
        ),
        (.bounced, ["bounced", "bounce", "hardbounce", "hardbounced", "hard", "permanent", "dead", "invalid"]),
        (.complained, ["complained", "complaint", "spamcomplaint", "spam", "spamreport", "abuse", "abusecomplaint"]),
        (
            .suppressedByHand,
            ["suppressedbyhand", "byhand", "hand", "manual", "manualsuppression", "manually", "admin"]
        ),
    ]

    /// Where what stands in a table, by column.
    struct Columns {
        var address: Int?
        var tag: Int?
        var scope: Int?
        var list: Int?
        var reason: Int?
        var since: Int?

        init(_ names: [String]) {
            let names = names.map { SuppressionWords.plain($0) }
            func find(_ words: String...) -> Int? { names.firstIndex { words.contains($0) } }
            address = find("address", "email", "emailaddress", "mail", "recipient", "recipientaddress")
            tag = find("tag")
            scope = find("scope")
            list = find("list", "listname")
            reason = find("reason", "suppressionreason", "type", "suppressiontype")
            since = find(
                "since",
                "created",
                "createdat",
                "date",
                "time",
                "timestamp",
                "lastupdatetime",
                "unsubtime",
                "unsubscribedat"
            )
            if address == nil, tag == nil, names.count == 1 { address = 0 }
        }
    }

    /// The reason that a word means; `nil` for one that nobody here knows.
    static func reason(_ word: String) -> Reason? {
        let plain = plain(word)
        return reasons.first { $0.words.contains(plain) }?.reason
    }

    static func isListName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (0x41...0x5A).contains(byte & 0xDF) || (0x30...0x39).contains(byte) || "-._".utf8.contains(byte)
            }
    }

    /// Letters and digits in lower case: `Email Address`, `email_address` and `EmailAddress` are one.
    static func plain(_ word: String) -> String {
        String(
            decoding: word.lowercased().utf8.filter { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) },
            as: UTF8.self
        )
    }

    /// A moment in milliseconds since 1970, as lists have it: `2026-11-21 12:00:00.250` in UTC, ISO 8601 with an offset, a day, or
    /// seconds or milliseconds since 1970.
    static func moment(_ text: String) -> Int64? {
        if let number = Int64(text), number > 0 {
            return number < 100_000_000_000 ? number * 1_000 : number < 100_000_000_000_000 ? number : nil
        }
        var rest = text[...]
        let day = rest.prefix(10)
        rest = rest.dropFirst(10)
        if rest.isEmpty { return Timestamp("\(day) 00:00:00").map { $0.seconds * 1_000 } }
        guard rest.popFirst().map({ $0 == " " || $0 == "T" || $0 == "t" }) == true else { return nil }
        let clock = rest.prefix(8)
        guard let second = Timestamp("\(day) \(clock)") else { return nil }
        rest = rest.dropFirst(8)
        var milliseconds = second.seconds * 1_000
        if rest.first == "." || rest.first == "," {
            let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
            guard !digits.isEmpty, let thousandths = Int64((digits + "00").prefix(3)) else { return nil }
            milliseconds += thousandths
            rest = rest.dropFirst(1 + digits.count)
        }
        if rest.first == " " { rest = rest.dropFirst() }
        switch rest.first {
        case nil: return milliseconds
        case "Z", "z": return rest.count == 1 ? milliseconds : nil
        case "+", "-":
            let digits = rest.dropFirst().filter { $0 != ":" }
            guard digits.count == 4, let hours = Int64(digits.prefix(2)), let minutes = Int64(digits.suffix(2)),
                hours < 24, minutes < 60
            else { return rest == "+00" ? milliseconds : nil }
            let offset = (hours * 60 + minutes) * 60_000
            return rest.first == "+" ? milliseconds - offset : milliseconds + offset
        default: return rest == "UTC" || rest == "GMT" ? milliseconds : nil
        }
    }
}
