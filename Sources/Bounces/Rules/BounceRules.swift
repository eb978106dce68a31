public import Core

/// What reports look like, what servers' words mean, and what follows: the rules file, read.
///
/// The shipped file is compiled in; a site may name its own in its place.
public struct BounceRules: Sendable {
    /// What one reason means.
    struct ReasonClass: Sendable {
        var severity: ReportedRecipient.Severity
        /// The severity where the server calls the failure temporary (a status of class 4).
        var whenTemporary: ReportedRecipient.Severity
        var consequence: Consequence
    }

    /// At which step of the dialogue a server refused.
    enum Stage: String, Sendable, CaseIterable {
        case connect
        case mail
        case rcpt
        case data
    }

    /// One rule: it applies when all of its conditions hold that are not empty.
    struct Rule: Sendable {
        var reason: Reason
        /// The server's words hold one of these.
        var says: [SearchText.Phrase]
        /// They hold none of these.
        var unless: [SearchText.Phrase]
        var statuses: [StatusPattern]
        var codes: [Int]
        var stages: [Stage]
        /// The refusing server's name ends in one of these.
        var hosts: [String]
    }

    /// How a report in free words is known, and how it is read.
    struct Form: Sendable {
        var name: String
        var kind: ReturnedMessage.Kind
        /// One of these stands in its text; empty if nothing need.
        var opens: [SearchText.Phrase]
        /// One of these stands in the `From` field; empty if nothing need.
        var from: [SearchText.Phrase]
        /// One of these stands in the `Subject` field; empty if nothing need.
        var subject: [SearchText.Phrase]
        /// One of these fields is there; empty if none need be.
        var fields: [String]
        /// How a line that names a recipient begins; empty if with the address itself.
        var recipients: [RecipientLine]
        /// The header field that names the recipients, where the text does not.
        var recipientField: String?
        /// Whether its words on the failure may stand before the recipient.
        var readsAll: Bool
        /// Whether a message that calls itself an automatic reply (RFC 3834) never has it.
        var isNoReply: Bool
        /// At which step this program is always refused, if its reports do not say.
        var stage: Stage?
        /// Why, where its reports give no reason of their own.
        var reason: Reason?
        /// Whether more is asked of it than its words.
        var isKnownByHeader: Bool { !from.isEmpty || !subject.isEmpty || !fields.isEmpty }
    }

    var classes: [Reason: ReasonClass]
    var rules: [Rule]
    var statuses: [(pattern: StatusPattern, reason: Reason)]
    var stages: [(stage: Stage, phrases: [SearchText.Phrase])]
    var forms: [Form]
    /// How the line begins behind which a report gives back the message.
    var ends: [[UInt8]]
    /// What a warning of delay says.
    var delays: [SearchText.Phrase]
    /// What a receipt of delivery says.
    var receipts: [SearchText.Phrase]
    /// What the subject of an automatic reply says.
    var replySubjects: [SearchText.Phrase]
    /// The reason where nothing says why.
    static let fallback = Reason.refused

    /// The rules that come with the program.
    public static let standard: BounceRules = {
        do {
            return try BounceRules(reading: PackageResources.bounce_rules_yaml, file: "bounce-rules.yaml")
        } catch {
            fatalError("the rules that come with the program cannot be read:\n\(error)")
        }
    }()

    /// The text of the rules that come with the program, to start one's own from.
    public static var standardText: [UInt8] {
        PackageResources.bounce_rules_yaml
    }

    /// The reasons that a bounce or a complaint can have under these rules, in alphabetical order.
    public var reasons: [Reason] {
        classes.keys.sorted { $0.rawValue < $1.rawValue }
    }

    /// What follows for an address, by the reason alone.
    public func consequence(of reason: Reason) -> Consequence {
        classes[reason]?.consequence ?? .never
    }
}

/// An enhanced status code with `x` for any number: `x.1.1`, `5.7.x`.
struct StatusPattern: Sendable {
    private var parts: [Int?]

    init?(_ text: String) {
        let words = text.split(separator: ".", omittingEmptySubsequences: false)
        guard words.count == 3 else { return nil }
        parts = []
        for word in words {
            if word == "x" {
                parts.append(nil)
            } else if word.utf8.count <= 3, let number = Int(word), number >= 0 {
                parts.append(number)
            } else {
                return nil
            }
        }
    }

    func matches(_ status: EnhancedStatus) -> Bool {
        zip(parts, [status.level, status.subject, status.detail]).allSatisfy { $0 == nil || $0 == $1 }
    }
}

/// How a line that names a recipient begins; the address follows.
struct RecipientLine: Sendable {
    /// What stands before the address, lower case, single spaces.
    var prefix: [UInt8]
    /// Whether it may stand anywhere in the line.
    var isAnywhere: Bool
    /// Whether the line begins with the address itself.
    var isPlain: Bool { prefix.isEmpty && !isAnywhere }

    /// Reads `Recipient address: {address}`; a `*` before it lets it stand anywhere.
    init?(_ text: String) {
        guard text.hasSuffix("{address}") else { return nil }
        var prefix = text.dropLast("{address}".count)
        isAnywhere = prefix.hasPrefix("*")
        if isAnywhere { prefix = prefix.dropFirst() }
        self.prefix = SearchText(String(prefix)).bytes
    }
}
