import Core

/// What a refusal's text says about its reason, where its codes do not: words that large providers and servers use.
///
/// The first line that fits counts. Temporary refusals are only asked about mailboxes that are full and senders that are
/// not authenticated: for the rest, waiting is all there is to do.
///
/// | says | where | reason |
/// | --- | --- | --- |
/// | DMARC, SPF, DKIM | any | sender-unauthenticated |
/// | quota, mailbox full, mailbox is full | RCPT and later | mailbox-full |
/// | block list, blocklist, blacklist, blocked using, blocked by, block for spam, spamhaus, reputation, reverse DNS, PTR record, banned, not accepted from | any | sender-blocked |
/// | relay | RCPT | relay-denied |
/// | unauthenticated senders | MAIL | authentication |
/// | send as, sendas, address is not verified | MAIL and later | sender-refused |
/// | account … disabled, mailbox … disabled, inactive, suspended | RCPT and later | mailbox-disabled |
/// | user unknown, unknown user, unknown recipient, no such user, no such recipient, mailbox unavailable, mailbox not found, does not exist, doesn't have, invalid recipient, recipient not found, not our customer | RCPT and later | mailbox-unknown |
/// | spam, unsolicited, virus, malware, content | the message's end | content-refused |
enum TextClue {
    /// A text's beginning, ready to be searched.
    struct Text {
        private let bytes: [UInt8]

        /// Takes as much as anyone says before the point is made.
        init(_ reply: Reply) {
            bytes = reply.text.prefix(2000).map { $0 == 0x0A ? 0x20 : lowercased($0) }
        }

        /// Whether some lower-case words stand there.
        func has(_ words: StaticString...) -> Bool {
            words.contains { words in
                words.withUTF8Buffer { pattern in
                    guard pattern.count <= bytes.count, let first = unsafe pattern.first else { return false }
                    for start in 0...(bytes.count - pattern.count) where bytes[start] == first {
                        if unsafe bytes[start..<(start + pattern.count)].elementsEqual(pattern) { return true }
                    }
                    return false
                }
            }
        }

        /// Whether a temporary refusal is about too much at once, whatever its code.
        var asksToSlowDown: Bool {
            isAboutPace || has("too many messages")
        }

        /// Whether it is about so much at once that another connection would be told the same.
        var isAboutPace: Bool {
            has("throttl", "rate limit", "rate exceeded", "too many connections", "too many sessions")
        }

        /// What the text says; `nil` if nothing that is known.
        func reason(at stage: Stage, severity: Int) -> Reason? {
            let hasMailbox = [.recipient, .data, .content, .end].contains(stage)
            if has("dmarc", "spf", "dkim") { return .senderUnauthenticated }
            if hasMailbox, has("quota", "mailbox full", "mailbox is full") { return .mailboxFull }
            guard severity == 5 else { return nil }
            if isAboutBlocking { return .senderBlocked }
            if stage == .recipient, has("relay") { return .relayDenied }
            if stage == .mail, has("unauthenticated senders") { return .authentication }
            if has("send as", "sendas", "address is not verified") { return .senderRefused }
            if hasMailbox {
                if has("disabled", "inactive", "suspended"), has("account", "mailbox", "user", "email") {
                    return .mailboxDisabled
                }
                if isAboutNobody { return .mailboxUnknown }
            }
            if stage == .end, has("spam", "unsolicited", "virus", "malware", "content") { return .contentRefused }
            return nil
        }

        private var isAboutBlocking: Bool {
            has(
                "block list",
                "blocklist",
                "blacklist",
                "blocked using",
                "blocked by",
                "block for spam",
                "spamhaus",
                "reputation",
                "reverse dns",
                "ptr record",
                "banned",
                "not accepted from",
                "not be accepted from"
            )
        }

        private var isAboutNobody: Bool {
            has(
                "user unknown",
                "unknown user",
                "unknown recipient",
                "no such user",
                "no such recipient",
                "mailbox unavailable",
                "mailbox not found",
                "does not exist",
                "doesn't have",
                "invalid recipient",
                "recipient not found",
                "not our customer"
            )
        }
    }
}
