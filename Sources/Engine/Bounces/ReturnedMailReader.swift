import Bounces
import Core
import Intake
import Tracking

/// Reads one mail of the bounce mailbox as far as it tells by itself; pure.
struct ReturnedMailReader: Sendable {
    /// What the events call an opt-out that came as a message.
    static let byMail = "mailto"

    /// What a mail says, if it says something of a message of ours.
    struct Note: Sendable {
        /// What happened.
        enum Matter: Sendable {
            case bounce(Event.Severity, Consequence)
            case complaint
            case optOut
        }

        var matter: Matter
        var token: ReturnToken
        /// The mailbox, if the mail names one that is the token's.
        var tag: AddressTag?
        var reason = ""
        var status = ""
    }

    /// A mail, read.
    struct Reading: Sendable {
        /// What it says by itself.
        var facts: ReturnedMail.Facts
        /// What it says of a message of ours.
        var meaning: Meaning
    }

    /// What a mail says of a message of ours.
    enum Meaning: Sendable {
        /// Nothing that matters.
        case nothing(ReturnedMail.Verdict)
        /// Something, if the message is known.
        case note(Note)
    }

    let reader: BounceReader
    /// `nil` where messages have no return path of their own: then no mail is about one of them.
    let returnPath: ReturnPath?
    let tagger: AddressTagger

    /// Reads a mail.
    func read(_ bytes: [UInt8]) -> Reading {
        let mail = reader.read(bytes)
        let recipient = mail.recipients.first { $0.action == .failed } ?? mail.recipients.first
        let facts = ReturnedMail.Facts(
            kind: mail.kind.rawValue,
            form: mail.form,
            severity: recipient?.severity?.rawValue ?? "",
            reason: recipient?.reason.rawValue ?? "",
            status: recipient?.status ?? ""
        )
        return Reading(facts: facts, meaning: meaning(mail, bytes))
    }

    /// What a mail that was read says of a message of ours.
    func meaning(_ mail: ReturnedMessage, _ bytes: [UInt8]) -> Meaning {
        let sentTo = find(mail.sentTo)
        // Whoever writes to that address wants out, whatever the message says; unless it is one that nobody wrote.
        if let token = sentTo.tokens.first(where: { $0.kind == .unsubscribe }) {
            switch mail.kind {
            case .other, .autoReply, .optOut:
                let senders = mail.recipients.map(\.address)
                return .note(Note(matter: .optOut, token: token, tag: tag(senders, token)))
            case .bounce, .delay, .delivered, .complaint: break
            }
        }
        switch mail.kind {
        case .delay: return .nothing(.delay)
        case .delivered: return .nothing(.delivered)
        case .autoReply: return .nothing(.autoReply)
        case .other: return .nothing(.other)
        case .bounce, .complaint, .optOut: break
        }
        // The address that the report was sent to first, then what it says of the message, then the message itself, as far as
        // it came back: whoever has that has the token, too.
        var found = sentTo
        if found.tokens.isEmpty { found.add(find(mail.original.returnPath.map { [$0] } ?? [])) }
        if found.tokens.isEmpty { found.add(returnPath?.find(in: bytes[...])) }
        // A complaint brings the message's own fields back, List-Unsubscribe among them; a bounce has no business there.
        let other = mail.kind == .bounce ? nil : found.tokens.first
        guard let token = found.tokens.first(where: { $0.kind == .bounce }) ?? other else {
            return .nothing(found.forged > 0 ? .forgedToken : .noToken)
        }
        return note(mail, token)
    }

    private func note(_ mail: ReturnedMessage, _ token: ReturnToken) -> Meaning {
        var addresses = mail.recipients.flatMap { [$0.originalAddress, $0.address].compactMap { $0 } }
        if mail.kind != .bounce {
            // Complaints seldom say whose they are; the message that came back does.
            addresses += mail.original.to
            let matter: Note.Matter = mail.kind == .complaint ? .complaint : .optOut
            return .note(Note(matter: matter, token: token, tag: tag(addresses, token)))
        }
        let failed = mail.recipients.filter { $0.action == .failed }
        // Several are what one mailbox stood for; the mailbox itself counts first.
        let ours = failed.first { recipient in
            tag([recipient.originalAddress, recipient.address].compactMap { $0 }, token) != nil
        }
        guard let recipient = ours ?? failed.first else { return .nothing(.other) }
        let severity: Event.Severity = recipient.severity == .hard ? .hard : .soft
        return .note(
            Note(
                matter: .bounce(severity, recipient.consequence),
                token: token,
                tag: tag(addresses, token),
                reason: recipient.reason.rawValue,
                status: recipient.status
            )
        )
    }

    private func find(_ texts: [Protected<String>]) -> Tokens {
        var found = Tokens()
        for text in texts { found.add(returnPath?.find(in: Array(text.exposed.utf8)[...])) }
        return found
    }

    private struct Tokens {
        var tokens: [ReturnToken] = []
        var forged = 0

        mutating func add(_ more: (tokens: [ReturnToken], forged: Int)?) {
            guard let more else { return }
            tokens += more.tokens
            forged += more.forged
        }

        mutating func add(_ more: Tokens) {
            add((more.tokens, more.forged))
        }
    }

    /// The tag of the first of the addresses that is the token's mailbox.
    private func tag(_ addresses: [Protected<String>], _ token: ReturnToken) -> AddressTag? {
        for text in addresses {
            guard let address = try? AddressParser.parse(text.exposed) else { continue }
            let tag = tagger.tag(of: address)
            if token.isFor(tag) { return tag }
        }
        return nil
    }
}
